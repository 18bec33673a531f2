/** One call over HTTP: its headers, its repetitions, and what becomes of the answer. */
import { type Credential, credentials } from './credentials.ts'
import { failureOf, type GuildhallError, networkFailure } from './errors.ts'
import { mayRepeat, pauseBefore, sleep as pause, unlessAborted } from './retry.ts'

export type Sending = Credential & {
  /** Instead of the one that is there anyway. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
  /** How often a call is repeated that may be; 3. */
  readonly retries?: number
  /** Waits before a repetition, in milliseconds; for tests. */
  readonly sleep?: (ms: number, signal?: AbortSignal | null) => Promise<void>
}

const BOOKMARK = 'X-D1-Bookmark'
const IDEMPOTENCY_KEY = 'Idempotency-Key'

export interface Call extends RequestInit {
  readonly method: string
  readonly headers: Headers
}

/** @throws GuildhallError; the signal's reason; what `getToken` throws */
export function sender(sending: Sending) {
  const { fetch = globalThis.fetch, retries = 3, sleep = pause } = sending
  const credential = credentials(sending)
  let bookmark = ''

  /** Bookmarks sort by age, and the newest is kept: answers may overtake each other. */
  function note({ headers }: Response): void {
    const seen = headers.get(BOOKMARK) ?? ''
    if (seen > bookmark) bookmark = seen
  }

  async function attempt(url: string, call: Call): Promise<Answer> {
    try {
      const response = await fetch(url, call)
      note(response)
      return read(response, await response.text())
    } catch (error) {
      call.signal?.throwIfAborted()
      return { failure: networkFailure(error) }
    }
  }

  return async (url: string, call: Call): Promise<unknown> => {
    const { method, headers, signal } = call
    // The key belongs to the call and not to the attempt, so that the server knows repetitions for
    // what they are.
    if (method === 'POST' && !headers.has(IDEMPOTENCY_KEY)) headers.set(IDEMPOTENCY_KEY, newKey())
    let renewed = false
    for (let repeated = 0; ;) {
      const held = credential.current()
      const token = await unlessAborted(held, signal)
      if (token !== undefined) headers.set('Authorization', `Bearer ${token}`)
      if (bookmark) headers.set(BOOKMARK, bookmark)
      const { failure, body } = await attempt(url, call)
      if (!failure) return body
      if (failure.code === 'invalid_token' && !renewed && credential.renew(held, token)) {
        renewed = true
        continue
      }
      if (repeated === retries || !mayRepeat(method, headers, failure.status)) throw failure
      const ms = pauseBefore(repeated, 'retryAfter' in failure ? failure.retryAfter : undefined)
      if (ms === undefined) throw failure
      await sleep(ms, signal)
      repeated++
    }
  }
}

interface Answer {
  readonly failure?: GuildhallError
  readonly body?: unknown
}

function read(response: Response, text: string): Answer {
  if (response.status === 204) return {}
  if (response.ok) {
    if (response.headers.get('Content-Type')?.startsWith('text/calendar')) return { body: text }
    try {
      return { body: JSON.parse(text) }
    } catch {}
  }
  return { failure: failureOf(response, text) }
}

/** 128 random bits; `randomUUID` is not there on pages without TLS. */
function newKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join('-')
}
