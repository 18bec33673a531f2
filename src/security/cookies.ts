/** Reads one cookie (RFC 6265, section 5.4). */

/** The decoded value; undefined if there is none, or more than one, which is somebody's trick. */
export function getCookie(headers: Headers, name: string): string | undefined {
  const found = (headers.get('Cookie') ?? '')
    .split(/[;,]\s*/)
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))
  const [value] = found
  if (value === undefined || found.length > 1) return undefined
  try {
    return decodeURIComponent(value)
  } catch {
    return undefined
  }
}
