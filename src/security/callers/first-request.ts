/**
 * What is done for whoever comes with a good credential, without their asking: the first request makes the
 * member, and an admin of whom BOOTSTRAP_ADMINS lists; later ones may have news for the profile.
 */
import { newId, type UserId } from '../../db/ids.ts'
import type { Issued } from '../../repositories/session-ends.ts'
import { auditOwnAct } from '../audit.ts'
import type { IdentifyDeps, Moment } from './identified.ts'
import { displayNameOf } from './display-name.ts'
import { identityHashOf } from './identity-hash.ts'
import type { VerifiedToken } from '../tokens/verified-tokens.ts'

/** What a token is compared with ends by. */
export function issuedAs({ issuedAt, sid }: VerifiedToken): Issued {
  return { issuedAt: issuedAt ?? 0, sid: sid ?? null }
}

/** @returns undefined if the token was ended, or is from before the subject's member was deleted */
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
      issued: issuedAs(token),
      displayName: displayNameOf(token.name),
      email: token.email ?? null,
      bootstrapAdmin: isBootstrapAdmin,
      initialShards: settings.visitShards,
      initialTimeZone: settings.siteTimeZone,
      at: new Date(now).toISOString(),
    },
    auditOwnAct('first valid request', userId, moment),
    bootstrapRow(userId, moment),
  )
}

export function bootstrapRow(userId: UserId, moment: Moment) {
  return auditOwnAct('listed in BOOTSTRAP_ADMINS', userId, moment)
}

/** @param fields of the profile that are changed because the provider says so */
export function toldRow(userId: UserId, fields: readonly string[], moment: Omit<Moment, 'again'>) {
  return auditOwnAct('told by the provider', userId, moment, { fields })
}
