/**
 * API keys that were good here within the last minute. A read of theirs need not wait for their gate: it is
 * begun with what the key might do then, and its answer waits for what the gate says now.
 */
import type { Settings } from '../../settings/settings.ts'
import type { PartnerActor } from '../actor.ts'

interface RememberedKey {
  readonly actor: PartnerActor
  /** Of the stores, as its gate knew it. */
  readonly generation: string | undefined
  /** Milliseconds since the epoch. */
  readonly goodAt: number
}

const FRESH_MS = 60_000
const MOST = 1_000

export class RememberedKeys {
  /** By the hash of the secret. */
  readonly #keys = new Map<string, RememberedKey>()

  /** What the key might do when it was good; undefined if that is too long ago. */
  find(secretHash: string, now: number): RememberedKey | undefined {
    const known = this.#keys.get(secretHash)
    return known && Math.abs(now - known.goodAt) < FRESH_MS ? known : undefined
  }

  remember(secretHash: string, key: Omit<RememberedKey, 'goodAt'>, now: number): void {
    this.#keys.delete(secretHash)
    this.#keys.set(secretHash, { ...key, goodAt: now })
    const [oldest] = this.#keys.keys()
    if (this.#keys.size > MOST && oldest !== undefined) this.#keys.delete(oldest)
  }

  /** It was refused. */
  forget(secretHash: string): void {
    this.#keys.delete(secretHash)
  }
}

const remembered = new WeakMap<Settings, RememberedKeys>()

export function rememberedKeys(settings: Settings): RememberedKeys {
  const known = remembered.get(settings) ?? new RememberedKeys()
  remembered.set(settings, known)
  return known
}
