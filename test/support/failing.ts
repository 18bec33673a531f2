/** Storage that fails when a test says so, either before a call is made or on its way back. */
import { intercepted, type Storage, type StorageCall } from './intercept.ts'

/** The text of a failure; an answer that has a part of it leaks internals. */
export const INTERNALS = 'D1_ERROR: no such table: secret_internals: SQLITE_ERROR'
/** The text of D1 where the same call may succeed a moment later. */
export const CONNECTION_LOST = 'D1_ERROR: Network connection lost. secret_internals'

export type Failure = 'before' | 'after'

interface Plan {
  /** Tells whether a call fails; calls are numbered from 1. */
  readonly fails: (number: number, call: StorageCall) => boolean
  readonly when?: Failure
  readonly text?: string
}

/**
 * Storage for `testSite` whose calls fail as planned from `arm` to `disarm`, which returns how many
 * calls were made since `arm`.
 */
export function failingStorage() {
  let plan: Plan | undefined
  let made = 0
  const storage: Storage = intercepted(async (call, proceed) => {
    made += 1
    const current = plan
    const fails = current?.fails(made, call) ?? false
    if (fails && current?.when !== 'after') throw new Error(current?.text ?? INTERNALS)
    const result = await proceed()
    if (fails) throw new Error(current?.text ?? INTERNALS)
    return result
  })
  const arm = (next: Plan) => {
    plan = next
    made = 0
  }
  const disarm = () => {
    plan = undefined
    return made
  }
  return { storage, arm, disarm }
}

/** Storage that works for `calls` calls; the last and all after it fail, as when a machine dies. */
export function mortalStorage(calls: number, when: Failure): Storage {
  let made = 0
  return intercepted(async (_, proceed) => {
    made += 1
    if (made > calls || (made === calls && when === 'before')) throw new Error('killed')
    const result = await proceed()
    if (made >= calls) throw new Error('killed')
    return result
  })
}

/** Storage that runs `work` once, right before the first call that `isTheOne` picks. */
export function interruptedStorage(
  isTheOne: (call: StorageCall) => boolean,
  work: () => Promise<unknown>,
): Storage {
  let isDone = false
  return intercepted(async (call, proceed) => {
    if (!isDone && isTheOne(call)) {
      isDone = true
      await work()
    }
    return proceed()
  })
}
