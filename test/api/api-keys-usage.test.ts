import { runDurableObjectAlarm } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { KeyId } from '../../src/db/ids.ts'
import { partner } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { testSite } from '../support/site.ts'

const DAY = 86_400_000
const dayOf = (ms: number) => new Date(ms).toISOString().slice(0, 10)
const pathOf = (id: KeyId) => `/v1/api-keys/${id}/usage`
const writeUsage = (id: KeyId) => runDurableObjectAlarm(env.KEYS.getByName(id))

/** Stores the usage of a key on the day of `at`. */
const record = (id: KeyId, at: number, requests: number) =>
  rowsOf(
    'insert into api_key_usage (key_id, day, requests, last_used_at) values (?, ?, ?, ?)',
    id,
    dayOf(at),
    requests,
    new Date(at).toISOString(),
  )

afterEach(() => vi.useRealTimers())

describe('GET /v1/api-keys/{keyId}/usage', () => {
  test('shows the uses of each UTC day, newest first', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const site = testSite()
    const root = await site.root()
    const key = await partner(site)
    const path = pathOf(key.id)
    expect((await root.get(path)).body).toEqual({ keyId: key.id, lastUsedAt: null, byDay: [] })
    const start = Date.now()
    for (const uses of [2, 3]) {
      for (let use = 0; use < uses; use++) await key.get('/v1/whoami')
      vi.setSystemTime(start + DAY)
    }
    await writeUsage(key.id)
    const { body } = await (await site.root()).get(path)
    expect(body).toEqual({
      keyId: key.id,
      lastUsedAt: new Date(start + DAY).toISOString(),
      byDay: [
        { day: dayOf(start + DAY), requests: 3, refused: 0 },
        { day: dayOf(start), requests: 2, refused: 0 },
      ],
    })
  })

  test('shows the last 90 days on which it was used, and no more', async () => {
    const site = testSite()
    const [root, key] = [await site.root(), await partner(site)]
    const now = Date.now()
    for (let days = 0; days < 100; days++) await record(key.id, now - days * DAY, days + 1)
    const { body } = await root.get(pathOf(key.id))
    const expected = Array.from({ length: 90 }, (_, days) => ({
      day: dayOf(now - days * DAY),
      requests: days + 1,
      refused: 0,
    }))
    expect(body.byDay).toEqual(expected)
  })

  test('never goes back: of two figures for a day the higher one stays', async () => {
    const site = testSite()
    const [root, key] = [await site.root(), await partner(site)]
    const later = Date.parse(`${dayOf(Date.now())}T23:59:59.999Z`)
    await record(key.id, later, 7)
    await key.get('/v1/whoami')
    await writeUsage(key.id)
    expect((await root.get(pathOf(key.id))).body).toMatchObject({
      lastUsedAt: new Date(later).toISOString(),
      byDay: [{ requests: 7 }],
    })
  })
})
