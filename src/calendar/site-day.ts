/**
 * The site's calendar: which day an instant falls on, and arithmetic on days. A day is `YYYY-MM-DD`
 * outside, and inside a number (days since 1970-01-01), so that clock changes cannot bend it.
 */

const DAY_MS = 86_400_000

/** Making a formatter costs a hundred times what using it does. */
const formatters = new Map<string, Intl.DateTimeFormat>()

/** The day, `YYYY-MM-DD`, that `at` (milliseconds) falls on in an IANA zone. @throws RangeError for an unknown zone */
export function siteDay(at: number, zone: string): string {
  const parts = formatter(zone).formatToParts(at)
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? ''
  return `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`
}

/** Days from 1970-01-01 to `day`. @throws RangeError unless `day` is a date, written `YYYY-MM-DD` */
export function dayNumber(day: string): number {
  const number = Date.parse(`${day}T00:00:00Z`) / DAY_MS
  if (Number.isNaN(number) || dayText(number) !== day) {
    throw new RangeError('a day is a date written YYYY-MM-DD')
  }
  return number
}

/** The inverse of `dayNumber`. */
export function dayText(number: number): string {
  return new Date(number * DAY_MS).toISOString().slice(0, 10)
}

function formatter(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone)
  if (known) return known
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  })
  formatters.set(zone, made)
  return made
}
