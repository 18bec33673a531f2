/**
 * Everything that goes to the log: one JSON object a line, in the forms of docs/log.schema.json. A line has
 * ids, codes and figures, and of an error what describes it: no parameter values, no personal data, no secret.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

export type Level = 'info' | 'warn' | 'error'

/** Names what a line is about; docs/operations.md says what each is a sign of. */
export type LogEvent =
  | 'request'
  | 'job'
  | 'request failed'
  | 'job failed'
  | 'login failed'
  | 'console failed'
  | 'sign-in failed'
  | 'follow-up postponed'
  | 'profile sync postponed'
  | 'usage postponed'
  | 'unknown kind of event'
  | 'key set not fetched'
  | 'keys ignored'
  | 'key checksums not renewed'
  | 'page key not renewed'
  | 'webhooks postponed'
  | 'webhook postponed'
  | 'signal refused'
  | 'mail not taken'
  | 'mail postponed'
  | 'object not put back'
  | 'environment not written'
  | 'setting differs'
  | 'time zone not written'
  | 'refusals not written'

/** Writes one line. @param details in the form that the schema has for this event */
export function log(level: Level, event: LogEvent, details: Readonly<Record<string, unknown>>) {
  const time = new Date().toISOString()
  console[level](JSON.stringify({ time, level, event, ...details }))
}

/** drizzle's messages repeat SQL and values, which may be personal data; D1's own text, in `cause`, does not. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { thrown: typeof error }
  const isQuery = error.message.startsWith('Failed query')
  return {
    name: error.name,
    message: isQuery ? 'Failed query' : error.message,
    ...(error.cause instanceof Error && { cause: error.cause.message }),
    ...(!isQuery && { stack: error.stack }),
  }
}

/** How often a request or a job has called storage. A batch is one call; calls of dry runs are not counted. */
export interface Tally {
  d1: number
  objects: number
}

const tallies = new AsyncLocalStorage<Tally | undefined>()

/** Has the calls that `work` makes counted there; nowhere if there is no tally. */
export function tallied<T>(tally: Tally | undefined, work: () => T): T {
  return tallies.run(tally, work)
}

/** To be called before each call of storage. */
export function countCall(store: keyof Tally): void {
  const tally = tallies.getStore()
  if (tally) tally[store] += 1
}
