/** What somebody recognizes a browser by. */

/** The first that is named counts: each of them calls itself by the name of a later one as well. */
const BROWSERS = [
  ['Edg', 'Edge'],
  ['OPR', 'Opera'],
  ['SamsungBrowser', 'Samsung Internet'],
  ['Vivaldi', 'Vivaldi'],
  ['Firefox', 'Firefox'],
  ['FxiOS', 'Firefox'],
  ['CriOS', 'Chrome'],
  ['Chrome', 'Chrome'],
  ['Safari', 'Safari'],
] as const

const SYSTEMS = [
  ['iPhone', 'iPhone'],
  ['iPad', 'iPad'],
  ['Android', 'Android'],
  ['CrOS', 'ChromeOS'],
  ['Windows', 'Windows'],
  ['Macintosh', 'Mac'],
  ['Linux', 'Linux'],
] as const

const MOST_CHARACTERS = 60

/** As in `Chrome on Linux`; what is none of these is called what it calls itself. */
export function deviceOf(userAgent: string | null): string {
  const agent = userAgent ?? ''
  const named = (names: readonly (readonly [string, string])[]) =>
    names.find(([part]) => agent.includes(part))?.[1]
  const [browser, system] = [named(BROWSERS), named(SYSTEMS)]
  if (browser && system) return `${browser} on ${system}`
  return browser ?? (agent.slice(0, MOST_CHARACTERS) || 'Unknown browser')
}
