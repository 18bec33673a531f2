import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { KeyMeter } from '../../src/objects/key-meter.ts'
import type { ApiKeyRow } from '../../src/repositories/api-keys.ts'

const NOON = Date.UTC(2026, 10, 21, 12)
const SECOND = 1000
const DAY = 86_400 * SECOND

const KEY: ApiKeyRow = {
  id: 'key_00000000000000000000000001',
  name: 'Partner',
  createdBy: 'usr_00000000000000000000000001',
  secretHash: '',
  previousSecrets: [],
  scopes: [],
  allowedIps: null,
  rateLimit: null,
  rateWindowSeconds: null,
  monthlyQuota: null,
  enabled: true,
  expiresAt: null,
  revokedAt: null,
  accessRevision: 1,
  revision: 1,
  createdAt: '',
  updatedAt: '',
  isKeyed: true,
}

type Limits = Pick<ApiKeyRow, 'rateLimit' | 'rateWindowSeconds' | 'monthlyQuota'>

/**
 * A meter in the storage of a real object. `count` uses it at a time in milliseconds, and says in
 * words what came of it.
 */
async function withMeter<T>(
  work: (meter: { count: (at: number, limits?: Partial<Limits>) => string; raw: KeyMeter }) => T,
): Promise<T> {
  return runInDurableObject(env.KEYS.getByName(KEY.id), (_, { storage }) => {
    const raw = new KeyMeter(storage)
    raw.remember(KEY.id)
    const count = (at: number, limits: Partial<Limits> = {}) => {
      const metered = raw.count({ ...KEY, ...limits }, at)
      const of = metered.within ? metered : metered.refusal
      const left = of.limits.map(({ policy, remaining, resetsIn }) =>
        [policy, remaining, resetsIn].join(' '),
      )
      const verdict = metered.within
        ? 'passes'
        : `${metered.refusal.because} ${metered.refusal.retryAfter}`
      return [verdict, ...left].join(', ')
    }
    return work({ count, raw })
  })
}

const THREE_A_MINUTE = { rateLimit: 3, rateWindowSeconds: 60 }

describe('a window', () => {
  test('begins with its first use and counts down to nothing; after its end all of it is there again', async () => {
    const told = await withMeter(({ count }) =>
      [0, 1, 59_000, 59_001, 59_999, 60_000].map((ms) => count(NOON + ms, THREE_A_MINUTE)),
    )
    expect(told).toEqual([
      'passes, window 2 60',
      'passes, window 1 60',
      'passes, window 0 1',
      'rate_limited 1, window 0 1',
      'rate_limited 1, window 0 1',
      'passes, window 2 60',
    ])
  })

  test('rounds the wait up to whole seconds, so that whoever waits that long gets through', async () => {
    await withMeter(({ count, raw }) => {
      for (const used of [0, 250, 999]) count(NOON + used, THREE_A_MINUTE)
      for (let ms = 1000; ms < 60_000; ms += 613) {
        const limits = { ...KEY, ...THREE_A_MINUTE }
        const metered = raw.count(limits, NOON + ms)
        if (metered.within) throw new Error(`passed after ${ms} ms`)
        const { retryAfter } = metered.refusal
        expect(Number.isInteger(retryAfter)).toBe(true)
        expect(retryAfter * SECOND).toBeGreaterThanOrEqual(60_000 - ms)
        expect(retryAfter * SECOND).toBeLessThan(60_000 - ms + SECOND)
      }
      expect(count(NOON + 60_000, THREE_A_MINUTE)).toBe('passes, window 2 60')
    })
  })

  test('is the one that is running when the limit is changed', async () => {
    const told = await withMeter(({ count }) => [
      count(NOON, THREE_A_MINUTE),
      count(NOON, { ...THREE_A_MINUTE, rateLimit: 1 }),
      count(NOON, { ...THREE_A_MINUTE, rateLimit: 5 }),
      count(NOON, {}),
    ])
    expect(told).toEqual([
      'passes, window 2 60',
      'rate_limited 60, window 0 60',
      'passes, window 3 60',
      'passes',
    ])
  })
})

