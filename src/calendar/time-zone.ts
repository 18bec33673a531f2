/** Names of time zones. */

/** Whether this runtime knows the IANA time zone. It takes offsets as well, which have no summer time. */
export function isTimeZone(name: string): boolean {
  try {
    return /^[a-z]/i.test(name) && Boolean(new Intl.DateTimeFormat('en', { timeZone: name }))
  } catch {
    return false
  }
}
