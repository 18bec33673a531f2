/** A call that is explained is not made: it changes neither D1 nor objects and uses nothing up. */
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it, vi } from 'vitest'
import { dryRunObjects } from '../../src/http/explain/dry-run-objects.ts'
import { bookingScene } from '../support/bookings.ts'
import { countingStorage } from '../support/counting.ts'
import { explained, foretold } from '../support/explained.ts'
import { sceneOf } from '../support/mutating-requests.ts'
import { testSite } from '../support/site.ts'

describe('after an explanation', () => {
  it('the same call does what it would have done without', async () => {
    const site = testSite()
    const root = await site.root()
    const asked = { method: 'POST', path: '/v1/badges', json: { title: 'One', slug: 'one' } }
    expect(await foretold(root, root.userId, asked)).toBe(201)
    expect(await foretold(root, root.userId, asked)).toBe(201)
    const headers = { 'Idempotency-Key': 'once' }
    const made = await root.post(asked.path, asked.json, { headers })
    expect(made.status).toBe(201)
    expect(made.headers.has('Idempotency-Replayed')).toBe(false)
    const { body } = await root.get('/v1/audit?action=badge.create')
    expect(body.items.map(({ target }: { target: string }) => target)).toEqual([made.body.id])
  })

  it('a member is still there, with their rights, visits and keys', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    await ada.post('/v1/me/visits')
    for (const [method, path, status] of [
      ['DELETE', '', 204],
      ['POST', '/suspend', 200],
      ['PUT', '/roles/admin', 200],
    ] as const) {
      const asked = { method, path: `/v1/users/${ada.userId}${path}` }
      expect(await foretold(root, root.userId, asked)).toBe(status)
    }
    expect((await ada.get('/v1/me')).body).toMatchObject({ roles: ['member'], status: 'active' })
    expect((await ada.get('/v1/me/visits')).body.total).toBe(1)
  })

  it('a visit is not counted, and within half an hour of one it is said not to be', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const visit = { method: 'POST', path: '/v1/me/visits' }
    expect(await foretold(root, ada.userId, visit)).toBe(201)
    expect(await foretold(root, ada.userId, visit)).toBe(201)
    expect((await ada.post('/v1/me/visits')).body).toMatchObject({ counted: true, total: 1 })
    expect(await foretold(root, ada.userId, visit)).toBe(200)
  })

  it('a place that was booked and confirmed at once is free, and nothing is left for a tick', async () => {
    const { site, root, slot } = await bookingScene()
    const ada = await site.member('ada')
    const slotId = await slot({ autoConfirm: true })
    const asked = { method: 'POST', path: '/v1/bookings', json: { slotId } }
    expect(await foretold(root, ada.userId, asked)).toBe(201)
    expect((await ada.post('/v1/bookings', { slotId })).body.status).toBe('confirmed')
    const { body } = await root.get('/v1/audit?action=booking.confirm')
    expect(body.items).toHaveLength(1)
  })

  it('no use of a key is counted, neither against its limit nor as usage', async () => {
    const site = testSite()
    const root = await site.root()
    const rateLimit = { limit: 5, windowSeconds: 3600 }
    const { body: key } = await root.post('/v1/api-keys', { name: 'P', scopes: [], rateLimit })
    const remaining = async () =>
      (await site.bearer(key.secret).get('/v1/badges')).headers.get('RateLimit')
    expect(await remaining()).toContain('r=4')
    for (let n = 0; n < 3; n++) {
      const asked = { method: 'GET', path: '/v1/badges' }
      expect(await foretold(root, key.id, asked)).toBe(200)
    }
    expect(await remaining()).toContain('r=3')
    const requests = await runInDurableObject(env.KEYS.getByName(key.id), async (gate) => {
      await gate.alarm()
      return env.DB.prepare('select requests from api_key_usage').first('requests')
    })
    expect(requests).toBe(2)
  })

  it('a key that was said to be revoked, or to have another secret, works as before', async () => {
    const site = testSite()
    const root = await site.root()
    const { body: key } = await root.post('/v1/api-keys', { name: 'P', scopes: [] })
    const path = `/v1/api-keys/${key.id}`
    expect(await foretold(root, root.userId, { method: 'DELETE', path })).toBe(204)
    const rotation = { method: 'POST', path: `${path}/rotate`, json: {} }
    expect(await foretold(root, root.userId, rotation)).toBe(201)
    expect((await site.bearer(key.secret).get('/v1/badges')).status).toBe(200)
  })
})

describe('objects', () => {
  it('are not told of what has not happened', async () => {
    const { storage, traced } = countingStorage()
    const { root, key } = await sceneOf(testSite(storage))
    const { id } = await key()
    for (const [method, path] of [
      ['DELETE', `/v1/api-keys/${id}`],
      ['POST', '/v1/jobs/prune-records/run'],
    ] as const) {
      const { calls } = await traced(() => explained(root, root.userId, { method, path }))
      expect(calls.filter(({ store }) => store === 'object')).toEqual([])
    }
  })

  it('and D1 are asked once, however many explanations are explained', async () => {
    const { storage, costOf } = countingStorage()
    const ada = await testSite(storage).member('ada')
    let call: object = { method: 'GET', path: '/v1/me/visits' }
    const costs = []
    for (let depth = 0; depth < 4; depth++) {
      costs.push(await costOf(() => ada.post('/v1/explain', call)))
      call = { method: 'POST', path: '/v1/explain', body: call }
    }
    const [plain, ...nested] = costs
    expect(plain).toEqual({ d1: 2, objects: 1 })
    expect(nested).toEqual(nested.map(() => ({ d1: 2, objects: 0 })))
  })

  it('refuse in a dry run what nobody has decided to let through', async () => {
    const { VISITS, KEYS } = dryRunObjects(env)
    const rule = { id: 'rul_1', revision: 1, metric: 'visits', threshold: 1, windowDays: null }
    const shard = VISITS.getByName('visits-0')
    const refused = [
      shard.settle(1),
      shard.prune('2026-01-01'),
      shard.due([{ ...rule, id: 'rul_1', metric: 'visits' }], '2026-01-01'),
      KEYS.getByName('key_1').verify('key_1', { secretHash: '', address: undefined, again: false }),
    ]
    for (const call of refused) await expect(call).rejects.toThrow('not for dry runs')
    expect(() => VISITS.idFromName('visits-0')).toThrow(TypeError)
  })
})

describe('a failure of storage', () => {
  it('is not taken for an answer: the explanation fails, as the call would', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    const site = testSite({
      VISITS: {
        getByName: () => ({
          foresee: async () => {
            throw new Error('Network connection lost')
          },
        }),
      } as unknown as typeof env.VISITS,
    })
    const ada = await site.member('ada')
    const call = { method: 'POST', path: '/v1/me/visits' }
    expect(await ada.post('/v1/explain', call)).toMatchObject({
      status: 503,
      body: { code: 'unavailable' },
    })
  })
})
