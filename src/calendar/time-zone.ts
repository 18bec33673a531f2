/** Names of time zones: the one check of them, which asks what computes with them. */
import { Temporal } from 'temporal-polyfill'
import { siteDay } from './site-day.ts'

/** What a name is refused with. */
export const EXPECTED_ZONE = 'expected an IANA time zone such as "Europe/Berlin", or "UTC"'

/**
 * The time zone of that name as the IANA database spells it, whatever the case it was written in. Those
 * without an area are refused, all but UTC: `BST` and `IST` are different continents to different
 * readers. So are offsets, which have no summer time.
 * @returns undefined if times in it cannot be computed
 */
export function timeZoneNamed(name: string): string | undefined {
  // The first use of Intl takes milliseconds in a fresh isolate, which a site in UTC need not pay.
  if (name.toUpperCase() === 'UTC') return 'UTC'
  if (!/^[a-z]+\/[a-z0-9_+/-]+$/i.test(name)) return undefined
  try {
    const { timeZoneId } = new Temporal.ZonedDateTime(0n, name)
    siteDay(0, timeZoneId)
    return timeZoneId
  } catch {
    return undefined
  }
}
