/** What can follow from what a request did. Types only: routes know that something follows, not what. */
import type { Deps } from '../deps.ts'
import type { BookingId, EventId, ServiceId } from '../db/ids.ts'
import type { BookingRow } from '../repositories/bookings.ts'

export interface BookingCreated {
  readonly eventId: EventId
  readonly bookingId: BookingId
  readonly serviceId: ServiceId
  /** Who made it, for the record. */
  readonly bookedBy: string
}

export interface EventHandlers {
  /** @returns the booking as it is afterwards; undefined if it is gone */
  bookingCreated(event: BookingCreated, deps: Deps): Promise<BookingRow | undefined>
}
