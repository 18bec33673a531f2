import type { Deps } from '../deps.ts'
import { type EventId, newId, type UserId } from '../db/ids.ts'
import { describeError } from '../log.ts'
import { siteDay } from '../objects/site-day.ts'
import { notFound, Problem } from '../problem.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import { tellGates } from './tell-gates.ts'

/**
 * Suspends a member; from then on their credentials open nothing but open routes.
 * @throws Problem `not_found`, `last_admin`, `unavailable`
 */
export async function suspend(grant: Grant<'user:suspend'>, userId: UserId, deps: Deps) {
  return setStatus(grant, userId, 'suspended', deps)
}

/**
 * Reinstates a member. Badges they earned while suspended were held back, so their visits are
 * measured again: here, or by the job `finish-events` if their object does not answer.
 * @throws Problem `not_found`, `unavailable`
 */
export async function reinstate(grant: Grant<'user:suspend'>, userId: UserId, deps: Deps) {
  const eventId = newId('evt', deps.now)
  const row = await setStatus(grant, userId, 'active', deps, eventId)
  try {
    await finishReinstatement({ eventId, userId, visitShard: row.visitShard }, deps)
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
  userId: UserId,
  status: 'active' | 'suspended',
  deps: Deps,
  eventId?: EventId,
) {
  const { members, now } = deps
  const audit = auditRow(grant.exercise('user:suspend'), now, {
    action: status === 'suspended' ? 'user.suspend' : 'user.reinstate',
    target: userId,
  })
  const { row, keyIds } =
    (await members.setStatus(userId, status, audit, eventId)) ?? notFound('member')
  if (row.status !== status) throw lastAdmin()
  await tellGates(keyIds, deps)
  return row
}

export function lastAdmin(): Problem {
  return new Problem('last_admin', 'This is the only active admin of the site.')
}