describe('a monthly quota', () => {
  const TWO_A_MONTH = { monthlyQuota: 2 }

  test('lasts to the end of the UTC month, however long that is', async () => {
    const lastSecond = Date.UTC(2026, 11, 1) - 1
    const told = await withMeter(({ count }) =>
      [NOON, NOON, NOON, lastSecond, lastSecond + 1].map((at) => count(at, TWO_A_MONTH)),
    )
    const left = (Date.UTC(2026, 11, 1) - NOON) / SECOND
    expect(told).toEqual([
      `passes, month 1 ${left}`,
      `passes, month 0 ${left}`,
      `quota_exceeded ${left}, month 0 ${left}`,
      'quota_exceeded 1, month 0 1',
      `passes, month 1 ${31 * 86_400}`,
    ])
  })

  test('counts what was used in the month before there was a quota', async () => {
    const told = await withMeter(({ count }) => [
      count(NOON),
      count(NOON),
      count(NOON, TWO_A_MONTH),
    ])
    expect(told.at(-1)).toMatch(/^quota_exceeded /)
  })

  test('is not given again when the clock steps back over the end of a month', async () => {
    const [before, after] = [Date.UTC(2026, 11, 1) - 1, Date.UTC(2026, 11, 1)]
    const told = await withMeter(({ count }) =>
      [after, before, after, before].map((at) => count(at, TWO_A_MONTH).split(',')[0]),
    )
    expect(told.slice(0, 2)).toEqual(['passes', 'passes'])
    expect(told.slice(2).join()).not.toContain('passes')
  })

  test('comes before the window: both have to leave room, and the longer wait is told', async () => {
    const both = { rateLimit: 1, rateWindowSeconds: 60, monthlyQuota: 1 }
    const told = await withMeter(({ count }) => [count(NOON, both), count(NOON, both)])
    const left = (Date.UTC(2026, 11, 1) - NOON) / SECOND
    expect(told).toEqual([
      `passes, window 0 60, month 0 ${left}`,
      `quota_exceeded ${left}, window 0 60, month 0 ${left}`,
    ])
  })
})

describe('usage', () => {
  test('has the uses of each UTC day and the last one; what was refused is not among them', async () => {
    const usage = await withMeter(({ count, raw }) => {
      for (const at of [0, 1, 2, 3, DAY, DAY + 60_000]) count(NOON + at, THREE_A_MINUTE)
      return raw.usage()
    })
    expect(usage).toEqual({
      keyId: KEY.id,
      days: [
        { day: '2026-11-21', requests: 3, lastUsedAt: '2026-11-21T12:00:00.002Z' },
        { day: '2026-11-22', requests: 2, lastUsedAt: '2026-11-22T12:01:00.000Z' },
      ],
    })
  })

  test('keeps the day that is not over after it was written, with what came meanwhile', async () => {
    const days = await withMeter(({ count, raw }) => {
      count(NOON)
      count(NOON + DAY)
      const written = raw.usage()?.days ?? []
      count(NOON + DAY + 1)
      raw.written(written)
      return raw.usage()?.days
    })
    expect(days).toEqual([
      { day: '2026-11-22', requests: 2, lastUsedAt: '2026-11-22T12:00:00.001Z' },
    ])
  })

  test('and all figures are in storage before the answer is', async () => {
    await withMeter(({ count }) => count(NOON, THREE_A_MINUTE))
    const [told, days] = await withMeter(({ count, raw }) => [
      count(NOON + 1, THREE_A_MINUTE),
      raw.usage()?.days,
    ])
    expect(told).toBe('passes, window 1 60')
    expect(days).toMatchObject([{ requests: 2 }])
  })

  test('of a key that is gone is gone too', async () => {
    await runInDurableObject(env.KEYS.getByName(KEY.id), async (_, { storage }) => {
      const meter = new KeyMeter(storage)
      meter.remember(KEY.id)
      meter.count(KEY, NOON)
      await meter.forget()
      expect(meter.usage()).toBeUndefined()
      expect([...storage.kv.list()]).toEqual([])
    })
  })
})
