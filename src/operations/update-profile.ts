import type { Deps } from '../deps.ts'
import type { UserId } from '../db/ids.ts'
import type { Revisions } from '../repositories/scope.ts'
import type { ProfilePatch } from '../repositories/users.ts'
import { notFound } from '../problem.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import { assertMayTake } from './may-take.ts'
import { changedRow } from './outcome.ts'

/**
 * Changes the given fields of a profile within the grant's scope. The audit row names the fields,
 * not their values: a profile can be erased, the log cannot.
 * @throws Problem `not_found`, `forbidden` for that of somebody with more rights, `precondition_failed`
 */
export async function updateProfile(
  grant: Grant<'profile:update'>,
  change: { readonly userId: UserId; readonly patch: ProfilePatch; readonly revisions: Revisions },
  { users, now }: Deps,
) {
  const { userId, patch, revisions } = change
  const exercised = grant.exercise('profile:update')
  const audit = auditRow(exercised, now, {
    action: 'profile.update',
    target: userId,
    changes: { fields: Object.keys(patch) },
  })
  const outcome = await users.update(exercised.scope, userId, patch, revisions, audit)
  if (!outcome.row) return notFound('member')
  assertMayTake(outcome.inTheWay)
  return changedRow(outcome, 'member')
}
