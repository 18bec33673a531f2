/** What follows from what a request has done, before anything is answered about it. */
import { describeError } from '../log.ts'
import { Problem } from '../problem.ts'
import type { BookingRow } from '../repositories/bookings.ts'
import type { AppContext } from './context.ts'

/**
 * Follows up the events that were noted since this was called the last time.
 * @returns the booking that one of them was about, as it is now
 * @throws Problem if one of them is to be waited for and fails; what else fails is left to the tick
 */
export async function followUp(c: AppContext): Promise<BookingRow | undefined> {
  const deps = c.get('deps')
  const refusals: Problem[] = []
  let booking: BookingRow | undefined
  // What follows may have consequences of its own, which are noted behind it.
  for (let event = deps.happened.shift(); event; event = deps.happened.shift()) {
    try {
      booking = (await c.get('followUp')(event, deps)) ?? booking
    } catch (error) {
      if (error instanceof Problem) refusals.push(error)
      else console.warn({ ...describeError(error), event: 'follow-up postponed', kind: event.kind })
    }
  }
  const [refusal] = refusals
  if (refusal) throw refusal
  return booking
}
