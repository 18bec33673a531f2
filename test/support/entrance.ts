/**
 * Requests that come to the Worker from outside, through the platform, by `exports.default`. Their
 * clients can leave, and then the platform ends the handler as it does when a connection is reset.
 */
import { exports } from 'cloudflare:workers'
import type { Bindings } from '../../src/env.ts'

export interface Visit {
  readonly env: Bindings
  /** Tells whether the platform hears what the Worker asks it to wait for. */
  readonly isHeard: boolean
  /** Tells whether it is time for the client to leave. */
  readonly isTime: () => boolean
  readonly hasLeft: () => void
}

export interface Visited {
  /** The answer, if there was one before the client was to leave. */
  readonly answer: Response | undefined
  /** Tells whether the handler went on to its end. */
  readonly hasEnded: boolean
}

let visit: (Visit & { hasEnded: boolean }) | undefined

type Answer = (env: Bindings, ctx: ExecutionContext) => Promise<Response>

/** The Worker under test calls this with what the platform gives it. */
export async function entered(
  env: Bindings,
  ctx: ExecutionContext,
  answer: Answer,
): Promise<Response> {
  const current = visit
  if (!current) return answer(env, ctx)
  try {
    return await answer(current.env, current.isHeard ? ctx : deaf(ctx))
  } finally {
    current.hasEnded = true
  }
}

function deaf(ctx: ExecutionContext): ExecutionContext {
  return Object.assign(Object.create(ctx), { waitUntil: () => {} })
}

/** The time within which a handler that goes on is long done. */
const ENDED_AFTER_MS = 2_000

/** Sends a request whose client leaves when it is time. There can be one at a time. */
export async function visited(request: Request, plan: Visit): Promise<Visited> {
  const current = { ...plan, hasEnded: false }
  visit = current
  try {
    const client = new AbortController()
    let answer: Response | undefined
    let isOver = false
    const over = exports.default
      .fetch(request, { signal: client.signal })
      .then((response) => (answer = response))
      .catch(() => undefined)
      .finally(() => (isOver = true))
    await until(() => isOver || plan.isTime())
    if (!isOver) client.abort()
    await over
    // The platform ends a handler at once or not at all.
    await scheduler.wait(5)
    plan.hasLeft()
    const limit = Date.now() + ENDED_AFTER_MS
    await until(() => current.hasEnded || Date.now() > limit)
    return { answer, hasEnded: current.hasEnded }
  } finally {
    visit = undefined
  }
}

/** Polls by a timer, because nothing else can wait for what happens in another request. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await scheduler.wait(1)
}
