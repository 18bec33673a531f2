/** Which calls are made again, and when. */

/** Longer than this nobody waits for a call: it fails, and says how long it would have been. */
const LONGEST_WAIT_S = 30
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 8000

const IDEMPOTENT = new Set(['GET', 'HEAD', 'PUT', 'DELETE'])

/**
 * RFC 9110, section 9.2.2: a call may be repeated if twice is as good as once, by its method or
 * because the server sees that it is the same call; and one that was not taken up, whatever it was.
 * @param status undefined if there was no answer
 */
export function mayRepeat(method: string, headers: Headers, status: number | undefined): boolean {
  if (status === 429) return true
  if (status !== undefined && status !== 503) return false
  return IDEMPOTENT.has(method) || headers.has('Idempotency-Key') || headers.has('If-Match')
}

/**
 * Milliseconds, never fewer than the server asks for, and not the same for all who were sent away
 * at once. Undefined if it is too long. @param made how often the call was repeated already
 */
export function pauseBefore(made: number, retryAfter = 0): number | undefined {
  if (retryAfter > LONGEST_WAIT_S) return undefined
  const most = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** made)
  return retryAfter * 1000 + Math.random() * most
}

/** @throws the signal's reason when it is aborted */
export async function sleep(ms: number, signal?: AbortSignal | null): Promise<void> {
  let end = () => {}
  const over = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    end = () => clearTimeout(timer)
  })
  try {
    await unlessAborted(over, signal)
  } finally {
    end()
  }
}

/** Waits for what nothing can end, and leaves it to itself. @throws the signal's reason when it is aborted */
export async function unlessAborted<T>(work: Promise<T>, signal?: AbortSignal | null): Promise<T> {
  signal?.throwIfAborted()
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal?.reason)
    signal?.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}
