/**
 * Which addresses the site calls because somebody has entered them: https, a public name, and not the
 * site itself. What a name leads to cannot be seen from a Worker; the platform keeps it from private
 * networks, and from going around the front of our own zone (`global_fetch_strictly_public`).
 */

interface Surroundings {
  /** Names that the site itself is reached by. */
  readonly ownHosts: readonly string[]
  /** Where the site runs on this machine, http to this machine is as good as https. */
  readonly isLocal: boolean
}

const HERE = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Names that lead nowhere but into private networks. */
const PRIVATE =
  /\.(?:local|localhost|localdomain|internal|intranet|private|corp|home|lan|home\.arpa)$/

const MAX_LENGTH = 2048

/**
 * Why an address is not called; undefined for a good one.
 * @param text hosts are looked at as the URL standard reads them, in whatever spelling they come
 */
export function whyNotCalled(text: string, surroundings: Surroundings): string | undefined {
  const url = URL.parse(text)
  if (!url || text.length > MAX_LENGTH) return 'expected an https URL'
  if (url.username !== '' || url.password !== '') return 'expected a URL without a name or password'
  if (url.hash !== '') return 'expected a URL without a fragment'
  if (isHere(url, surroundings)) return undefined
  if (url.protocol !== 'https:') return 'expected an https URL'
  const { hostname } = url
  if (hostname.startsWith('[') || /^[\d.]+$/.test(hostname))
    return 'expected a name, not an IP address'
  if (hostname.endsWith('.')) return 'expected a name without a dot at its end'
  if (!hostname.includes('.') || PRIVATE.test(hostname)) return 'expected a public name'
  if (surroundings.ownHosts.includes(hostname)) return 'expected another site than this one'
  return undefined
}

/** This machine, but for the site itself. */
function isHere({ protocol, hostname, port }: URL, { isLocal, ownHosts }: Surroundings): boolean {
  const isSelf = ownHosts.includes(`localhost:${port}`)
  return isLocal && protocol === 'http:' && HERE.has(hostname) && !isSelf
}
