import { env, runInDurableObject } from 'cloudflare:test'
import { describe, expect, test } from 'vitest'
import { ACTIONS, EVENT_TYPES } from '../../src/db/actions.ts'
import type { AuditId } from '../../src/db/ids.ts'
import { newId } from '../../src/db/ids.ts'
import { eventually } from '../support/eventually.ts'
import { intercepted } from '../support/intercept.ts'
import { partner } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { type Client, type Site, testSite } from '../support/site.ts'

const DAY_MS = 86_400_000

interface Told {
  readonly id: string
  readonly type: string
  readonly subject: string
  readonly revision: number | null
  readonly fields: readonly string[]
  readonly about: Readonly<Record<string, string | number>>
}

async function page(client: Client, cursor?: string, query = 'limit=100') {
  const { status, body } = await client.get(
    `/v1/events?${query}${cursor === undefined ? '' : `&cursor=${cursor}`}`,
  )
  expect(status).toBe(200)
  return body as { items: Told[]; nextCursor: string }
}

/** Reads until there is nothing more, as a partner does. */
async function everything(client: Client, query?: string, from?: string) {
  const items: Told[] = []
  let cursor = from
  while (true) {
    const { items: more, nextCursor } = await page(client, cursor, query)
    items.push(...more)
    if (nextCursor === cursor) return { items, cursor }
    cursor = nextCursor
  }
}

/** An entry of the audit log, past every check. */
async function logged(action: string, target = 'usr_1') {
  const id: AuditId = newId('aud', Date.now())
  await rowsOf(
    `insert into audit_log (id, at, actor, action, target, changes)
     values (?, '2026-11-30T00:00:00.000Z', 'usr_1', ?, ?, '{}')`,
    id,
    action,
    target,
  )
}

const typesOf = (items: readonly Told[]) => items.map(({ type }) => type)

test('tells every change in its order, by ids, names of fields and revisions, and nothing else', async () => {
  const site = testSite()
  const [root, ada] = [await site.root(), await site.member('ada', { name: 'Ada Lovelace' })]
  const { cursor } = await everything(root)
  await ada.patch('/v1/me', { bio: 'canary', phone: '+4930123456' })
  const { id: badgeId } = (await root.post('/v1/badges', { title: 'canary' })).body
  await root.put(`/v1/users/${ada.userId}/badges/${badgeId}`)
  await root.put(`/v1/users/${ada.userId}/roles/moderator`)
  await root.put('/v1/roles/greeter', { permissions: [] })
  await root.post('/v1/jobs/prune-records/run')
  await root.delete(`/v1/users/${ada.userId}`)

  const { items } = await everything(root, 'limit=2', cursor)
  const { revision } = items.find(({ type }) => type === 'role.assign') ?? {}
  expect(items).toMatchObject([
    { type: 'profile.update', subject: ada.userId, revision: 2, fields: ['bio', 'phone'] },
    { type: 'badge.create', subject: badgeId, revision: 1 },
    { type: 'badge.assign', subject: ada.userId, about: { badgeId } },
    { type: 'role.assign', subject: ada.userId, about: { role: 'moderator' } },
    { type: 'role.define', subject: 'greeter', revision: 1, fields: ['permissions'] },
    { type: 'job.request', about: { job: 'prune-records' } },
    { type: 'user.delete', subject: ada.userId, revision: null },
  ])
  expect(revision).toEqual(expect.any(Number))
  expect(JSON.stringify(items)).not.toMatch(/canary|Lovelace|4930/)
  expect(new Set(items.map(({ id }) => id)).size).toBe(items.length)
  const some = await everything(root, 'limit=1&types=badge.create,user.delete', cursor)
  expect(typesOf(some.items)).toEqual(['badge.create', 'user.delete'])
})

test('a claim of bookings is told with the revision that it leads to', async () => {
  const site = testSite()
  const root = await site.root()
  const { id } = (await root.post('/v1/services', { name: 'Haircut' })).body
  const { body: slot } = await root.post(`/v1/services/${id}/slots`, {
    startsAt: '2060-01-01T10:00:00Z',
    endsAt: '2060-01-01T11:00:00Z',
  })
  const visitor = await site.visitor()
  const contact = { email: 'canary@example.com' }
  await visitor.post('/v1/bookings', { slotId: slot.id, contact })
  const ada = await site.member('ada')
  await ada.post('/v1/me/bookings/claim', { visitorToken: visitor.token })
  const { items } = await everything(root, 'types=booking.create,booking.claim')
  const [booking] = (await ada.get('/v1/me/bookings')).body.items
  expect(items.map(({ subject, revision }) => [subject, revision])).toEqual([
    [booking.id, 1],
    [booking.id, booking.revision],
  ])
})

