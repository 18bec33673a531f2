/** A booking as an iCalendar file (RFC 5545), for the calendars of its owner and of managers. */
import ical, { ICalEventStatus } from 'ical-generator'
import type { BookingRow } from '../repositories/bookings.ts'

const STATUS = {
  pending: ICalEventStatus.TENTATIVE,
  confirmed: ICalEventStatus.CONFIRMED,
  declined: ICalEventStatus.CANCELLED,
  canceled: ICalEventStatus.CANCELLED,
} as const

/** `SEQUENCE` follows the revision, so that a calendar replaces what it had. */
export function calendarOf(booking: BookingRow): string {
  const { id, startsAt, endsAt, status, serviceName, note, revision, createdAt, updatedAt } =
    booking
  const calendar = ical({ prodId: '//Guildhall//Bookings//EN' })
  calendar.createEvent({
    id,
    sequence: revision,
    start: new Date(startsAt),
    end: new Date(endsAt),
    summary: serviceName ?? 'Booking',
    description: note,
    status: STATUS[status],
    stamp: new Date(updatedAt),
    created: new Date(createdAt),
    lastModified: new Date(updatedAt),
  })
  // The last line ends like the others (section 3.1), which the library leaves out.
  return `${calendar.toString()}\r\n`
}
