/** Names of time zones. */
import { Temporal } from 'temporal-polyfill'

/**
 * Whether slots can be computed in this IANA time zone. Temporal is asked and not `Intl`, which also
 * takes abbreviations such as BST that no time can be computed with. An offset has no summer time
 * and is no zone here.
 */
export function isTimeZone(name: string): boolean {
  try {
    return /^[a-z]/i.test(name) && Boolean(new Temporal.ZonedDateTime(0n, name))
  } catch {
    return false
  }
}
