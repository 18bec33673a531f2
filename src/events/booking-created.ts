/**
 * A booking was made for a service that confirms by itself. The confirmation is elevated for this
 * booking only; nothing the booker sends reaches it, and repeating it is harmless.
 */
import { settleBooking } from '../operations/settle-booking.ts'
import { elevate } from '../security/elevation.ts'
import type { Handlers } from './handlers.ts'

export const bookingCreated: Handlers['booking-created'] = {
  closed: 'by handling it',
  async handle(event, deps) {
    const { id: eventId, subject: bookingId, booking } = event
    const about = booking ?? (await deps.bookings.find('everyone', bookingId))
    if (!about) {
      await deps.outbox.close([event])
      return undefined
    }
    const elevation = {
      reason: `${about.serviceId} confirms bookings by itself`,
      bound: { bookingId },
      onBehalfOf: about.bookedBy,
    }
    return elevate('booking-auto-confirmer', 'booking:confirm', elevation, (grant) =>
      settleBooking(grant, { bookingId, eventId }, deps),
    )
  },
}
