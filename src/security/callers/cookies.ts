/** Reads cookies (RFC 6265, section 4.2). */

/**
 * The values under a name, as they came. Only what a browser itself takes for a separator is one:
 * a value may hold a comma, and a name may begin with a blank of another alphabet, so whoever may set
 * a cookie of any other name could otherwise set this one.
 */
export function cookiesNamed(headers: Headers, name: string): string[] {
  return (headers.get('Cookie') ?? '')
    .split(/; */)
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
}
