/** What a route that is going away says with every answer: Deprecation (RFC 9745) and Sunset (RFC 8594). */

export interface Deprecated {
  /** RFC 3339: from when on nothing new should use the route; may lie ahead. */
  readonly since: string
  /** RFC 3339: from when on it may no longer answer; not before `since`. */
  readonly sunset?: string
  /** Where it is said what to use instead. */
  readonly link?: `https://${string}` | `/${string}`
}

/** @throws Error for times that are none, or in the wrong order */
export function deprecationFields({ since, sunset, link }: Deprecated): Record<string, string> {
  const [from, until] = [Date.parse(since), Date.parse(sunset ?? since)]
  if (!(from <= until)) throw new Error(`deprecated: ${since} is not before ${sunset}`)
  return {
    Deprecation: `@${Math.floor(from / 1000)}`,
    ...(sunset && { Sunset: new Date(until).toUTCString() }),
    ...(link && { Link: `<${link}>; rel="deprecation"; type="text/html"` }),
  }
}
