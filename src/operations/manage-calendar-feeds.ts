import type { ServiceId } from '../db/ids.ts'
import type { Deps } from '../deps.ts'
import { notFound } from '../problem.ts'
import { auditRow } from '../security/audit.ts'
import { decide } from '../security/decide.ts'
import { type Exercised, type Grant, refused } from '../security/grant.ts'
import type { Remember } from './foreseen.ts'
import { memberOf } from './member-of.ts'

/** A secret as it is in the address of a feed; shown this once. */
export interface IssuedFeed {
  readonly secret: string
}

/** A new secret address for one's own bookings; the one before ends. */
export async function createMyFeed(
  grant: Grant<'booking:read'>,
  remember: Remember<IssuedFeed>,
  deps: Deps,
): Promise<IssuedFeed> {
  return create(grant.exercise('booking:read'), null, remember, deps)
}

/** Doing it again changes nothing. */
export async function endMyFeed(grant: Grant<'booking:read'>, deps: Deps): Promise<void> {
  await end(grant.exercise('booking:read'), null, deps)
}

/**
 * A new secret address for the bookings of a service; one's own before ends.
 * @throws Problem `not_found`, `forbidden` for whoever does not read everybody's bookings
 */
export async function createServiceFeed(
  grant: Grant<'service:manage'>,
  serviceId: ServiceId,
  remember: Remember<IssuedFeed>,
  deps: Deps,
): Promise<IssuedFeed> {
  const exercised = grant.exercise('service:manage')
  const reading = decide(exercised.actor, 'booking:read', 'site')
  if (!reading.allowed) throw refused(reading.refusal)
  return create(exercised, serviceId, remember, deps)
}

/** Doing it again changes nothing. @throws Problem `not_found` for a service that is not there */
export async function endServiceFeed(
  grant: Grant<'service:manage'>,
  serviceId: ServiceId,
  deps: Deps,
): Promise<void> {
  await end(grant.exercise('service:manage'), serviceId, deps)
}

async function create(
  exercised: Exercised,
  serviceId: ServiceId | null,
  remember: Remember<IssuedFeed>,
  { calendarFeeds, mintFeedSecret, now }: Deps,
): Promise<IssuedFeed> {
  const userId = memberOf(exercised, exercised.permission)
  const { secret, secretHash } = await mintFeedSecret()
  const target = serviceId ?? userId
  const audit = auditRow(exercised, now, { action: 'calendar-feed.create', target })
  const answer = await remember?.({ secret })
  const isMade = await calendarFeeds.replace({ userId, serviceId }, secretHash, audit, answer)
  return isMade ? { secret } : notFound('service')
}

async function end(
  exercised: Exercised,
  serviceId: ServiceId | null,
  { calendarFeeds, now }: Deps,
): Promise<void> {
  const userId = memberOf(exercised, exercised.permission)
  const target = serviceId ?? userId
  const audit = auditRow(exercised, now, { action: 'calendar-feed.delete', target })
  if (!(await calendarFeeds.end({ userId, serviceId }, audit))) notFound('service')
}
