import type { Deps } from '../deps.ts'
import type { BookingId, EventId } from '../db/ids.ts'
import type { BookingRow } from '../repositories/bookings.ts'
import { actorRef } from '../security/actor.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'

/**
 * Confirms a booking because an event asks for it, and closes the event in the same transaction. A
 * booking that is no longer pending stays as it is. @returns the booking as it is now, if it exists
 */
export async function settleBooking(
  grant: Grant<'booking:confirm'>,
  { bookingId, eventId }: { readonly bookingId: BookingId; readonly eventId: EventId },
  { bookings, now }: Deps,
): Promise<BookingRow | undefined> {
  const exercised = grant.exercise('booking:confirm', { bookingId })
  const audit = auditRow(exercised, now, { action: 'booking.confirm', target: bookingId })
  const confirmed = { to: 'confirmed', by: actorRef(exercised.actor), closing: eventId } as const
  const { row } = await bookings.transition(exercised.scope, bookingId, confirmed, undefined, audit)
  return row
}
