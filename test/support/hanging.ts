/** Storage that keeps one call waiting until it is let go, and requests that are answered meanwhile. */
import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { vi } from 'vitest'
import worker from '../../src/worker.ts'
import type { Failure } from './failing.ts'
import { intercepted, type Storage, type StorageCall } from './intercept.ts'
import { directly, type Way } from './site.ts'

export interface Hang {
  /** Whether this call hangs; calls are numbered from 1. One does at most. */
  readonly isIt: (number: number, call: StorageCall) => boolean
  /** Before it is made, or on its way back. */
  readonly when?: Failure
}

interface Hanging extends Hang {
  made: number
  readonly reached: PromiseWithResolvers<void>
  readonly released: PromiseWithResolvers<void>
  readonly over: PromiseWithResolvers<void>
}

/** Timers are those of the test from here on; `vi.useRealTimers` brings them back. */
export function holdTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
}

/** Pass `storage` to `testSite` or a gate. No call hangs but after `hang`. */
export function hangingStorage() {
  let current: Hanging | undefined

  const storage: Storage = intercepted(async (call, proceed) => {
    const hanging = current
    if (!hanging) return proceed()
    hanging.made += 1
    if (!hanging.isIt(hanging.made, call)) return proceed()
    current = undefined
    const held = async () => {
      hanging.reached.resolve()
      await hanging.released.promise
    }
    try {
      if (hanging.when !== 'after') await held()
      return await proceed()
    } finally {
      if (hanging.when === 'after') await held()
      hanging.over.resolve()
    }
  })

  /** @returns when a call hangs; what lets it go on, and waits for its end; and what calls the plan off */
  function hang(plan: Hang) {
    const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const over = Promise.withResolvers<void>()
    current = { ...plan, made: 0, reached, released, over }
    const release = () => {
      released.resolve()
      return over.promise
    }
    const callOff = () => {
      current = undefined
    }
    return { reached: reached.promise, release, callOff }
  }

  return { storage, hang }
}

/** A request one of whose calls has hung. */
export interface Hung {
  /** Whether one did. */
  readonly hasHung: boolean
  /** How long it took to be answered, in milliseconds by the timers of the test. */
  readonly tookMs: number
}

/** A site's storage, and a way to it on which a request is answered while one of its calls hangs. */
export function hangingSite() {
  const { storage, hang } = hangingStorage()
  let plan: Hang | undefined
  let meanwhile: () => Promise<unknown> = async () => undefined
  let last: Hung = { hasHung: false, tookMs: 0 }

  const way: Way = async (request, env) => {
    const planned = plan
    if (!planned) return directly(request, env)
    plan = undefined
    holdTimers()
    const { reached, release, callOff } = hang(planned)
    const ctx = createExecutionContext()
    const progress = { isAnswered: false, tookMs: 0 }
    const answer = worker.fetch(request, env, ctx).finally(() => (progress.isAnswered = true))
    const hasHung = await Promise.race([reached.then(() => true), answer.then(() => false)])
    while (!progress.isAnswered && progress.tookMs < LONGEST_MS) {
      await vi.advanceTimersByTimeAsync(STEP_MS)
      progress.tookMs += STEP_MS
    }
    callOff()
    last = { hasHung, tookMs: progress.tookMs }
    vi.useRealTimers()
    await meanwhile()
    if (hasHung) await release()
    const response = await answer
    await waitOnExecutionContext(ctx)
    return response
  }

  /** @param then what is done between the answer and the end of the call that hangs */
  async function hung<T>(
    hanging: Hang,
    request: () => Promise<T>,
    then: typeof meanwhile = async () => undefined,
  ): Promise<Hung & { readonly reply: T }> {
    plan = hanging
    meanwhile = then
    const reply = await request()
    return { ...last, reply }
  }

  return { storage, way, hung }
}

const STEP_MS = 500
const LONGEST_MS = 20_000
