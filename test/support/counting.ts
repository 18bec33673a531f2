/** Counts round trips: what a request or a job costs in calls to D1 (a batch is one) and to objects. */
import { intercepted, type Storage, type StorageCall } from './intercept.ts'

export interface Cost {
  readonly d1: number
  readonly objects: number
}

interface TracedCall extends StorageCall {
  /** What D1 had to read for a batch; 0 for everything else. */
  readonly rowsRead: number
}

/** Pass `storage` to `testSite`. */
export function countingStorage() {
  let calls: TracedCall[] = []
  const storage: Storage = intercepted(async (call, proceed) => {
    // A call that fails has cost its trip all the same.
    const traced = { ...call, rowsRead: 0 }
    calls.push(traced)
    const result = await proceed()
    traced.rowsRead = rowsReadBy(result)
    return result
  })
  /** What `work` costs, apart from what went on before. */
  async function costOf(work: () => Promise<unknown>): Promise<Cost> {
    const { cost } = await traced(work)
    return cost
  }
  async function traced(work: () => Promise<unknown>) {
    calls = []
    await work()
    const d1 = calls.filter(({ store }) => store === 'd1').length
    return { calls, cost: { d1, objects: calls.length - d1 } }
  }
  return { storage, costOf, traced }
}

function rowsReadBy(result: unknown): number {
  if (!Array.isArray(result)) return 0
  return result.reduce((sum: number, each: D1Result) => sum + (each.meta?.rows_read ?? 0), 0)
}
