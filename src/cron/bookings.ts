/** What interrupted requests have left to do, and places that are held for too long. */
import { type Id, type IdPrefix, isId } from '../db/ids.ts'
import { finish } from '../events/index.ts'
import { tellGates } from '../events/tell-gates.ts'
import { log } from '../log.ts'
import { expireHold } from '../operations/decide-booking.ts'
import { eventOf, type EventRow, type StoredEvent } from '../repositories/outbox.ts'
import { elevate } from '../security/elevation.ts'
import { failureOf, type JobContext, type JobResult } from './job.ts'

const PAGE = 50
/** Statements of D1 and calls of objects; a batch counts as many as it has. */
const CALLS_PER_EVENT = 6
/** API keys whose gates are told in one step. */
const KEYS_PER_STEP = 20
const CALLS_PER_HOLD = 4

/**
 * Finishes events that were not, or need not be, in the request they were written in. One of a kind
 * that this version does not know is left to the version that does.
 */
export async function finishEvents(context: JobContext): Promise<JobResult> {
  const { deps } = context
  return forEachOf('evt', context, {
    counted: 'handled',
    calls: (row: EventRow) => CALLS_PER_EVENT + Math.min(row.keyIds.length, KEYS_PER_STEP),
    read: (after) => deps.outbox.open({ after, limit: PAGE }),
    async work(row: EventRow) {
      const event = eventOf(row)
      if (!event) {
        const { id, kind } = row
        log('warn', 'unknown kind of event', { id, kind })
        return 'nothing to do'
      }
      const rest = await withoutToldKeys(event, context)
      if (!rest) return 'out of calls'
      const [failure] = await finish([rest], deps)
      if (failure) throw failure.error
      return 'done'
    },
  })
}

/**
 * Tells gates until one step can tell those that are left.
 * @returns the event with the keys that are left; undefined if not all of that could be afforded
 */
async function withoutToldKeys(
  event: StoredEvent,
  { deps, affords }: JobContext,
): Promise<StoredEvent | undefined> {
  let { keyIds } = event
  while (keyIds.length > KEYS_PER_STEP) {
    if (!affords(KEYS_PER_STEP + 1)) return undefined
    await tellGates(keyIds.slice(0, KEYS_PER_STEP), deps)
    keyIds = keyIds.slice(KEYS_PER_STEP)
    await deps.outbox.narrow(event, keyIds)
  }
  return { ...event, keyIds }
}

/** Ends pending bookings that nobody has answered in time, each elevated for that booking only. */
export async function expireHolds(context: JobContext): Promise<JobResult> {
  const { deps } = context
  return forEachOf('bkg', context, {
    counted: 'expired',
    calls: () => CALLS_PER_HOLD,
    read: (after) => deps.bookings.expiredHolds({ after, limit: PAGE }),
    async work({ id: bookingId }) {
      const elevation = { reason: 'its hold has run out', bound: { bookingId } }
      const isExpired = await elevate('hold-expirer', 'booking:cancel', elevation, (grant) =>
        expireHold(grant, bookingId, deps),
      )
      return isExpired ? 'done' : 'nothing to do'
    },
  })
}

interface Chore<P extends IdPrefix, T> {
  readonly counted: string
  /** What `work` takes at most, apart from what it asks for by itself. */
  readonly calls: (item: T) => number
  /** Up to `PAGE` of them, in the order of their ids. */
  readonly read: (after: Id<P> | undefined) => Promise<readonly T[]>
  readonly work: (item: T) => Promise<'done' | 'nothing to do' | 'out of calls'>
}

/** Work that fails is left to a later run, and nothing waits for it. */
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
      if (!affords(calls(item))) return result(after)
      try {
        const outcome = await work(item)
        if (outcome === 'out of calls') return result(after)
        if (outcome === 'done') count += 1
      } catch (error) {
        failures.push(`${item.id}: ${failureOf(error)}`)
      }
      after = item.id
    }
    if (page.length < PAGE) return result(undefined)
  }
  return result(after)
}