test('whatever is written to the audit log is an event, but for what the list leaves out', async () => {
  const root = await testSite().root()
  const { cursor } = await everything(root)
  for (const [action] of ACTIONS) await logged(action)
  const { items } = await everything(root, undefined, cursor)
  const told = ACTIONS.flatMap(([action, isEvent]) => (isEvent ? action : []))
  expect(typesOf(items)).toEqual(told)
  expect(EVENT_TYPES).toEqual(expect.arrayContaining(told))
})

test('a reader that stops anywhere misses nothing and sees nothing twice, whatever is written meanwhile', async () => {
  const site = testSite()
  const [root, ada] = [await site.root(), await site.member('ada')]
  const read: string[] = []
  let cursor: string | undefined
  const writing = Promise.all(
    Array.from({ length: 40 }, async (_, n) => {
      if (n % 3 === 0) return root.post('/v1/badges', { title: 'x', slug: 'taken' })
      // What is only explained is rolled back, and leaves no event.
      if (n % 3 === 1)
        return ada.post('/v1/explain', { method: 'PATCH', path: '/v1/me', body: { bio: `${n}` } })
      return ada.patch('/v1/me', { bio: `${n}` })
    }),
  )
  const follow = async () => {
    const { items, nextCursor } = await page(root, cursor, 'limit=3')
    read.push(...items.map(({ id }) => id))
    const isAtEnd = nextCursor === cursor
    cursor = nextCursor
    return isAtEnd
  }
  for (let n = 0; n < 20; n++) await follow()
  await writing
  while (!(await follow()));
  const log = await rowsOf<{ id: string }>('select id from audit_log order by id')
  expect(read.toSorted()).toEqual(log.map(({ id }) => id.replace('aud_', 'evt_')).toSorted())
  const stored = await rowsOf<{ id: string }>('select id from feed order by position')
  expect(read).toEqual(stored.map(({ id }) => id))
})

describe('a cursor', () => {
  test('of another generation, from a later state, or from before what is kept is 410', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const first = await page(root, undefined, 'limit=1')
    const { cursor } = await everything(root)
    const gone = async (at?: string) => {
      const { status, body } = await root.get(`/v1/events?cursor=${at}`)
      return [status, body.code]
    }
    // The store is put back, and nobody has given it another generation.
    await rowsOf('drop trigger feed_keeps_its_newest')
    await rowsOf('delete from feed where position > 2')
    expect(await gone(cursor)).toEqual([410, 'cursor_expired'])
    await ada.patch('/v1/me', { bio: 'x' })

    // 31 days later all but the newest is forgotten, and a tick says so.
    await rowsOf("update feed set at = '2026-01-01T00:00:00.000Z'")
    await site.tick()
    expect(await gone(first.nextCursor)).toEqual([410, 'cursor_expired'])
    const latest = (await page(root, 'latest')).nextCursor
    expect(await page(root, latest)).toEqual({ items: [], nextCursor: latest })
    await rowsOf("update site set value = '0123456789abcdef' where key = 'generation'")
    // Whoever would wait is told so without waiting.
    const began = Date.now()
    expect(await gone(`${latest}&wait=25`)).toEqual([410, 'cursor_expired'])
    expect(Date.now() - began).toBeLessThan(20_000)
    expect((await root.get('/problems/cursor_expired')).text).toContain('cursor=latest')
    expect((await page(root, 'latest')).items).toEqual([])
  })

  test('never leads to another event than the one it led to: no position is given twice', async () => {
    const site = testSite({ EVENT_DAYS: '1' })
    const root = await site.root()
    await site.member('ada')
    const { cursor } = await everything(root)
    await site.tick(Date.now() + 10 * DAY_MS)
    await site.tick(Date.now() + 20 * DAY_MS)
    expect(await rowsOf('select count(*) as left from feed')).toEqual([{ left: 1 }])
    await site.member('ben')
    expect(typesOf((await page(root, cursor)).items)).toEqual(['user.create'])
  })

  test('events are all forgotten in one day, also where a page of them ends with one from a clock that is ahead', async () => {
    const site = testSite({ EVENT_DAYS: '1' })
    await site.root()
    const [{ n } = { n: 0 }] = await rowsOf<{ n: number }>('select max(position) as n from feed')
    await rowsOf(
      `insert into feed (position, id, type, at, subject, fields, about)
        with recursive numbers(n) as (select ? + 1 union all select n + 1 from numbers where n < 1200)
        select n, 'evt_' || n, 'x', iif(n = 500, '2090', '2020'), 's', '[]', '{}' from numbers`,
      n,
    )
    await site.tick(Date.now() + 3 * 86_400_000)
    const [{ left } = { left: 0 }] = await rowsOf<{ left: number }>(
      `select count(*) as left from feed where at = '2020'`,
    )
    expect(left).toBeLessThanOrEqual(1)
  })

  test('is refused where it is none', async () => {
    const root = await testSite().root()
    for (const query of ['cursor=newest', 'types=badge.eat', 'types=', 'wait=26', 'limit=0'])
      expect([query, (await root.get(`/v1/events?${query}`)).status]).toEqual([query, 422])
  })
})

