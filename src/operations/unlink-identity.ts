import type { Deps } from '../deps.ts'
import type { UserId } from '../db/ids.ts'
import { notFound, Problem } from '../problem.ts'
import { actorRef } from '../security/actor.ts'
import type { IdentityName } from '../repositories/linked-identities.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import { assertMayTake } from './may-take.ts'
import type { LinkedIdentity } from './link-identity.ts'
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

/**
 * Takes an identity away from a member: from then on it leads to somebody new. Nobody does that to
 * themselves, because for them the identity they come with stays, and a new one unlinks no older one.
 * @param meant finds it among those the member has
 * @throws Problem `not_found`, `forbidden` for oneself and for somebody with more rights, `invalid_state`
 * for their last one
 */
export async function unlinkIdentityOf(
  grant: Grant<'identity:manage'>,
  userId: UserId,
  meant: (identity: LinkedIdentity) => boolean,
  { linkedIdentities, now }: Deps,
): Promise<void> {
  const exercised = grant.exercise('identity:manage')
  if (actorRef(exercised.actor) === userId) {
    const detail = 'Your own are unlinked at DELETE /v1/me/identities/{identityId}.'
    const refusal = { stage: 'ownership', required: 'identity:manage', reach: 'any' } as const
    throw new Problem('forbidden', detail, refusal)
  }
  const { scope } = exercised
  const all = await linkedIdentities.list({ owner: userId })
  const identity = all.find(meant) ?? notFound('identity')
  const audit = auditRow(exercised, now, {
    action: 'identity.unlink',
    target: userId,
    changes: { issuer: identity.issuer },
  })
  const outcome = await linkedIdentities.unlinkFrom(scope, userId, identity, audit)
  if (outcome.isUnlinked) return
  assertMayTake(outcome.inTheWay)
  if (!outcome.theirs.some(meant)) notFound('identity')
  throw new Problem('invalid_state', 'This is their last identity. Delete the member instead.')
}
