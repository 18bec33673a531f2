/** Days and weeks as the clocks of a time zone count them. */
import { Temporal } from 'temporal-polyfill'

/** Where and when an instant is, on the clocks of a zone. */
interface ClockTime {
  /** `YYYY-MM-DD` */
  readonly day: string
  /** `HH:MM` */
  readonly time: string
}

interface Week {
  /** Monday to Sunday, `YYYY-MM-DD`. */
  readonly days: readonly string[]
  /** Instants, RFC 3339: of the first midnight, and of the one after the last day. */
  readonly startsAt: string
  readonly endsAt: string
  /** Its first day, of the week before and the one after. */
  readonly before: string
  readonly after: string
}

/**
 * When a day begins, RFC 3339, which where clocks change at midnight is not always 0:00.
 * @param later so many days after it @returns undefined if that is no day
 */
export function startOfDay(day: string, zone: string, later = 0): string | undefined {
  const date = dayIn(day)?.add({ days: later })
  return date && textOf(date.toZonedDateTime(zone).toInstant())
}

/** The week that has this day, from Monday on. @returns undefined if that is no day */
export function weekOf(day: string, zone: string): Week | undefined {
  const date = dayIn(day)
  if (!date) return undefined
  const monday = date.subtract({ days: date.dayOfWeek - 1 })
  const [before, after] = [monday.subtract({ days: 7 }), monday.add({ days: 7 })]
  return {
    days: [0, 1, 2, 3, 4, 5, 6].map((days) => monday.add({ days }).toString()),
    startsAt: textOf(monday.toZonedDateTime(zone).toInstant()),
    endsAt: textOf(after.toZonedDateTime(zone).toInstant()),
    before: before.toString(),
    after: after.toString(),
  }
}

/** What the clocks of a zone show. @param at RFC 3339 */
export function clockTimeOf(at: string, zone: string): ClockTime {
  const shown = Temporal.Instant.from(at).toZonedDateTimeISO(zone)
  return { day: shown.toPlainDate().toString(), time: shown.toPlainTime().toString().slice(0, 5) }
}

/** A margin of a year at both ends, so that what is reckoned from it is a day that can be written. */
function dayIn(text: string): Temporal.PlainDate | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || text < '0001' || text >= '9999') return undefined
  try {
    return Temporal.PlainDate.from(text)
  } catch {
    return undefined
  }
}

function textOf(instant: Temporal.Instant): string {
  return instant.toString({ fractionalSecondDigits: 3 })
}
