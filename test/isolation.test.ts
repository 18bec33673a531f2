/** No test meets what another one has stored, whether it is awake, asleep or crashed. */
import { abortAllDurableObjects, evictAllDurableObjects, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { emptyStores } from './support/empty-stores.ts'
import { testSite } from './support/site.ts'

const NAMESPACES: readonly DurableObjectNamespace[] = [env.VISITS, env.JOBS, env.KEYS]

/** Does this in an object of each class. Stubs are made anew: resetting breaks those there are. */
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
    expect(await inEach((storage) => storage.get('left'))).toEqual(['behind', 'behind', 'behind'])
    await leave()

    await emptyStores()

    const left = await inEach((storage) => storage.get('left'))
    expect(left).toEqual([undefined, undefined, undefined])
    const users = await env.DB.prepare('select id from users').all()
    expect(users.results).toEqual([])
  })
})
