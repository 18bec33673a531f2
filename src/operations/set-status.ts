import type { Deps } from '../deps.ts'
import type { UserId } from '../db/ids.ts'
import { notFound, Problem } from '../problem.ts'
import type { ForeseenMember, StatusChange } from '../repositories/members.ts'
import type { UserRow } from '../repositories/users.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import { asForeseen, type Remember } from './foreseen.ts'
import { assertMayTake } from './may-take.ts'

interface Change extends StatusChange {
  readonly userId: UserId
}

/**
 * Suspends a member; from then on their credentials open nothing but open routes. Somebody who is
 * suspended stays so for the reason that they were told.
 * @param suspension why, which the member is shown
 * @throws Problem `not_found`, `forbidden` for somebody with more rights, `last_admin`, `conflict`
 */
export async function suspend(
  grant: Grant<'user:suspend'>,
  suspension: { readonly userId: UserId; readonly reason: string | null },
  remember: Remember<UserRow>,
  deps: Deps,
) {
  return setStatus(grant, { ...suspension, status: 'suspended' }, remember, deps)
}

/** Reinstates a member. @throws Problem `not_found`, `forbidden` as `suspend`, `conflict` */
export async function reinstate(
  grant: Grant<'user:suspend'>,
  userId: UserId,
  remember: Remember<UserRow>,
  deps: Deps,
) {
  return setStatus(grant, { userId, status: 'active', reason: null }, remember, deps)
}

/**
 * Suspends a member because their provider says that they have no account there any more. Whoever was
 * reinstated since then stays, and so does the last admin. @param happenedAt milliseconds since the epoch
 */
export async function suspendFor(
  grant: Grant<'user:suspend'>,
  { userId, happenedAt }: { readonly userId: UserId; readonly happenedAt: number },
  { members, now }: Pick<Deps, 'members' | 'now'>,
): Promise<void> {
  const exercised = grant.exercise('user:suspend', { userId })
  const audit = auditRow(exercised, now, { action: 'user.suspend', target: userId })
  const unlessReinstatedSince = new Date(happenedAt).toISOString()
  const change = { status: 'suspended', reason: null } as const
  await members.setStatus(exercised.scope, userId, change, audit, { unlessReinstatedSince })
}

async function setStatus(
  grant: Grant<'user:suspend'>,
  { userId, ...change }: Change,
  remember: Remember<UserRow>,
  deps: Deps,
): Promise<UserRow> {
  const { members, now } = deps
  const { status, reason } = change
  const exercised = grant.exercise('user:suspend')
  const audit = auditRow(exercised, now, {
    action: status === 'suspended' ? 'user.suspend' : 'user.reinstate',
    target: userId,
    ...(reason !== null && { changes: { fields: ['reason'] } }),
  })
  const row = await asForeseen(async () => {
    const foreseen = remember && (await foresee(userId, change, remember, deps))
    const outcome = await members.setStatus(exercised.scope, userId, change, audit, { foreseen })
    const row = outcome.row ?? notFound('member')
    assertMayTake(outcome.inTheWay)
    if (!foreseen) return row
    if (isAs(foreseen.to, row)) return foreseen.to
    // At the revision that was read the change was refused; at another, somebody was faster.
    return row.revision === foreseen.from ? row : undefined
  })
  if (row.status !== status) throw lastAdmin()
  return row
}

async function foresee(
  userId: UserId,
  { status, reason }: StatusChange,
  remember: NonNullable<Remember<UserRow>>,
  { users, now }: Deps,
): Promise<ForeseenMember> {
  const row = (await users.find('everyone', userId)) ?? notFound('member')
  const { revision } = row
  const updatedAt = new Date(now).toISOString()
  const changed = { status, suspensionReason: reason, revision: revision + 1, updatedAt }
  const to = row.status === status ? row : { ...row, ...changed }
  return { from: revision, to, answer: await remember(to) }
}

function isAs({ revision, updatedAt }: UserRow, row: UserRow): boolean {
  return row.revision === revision && row.updatedAt === updatedAt
}

export function lastAdmin(): Problem {
  return new Problem('last_admin', 'This is the only active admin of the site.')
}
