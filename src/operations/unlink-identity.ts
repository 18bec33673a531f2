import type { Deps } from '../deps.ts'
import { notFound, Problem } from '../problem.ts'
import type { IdentityName } from '../repositories/linked-identities.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import { memberOf } from './member-of.ts'

/**
 * Takes an identity away from the member who asks. Its next request is that of somebody new.
 * @param current the identity the member came with, which stays
 * @throws Problem `not_found`, `invalid_state` for the current one, and for one older than a new current one
 */
export async function unlinkIdentity(
  grant: Grant<'profile:update'>,
  { identity, current }: { readonly identity: IdentityName; readonly current: IdentityName },
  { linkedIdentities, now }: Deps,
): Promise<void> {
  const exercised = grant.exercise('profile:update')
  const audit = auditRow(exercised, now, {
    action: 'identity.unlink',
    target: memberOf(exercised, 'profile:update'),
    changes: { issuer: identity.issuer },
  })
  if (await linkedIdentities.unlink(exercised.scope, identity, current, audit)) return
  const is = (name: IdentityName) => (other: IdentityName) =>
    name.issuer === other.issuer && name.subject === other.subject
  if (is(current)(identity)) {
    throw new Problem('invalid_state', 'You came with this identity. Come with another first.')
  }
  if (!(await linkedIdentities.list(exercised.scope)).some(is(identity))) notFound('identity')
  throw new Problem('invalid_state', 'An identity unlinks older ones once it is a week old.')
}
