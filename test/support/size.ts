/** How much the long tests do. */
import { env } from 'cloudflare:workers'

/** So many with `npm run test:full`; otherwise `quick`, which suffices for each fault the test is about. */
export function sized(full: number, quick: number): number {
  return env.FULL === '1' ? full : quick
}
