/**
 * Stands before the gates of API keys: an address that has sent too many well-formed but unknown keys
 * is refused before its next one reaches a gate. Keys that were good here a moment ago always pass.
 */
import { networkOf } from './ip-ranges.ts'

/** As `[[ratelimits]]` in wrangler.toml has it: so many failures per address in so many seconds. */
export const BURST_LIMIT = { limit: 1000, period: 60 } as const

/** How many addresses, and how many keys, are remembered; the oldest are forgotten. */
const REMEMBERED = 10_000

export interface BurstGuard {
  /** Whole seconds until the address may send unknown keys again; 0 if it may. @param now milliseconds */
  wait(address: string | undefined, secretHash: string, now: number): number
  /** Has to be told of every key that was good. */
  passed(secretHash: string): void
  /** Has to be told of every key that was not good. @param now milliseconds */
  failed(address: string | undefined, secretHash: string, now: number): Promise<void>
}

const guards = new WeakMap<RateLimit, BurstGuard>()

/** One for each binding and isolate; without the binding nothing is refused. */
export function burstGuardOf(binding: RateLimit | undefined): BurstGuard {
  if (!binding) return NO_GUARD
  const known = guards.get(binding)
  if (known) return known
  const made = burstGuard(binding)
  guards.set(binding, made)
  return made
}

const NO_GUARD: BurstGuard = { wait: () => 0, passed() {}, async failed() {} }

function burstGuard(binding: RateLimit): BurstGuard {
  /**
   * When each network may try again, in milliseconds. It is remembered because the binding cannot
   * be asked without counting.
   */
  const blockedUntil = new Map<string, number>()
  const good = new Map<string, true>()

  return {
    wait(address, secretHash, now) {
      if (address === undefined || good.has(secretHash)) return 0
      const until = blockedUntil.get(networkOf(address)) ?? now
      return Math.max(0, Math.ceil((until - now) / 1000))
    },
    passed(secretHash) {
      remember(good, secretHash, true)
    },
    async failed(address, secretHash, now) {
      good.delete(secretHash)
      if (address === undefined) return
      const network = networkOf(address)
      // A guard that is out of order refuses nobody: the gates decide about keys, not this.
      const { success } = await binding.limit({ key: network }).catch(() => ({ success: true }))
      if (!success) remember(blockedUntil, network, now + BURST_LIMIT.period * 1000)
    },
  }
}

/** Sets the entry as the most recent one. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > REMEMBERED && oldest !== undefined) map.delete(oldest)
}
