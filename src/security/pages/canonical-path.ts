/**
 * The one spelling of a path: what is decided about is what the origin is asked for. Servers read many
 * spellings as one page, so a path is decoded as they do and written anew, and whatever two of them may
 * read in two ways is refused.
 */

declare const canonical: unique symbol

/** A path in its one spelling; only `canonicalPath` makes one. */
export type CanonicalPath = string & { readonly [canonical]: true }

export type Spelling = { readonly path: CanonicalPath } | { readonly fault: string }

/** In characters, because the path is in the assertion, and servers take headers of 8 KiB. */
const LONGEST = 2_048

/** What is wrong with a path as it was sent, by what it has in it. */
const FAULTS: readonly (readonly [RegExp, string])[] = [
  [/^(?!\/)/, 'does not begin with a slash'],
  [/\/\//, 'has an empty segment'],
  [/\\/, 'has a backslash'],
  [/;/, 'has a semicolon'],
  [/%2f/i, 'has an encoded slash'],
  [/%5c/i, 'has an encoded backslash'],
  [/%(?![0-9a-f]{2})/i, 'has a percent sign that escapes nothing'],
]

/** What of a path, once decoded, has no place in one. */
const DECODED_FAULTS: readonly (readonly [RegExp, string])[] = [
  [/\p{Cc}/u, 'has a control character'],
  [/%[0-9a-f]{2}/i, 'is encoded twice'],
]

/** RFC 3986, section 2.3: means the same with and without an escape. */
const UNRESERVED = /[\w\-.~]/
/** Neither in a segment by RFC 3986, section 3.3, nor between two. */
const UNESCAPED = /[^\w\-.~!$&'()*+,=:@%/]+/gu
const CANONICAL = /^(?:\/(?:[\w\-.~!$&'()*+,=:@]|%[0-9A-F]{2})*)+$/

/**
 * The path in its one spelling: dot segments resolved, nothing escaped that need not be, and what is
 * not ASCII in escapes, with capital letters. What is reserved, such as `+` and `%2B`, stays as sent.
 * The fault completes a sentence that begins with "The path".
 * @param sent the path as it was sent, without a query
 */
export function canonicalPath(sent: string): Spelling {
  if (sent.length > LONGEST) return { fault: `has more than ${LONGEST} characters` }
  const fault = faultIn(sent, FAULTS)
  if (fault !== undefined) return { fault }
  const text = decoded(sent)
  if (text === undefined) return { fault: 'has bytes that are no text' }
  const hidden = faultIn(text, DECODED_FAULTS)
  if (hidden !== undefined) return { fault: hidden }
  const segments = sent.replaceAll(/%../g, respelled).replaceAll(UNESCAPED, encodeURIComponent)
  const path = `/${withoutDots(segments.slice(1).split('/')).join('/')}`
  return isCanonical(path) ? { path } : { fault: 'cannot be spelled' }
}

/** The path and the query of a URL as it was sent; a parser would tidy what has to be refused. */
export function targetOf(url: string): { readonly path: string; readonly query: string } {
  const [, path = '', query = ''] = /^[^:/?#]+:\/\/[^/\\?#]*([^?#]*)(\?[^#]*)?/.exec(url) ?? []
  return { path: path === '' ? '/' : path, query }
}

function isCanonical(path: string): path is CanonicalPath {
  return CANONICAL.test(path)
}

function faultIn(text: string, faults: typeof FAULTS): string | undefined {
  return faults.find(([sign]) => sign.test(text))?.[1]
}

function decoded(sent: string): string | undefined {
  try {
    return sent.isWellFormed() ? decodeURIComponent(sent) : undefined
  } catch {
    return undefined
  }
}

function respelled(escape: string): string {
  const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16))
  return UNRESERVED.test(character) ? character : escape.toUpperCase()
}

/** RFC 3986, section 5.2.4. */
function withoutDots(segments: readonly string[]): string[] {
  const kept: string[] = []
  segments.forEach((segment, index) => {
    const isLast = index === segments.length - 1
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
    if (isLast && (segment === '.' || segment === '..')) kept.push('')
  })
  return kept
}
