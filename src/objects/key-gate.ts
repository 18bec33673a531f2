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
import { otherGeneration } from './belonging.ts'
import { type Counts, KeyMeter, type Metered } from './key-meter.ts'

type Loaded = LoadedApiKey | 'missing'

/** What the gate was told of its key, which outlives a database that was put back. */
export type Told = {
  readonly generation: string
  /** The highest access revision; a key at a lower one is one that is no longer so. */
  readonly accessRevision: number
  /** Whether it was over for good then. */
  readonly isOver: boolean
}

/** All that a gate has stored. */
export interface GateDump {
  readonly told: Told | null
  readonly counts: Counts | null
}

interface Known {
  readonly loaded: Loaded
  readonly generation: string
  /** When the read began. */
  readonly at: number
}

/** How long the gate goes by what it has read. So long may a change stay unknown that nobody could tell it. */
const KNOWN_FOR_MS = 60_000
const USAGE_EVERY_MS = 60_000
/** How long a call to D1 may take: less than a request has, which then hears of it from here. */
const CALL_LIMIT_MS = 3_000
const TOLD = 'told'
const BYTES = new TextEncoder()

export class KeyGate extends DurableObject<{ readonly DB: D1Database }> {
  readonly #meter = new KeyMeter(this.ctx.storage)
  #known: Known | undefined

  /** Whether the key may be used, counting this use if it may. @throws if the key has to be read and cannot be */
  async verify(keyId: KeyId, { secretHash, address, again }: KeyQuestion): Promise<KeyAnswer> {
    const known = (again ? undefined : this.#current()) ?? (await this.#load(keyId, again))
    const { loaded } = known
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
    return answerTo(loaded, known.generation, metered)
  }

  /**
   * What `verify` would answer to somebody with the secret, at an address that may use it, who asks
   * again. Counts nothing. @throws as `verify` does
   */
  async foresee(keyId: KeyId): Promise<KeyAnswer> {
    const { loaded, generation } = await this.#load(keyId, true)
    const now = Date.now()
    if (loaded === 'missing' || !isUsable(loaded, now)) return { good: false, because: 'invalid' }
    return answerTo(loaded, generation, this.#meter.foresee(loaded.key, now))
  }

  /** To be called after every change of the key or of its creator's rights, before it is acknowledged. */
  async refresh(keyId: KeyId): Promise<void> {
    await this.#load(keyId, true)
  }

  /** What reconciling goes by, whatever generation it is; undefined if nobody has told it of its key. */
  told(): Told | undefined {
    return this.ctx.storage.kv.get<Told>(TOLD)
  }

  /** Makes this gate one of the generation, once the database knows as much of its key. */
  adopt(generation: string): void {
    const told = this.told()
    if (told) this.ctx.storage.kv.put(TOLD, { ...told, generation })
    this.#known = undefined
  }

  /** All there is here, for a backup. @throws Error that `isRetryable` recognises, of another generation */
  dump(generation: string): GateDump {
    const told = this.told()
    if (told && told.generation !== generation) throw otherGeneration()
    return { told: told ?? null, counts: this.#meter.stored() ?? null }
  }

  /** Takes what `dump` said; may be repeated. What is known here of later revocations stays. */
  async load({ told, counts }: GateDump): Promise<void> {
    if (counts) this.#meter.load(counts)
    const { accessRevision = 0, isOver = false } = this.told() ?? {}
    if (told)
      this.ctx.storage.kv.put(TOLD, {
        // Another one than that of the database, until it is adopted.
        generation: told.generation,
        accessRevision: Math.max(told.accessRevision, accessRevision),
        isOver: told.isOver || isOver,
      } satisfies Told)
    this.#known = undefined
    if (counts && counts.days.length > 0) await this.#scheduleUsage(Date.now())
  }

  /** Usage goes to D1 at most once a minute, as absolute figures. */
  override async alarm(): Promise<void> {
    const usage = this.#meter.usage()
    if (!usage) return
    const { keyId, days } = usage
    try {
      const { generation } = this.told() ?? (await this.#load(keyId, true))
      if (!(await this.#keys().recordUsage(keyId, days, generation))) throw otherGeneration()
      this.#meter.written(days)
    } catch (error) {
      // The platform would try again within seconds, and after a few times not at all.
      log('warn', 'usage postponed', { keyId, ...describeError(error) })
      await this.#scheduleUsage(Date.now())
    }
  }

  async #load(keyId: KeyId, isToBeAnew: boolean): Promise<Known> {
    // Nothing is verified while the row is read, and of two reads the later one stays.
    const outcome = await this.ctx.blockConcurrencyWhile(async () => {
      const current = isToBeAnew ? undefined : this.#current()
      if (current) return { known: current }
      // What the gate knew may have changed, so it does not outlive a read that fails.
      this.#known = undefined
      const at = Date.now()
      try {
        const { loaded = 'missing', generation } = await this.#keys().load(keyId)
        const told = this.#believed(loaded, generation)
        if (loaded === 'missing') await this.#meter.forget()
        else this.#meter.remember(keyId)
        if (told && !isSame(told, this.told())) this.ctx.storage.kv.put(TOLD, told)
        const known: Known = { loaded, generation, at }
        this.#known = known
        return { known }
      } catch (error) {
        // Thrown from here, it would break off every other request that is under way.
        return { error }
      }
    })
    if ('error' in outcome) throw outcome.error
    return outcome.known
  }

  /**
   * What is to be kept of what was read; undefined if nothing is.
   * @throws Error that `isRetryable` recognises, for what a database says that was put back
   */
  #believed(loaded: Loaded, generation: string): Told | undefined {
    const told = this.told()
    // Of no generation can anything be done with a key that is not there.
    if (loaded === 'missing') return told && { ...told, isOver: true }
    if (told && told.generation !== generation) throw otherGeneration()
    const { accessRevision, revokedAt } = loaded.key
    const isOver = revokedAt !== null
    if (told && (accessRevision < told.accessRevision || (told.isOver && !isOver)))
      throw otherGeneration()
    return { generation, accessRevision, isOver }
  }

  /** What is known, before its end. */
  #current(): Known | undefined {
    const age = Date.now() - (this.#known?.at ?? -Infinity)
    return age < KNOWN_FOR_MS ? this.#known : undefined
  }

  #keys() {
    return apiKeysRepository(openSession(databaseInTime(this.env.DB, CALL_LIMIT_MS), 'primary').db)
  }

  async #scheduleUsage(now: number): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null)
      await this.ctx.storage.setAlarm(now + USAGE_EVERY_MS)
  }
}

function answerTo(loaded: LoadedApiKey, generation: string, metered: Metered): KeyAnswer {
  if (!metered.within) return { good: false, ...metered.refusal }
  const { accessRevision } = loaded.key
  const { limits } = metered
  return { good: true, scopes: effectiveScopes(loaded), accessRevision, generation, limits }
}

function isSame(one: Told, other: Told | undefined): boolean {
  return (
    one.generation === other?.generation &&
    one.accessRevision === other.accessRevision &&
    one.isOver === other.isOver
  )
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
