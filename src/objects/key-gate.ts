/**
 * One object per API key: the one place that knows whether the key is good, what it may and how much
 * is left. Its row is read from D1 once a minute at most; every change is told here before it is
 * acknowledged.
 */
import nodeCrypto from 'node:crypto'
import { DurableObject } from 'cloudflare:workers'
import { openSession } from '../db/client.ts'
import type { KeyId } from '../db/ids.ts'
import { databaseInTime } from '../db/in-time.ts'
import { describeError, log } from '../log.ts'
import { apiKeysRepository, type LoadedApiKey } from '../repositories/api-keys.ts'
import { isInRanges } from '../security/limits/ip-ranges.ts'
import { effectiveScopes, isUsable } from '../security/key-rights.ts'
import type { KeyAnswer, KeyQuestion } from '../security/callers/key-gates.ts'
import { KeyMeter, type Metered } from './key-meter.ts'

type Loaded = LoadedApiKey | 'missing'

interface Known {
  readonly loaded: Loaded
  /** When the read began. */
  readonly at: number
}

/** How long the gate goes by what it has read. So long may a change stay unknown that nobody could tell it. */
const KNOWN_FOR_MS = 60_000
const USAGE_EVERY_MS = 60_000
/** How long a call to D1 may take: less than a request has, which then hears of it from here. */
const CALL_LIMIT_MS = 3_000
const BYTES = new TextEncoder()

export class KeyGate extends DurableObject<{ readonly DB: D1Database }> {
  readonly #meter = new KeyMeter(this.ctx.storage)
  #known: Known | undefined

  /** Whether the key may be used, counting this use if it may. @throws if the key has to be read and cannot be */
  async verify(keyId: KeyId, { secretHash, address, again }: KeyQuestion): Promise<KeyAnswer> {
    const loaded = (again ? undefined : this.#current()) ?? (await this.#load(keyId, again))
    if (loaded === 'missing') return { good: false, because: 'invalid' }
    const { key } = loaded
    // The object's own clock: the Workers that ask need not agree on when a window ends.
    const now = Date.now()
    if (!isSecret(secretHash, key, now) || !isUsable(loaded, now)) {
      return { good: false, because: 'invalid' }
    }
    if (key.allowedIps && !isInRanges(address, key.allowedIps))
      return { good: false, because: 'address' }
    const metered = again ? this.#meter.counted(key, now) : this.#meter.count(key, now)
    if (metered.within) await this.#scheduleUsage(now)
    return answerTo(loaded, metered)
  }

  /**
   * What `verify` would answer to somebody with the secret, at an address that may use it, who asks
   * again. Counts nothing. @throws as `verify` does
   */
  async foresee(keyId: KeyId): Promise<KeyAnswer> {
    const loaded = await this.#load(keyId, true)
    const now = Date.now()
    if (loaded === 'missing' || !isUsable(loaded, now)) return { good: false, because: 'invalid' }
    return answerTo(loaded, this.#meter.foresee(loaded.key, now))
  }

  /** To be called after every change of the key or of its creator's rights, before it is acknowledged. */
  async refresh(keyId: KeyId): Promise<void> {
    await this.#load(keyId, true)
  }

  /** Usage goes to D1 at most once a minute, as absolute figures. */
  override async alarm(): Promise<void> {
    const usage = this.#meter.usage()
    if (!usage) return
    try {
      await this.#keys().recordUsage(usage.keyId, usage.days)
      this.#meter.written(usage.days)
    } catch (error) {
      // The platform would try again within seconds, and after a few times not at all.
      log('warn', 'usage postponed', { keyId: usage.keyId, ...describeError(error) })
      await this.#scheduleUsage(Date.now())
    }
  }

  async #load(keyId: KeyId, isToBeAnew: boolean): Promise<Loaded> {
    // Nothing is verified while the row is read, and of two reads the later one stays.
    const outcome = await this.ctx.blockConcurrencyWhile(async () => {
      const current = isToBeAnew ? undefined : this.#current()
      if (current) return { loaded: current }
      // What the gate knew may have changed, so it does not outlive a read that fails.
      this.#known = undefined
      const at = Date.now()
      try {
        const loaded: Loaded = (await this.#keys().load(keyId)) ?? 'missing'
        if (loaded === 'missing') await this.#meter.forget()
        else this.#meter.remember(keyId)
        this.#known = { loaded, at }
        return { loaded }
      } catch (error) {
        // Thrown from here, it would break off every other request that is under way.
        return { error }
      }
    })
    if ('error' in outcome) throw outcome.error
    return outcome.loaded
  }

  /** What is known, before its end. */
  #current(): Loaded | undefined {
    const age = Date.now() - (this.#known?.at ?? -Infinity)
    return age < KNOWN_FOR_MS ? this.#known?.loaded : undefined
  }

  #keys() {
    return apiKeysRepository(openSession(databaseInTime(this.env.DB, CALL_LIMIT_MS), 'primary').db)
  }

  async #scheduleUsage(now: number): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null)
      await this.ctx.storage.setAlarm(now + USAGE_EVERY_MS)
  }
}

function answerTo(loaded: LoadedApiKey, metered: Metered): KeyAnswer {
  if (!metered.within) return { good: false, ...metered.refusal }
  const { accessRevision } = loaded.key
  return { good: true, scopes: effectiveScopes(loaded), accessRevision, limits: metered.limits }
}

function isSecret(hash: string, key: LoadedApiKey['key'], now: number): boolean {
  const accepted = [
    key.secretHash,
    ...key.previousSecrets.filter(({ until }) => now < Date.parse(until)).map((each) => each.hash),
  ]
  return accepted.some((each) => isEqual(hash, each))
}

/** Secrets are compared in constant time, so that how long an answer takes says nothing about them. */
function isEqual(a: string, b: string): boolean {
  const [left, right] = [BYTES.encode(a), BYTES.encode(b)]
  return left.byteLength === right.byteLength && nodeCrypto.timingSafeEqual(left, right)
}
