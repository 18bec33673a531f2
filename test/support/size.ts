/** The size of the long tests. */
import { env } from 'cloudflare:workers'

/**
 * `full` with `npm run test:full`; otherwise `quick`, which is enough for every fault in question.
 */
export function sized(full: number, quick: number): number {
  return env.FULL === '1' ? full : quick
}

/** With `npm run test:full`, says ten times how far a long test has come. */
export function progress(done: number, of: number): void {
  const tenth = Math.max(1, Math.floor(of / 10))
  if (env.FULL === '1' && done % tenth === 0) console.info(`${done} of ${of}`)
}