describe('waiting', () => {
  const FOLLOWS = { scopes: ['event:read', 'audit:read'] as const }

  async function waitingSite() {
    let isLooking: (() => void) | undefined
    const storage = intercepted(async (call, proceed) => {
      if (call.text.includes('as news')) isLooking?.()
      return proceed()
    })
    const site = testSite(storage)
    const root = await site.root()
    const key = await partner(site, { ...FOLLOWS })
    const { nextCursor } = await page(key, 'latest')
    /** Asks, and returns once the request has looked in vain. */
    async function wait(seconds: number, types = '') {
      const { promise: looked, resolve } = Promise.withResolvers<void>()
      isLooking = resolve
      const answer = key.get(`/v1/events?cursor=${nextCursor}&wait=${seconds}${types}`)
      await looked
      return { answer }
    }
    return { site, root, key, nextCursor, wait }
  }

  test('ends with the first event that is asked for, or with the time', async () => {
    const { root, wait, nextCursor } = await waitingSite()
    const { answer } = await wait(25, '&types=badge.create')
    await root.put('/v1/roles/greeter', { permissions: [] })
    await root.post('/v1/badges', { title: 'x' })
    expect(typesOf((await answer).body.items)).toEqual(['badge.create'])
    const { answer: inVain } = await wait(1, '&types=badge.delete')
    const { body } = await inVain
    expect(body.items).toEqual([])
    expect(body.nextCursor).not.toBe(nextCursor)
  })

  test('is by the rights of now, whatever was known of the member before', async () => {
    const { site } = await waitingSite()
    const boss = await site.memberWith('admin', 'boss')
    const { nextCursor } = await page(boss, 'latest')
    const ask = async () => (await boss.get(`/v1/events?cursor=${nextCursor}&wait=1`)).status
    const change = 'update users set access_revision = access_revision + 1 where id = ?'
    await rowsOf(change, boss.userId)
    expect(await ask()).toBe(200)
    await rowsOf('delete from user_roles where user_id = ?', boss.userId)
    await rowsOf(change, boss.userId)
    expect(await ask()).toBe(403)
  })

  test('tells nothing to whoever has lost the right meanwhile', async () => {
    const { root, key, wait } = await waitingSite()
    const { answer } = await wait(25)
    await root.delete(`/v1/api-keys/${key.id}`)
    expect([(await answer).status, (await answer).body.code]).toEqual([401, 'invalid_api_key'])
  })
})

describe('what objects report', () => {
  async function visited(site: Site, times: number) {
    const ada = await site.member('ada')
    await ada.post('/v1/me/visits')
    const [member] = await rowsOf<{ visit_shard: number }>(
      'select visit_shard from users where id = ?',
      ada.userId,
    )
    const shard = env.VISITS.getByName(`visits-${member?.visit_shard}`)
    for (let n = 1; n < times; n++)
      await shard.record(ada.userId, Date.now() + n * 3_600_000, '2099-01-01')
    return { ada, shard }
  }

  test('is told once, however often it is reported', async () => {
    const site = testSite()
    const root = await site.root()
    const { ada, shard } = await visited(site, 25)
    const reported = await shard.milestones(10)
    await site.tick()
    // The object has not heard that the feed has it, and reports it again.
    await runInDurableObject(shard, (_, { storage }) => {
      for (const { id, member, total, at } of reported.found)
        storage.sql.exec(
          'insert into milestones (id, member, total, at) values (?, ?, ?, ?)',
          ...[id, member, total, at],
        )
    })
    await site.tick()
    const { items } = await everything(root, 'types=visit.milestone')
    expect(items).toMatchObject([
      { subject: ada.userId, about: { total: 10 } },
      { subject: ada.userId, about: { total: 25 } },
    ])
    expect((await shard.milestones(10)).found).toEqual([])
  })

  test('is not told of somebody who is deleted by then', async () => {
    const site = testSite()
    const root = await site.root()
    const { ada } = await visited(site, 10)
    await root.delete(`/v1/users/${ada.userId}`)
    await site.tick()
    expect((await everything(root, 'types=visit.milestone')).items).toEqual([])
  })
})

test('of jobs it tells what was asked for and what has failed', async () => {
  const site = testSite()
  const root = await site.root()
  await root.post('/v1/jobs/fold-names/run')
  await eventually(async () => {
    const { items } = await everything(root, 'types=job.request,job.succeed,job.fail')
    expect(typesOf(items)).toEqual(['job.request', 'job.succeed'])
  })
  await site.tick()
  await rowsOf("update job_runs set status = 'running' where job = 'fold-names'")
  await rowsOf("update job_runs set status = 'failed' where job = 'fold-names'")
  expect(typesOf((await everything(root, 'types=job.fail')).items)).toContain('job.fail')
})
