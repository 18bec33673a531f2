/** What a caller may do with a booking now: the same decision as the routes', and the state it starts from. */
import { type BookingRow, isOf } from '../repositories/bookings.ts'
import { actorRef, type Caller } from '../security/actor.ts'
import { decide } from '../security/decide.ts'

export const BOOKING_ACTIONS = ['confirm', 'decline', 'cancel'] as const
export type BookingAction = (typeof BOOKING_ACTIONS)[number]

/** A hint for pages; the act itself is guarded in its statement. @param now milliseconds since the epoch */
export function allowedActions(booking: BookingRow, caller: Caller, now: number): BookingAction[] {
  if (caller.kind === 'anonymous') return []
  const { status, holdUntil, startsAt, cancelUntilMinutes } = booking
  const maySettle =
    decide(caller, 'booking:confirm', 'site').allowed &&
    !isOf(actorRef(caller), booking) &&
    status === 'pending'
  const isHeld = Date.parse(holdUntil ?? startsAt) > now
  const cancel = decide(caller, 'booking:cancel', { owner: booking.owner })
  const limit = status === 'pending' ? 0 : (cancelUntilMinutes ?? 0) * 60_000
  const isInTime = now < Date.parse(startsAt) - limit
  const isOpen = status === 'pending' || status === 'confirmed'
  const mayCancel = isOpen && cancel.allowed && (cancel.scope === 'everyone' || isInTime)
  return BOOKING_ACTIONS.filter((action) => {
    if (action === 'cancel') return mayCancel
    return maySettle && (action === 'decline' || isHeld)
  })
}
