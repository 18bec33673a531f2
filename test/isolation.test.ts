/** A test meets nothing of another one: neither what it has stored nor what it still does. */
import {
  abortAllDurableObjects,
  applyD1Migrations,
  evictAllDurableObjects,
  reset,
  runInDurableObject,
} from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { dumpD1 } from './support/dump.ts'
import { emptyStores } from './support/empty-stores.ts'
import { testSite } from './support/site.ts'
import { begin } from './support/under-way.ts'

const NAMESPACES: readonly DurableObjectNamespace[] = [env.VISITS, env.JOBS, env.KEYS, env.WEBHOOKS]

/** Does this in an object of each class. Stubs are made anew, because a reset breaks old ones. */
function inEach<T>(work: (storage: DurableObjectStorage) => Promise<T>): Promise<T[]> {
  const objects = NAMESPACES.map((namespace) => namespace.getByName('isolation'))
  return Promise.all(
    objects.map((object) => runInDurableObject(object, (_, { storage }) => work(storage))),
  )
}

describe('what a test has stored does not reach the next', () => {
  test.each([
    ['while it is awake', async () => {}],
    ['after it has fallen asleep', () => evictAllDurableObjects()],
    ['after it has crashed', () => abortAllDurableObjects()],
  ])('%s', async (_, leave) => {
    await testSite().member('ada')
    await inEach((storage) => storage.put('left', 'behind'))
    expect(await inEach((storage) => storage.get('left'))).toEqual(NAMESPACES.map(() => 'behind'))
    await leave()

    await emptyStores()

    const left = await inEach((storage) => storage.get('left'))
    expect(left).toEqual(NAMESPACES.map(() => undefined))
    const users = await env.DB.prepare('select id from users').all()
    expect(users.results).toEqual([])
  })
})

test('a test has the database that the migrations leave', async () => {
  const content = async () => {
    const { results } = await env.DB.prepare(
      `select type, name, sql from sqlite_master
        where name not glob '_cf_*' and tbl_name not in ('d1_migrations', 'sqlite_sequence')
        order by name`,
    ).all()
    const { site = [], ...rows } = await dumpD1()
    const isKey = /^(?:[0-9a-f]{32}|[0-9a-f]{64})$/
    return { results, rows, site: JSON.parse(JSON.stringify(site), withoutKeys) }

    /** Migrations make keys and the generation at random. */
    function withoutKeys(_: string, value: unknown): unknown {
      return typeof value === 'string' && isKey.test(value) ? 'a key' : value
    }
  }
  await emptyStores()
  const copied = await content()
  await reset()
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS)
  expect(copied.results.length).toBeGreaterThan(50)
  expect(copied).toEqual(await content())
})

test('the site of a test that has timed out answers no more', async () => {
  const timeout = new AbortController()
  begin(timeout.signal)
  const site = testSite()
  expect((await site.anonymous.get('/v1/badges')).status).toBe(200)
  timeout.abort(new Error('timed out'))
  await expect(site.anonymous.get('/v1/badges')).rejects.toThrow('timed out')
  await expect(site.tick()).rejects.toThrow('timed out')
})
