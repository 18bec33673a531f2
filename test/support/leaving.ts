/** Clients that leave while a call to storage is under way. */
import { until, visited } from './entrance.ts'
import type { Failure } from './failing.ts'
import { intercepted, type Storage } from './intercept.ts'
import { directly, type Way } from './site.ts'

export interface Moment {
  /** The number of the call during which the client leaves, from 1. */
  readonly at: number
  /** The client leaves before the call is made, or on its way back. */
  readonly when: Failure
}

const NEVER: Moment = { at: Infinity, when: 'before' }

interface Leaving extends Moment {
  readonly isHeard: boolean
  made: number
  isTime: boolean
  hasLeft: boolean
  hasEnded: boolean
}

/** `storage` and `way` for `testSite`; clients leave only in `leave`. */
export function leavingClients() {
  let current: Leaving | undefined

  const storage: Storage = intercepted(async (_, proceed) => {
    const leaving = current
    if (!leaving) return proceed()
    leaving.made += 1
    const isTheOne = leaving.made === leaving.at
    const pass = async (when: Failure) => {
      if (!isTheOne || leaving.when !== when) return
      leaving.isTime = true
      await until(() => leaving.hasLeft)
    }
    await pass('before')
    try {
      return await proceed()
    } finally {
      await pass('after')
    }
  })

  const way: Way = async (request, env) => {
    const leaving = current
    if (!leaving) return directly(request, env)
    const { answer, hasEnded } = await visited(request, {
      env,
      isHeard: leaving.isHeard,
      isTime: () => leaving.isTime,
      hasLeft: () => void (leaving.hasLeft = true),
    })
    leaving.hasEnded = hasEnded
    // A client that has left reads no answer, but the client of the tests has to get one.
    return answer ?? new Response(null, { status: 503 })
  }

  async function send(request: () => Promise<unknown>, moment: Moment, isHeard = true) {
    const [hasLeft, hasEnded] = [false, false]
    const leaving: Leaving = { ...moment, isHeard, made: 0, isTime: false, hasLeft, hasEnded }
    current = leaving
    await request().finally(() => (current = undefined))
    return leaving
  }

  /** The number of calls to storage by a request whose client stays. */
  const calls = async (request: () => Promise<unknown>) => (await send(request, NEVER)).made

  /**
   * @param isHeard tells whether the platform hears what the Worker asks it to wait for
   * @returns whether the client left without an answer, and whether the work went on to its end
   */
  const leave = async (moment: Moment, request: () => Promise<unknown>, isHeard?: boolean) => {
    const { isTime, hasEnded } = await send(request, moment, isHeard)
    return { hasLeft: isTime, hasEnded }
  }

  return { storage, way, calls, leave }
}
