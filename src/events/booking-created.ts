/**
 * A booking was made for a service that confirms by itself. The confirmation is elevated for this
 * booking only; nothing the booker sends reaches it, and repeating it is harmless.
 */
import type { Deps } from '../deps.ts'
import { settleBooking } from '../operations/settle-booking.ts'
import type { BookingRow } from '../repositories/bookings.ts'
import { elevate } from '../security/elevation.ts'
import type { BookingCreated } from './handlers.ts'

/** @returns the booking as it is now */
export async function bookingCreated(
  event: BookingCreated,
  deps: Deps,
): Promise<BookingRow | undefined> {
  const { eventId, bookingId, bookedBy, serviceId } = event
  const elevation = {
    reason: `${serviceId} confirms bookings by itself`,
    bound: { bookingId },
    onBehalfOf: bookedBy,
  }
  return elevate('booking-auto-confirmer', 'booking:confirm', elevation, (grant) =>
    settleBooking(grant, { bookingId, eventId }, deps),
  )
}
