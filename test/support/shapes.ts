/** Shapes that values of the API have everywhere, for `toEqual`. */
import { expect } from 'vitest'

/** RFC 3339, UTC, with milliseconds. */
export const TIME: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

/** An id of a kind, as in `usr_…`. */
export function idOf(prefix: string): unknown {
  return expect.stringMatching(new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`))
}
