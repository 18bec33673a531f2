/** A gate whose D1 does not answer: it says so in three seconds, before the time of the request is up. */
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { KeyGate } from '../../src/objects/key-gate.ts'
import { hangingStorage, holdTimers } from '../support/hanging.ts'
import { giveGate, type Partner, partner } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { testSite } from '../support/site.ts'

const LIMIT_MS = 3_000
const REQUEST_LIMIT_MS = 5_000

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
  vi.spyOn(console, 'warn').mockReturnValue()
})

afterEach(() => void vi.useRealTimers())
afterEach(() => void vi.restoreAllMocks())

/**
 * The next call that the gate makes to D1 hangs.
 * @returns how `work` ends, which does so when the time is up
 */
async function whileGateHangs(key: Partner, work: (gate: KeyGate) => Promise<unknown>) {
  const { storage, hang } = hangingStorage()
  await giveGate(key.id, storage.DB)
  return runInDurableObject(gateOf(key), async (gate: KeyGate) => {
    const { reached, release } = hang({ isIt: () => true })
    holdTimers()
    let outcome: unknown
    const over = work(gate).then(
      () => (outcome = 'done'),
      (error: Error) => (outcome = error.message),
    )
    await reached
    await vi.advanceTimersByTimeAsync(LIMIT_MS - 1)
    expect(outcome).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    await over
    vi.useRealTimers()
    await release()
    return outcome
  })
}

const gateOf = ({ id }: Partner) => env.KEYS.getByName(id)

test('whoever calls with the key is told to come back, in the name of the gate', async () => {
  const key = await partner(testSite())
  const { storage, hang } = hangingStorage()
  await giveGate(key.id, storage.DB)
  hang({ isIt: () => true })
  const began = Date.now()
  const { status, body, headers } = await key.get('/v1/whoami')
  expect([status, body.code, headers.get('Retry-After')]).toEqual([503, 'unavailable', '1'])
  expect(body.detail).toContain('API keys')
  expect(Date.now() - began).toBeGreaterThanOrEqual(LIMIT_MS)
  expect(Date.now() - began).toBeLessThan(REQUEST_LIMIT_MS)
})

test('a key that is to be read anew is not, and then is, when D1 answers again', async () => {
  const site = testSite()
  const [root, key] = [await site.root(), await partner(site)]
  expect((await key.get('/v1/whoami')).status).toBe(200)
  const outcome = await whileGateHangs(key, (gate) => gate.refresh(key.id))
  expect(outcome).toBe(`no answer within ${LIMIT_MS} ms`)
  expect((await key.get('/v1/whoami')).status).toBe(200)
  expect((await root.delete(`/v1/api-keys/${key.id}`)).status).toBeLessThan(300)
  expect((await key.get('/v1/whoami')).status).toBe(401)
})

test('usage that cannot be written is written a minute later', async () => {
  const key = await partner(testSite())
  await key.get('/v1/whoami')
  expect(await whileGateHangs(key, (gate) => gate.alarm())).toBe('done')
  const alarm = await runInDurableObject(gateOf(key), (_, { storage }) => storage.getAlarm())
  expect(alarm).toBeGreaterThan(Date.now())
  await runDurableObjectAlarm(gateOf(key))
  const usage = await rowsOf('select requests from api_key_usage where key_id = ?', key.id)
  expect(usage).toEqual([{ requests: 1 }])
})
