/** What a subject's first request makes: the member, and an admin of whom BOOTSTRAP_ADMINS lists. */
import { newId, type UserId } from '../../db/ids.ts'
import { auditRow } from '../audit.ts'
import type { Exercised } from '../grant.ts'
import type { IdentifyDeps, Moment } from './identified.ts'
import { identityHashOf } from './identity-hash.ts'
import type { VerifiedToken } from '../tokens/jwt.ts'

/** @returns undefined if the token is from before the subject's member was deleted */
export async function provision(
  token: VerifiedToken,
  isBootstrapAdmin: boolean,
  { identities, settings }: Pick<IdentifyDeps, 'identities' | 'settings'>,
  moment: Moment,
) {
  const { now } = moment
  const userId = newId('usr', now)
  return identities.provision(
    {
      userId,
      issuer: token.issuer,
      subject: token.subject,
      ...(await identityHashOf(token.issuer, token.subject)),
      tokenIssuedAt: token.issuedAt ?? 0,
      displayName: displayNameOf(token.name),
      email: token.email ?? null,
      bootstrapAdmin: isBootstrapAdmin,
      initialShards: settings.visitShards,
      at: new Date(now).toISOString(),
    },
    auditRow(asThemselves(userId, moment, 'first valid request'), now, {
      action: 'user.create',
      target: userId,
    }),
    bootstrapRow(userId, moment),
  )
}

export function bootstrapRow(userId: UserId, moment: Moment) {
  return auditRow(asThemselves(userId, moment, 'listed in BOOTSTRAP_ADMINS'), moment.now, {
    action: 'role.assign',
    target: userId,
    changes: { role: 'admin' },
  })
}

/** Nobody else has a hand in a first request, so its audit rows name the member. */
function asThemselves(userId: UserId, { requestId }: Moment, reason: string): Exercised {
  return {
    actor: { kind: 'member', userId, status: 'active', roles: [], accessRevision: 1 },
    scope: { owner: userId },
    requestId,
    elevation: { reason, bound: {} },
  }
}

/** The provider's name for the member, made to fit the rules for display names. */
export function displayNameOf(name: string | undefined): string {
  const clean = (name ?? '')
    .toWellFormed()
    .normalize('NFC')
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
  return Array.from(clean).slice(0, 80).join('') || 'New member'
}
