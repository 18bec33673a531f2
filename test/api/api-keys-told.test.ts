/** A change of what a key may do is acknowledged only when the key's gate knows of it. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Failure, failingStorage } from '../support/failing.ts'
import { keyScene, LOSSES } from '../support/key-losses.ts'
import { giveGate, partner, rightsAtGate } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { testSite } from '../support/site.ts'

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
  vi.spyOn(console, 'warn').mockReturnValue()
})
afterEach(() => vi.restoreAllMocks())

/** The rights at the gate of a key that has lost what it could do. */
const LOST = ['none', []]

async function scene() {
  const { storage, arm, disarm } = failingStorage()
  const site = testSite(storage)
  const failRefresh = (when: Failure) => arm({ fails: (_, { text }) => text === 'refresh', when })
  return { site, ...(await keyScene(site)), failRefresh, disarm }
}

const failures = LOSSES.flatMap(([name, act, , repeated]) =>
  (['before', 'after'] as const).map((when) => ({ name, act, repeated, when })),
)

test.each(LOSSES)('%s is in force when it is acknowledged', async (_, act, status) => {
  const before = await scene()
  expect((await act(before)).status).toBe(status)
  expect(LOST).toContainEqual(await rightsAtGate(before.key))
})

describe('503 unavailable, not a false success', () => {
  test.each(failures)(
    'answers $name whose gate fails $when it is told, and repeating it tells it again',
    async ({ act, repeated, when }) => {
      const before = await scene()
      before.failRefresh(when)
      const reply = await act(before)
      expect(reply).toMatchObject({ status: 503, body: { code: 'unavailable' } })
      expect(reply.headers.get('Retry-After')).toBe('1')
      // The gate is still not told, so the second answer is no false success either.
      expect((await act(before)).status).toBe(503)
      before.disarm()
      expect((await act(before)).status).toBe(repeated)
      expect(LOST).toContainEqual(await rightsAtGate(before.key))
    },
  )

  test.each(LOSSES)(
    'answers %s whose gate cannot read it, and nothing is let in meanwhile',
    async (_, act) => {
      const before = await scene()
      const database = failingStorage()
      await giveGate(before.key.id, database.storage.DB)
      database.arm({ fails: () => true })
      expect((await act(before)).status).toBe(503)
      expect((await before.key.get('/v1/audit')).status).toBe(503)
      database.disarm()
      expect(LOST).toContainEqual(await rightsAtGate(before.key))
    },
  )

  test('also says that the key of a replayed rotation works', async () => {
    const before = await scene()
    const rotate = () =>
      before.root.post(
        `/v1/api-keys/${before.key.id}/rotate`,
        { graceSeconds: 60 },
        { headers: { 'Idempotency-Key': 'once' } },
      )
    before.failRefresh('before')
    expect((await rotate()).status).toBe(503)
    before.disarm()
    const { status, headers, body } = await rotate()
    expect({ status, replayed: headers.get('Idempotency-Replayed') }).toEqual({
      status: 201,
      replayed: 'true',
    })
    expect((await before.site.bearer(body.secret).get('/v1/audit')).status).toBe(200)
    expect((await before.key.get('/v1/audit')).status).toBe(200)
  })
})

describe('one act that concerns many keys', () => {
  test('tells all the others although one cannot be told', async () => {
    const before = await scene()
    const keys = [before.key]
    for (let more = 0; more < 4; more++) {
      keys.push(await partner(before.site, { scopes: ['audit:read'] }, before.boss))
    }
    for (const key of keys) expect((await key.get('/v1/audit')).status).toBe(200)
    const database = failingStorage()
    await giveGate(before.key.id, database.storage.DB)
    database.arm({ fails: () => true })
    const demoted = await before.root.delete(`/v1/users/${before.boss.userId}/roles/admin`)
    expect(demoted.status).toBe(503)
    for (const key of keys.slice(1)) expect(await rightsAtGate(key)).toEqual([])
  })

  test('a deletion that could not tell is finished by the next tick', async () => {
    const before = await scene()
    before.failRefresh('before')
    expect((await before.root.delete(`/v1/users/${before.boss.userId}`)).status).toBe(503)
    await expect(before.site.tick()).rejects.toThrow('erase-members')
    expect(await rowsOf('select key_ids from erasures')).toEqual([
      { key_ids: JSON.stringify([before.key.id]) },
    ])
    await testSite().tick(Date.now() + 5 * 60_000)
    before.disarm()
    expect(await rightsAtGate(before.key)).toBe('none')
    expect(await rowsOf('select key_ids from erasures')).toEqual([])
  })
})
