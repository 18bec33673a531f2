/** What a job is given and gives back; the schedule knows nothing else about jobs. */
import type { SystemDeps } from '../deps.ts'
import { describeError, log } from '../log.ts'

export interface JobContext {
  readonly deps: SystemDeps
  /** Where the run before stopped; null at the start. */
  readonly cursor: string | null
  /**
   * Takes so many statements of D1 and calls of objects out of what the run may use, before they are
   * made; false if that, or its time, is used up. Then the run stops at its cursor and the next one
   * goes on.
   */
  readonly affords: (calls: number) => boolean
}

export interface JobResult {
  readonly counts: Readonly<Record<string, number>>
  /** Where the next run goes on; null when everything was done. */
  readonly cursor: string | null
  /** Parts that failed while the rest went on. */
  readonly failures: readonly string[]
}

/** Short and without values, for the ledger; the log has the rest. */
export function failureOf(error: unknown): string {
  log('error', 'job failed', describeError(error))
  return error instanceof Error ? error.name : 'unknown error'
}
