import type { Deps } from '../deps.ts'
import type { UserId } from '../db/ids.ts'
import { notFound } from '../problem.ts'
import { accepts, type Revisions } from '../repositories/scope.ts'
import { auditRow } from '../security/audit.ts'
import type { Exercised, Grant } from '../security/grant.ts'
import { assertMayTake } from './may-take.ts'
import { lastAdmin } from './set-status.ts'
import { stale } from './outcome.ts'

/**
 * Deletes a member and their personal data; that they are erased from objects, too, follows from it.
 * Repeating this while that is not done has it done.
 * @throws Problem `not_found`, `forbidden` for somebody with more rights, `precondition_failed`,
 * `last_admin`
 */
export async function deleteUser(
  grant: Grant<'profile:delete'>,
  deletion: Deletion,
  deps: Pick<Deps, 'members' | 'now'>,
): Promise<void> {
  const { userId } = deletion
  await deleteAs(grant.exercise('profile:delete', { userId }), deletion, deps)
}

interface Deletion {
  readonly userId: UserId
  readonly revisions: Revisions
}

/** As `deleteUser`, for members themselves, too. */
export async function deleteAs(
  exercised: Exercised<'profile:delete' | 'account:delete'>,
  { userId, revisions }: Deletion,
  { members, now }: Pick<Deps, 'members' | 'now'>,
): Promise<void> {
  const audit = auditRow(exercised, now, { action: 'user.delete', target: userId })
  const { scope } = exercised
  const { isGone, left, inTheWay } = await members.delete(scope, userId, revisions, audit, now)
  if (isGone) return
  if (!left) notFound('member')
  assertMayTake(inTheWay)
  throw accepts(revisions, left.revision) ? lastAdmin() : stale('member')
}
