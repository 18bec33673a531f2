import {
  abortAllDurableObjects,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { KeyId } from '../../src/db/ids.ts'
import { countingStorage } from '../support/counting.ts'
import { failingStorage } from '../support/failing.ts'
import { giveGate, type Partner, partner } from '../support/keys.ts'
import { linesOf } from '../support/log-lines.ts'
import { rowsOf } from '../support/population.ts'
import { type Reply, testSite } from '../support/site.ts'

const gateOf = (id: KeyId) => env.KEYS.getByName(id)
const alarmOf = (id: KeyId) =>
  runInDurableObject(gateOf(id), (_, { storage }) => storage.getAlarm())
const usageRows = (id: KeyId) =>
  rowsOf('select day, requests from api_key_usage where key_id = ?', id)

async function times(count: number, work: () => Promise<Reply>): Promise<number[]> {
  const statuses: number[] = []
  for (let done = 0; done < count; done++) statuses.push((await work()).status)
  return statuses
}

afterEach(() => void vi.restoreAllMocks())
afterEach(() => void vi.useRealTimers())

/** Stops the clock of the test, which the gates share, at this time. */
const setClock = (at: number) => vi.useFakeTimers({ toFake: ['Date'], now: at })

describe('D1 is asked about a key once a minute', () => {
  test('whatever the number of requests, and a verification writes nothing to it', async () => {
    const site = testSite()
    const key = await partner(site)
    const { storage, traced } = countingStorage()
    await giveGate(key.id, storage.DB)
    const { calls } = await traced(() => times(20, () => key.get('/v1/whoami')))
    expect(calls).toHaveLength(1)
    expect(calls[0]?.text).not.toMatch(/\b(insert into|update|delete from)\b/i)
    expect(await usageRows(key.id)).toEqual([])
  })

  test('also when the first requests come all at once', async () => {
    const site = testSite()
    const key = await partner(site)
    const { storage, costOf } = countingStorage()
    await giveGate(key.id, storage.DB)
    const cost = await costOf(() =>
      Promise.all(Array.from({ length: 50 }, () => key.get('/v1/whoami'))),
    )
    expect(cost.d1).toBe(1)
  })

  test('and while D1 is away, a key that is known goes on working until the minute is over', async () => {
    const site = testSite()
    const key = await partner(site)
    vi.spyOn(console, 'error').mockReturnValue()
    const start = Date.now()
    setClock(start)
    await key.get('/v1/whoami')
    const { storage, arm, disarm } = failingStorage()
    await giveGate(key.id, storage.DB)
    arm({ fails: () => true })
    setClock(start + 59_999)
    expect(await key.get('/v1/whoami')).toMatchObject({ status: 200 })
    setClock(start + 60_000)
    const { status, body, headers } = await key.get('/v1/whoami')
    expect([status, body.code, headers.get('Retry-After')]).toEqual([503, 'unavailable', '1'])
    disarm()
    expect(await key.get('/v1/whoami')).toMatchObject({ status: 200 })
  })

  test('so what its gate was never told is known a minute later', async () => {
    const site = testSite()
    const [root, key] = [await site.root(), await partner(site)]
    const start = Date.now()
    setClock(start)
    await key.get('/v1/whoami')
    await rowsOf(`update api_keys set enabled = 0 where id = ?`, key.id)
    setClock(start + 59_999)
    expect((await key.get('/v1/whoami')).status).toBe(200)
    setClock(start + 60_000)
    expect((await key.get('/v1/whoami')).status).toBe(401)
    // The gate forgets after a minute, too, that a key was no good.
    await rowsOf(`update api_keys set enabled = 1 where id = ?`, key.id)
    setClock(start + 120_000)
    expect((await key.get('/v1/whoami')).status).toBe(200)
    expect((await root.get(`/v1/api-keys/${key.id}`)).body.revision).toBe(1)
  })
})

describe('a key that cannot be read', () => {
  test('is 503 for the moment, neither let in nor called invalid', async () => {
    const site = testSite()
    const key = await partner(site)
    const { storage, arm, disarm } = failingStorage()
    vi.spyOn(console, 'error').mockReturnValue()
    await giveGate(key.id, storage.DB)
    arm({ fails: () => true })
    const answer = await key.get('/v1/whoami')
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(answer.headers.get('Retry-After')).toBe('1')
    expect(JSON.stringify(answer.body)).not.toContain('secret_internals')
    disarm()
    expect((await key.get('/v1/whoami')).status).toBe(200)
  })

  test('is not served from memory once it was to be read anew', async () => {
    const site = testSite()
    const key = await partner(site)
    await key.get('/v1/whoami')
    vi.spyOn(console, 'error').mockReturnValue()
    const { storage, arm, disarm } = failingStorage()
    await giveGate(key.id, storage.DB)
    arm({ fails: () => true })
    await expect(
      runInDurableObject(gateOf(key.id), (gate) => gate.refresh(key.id)),
    ).rejects.toThrow('secret_internals')
    expect((await key.get('/v1/whoami')).status).toBe(503)
    disarm()
    expect((await key.get('/v1/whoami')).status).toBe(200)
  })
})

describe('a gate that is started anew', () => {
  const RESTARTS: readonly (readonly [string, (key: Partner) => Promise<void>])[] = [
    ['after an eviction', (key) => evictDurableObject(gateOf(key.id))],
    ['after a crash', () => abortAllDurableObjects()],
  ]

  test.each(RESTARTS)('%s knows what was used, and what was changed', async (_, restart) => {
    const site = testSite()
    const root = await site.root()
    const key = await partner(site, { rateLimit: { limit: 5, windowSeconds: 3600 } })
    expect(await times(3, () => key.get('/v1/whoami'))).toEqual([200, 200, 200])
    await root.patch(`/v1/api-keys/${key.id}`, { enabled: false })
    await restart(key)
    expect((await key.get('/v1/whoami')).status).toBe(401)
    await root.patch(`/v1/api-keys/${key.id}`, { enabled: true })
    await restart(key)
    expect(await times(3, () => key.get('/v1/whoami'))).toEqual([200, 200, 429])
  })

  test.each(RESTARTS)('%s still writes the usage', async (_, restart) => {
    const key = await partner(testSite())
    await times(3, () => key.get('/v1/whoami'))
    await restart(key)
    expect(await runDurableObjectAlarm(gateOf(key.id))).toBe(true)
    expect(await usageRows(key.id)).toMatchObject([{ requests: 3 }])
  })
})

describe('usage is written by the alarm', () => {
  test('a minute after the first use, and not again before the next use', async () => {
    const key = await partner(testSite())
    const before = Date.now()
    await times(3, () => key.get('/v1/whoami'))
    const alarm = (await alarmOf(key.id)) ?? 0
    expect(alarm).toBeGreaterThanOrEqual(before + 60_000)
    expect(alarm).toBeLessThanOrEqual(Date.now() + 60_000)
    await times(3, () => key.get('/v1/whoami'))
    expect(await alarmOf(key.id)).toBe(alarm)
    await runDurableObjectAlarm(gateOf(key.id))
    expect(await alarmOf(key.id)).toBeNull()
    await key.get('/v1/whoami')
    expect(await alarmOf(key.id)).toBeGreaterThanOrEqual(alarm)
  })

  test('as absolute figures: writing them twice counts nothing twice', async () => {
    const key = await partner(testSite())
    const { storage, arm, disarm } = failingStorage()
    vi.spyOn(console, 'warn').mockReturnValue()
    await times(4, () => key.get('/v1/whoami'))
    await giveGate(key.id, storage.DB)
    arm({ fails: () => true, when: 'after' })
    await runDurableObjectAlarm(gateOf(key.id))
    disarm()
    expect(await usageRows(key.id)).toMatchObject([{ requests: 4 }])
    await runDurableObjectAlarm(gateOf(key.id))
    expect(await usageRows(key.id)).toMatchObject([{ requests: 4 }])
  })

  test('and if D1 is away, a minute later', async () => {
    const key = await partner(testSite())
    const { storage, arm, disarm } = failingStorage()
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    await times(4, () => key.get('/v1/whoami'))
    await giveGate(key.id, storage.DB)
    arm({ fails: () => true })
    const before = Date.now()
    await runDurableObjectAlarm(gateOf(key.id))
    expect(await alarmOf(key.id)).toBeGreaterThanOrEqual(before + 60_000)
    expect(linesOf(warn)).toMatchObject([{ event: 'usage postponed' }])
    disarm()
    await runDurableObjectAlarm(gateOf(key.id))
    expect(await usageRows(key.id)).toMatchObject([{ requests: 4 }])
  })

  test('nothing is left in the object of a key that was deleted with its creator, but that it is over', async () => {
    const site = testSite()
    const [root, boss] = [await site.root(), await site.memberWith('admin', 'boss')]
    const key = await partner(site, {}, boss)
    await times(2, () => key.get('/v1/whoami'))
    expect((await root.delete(`/v1/users/${boss.userId}`)).status).toBe(204)
    const left = await runInDurableObject(gateOf(key.id), async (_, { storage }) => ({
      alarm: await storage.getAlarm(),
      stored: [...storage.kv.list()],
    }))
    const over = { generation: expect.any(String), accessRevision: 1, isOver: true }
    expect(left).toEqual({ alarm: null, stored: [['told', over]] })
  })
})
