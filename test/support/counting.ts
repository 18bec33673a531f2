/** Counts the round trips of a request or a job: calls to D1 (a batch is one) and to objects. */
import { intercepted, type Storage, type StorageCall } from './intercept.ts'

export interface Cost {
  readonly d1: number
  readonly objects: number
}

interface TracedCall extends StorageCall {
  /** Rows that D1 read and wrote for a batch. Of another call nobody hears more than what it returned. */
  readonly rowsRead: number
  readonly rowsWritten: number
}

/** Storage for `testSite` whose calls are counted. */
export function countingStorage() {
  let calls: TracedCall[] = []
  const storage: Storage = intercepted(async (call, proceed) => {
    // A call that fails has cost its trip all the same.
    const traced = { ...call, rowsRead: 0, rowsWritten: 0 }
    calls.push(traced)
    const result = await proceed()
    traced.rowsRead = rowsOf(result, 'rows_read')
    traced.rowsWritten = rowsOf(result, 'rows_written')
    return result
  })
  /** Counts the calls that `work` makes, without those before it. */
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

function rowsOf(result: unknown, of: 'rows_read' | 'rows_written'): number {
  const all: readonly unknown[] = Array.isArray(result) ? result : [result]
  return all.reduce((sum: number, each) => {
    if (Array.isArray(each)) return sum + Number(of === 'rows_read')
    return sum + ((each as Partial<D1Result> | null | undefined)?.meta?.[of] ?? 0)
  }, 0)
}
