/**
 * Requests that come to the Worker from outside, through the platform, as `exports.default` sends them:
 * whoever sends one can leave, and then the platform ends the handler as it does for a connection that
 * is reset.
 */
import { exports } from 'cloudflare:workers'
import type { Bindings } from '../../src/env.ts'

export interface Visit {
  readonly env: Bindings
  /** Whether the platform hears what the Worker asks it to wait for. */
  readonly isHeard: boolean
  /** Whether it is time for the client to leave. */
  readonly isTime: () => boolean
  readonly hasLeft: () => void
}

export interface Visited {
  /** The answer, if there was one before the client was to leave. */
  readonly answer: Response | undefined
  /** Whether the handler went on to its end. */
  readonly hasEnded: boolean
}

let visit: (Visit & { hasEnded: boolean }) | undefined

type Answer = (env: Bindings, ctx: ExecutionContext) => Promise<Response>

/** To be called by the Worker under test with what the platform gives it. */
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

/** A handler that goes on is done long before. */
const ENDED_AFTER_MS = 2_000

/** Sends a request whose client leaves when it is time. One at a time. */
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

/** What is waited for happens in a request of its own, and only a timer can wait for that. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await scheduler.wait(1)
}
