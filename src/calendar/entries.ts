/**
 * Bookings as iCalendar (RFC 5545): the file of one, a feed of many, and the message of a mail (RFC 5546).
 * Times are UTC, which every calendar program shows on its own clock, also on the nights clocks change.
 */
import ical, {
  ICalAttendeeRole,
  ICalAttendeeStatus,
  ICalCalendarMethod,
  ICalEventStatus,
} from 'ical-generator'

/** A booking, as far as a calendar shows it. */
export interface Entry {
  readonly id: string
  readonly startsAt: string
  readonly endsAt: string
  readonly status: keyof typeof STATUS
  readonly serviceName: string | null
  readonly note: string | null
  readonly revision: number
  readonly createdAt: string
  readonly updatedAt: string
}

/** What becomes of the entry where a mail with it is opened. */
export interface Message {
  readonly method: 'REQUEST' | 'CANCEL'
  /** Addresses of the site and of whoever gets the mail. */
  readonly from: { readonly name: string; readonly email: string }
  readonly to: string
}

const STATUS = {
  pending: ICalEventStatus.TENTATIVE,
  confirmed: ICalEventStatus.CONFIRMED,
  declined: ICalEventStatus.CANCELLED,
  canceled: ICalEventStatus.CANCELLED,
} as const

/** How often a calendar program may ask again; a hint. */
const REFRESH_SECONDS = 3_600

/** The file of one booking. */
export function calendarOf(entry: Entry): string {
  return written([entry])
}

/** @param name what calendar programs call it; whoever changes it has them replace every entry once */
export function feedOf(name: string, entries: readonly Entry[]): string {
  return written(entries, { name: escaped(name), ttl: REFRESH_SECONDS })
}

/** What a mail carries, for one address. */
export function messageOf(entry: Entry, { method, from, to }: Message): string {
  return written([entry], { method: ICalCalendarMethod[method] }, { from, to })
}

/**
 * `SEQUENCE` follows the revision, so that a calendar replaces what it had. Nothing here says when it was
 * written, so that the text is another one only if a booking is.
 */
function written(
  entries: readonly Entry[],
  top: { readonly name?: string; readonly ttl?: number; readonly method?: ICalCalendarMethod } = {},
  people?: Pick<Message, 'from' | 'to'>,
): string {
  const calendar = ical({ prodId: '//Guildhall//Bookings//EN', ...top })
  for (const { id, startsAt, endsAt, status, serviceName, note, ...entry } of entries) {
    calendar.createEvent({
      id,
      sequence: entry.revision,
      start: new Date(startsAt),
      end: new Date(endsAt),
      summary: serviceName ?? 'Booking',
      description: note,
      status: STATUS[status],
      stamp: new Date(entry.updatedAt),
      created: new Date(entry.createdAt),
      lastModified: new Date(entry.updatedAt),
      ...(people && {
        organizer: people.from,
        attendees: [
          {
            email: people.to,
            rsvp: false,
            role: ICalAttendeeRole.REQ,
            status: ICalAttendeeStatus.ACCEPTED,
          },
        ],
      }),
    })
  }
  // The last line ends like the others (section 3.1), which the library leaves out.
  return `${calendar.toString()}\r\n`
}

/** Section 3.3.11, which the library does for entries alone. */
function escaped(text: string): string {
  return text.replaceAll(/[\\;,]/g, '\\$&').replaceAll(/\r?\n|\r/g, '\\n')
}
