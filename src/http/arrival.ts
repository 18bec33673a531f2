/** What is so of a request before anything answers it: its id, and how much time there is for the answer. */
import type { RequestRecord } from './request-log.ts'

interface Arrival {
  readonly requestId: string
  /** What is to be written down about it. */
  readonly record: RequestRecord
  /** Fulfilled when the time is up. */
  readonly isLate: Promise<void>
  /** Waits for what is in the sender's hands, such as the rest of a body; that time does not count. */
  readonly waitForSender: <T>(sent: Promise<T>) => Promise<T>
  /** There is an answer, or no hurry. */
  readonly end: () => void
}

/** By the request, for that is all that two apps which answer the same one have in common. */
const arrivals = new WeakMap<Request, Arrival>()

/** @param ms how long the request has from now on */
export function arrive(request: Request, ms: number): Arrival {
  const { promise: isLate, resolve } = Promise.withResolvers<void>()
  let left = ms
  let since = Date.now()
  let timer = setTimeout(resolve, left)
  let hasEnded = false
  const end = () => {
    hasEnded = true
    clearTimeout(timer)
  }
  const waitForSender = async <T>(sent: Promise<T>): Promise<T> => {
    clearTimeout(timer)
    left -= Date.now() - since
    try {
      return await sent
    } finally {
      since = Date.now()
      if (!hasEnded) timer = setTimeout(resolve, left)
    }
  }
  const requestId = crypto.randomUUID()
  const arrival = { requestId, record: emptyRecord(), isLate, waitForSender, end }
  arrivals.set(request, arrival)
  return arrival
}

/** One that the app sends itself is part of another, whose time it shares; nothing is written down about it. */
export function arrivalOf(request: Request): Omit<Arrival, 'isLate'> {
  const known = arrivals.get(request)
  return (
    known ?? {
      requestId: crypto.randomUUID(),
      record: emptyRecord(),
      waitForSender: async (sent) => sent,
      end() {},
    }
  )
}

function emptyRecord(): RequestRecord {
  return { d1: 0, objects: 0 }
}
