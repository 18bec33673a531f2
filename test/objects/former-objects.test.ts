/**
 * After a deployment the Worker and its objects may be a version apart for minutes: whatever serves
 * people and partners works all the same, both ways round. `FORMER` is what the last release's objects have.
 */
import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import type { Bindings } from '../../src/env.ts'
import { partner } from '../support/keys.ts'
import { testSite } from '../support/site.ts'
import { inShard, january, member, noon, rule } from './visit-fixtures.ts'

/** The methods of 0.2.0, with how many arguments they take and what they answer with. */
const FORMER = {
  VISITS: {
    record: [4],
    foresee: [4],
    read: [2],
    standing: [3],
    due: [4],
    settle: [3],
    recheck: [2],
    eligible: [4],
    prune: [2, ['pruned', 'more']],
    erase: [1],
  },
  KEYS: { verify: [2], foresee: [2], refresh: [1] },
} as const satisfies Record<string, Record<string, Method>>

type Method = readonly [takes: number, answers?: readonly string[]]

/** Objects as they were: what they do not know yet they ignore, refuse or leave out. */
function former<N extends Bindings['VISITS'] | Bindings['KEYS']>(
  native: N,
  methods: Readonly<Record<string, Method>>,
): N {
  const getByName = (name: string) =>
    new Proxy(native.getByName(name), {
      get: (stub, method: string) => {
        const [takes, answers] = methods[method] ?? []
        const call = Reflect.get(stub, method) as (...values: unknown[]) => Promise<object>
        return async (...values: unknown[]) => {
          if (takes === undefined) {
            throw new TypeError(`The RPC receiver does not implement the method "${method}".`)
          }
          const result = await Reflect.apply(call, stub, values.slice(0, takes))
          return answers
            ? Object.fromEntries(Object.entries(result).filter(([name]) => answers.includes(name)))
            : result
        }
      },
    })
  return { getByName } as unknown as N
}

describe('a new Worker with the objects of the last release', () => {
  test('counts visits, answers partners and forgets members; what is new waits for new objects', async () => {
    const logged = vi.spyOn(console, 'error').mockReturnValue()
    const site = testSite({
      VISITS: former(env.VISITS, FORMER.VISITS),
      KEYS: former(env.KEYS, FORMER.KEYS),
    })
    const [root, ada] = [await site.root(), await site.member('ada')]
    const badge = (await root.post('/v1/badges', { title: 'Came' })).body
    await root.post('/v1/badge-rules', { badgeId: badge.id, metric: 'visits', threshold: 1 })
    const visit = { headers: { 'Idempotency-Key': 'once' } }
    expect((await ada.post('/v1/me/visits', undefined, visit)).body).toMatchObject({ total: 1 })
    expect((await ada.post('/v1/me/visits', undefined, visit)).body).toMatchObject({ total: 1 })
    expect((await ada.get('/v1/me/visits')).body).toMatchObject({ total: 1 })
    expect((await ada.get('/v1/me/progress')).status).toBe(200)
    const key = await partner(site, { scopes: ['profile:read'] })
    expect((await key.get(`/v1/users/${ada.userId}`)).status).toBe(200)
    await root.delete(`/v1/api-keys/${key.id}`)
    expect((await key.get(`/v1/users/${ada.userId}`)).status).toBe(401)

    // The job that tells objects of the database fails, and the others do what they are for.
    await expect(site.tick()).rejects.toThrow('bind-stores')
    expect((await ada.get(`/v1/users/${ada.userId}/badges`)).body.items).toHaveLength(1)
    await expect(site.tick(Date.now() + 500 * 24 * 60 * 60 * 1000)).rejects.toThrow('bind-stores')
    expect((await root.get('/v1/stats')).body.visitsByDay).toBeNull()
    expect((await root.delete(`/v1/users/${ada.userId}`)).status).toBe(204)
    logged.mockRestore()
  })
})

describe('new objects with the Worker of the last release', () => {
  test('take what it asks and answer as it expects', async () => {
    await inShard(0, (shard) => {
      const [ada, calls] = [member(1), january]
      const visit = [ada, noon(1), calls(1), { key: 'once', fingerprint: 'a' }] as const
      expect(shard.record(...visit)).toEqual({ counted: true, day: calls(1), total: 1 })
      expect(shard.record(...visit)).toMatchObject({ replayed: true, total: 1 })
      expect(shard.read(ada, calls(1))).toMatchObject({ total: 1, days: 1 })
      expect(shard.standing(ada, [rule(1)], calls(1))).toEqual([{ ruleId: rule(1).id, have: 1 }])
      expect(shard.eligible(rule(1), calls(1), null, 10)).toMatchObject({ next: null })
      const { upTo, more } = shard.due([rule(1, { threshold: 1 })], calls(1), 10, 0)
      expect([upTo > 0, more]).toEqual([true, false])
      shard.settle(upTo, [rule(1).id], 0)
      shard.recheck(ada, calls(1))
      expect(shard.prune(calls(9), 10)).toMatchObject({ pruned: 0, more: false })
      shard.erase(ada)
      expect(shard.record(...visit)).toEqual({ erased: true })
    })
  })
})
