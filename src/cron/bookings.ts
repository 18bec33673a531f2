/** What interrupted requests have left to do, and places that are held for too long. */
import { type Id, type IdPrefix, isId } from '../db/ids.ts'
import type { Deps } from '../deps.ts'
import { eventHandlers } from '../events/index.ts'
import { expireHold } from '../operations/decide-booking.ts'
import { finishReinstatement } from '../operations/set-status.ts'
import type { EventRow } from '../repositories/outbox.ts'
import { elevate } from '../security/elevation.ts'
import { failureOf, type JobContext, type JobResult } from './job.ts'

const PAGE = 50
/** Statements of D1 and calls of objects; a batch counts as many as it has. */
const CALLS_PER_EVENT = 6
const CALLS_PER_HOLD = 4

/** Handles events that were not finished in the request they were written in. */
export async function finishEvents(context: JobContext): Promise<JobResult> {
  const { deps } = context
  return forEachOf('evt', context, {
    counted: 'handled',
    calls: CALLS_PER_EVENT,
    read: (after) => deps.outbox.open({ after, limit: PAGE }),
    work: (event) => finishEvent(event, deps),
  })
}

async function finishEvent({ id: eventId, subject }: EventRow, deps: Deps): Promise<boolean> {
  if (isId('usr', subject)) {
    const member = await deps.users.find('everyone', subject)
    if (member) {
      const { visitShard } = member
      await finishReinstatement({ eventId, userId: subject, visitShard }, deps)
    } else {
      await deps.outbox.close(eventId)
    }
  } else {
    const booking = await deps.bookings.find('everyone', subject)
    if (booking) {
      const { serviceId, bookedBy } = booking
      await eventHandlers.bookingCreated({ eventId, bookingId: subject, serviceId, bookedBy }, deps)
    } else {
      await deps.outbox.close(eventId)
    }
  }
  return true
}

/** Cancels pending bookings whose hold has run out, each elevated for that booking only. */
export async function expireHolds(context: JobContext): Promise<JobResult> {
  const { deps } = context
  return forEachOf('bkg', context, {
    counted: 'expired',
    calls: CALLS_PER_HOLD,
    read: (after) => deps.bookings.expiredHolds({ after, limit: PAGE }),
    work({ id: bookingId }) {
      const elevation = { reason: 'its hold has run out', bound: { bookingId } }
      return elevate('hold-expirer', 'booking:cancel', elevation, (grant) =>
        expireHold(grant, bookingId, deps),
      )
    },
  })
}

interface Chore<P extends IdPrefix, T> {
  readonly counted: string
  /** What `work` takes at most. */
  readonly calls: number
  /** Up to `PAGE` of them, in the order of their ids. */
  readonly read: (after: Id<P> | undefined) => Promise<readonly T[]>
  /** @returns whether there was anything to do */
  readonly work: (item: T) => Promise<boolean>
}

/** What fails is left to a later run, and nothing waits for it. */
async function forEachOf<P extends IdPrefix, T extends { readonly id: Id<P> }>(
  prefix: P,
  { cursor, affords }: JobContext,
  { counted, calls, read, work }: Chore<P, T>,
): Promise<JobResult> {
  const failures: string[] = []
  let count = 0
  let after = cursor !== null && isId(prefix, cursor) ? cursor : undefined
  const result = (next: Id<P> | undefined): JobResult => ({
    counts: { [counted]: count },
    cursor: next ?? null,
    failures,
  })
  while (affords(1)) {
    const page = await read(after)
    for (const item of page) {
      if (!affords(calls)) return result(after)
      try {
        if (await work(item)) count += 1
      } catch (error) {
        failures.push(`${item.id}: ${failureOf(error)}`)
      }
      after = item.id
    }
    if (page.length < PAGE) return result(undefined)
  }
  return result(after)
}
