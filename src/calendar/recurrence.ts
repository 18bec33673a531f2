/**
 * Expands a weekly rule, which speaks in wall-clock times, to instants. On the nights clocks change
 * a time may not exist, which is refused, or be there twice, which has to be said.
 */
import { Temporal } from 'temporal-polyfill'
import { invalidField, type Problem } from '../problem.ts'

/** Instants, RFC 3339 UTC with milliseconds. */
export interface Period {
  readonly startsAt: string
  readonly endsAt: string
}

export const WEEKDAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const
export type Weekday = (typeof WEEKDAYS)[number]

export interface Recurrence {
  readonly weekdays: readonly Weekday[]
  /** `HH:MM` on the clocks of the service's time zone. */
  readonly startTime: string
  readonly durationMinutes: number
  /** First and last day, `YYYY-MM-DD`, both included. */
  readonly from: string
  readonly until: string
  /** Days left out, `YYYY-MM-DD`. */
  readonly except: readonly string[]
  /** Which of two, where the clocks show the time twice. */
  readonly ambiguous?: 'earlier' | 'later' | undefined
}

/** What one request may create. */
export const MAX_SLOTS = 1000
const MAX_DAYS = 3 * 366
/** The years that RFC 3339 has. */
const YEAR = /^\d{4}-/

/** @throws Problem `validation_failed` */
export function expand(recurrence: Recurrence, timeZone: string): Period[] {
  const { weekdays, startTime, durationMinutes, from, until, except } = recurrence
  const time = Temporal.PlainTime.from(startTime)
  const first = Temporal.PlainDate.from(from)
  const last = Temporal.PlainDate.from(until)
  if (first.until(last).total('days') > MAX_DAYS) {
    throw invalid('until', `expected at most ${MAX_DAYS} days after from`)
  }
  const wanted = new Set(weekdays.map((day) => WEEKDAYS.indexOf(day) + 1))
  const skipped = new Set(except)
  const periods: Period[] = []
  for (let day = first; Temporal.PlainDate.compare(day, last) <= 0; day = day.add({ days: 1 })) {
    if (!wanted.has(day.dayOfWeek) || skipped.has(day.toString())) continue
    if (periods.length === MAX_SLOTS) {
      throw invalid(
        'until',
        `expected at most ${MAX_SLOTS} slots in one request; end it earlier and go on from there`,
      )
    }
    const start = instantOf(day.toPlainDateTime(time), timeZone, recurrence.ambiguous)
    periods.push({
      startsAt: textOf(start),
      endsAt: textOf(start.add({ minutes: durationMinutes })),
    })
  }
  if (periods.length === 0)
    throw invalid('weekdays', 'expected at least one day between from and until')
  if (periods.some(({ startsAt, endsAt }) => !YEAR.test(startsAt) || !YEAR.test(endsAt)))
    throw invalid('until', 'expected times in the years 0000 to 9999')
  const overlap = periods.find(
    (period, index) => period.endsAt > (periods[index + 1]?.startsAt ?? period.endsAt),
  )
  if (overlap)
    throw invalid('durationMinutes', `the slot of ${overlap.startsAt} would overlap the next one`)
  return periods
}

function instantOf(
  wallClock: Temporal.PlainDateTime,
  timeZone: string,
  ambiguous: Recurrence['ambiguous'],
): Temporal.Instant {
  const [earlier, later] = (['earlier', 'later'] as const).map((disambiguation) =>
    wallClock.toZonedDateTime(timeZone, { disambiguation }),
  )
  if (!earlier || !later)
    throw new RangeError('a wall-clock time has an earlier and a later reading')
  if (earlier.epochMilliseconds === later.epochMilliseconds) return earlier.toInstant()
  if (!earlier.toPlainDateTime().equals(wallClock)) {
    throw invalid(
      'startTime',
      `on ${wallClock.toPlainDate().toString()} the clocks of ${timeZone} skip this time; leave the day out`,
    )
  }
  if (!ambiguous) {
    throw invalid(
      'ambiguous',
      `on ${wallClock.toPlainDate().toString()} the clocks of ${timeZone} show this time twice: say earlier or later`,
    )
  }
  return (ambiguous === 'earlier' ? earlier : later).toInstant()
}

function textOf(instant: Temporal.Instant): string {
  return instant.toString({ fractionalSecondDigits: 3 })
}

function invalid(path: string, message: string): Problem {
  return invalidField(`recurrence.${path}`, message)
}
