/** Reads a body: media type first (415), then size (413) before anything is kept, then UTF-8 (400). */
import type { HonoRequest } from 'hono'
import { Problem } from '../problem.ts'

const MAX_BYTES = 64 * 1024

/**
 * Hands the body to Hono's validators as text. A missing body counts as `{}` where that is allowed.
 * @throws Problem `unsupported_media_type`, `payload_too_large`, `malformed_request`
 */
export async function readJsonBody(
  request: HonoRequest,
  mayBeEmpty: () => boolean,
): Promise<string> {
  const isEmpty = request.raw.body === null || request.header('Content-Length') === '0'
  // The type of an empty body does not matter, because clients name one of their own.
  if (!isEmpty || !mayBeEmpty()) assertPlain(request, JSON_TYPE, 'application/json in UTF-8')
  const text = isEmpty ? '' : await readText(request)
  const body = text === '' && mayBeEmpty() ? '{}' : text
  cacheText(request, body)
  return body
}

/**
 * The body of one media type, as text. @param type what the header has to match
 * @param named the same, to be told
 * @throws Problem as `readJsonBody` does
 */
export async function readBodyAs(
  request: HonoRequest,
  type: RegExp,
  named: string,
): Promise<string> {
  assertPlain(request, type, named)
  return readText(request)
}

const JSON_TYPE = /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i

function assertPlain(request: HonoRequest, type: RegExp, named: string): void {
  const contentType = request.header('Content-Type')
  const encoding = request.header('Content-Encoding')
  const isRight = type.test(contentType ?? '')
  if (!isRight || (encoding !== undefined && encoding !== 'identity')) {
    throw new Problem('unsupported_media_type', `The body has to be ${named}, not encoded.`)
  }
  if (Number(request.header('Content-Length')) > MAX_BYTES) throw tooLarge()
}

async function readText(request: HonoRequest): Promise<string> {
  return decode(await readCapped(request.raw.body))
}

async function readCapped(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  if (!body) return new Uint8Array()
  const bytes = new Uint8Array(MAX_BYTES)
  let length = 0
  for await (const chunk of whole(body)) {
    if (length + chunk.byteLength > MAX_BYTES) throw tooLarge()
    bytes.set(chunk, length)
    length += chunk.byteLength
  }
  return bytes.subarray(0, length)
}

/** A body that breaks off is the sender's fault, although it looks like a lost connection of ours. */
async function* whole(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (cause) {
    throw new Problem('malformed_request', 'The body ended before it was complete.', { cause })
  }
}

function tooLarge(): Problem {
  return new Problem('payload_too_large', `A body may have at most ${MAX_BYTES} bytes.`)
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Problem('malformed_request', 'The body is not valid UTF-8.')
  }
}

/** Hono awaits whatever is cached, so a promise is what belongs here, though the type says `string`. */
function cacheText(request: HonoRequest, text: string): void {
  Object.assign(request.bodyCache, { text: Promise.resolve(text) })
}
