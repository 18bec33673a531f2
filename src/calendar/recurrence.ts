/**
 * Expands a weekly rule, which speaks in wall-clock times, to instants. On the nights clocks change
 * a time may not exist, which is refused, or be there twice, which has to be said. So a slot that ends
 * on the clock, or days later, takes as long as the clocks make it.
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
  /** Either this, or one or both of the next two. */
  readonly durationMinutes?: number | undefined
  /** `HH:MM`; without `days` the first one after the start. */
  readonly endTime?: string | undefined
  /** At `endTime`, or else at `startTime`. */
  readonly days?: number | undefined
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
  const { weekdays, startTime, from, until, except, ambiguous } = recurrence
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
    const start = instantOf(day.toPlainDateTime(time), 'startTime', timeZone, ambiguous)
    periods.push({
      startsAt: textOf(start),
      endsAt: textOf(endOf(recurrence, day, start, timeZone)),
    })
  }
  if (periods.length === 0)
    throw invalid('weekdays', 'expected at least one day between from and until')
  if (periods.some(({ startsAt, endsAt }) => !YEAR.test(startsAt) || !YEAR.test(endsAt)))
    throw invalid('until', 'expected times in the years 0000 to 9999')
  const overlap = periods.find(
    (period, index) => period.endsAt > (periods[index + 1]?.startsAt ?? period.endsAt),
  )
  if (overlap) {
    const { durationMinutes, endTime } = recurrence
    const field = durationMinutes !== undefined ? 'durationMinutes' : endTime ? 'endTime' : 'days'
    throw invalid(
      field,
      `the slot of ${overlap.startsAt} would overlap the next one; days on which clocks change are not 1440 minutes, so say an end on the clock as endTime, days or both`,
    )
  }
  return periods
}

function endOf(
  { durationMinutes, startTime, endTime, days, ambiguous }: Recurrence,
  day: Temporal.PlainDate,
  start: Temporal.Instant,
  timeZone: string,
): Temporal.Instant {
  if (durationMinutes !== undefined) return start.add({ minutes: durationMinutes })
  const time = endTime ?? startTime
  const lastDay = day.add({ days: days ?? (time <= startTime ? 1 : 0) })
  const end = lastDay.toPlainDateTime(Temporal.PlainTime.from(time))
  return instantOf(end, endTime === undefined ? 'days' : 'endTime', timeZone, ambiguous)
}

function instantOf(
  wallClock: Temporal.PlainDateTime,
  field: 'startTime' | 'endTime' | 'days',
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
      field,
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
