/**
 * JSON with exactly one reading: strict UTF-8 without a byte order mark, and no member named twice,
 * because parsers disagree on which of the two counts (RFC 8259 section 4).
 */

// `ignoreBOM` means "keep it": a mark in front then is what it should be, a syntax error.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A string (with the colon that makes it a member name), or the start or end of an object. */
const TOKEN = /("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}]/g

/** @throws SyntaxError or TypeError; the message may quote the input, so keep it inside */
export function parseStrictJson(bytes: Uint8Array): unknown {
  const text = utf8.decode(bytes)
  const value: unknown = JSON.parse(text)
  refuseDuplicateNames(text)
  return value
}

/** This is only for text that is known to be JSON: the scan relies on balanced braces and closed strings. */
function refuseDuplicateNames(text: string): void {
  const open: Set<unknown>[] = []
  for (const [token, string, colon] of text.matchAll(TOKEN)) {
    if (token === '{') open.push(new Set())
    else if (token === '}') open.pop()
    else if (string && colon) {
      // Compared decoded: "sub" and "s\u0075b" are the same name.
      const name: unknown = JSON.parse(string)
      const names = open.at(-1)
      if (names?.has(name)) throw new SyntaxError('Duplicate member name')
      names?.add(name)
    }
  }
}

export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
