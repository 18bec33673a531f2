/**
 * The header fields of an answer. They are gathered while it is made and leave in one piece, because
 * to change the headers of a response that is there costs more than all else about it.
 */
import { VERSION } from '../settings/version.ts'
import type { AppContext, Fields } from './context.ts'

/** What a script on another origin may read of an answer. */
export const EXPOSED_HEADERS = [
  'Deprecation',
  'ETag',
  'Idempotency-Replayed',
  'Link',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Request-Id',
  'Retry-After',
  'Sunset',
  'WWW-Authenticate',
  'X-D1-Bookmark',
]

/** What every answer but those of the login's pages says; the values of Hono's `secureHeaders`. */
const EVERY_ANSWER: Readonly<Fields> = {
  // Networks that transform an answer weaken its ETag.
  'Cache-Control': 'no-store, no-transform',
  Vary: 'Origin',
  'Access-Control-Expose-Headers': EXPOSED_HEADERS.join(','),
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Origin-Agent-Cluster': '?1',
  'Referrer-Policy': 'no-referrer',
  'Strict-Transport-Security': 'max-age=15552000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'X-DNS-Prefetch-Control': 'off',
  'X-Download-Options': 'noopen',
  'X-Frame-Options': 'SAMEORIGIN',
  'X-Permitted-Cross-Domain-Policies': 'none',
  'X-XSS-Protection': '0',
}

/** @param allowedOrigins whose scripts may read the answer */
export function firstFields(
  requestId: string,
  origin: string | undefined,
  allowedOrigins: () => readonly string[],
): Fields {
  const isAllowed = origin !== undefined && allowedOrigins().includes(origin)
  return {
    ...EVERY_ANSWER,
    'Request-Id': requestId,
    'Guildhall-Version': VERSION,
    ...(isAllowed && { 'Access-Control-Allow-Origin': origin }),
  }
}

/** The one way an answer of the API leaves. @param fields go before those gathered so far */
export function answer(
  c: AppContext,
  body: string | ReadableStream<Uint8Array> | null,
  status: number,
  fields: Readonly<Fields>,
): Response {
  const headers = { ...c.get('fields'), ...bookmarkOf(c), ...fields }
  c.set('isAnswered', true)
  return new Response(body, { status, headers })
}

/** Gives whatever was answered in another way, such as a page, the fields that it lacks. */
export function complete(c: AppContext): void {
  if (c.get('isAnswered')) return
  const { headers } = c.res
  for (const [name, value] of Object.entries({ ...c.get('fields'), ...bookmarkOf(c) })) {
    if (!headers.has(name)) c.header(name, value)
  }
}

/** Only of a request that has come to storage. */
function bookmarkOf(c: AppContext): Fields {
  const bookmark = c.get('bookmark')?.()
  return bookmark ? { 'X-D1-Bookmark': bookmark } : {}
}
