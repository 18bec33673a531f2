import type { Deps } from '../deps.ts'
import type { KeyId, UserId } from '../db/ids.ts'
import { describeError } from '../log.ts'
import { notFound } from '../problem.ts'
import type { Revisions } from '../repositories/scope.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import { lastAdmin } from './set-status.ts'
import { stale } from './outcome.ts'
import { tellGates } from './tell-gates.ts'

/**
 * Deletes a member and erases their personal data, visits included. What cannot be erased at once,
 * because an object does not answer, is erased by the job `erase-members`, or by repeating this.
 * @throws Problem `not_found`, `precondition_failed`, `last_admin`, `unavailable`
 */
export async function deleteUser(
  grant: Grant<'profile:delete'>,
  { userId, revisions }: { readonly userId: UserId; readonly revisions: Revisions },
  deps: Deps,
): Promise<void> {
  const { members, now } = deps
  const exercised = grant.exercise('profile:delete')
  const audit = auditRow(exercised, now, { action: 'user.delete', target: userId })
  const { erasure, left } = await members.delete(userId, revisions, audit, now)
  if (!erasure) {
    if (!left) notFound('member')
    throw revisions && !revisions.includes(left.revision) ? stale('member') : lastAdmin()
  }
  await tellGates(erasure.keyIds, deps)
  try {
    await eraseFromObjects({ userId, ...erasure }, deps)
    await members.erasuresDone([userId])
  } catch (error) {
    console.warn({ event: 'erasure postponed', userId, ...describeError(error) })
  }
}

interface Remains {
  readonly userId: UserId
  readonly visitShard: number
  readonly keyIds: readonly KeyId[]
}

/** What a deletion leaves in objects: visits, and keys that are remembered. Repeating it is harmless. */
export async function eraseFromObjects(
  remains: Remains,
  { keyGates, visits }: Deps,
): Promise<void> {
  const { userId, visitShard, keyIds } = remains
  await keyGates.refresh(keyIds)
  await visits.of({ userId, shard: visitShard }).erase()
}
