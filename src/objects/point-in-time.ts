/**
 * The platform's own point-in-time recovery of an object, which keeps 30 days and which only the object
 * itself can call. Runtimes on a machine of one's own do not have it.
 */
import { describeError, log } from '../log.ts'

/** Why an object was not put back; nothing has changed then. */
export interface NotPutBack {
  readonly refused: string
}

/**
 * Has the object start anew as it was at `at` (milliseconds since the epoch), once this call has been
 * answered. @returns why not, where it cannot
 */
export async function putBack(
  state: Pick<DurableObjectState, 'storage' | 'abort' | 'waitUntil'>,
  at: number,
): Promise<NotPutBack | undefined> {
  const { storage } = state
  if (typeof storage.getBookmarkForTime !== 'function') return { refused: NOT_HERE }
  try {
    const bookmark = await storage.getBookmarkForTime(at)
    await storage.onNextSessionRestoreBookmark(bookmark)
  } catch (error) {
    log('error', 'object not put back', describeError(error))
    return { refused: NOT_HERE }
  }
  state.waitUntil(startAnew(state))
  return undefined
}

async function startAnew(state: Pick<DurableObjectState, 'abort'>): Promise<void> {
  await scheduler.wait(0)
  state.abort('it is put back to an earlier time')
}

const NOT_HERE = 'the platform does not put this object back to that time, or not here'
