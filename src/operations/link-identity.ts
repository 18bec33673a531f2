import type { Deps } from '../deps.ts'
import { invalidField, Problem } from '../problem.ts'
import { type IdentityName, MAX_IDENTITIES } from '../repositories/linked-identities.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import { issuedAs } from '../security/callers/first-request.ts'
import { type IdentityHash, identityHashOf } from '../security/callers/identity-hash.ts'
import type { Remember } from './foreseen.ts'
import { memberOf } from './member-of.ts'

export interface LinkedIdentity extends IdentityName, Pick<IdentityHash, 'identityHash'> {
  readonly createdAt: string
}

/**
 * Makes an identity one more way to be the member who asks. Whose it is, is proved by a token of it
 * that would be good as a request's own credential; nothing a token says about its bearer counts.
 * @throws Problem `validation_failed` for a token that is not good, `conflict` for an identity of
 * another member, `invalid_state` for one too many, `unavailable`
 */
export async function linkIdentity(
  grant: Grant<'profile:update'>,
  token: string,
  remember: Remember<LinkedIdentity>,
  { linkedIdentities, prove, now }: Deps,
): Promise<{ readonly identity: LinkedIdentity; readonly isNew: boolean }> {
  const exercised = grant.exercise('profile:update')
  const userId = memberOf(exercised, 'profile:update')
  const proof = await prove('token', token)
  if (proof.visitor) throw invalidField('token', 'expected a token of a person, not of a visitor')
  const { issuer, subject, sessionId } = proof.token
  const { identityHash } = await identityHashOf(issuer, subject)
  const audit = auditRow(exercised, now, {
    action: 'identity.link',
    target: userId,
    changes: { issuer },
  })
  const { row, isNew, count } = await linkedIdentities.link(
    userId,
    { issuer, subject, identityHash, sessionId, issued: issuedAs(proof.token) },
    audit,
    await remember?.({ issuer, subject, identityHash, createdAt: audit.at }),
  )
  if (row?.userId === userId) return { identity: row, isNew }
  if (row) throw new Problem('conflict', 'This identity is another member’s. They are not merged.')
  if (count < MAX_IDENTITIES) throw invalidField('token', 'this session has ended')
  throw new Problem('invalid_state', `A member has at most ${MAX_IDENTITIES} identities.`)
}
