import type { Deps } from '../deps.ts'
import { type EventId, newId, type UserId } from '../db/ids.ts'
import { describeError } from '../log.ts'
import { siteDay } from '../calendar/site-day.ts'
import { notFound, Problem } from '../problem.ts'
import type { ForeseenMember } from '../repositories/members.ts'
import type { UserRow } from '../repositories/users.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import { asForeseen, type Remember } from './foreseen.ts'
import { tellGates } from './tell-gates.ts'

interface Change {
  readonly userId: UserId
  readonly status: UserRow['status']
  /** Of the event that is written with the change, if there is one. */
  readonly eventId?: EventId
}

/**
 * Suspends a member; from then on their credentials open nothing but open routes.
 * @throws Problem `not_found`, `last_admin`, `conflict`, `unavailable`
 */
export async function suspend(
  grant: Grant<'user:suspend'>,
  userId: UserId,
  remember: Remember<UserRow>,
  deps: Deps,
) {
  return setStatus(grant, { userId, status: 'suspended' }, remember, deps)
}

/**
 * Reinstates a member. Badges they earned while suspended were held back, so their visits are
 * measured again: here, or by the job `finish-events` if their object does not answer.
 * @throws Problem `not_found`, `conflict`, `unavailable`
 */
export async function reinstate(
  grant: Grant<'user:suspend'>,
  userId: UserId,
  remember: Remember<UserRow>,
  deps: Deps,
) {
  const eventId = newId('evt', deps.now)
  const row = await setStatus(grant, { userId, status: 'active', eventId }, remember, deps)
  const { visitShard } = row
  try {
    await finishReinstatement({ eventId, userId, visitShard }, deps)
  } catch (error) {
    console.warn({ event: 'recheck postponed', userId, ...describeError(error) })
  }
  return row
}

interface Reinstated {
  readonly eventId: EventId
  readonly userId: UserId
  readonly visitShard: number
}

/** Has the member's visits measured again, and closes the event. Repeating it is harmless. */
export async function finishReinstatement(
  { eventId, userId, visitShard }: Reinstated,
  { outbox, settings, visits, now }: Deps,
): Promise<void> {
  await visits.of({ userId, shard: visitShard }).recheck(siteDay(now, settings.siteTimeZone))
  await outbox.close(eventId)
}

async function setStatus(
  grant: Grant<'user:suspend'>,
  { userId, status, eventId }: Change,
  remember: Remember<UserRow>,
  deps: Deps,
): Promise<UserRow> {
  const { members, now } = deps
  const audit = auditRow(grant.exercise('user:suspend'), now, {
    action: status === 'suspended' ? 'user.suspend' : 'user.reinstate',
    target: userId,
  })
  const { row, keyIds } = await asForeseen(async () => {
    const foreseen = remember && (await foresee(userId, status, remember, deps))
    const { row, keyIds } =
      (await members.setStatus(userId, status, audit, eventId, foreseen)) ?? notFound('member')
    if (!foreseen) return { row, keyIds }
    if (isAs(foreseen.to, row)) return { row: foreseen.to, keyIds }
    // At the revision that was read the change was refused; at another, somebody was faster.
    return row.revision === foreseen.from ? { row, keyIds } : undefined
  })
  if (row.status !== status) throw lastAdmin()
  await tellGates(keyIds, deps)
  return row
}

async function foresee(
  userId: UserId,
  status: UserRow['status'],
  remember: NonNullable<Remember<UserRow>>,
  { users, now }: Deps,
): Promise<ForeseenMember> {
  const row = (await users.find('everyone', userId)) ?? notFound('member')
  const { revision } = row
  const updatedAt = new Date(now).toISOString()
  const to = row.status === status ? row : { ...row, status, revision: revision + 1, updatedAt }
  return { from: revision, to, answer: await remember(to) }
}

function isAs({ revision, updatedAt }: UserRow, row: UserRow): boolean {
  return row.revision === revision && row.updatedAt === updatedAt
}

export function lastAdmin(): Problem {
  return new Problem('last_admin', 'This is the only active admin of the site.')
}
