/**
 * Counts the uses of one key: exact windows, a monthly quota, and usage by day. One row in the
 * object's own storage is written per use, so the figures survive a restart of the object.
 */
import type { KeyId } from '../db/ids.ts'
import type { ApiKeyRow, UsageDay } from '../repositories/api-keys.ts'
import type { Limit } from '../security/limits/rate-limit.ts'

interface Within {
  readonly within: true
  readonly limits: readonly Limit[]
}

export type Metered =
  | Within
  | {
      readonly within: false
      readonly refusal: {
        readonly because: 'rate_limited' | 'quota_exceeded'
        readonly limits: readonly Limit[]
        readonly retryAfter: number
      }
    }

export interface Counts {
  windowStart: number
  windowCount: number
  month: string
  monthCount: number
  days: UsageDay[]
  keyId: KeyId | undefined
}

const COUNTS = 'counts'
const EMPTY: Counts = {
  windowStart: 0,
  windowCount: 0,
  month: '',
  monthCount: 0,
  days: [],
  keyId: undefined,
}

export class KeyMeter {
  readonly #storage: DurableObjectStorage
  #counts: Counts

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
    this.#counts = storage.kv.get<Counts>(COUNTS) ?? EMPTY
  }

  /** Deletes the figures, and the alarm with them. */
  async forget(): Promise<void> {
    if (this.#counts === EMPTY) return
    this.#counts = EMPTY
    this.#storage.kv.delete(COUNTS)
    await this.#storage.deleteAlarm()
  }

  /** Alarms have no arguments, so the key's id is kept with the figures. */
  remember(keyId: KeyId): void {
    this.#counts = { ...this.#counts, keyId }
  }

  /** Counts one use, unless a limit is reached; a refused use counts nothing. @param now milliseconds */
  count(key: ApiKeyRow, now: number): Metered {
    const { used, metered } = this.#withUse(key, now)
    if (metered.within) this.#keep(used)
    return metered
  }

  /** What `count` would say. @param now milliseconds */
  foresee(key: ApiKeyRow, now: number): Metered {
    return this.#withUse(key, now).metered
  }

  /** What is left, for a use that was counted already. @param now milliseconds */
  counted(key: ApiKeyRow, now: number): Within {
    return { within: true, limits: limitsOf(key, this.#rolledTo(key, now), now) }
  }

  /** Days not written yet, or written with lower figures. */
  usage(): { keyId: KeyId; days: readonly UsageDay[] } | undefined {
    const { keyId, days } = this.#counts
    return keyId && days.length > 0 ? { keyId, days } : undefined
  }

  /** Forgets days that are over and written. */
  written(days: readonly UsageDay[]): void {
    const last = days.at(-1)
    this.#keep({
      ...this.#counts,
      days: this.#counts.days.filter(({ day }) => last && day >= last.day),
    })
  }

  /** All that is stored, for a backup. */
  stored(): Counts | undefined {
    return this.#storage.kv.get<Counts>(COUNTS)
  }

  /** Takes what `stored` said. */
  load(counts: Counts): void {
    this.#keep(counts)
  }

  #withUse(key: ApiKeyRow, now: number): { used: Counts; metered: Metered } {
    const counts = this.#rolledTo(key, now)
    const before = limitsOf(key, counts, now)
    const reached = before.filter(({ remaining }) => remaining < 1)
    if (reached.length > 0) {
      const retryAfter = Math.max(...reached.map(({ resetsIn }) => resetsIn))
      const because = reached.some(({ policy }) => policy === 'month')
        ? 'quota_exceeded'
        : 'rate_limited'
      const refusal = { because, limits: before, retryAfter } as const
      return { used: counts, metered: { within: false, refusal } }
    }
    const used = {
      ...counts,
      windowCount: counts.windowCount + 1,
      monthCount: counts.monthCount + 1,
      days: withUse(counts.days, now),
    }
    return { used, metered: { within: true, limits: limitsOf(key, used, now) } }
  }

  /** The counts with windows that are over begun anew. */
  #rolledTo({ rateWindowSeconds }: ApiKeyRow, now: number): Counts {
    const counts = this.#counts
    const month = new Date(now).toISOString().slice(0, 7)
    const isOver = now >= counts.windowStart + (rateWindowSeconds ?? 0) * 1000
    return {
      ...counts,
      ...(isOver && { windowStart: now, windowCount: 0 }),
      ...(counts.month < month && { month, monthCount: 0 }),
    }
  }

  #keep(counts: Counts): void {
    this.#counts = counts
    this.#storage.kv.put(COUNTS, counts)
  }
}

function limitsOf(key: ApiKeyRow, counts: Counts, now: number): Limit[] {
  const limits: Limit[] = []
  if (key.rateLimit !== null && key.rateWindowSeconds !== null) {
    const ends = counts.windowStart + key.rateWindowSeconds * 1000
    limits.push({
      policy: 'window',
      quota: key.rateLimit,
      window: key.rateWindowSeconds,
      remaining: Math.max(0, key.rateLimit - counts.windowCount),
      resetsIn: Math.ceil((ends - now) / 1000),
    })
  }
  if (key.monthlyQuota !== null) {
    const [start, end] = monthAround(now)
    limits.push({
      policy: 'month',
      quota: key.monthlyQuota,
      window: (end - start) / 1000,
      remaining: Math.max(0, key.monthlyQuota - counts.monthCount),
      resetsIn: Math.ceil((end - now) / 1000),
    })
  }
  return limits
}

/** The UTC month as milliseconds. */
function monthAround(now: number): [start: number, end: number] {
  const date = new Date(now)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  return [Date.UTC(year, month), Date.UTC(year, month + 1)]
}

function withUse(days: readonly UsageDay[], now: number): UsageDay[] {
  const lastUsedAt = new Date(now).toISOString()
  const day = lastUsedAt.slice(0, 10)
  const today = days.find((each) => each.day === day)
  const others = days.filter((each) => each.day !== day)
  return [...others, { day, requests: (today?.requests ?? 0) + 1, lastUsedAt }]
}
