/** One attempt to tell an endpoint: a signed POST, of whose answer nothing but the status is kept. */
import type { Failure } from '../objects/webhooks.ts'
import { signedFields } from '../security/tokens/webhook-signature.ts'

/** How long an attempt may take, the whole answer included. */
const LIMIT_MS = 10_000
/** So much of an answer is read, for its connection to be of use again; what is more is canceled. */
const LIMIT_BYTES = 64 * 1024

export interface Outcome {
  /** Null if there was no answer. */
  readonly status: number | null
  readonly failure: Failure | null
}

interface Attempt {
  readonly url: string
  readonly id: string
  readonly body: string
  readonly secrets: readonly string[]
  /** Milliseconds since the epoch: the time that is signed is that of the attempt. */
  readonly now: number
}

export async function sendWebhook(
  { url, id, body, secrets, now }: Attempt,
  limitMs = LIMIT_MS,
): Promise<Outcome> {
  const headers = {
    'Content-Type': 'application/json',
    'User-Agent': 'Guildhall-Webhooks',
    ...(await signedFields({ id, body }, secrets, now)),
  }
  const signal = AbortSignal.timeout(limitMs)
  try {
    const answer = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
    await leave(answer)
    return { status: answer.status, failure: null }
  } catch (error) {
    // Words of the runtime may hold the address, and differ from time to time.
    const isLate = error instanceof Error && error.name === 'TimeoutError'
    return { status: null, failure: isLate ? 'timeout' : 'no connection' }
  }
}

/** The status is there, so however the rest ends changes nothing. */
async function leave({ body }: Response): Promise<void> {
  const reader = body?.getReader()
  if (!reader) return
  try {
    for (let left = LIMIT_BYTES; left > 0;) {
      const { done, value } = await reader.read()
      if (done) return
      left -= value.byteLength
    }
    await reader.cancel()
  } catch {
    // It was cut off, or took too long.
  }
}

export function isDelivered({ status }: Outcome): boolean {
  return status !== null && status >= 200 && status < 300
}
