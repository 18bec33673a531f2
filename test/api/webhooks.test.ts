import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import { describe, expect, test, vi } from 'vitest'
import type { WebhookId } from '../../src/db/ids.ts'
import type { Mail } from '../../src/env.ts'
import { eventually } from '../support/eventually.ts'
import { intercepted } from '../support/intercept.ts'
import { ask } from '../support/operator.ts'
import { rowsOf } from '../support/population.ts'
import { receivers } from '../support/receivers.ts'
import { type Member, ORIGIN, type Site, testSite } from '../support/site.ts'

const AUTH_SECRET = 'a secret of this site, which is long enough'

async function hooked(
  site: Site,
  host = 'partner.example',
  types: readonly string[] | null = null,
) {
  const root = await site.root()
  const url = `https://${host}/hooks`
  const { status, body } = await root.post('/v1/webhooks', { url, types })
  expect(status).toBe(201)
  return { root, ...(body as { id: WebhookId; secret: string }) }
}

const senderOf = (id: string) => env.WEBHOOKS.getByName(id)

/** Has the object of a webhook do what it has to do now, and waits for that. */
async function run(id: string) {
  // An alarm by itself is far away, so none begins beside the one that is waited for.
  const alarm = async (_: unknown, { storage }: DurableObjectState) =>
    storage.setAlarm(Date.now() + 3_600_000)
  await runInDurableObject(senderOf(id), alarm)
  expect(await runDurableObjectAlarm(senderOf(id))).toBe(true)
}

/** It has nothing to do, and nothing that it waits for. */
const atRest = async (id: string) =>
  eventually(() =>
    runInDurableObject(senderOf(id), async (_, { storage }) => {
      expect(await storage.getAlarm()).toBeNull()
    }),
  )

/** Every wait of the object is over. */
async function pass(id: string) {
  await runInDurableObject(senderOf(id), (_, { storage }) => {
    storage.sql.exec('update deliveries set next_at = 0 where next_at is not null')
    storage.sql.exec('update endpoint set open_until = 0 where open_until is not null')
  })
  await run(id)
}

const statusOf = async (root: Member, id: string) => (await root.get(`/v1/webhooks/${id}`)).body
const deliveriesOf = async (root: Member, id: string, query = '') =>
  (await root.get(`/v1/webhooks/${id}/deliveries${query}`)).body.items

describe('a webhook', () => {
  test('is told each change once, signed so that the libraries of its receivers verify it', async () => {
    const { received } = receivers()
    const site = testSite()
    const ada = await site.member('ada')
    const { root, id, secret } = await hooked(site)
    await ada.patch('/v1/me', { bio: 'canary' })
    await root.post(`/v1/webhooks/${id}/ping`)
    await eventually(() => expect(received).toHaveLength(3))
    const feed = (await root.get('/v1/events')).body.items
    for (const { headers, text, event } of received) {
      for (const receiver of [new StandardWebhook(secret), new SvixWebhook(secret)])
        expect(() => receiver.verify(text, { ...headers })).not.toThrow()
      expect(() => new SvixWebhook(secret).verify(`${text} `, { ...headers })).toThrow(
        'No matching',
      )
      expect(headers).toMatchObject({ 'webhook-id': event.id, 'content-type': 'application/json' })
    }
    const events = received.map(({ event }) => event)
    const fromFeed = events.filter(({ type }) => type !== 'webhook.ping')
    expect(feed).toEqual(expect.arrayContaining(fromFeed))
    const types = received.map(({ event }) => event.type)
    expect(types.toSorted()).toEqual(['profile.update', 'webhook.create', 'webhook.ping'])
    expect(JSON.stringify(received)).not.toContain('canary')
    const deliveries = await deliveriesOf(root, id)
    expect(deliveries).toHaveLength(3)
    expect(deliveries.every((each: { status: string }) => each.status === 'delivered')).toBe(true)
  })

  test('is told the types that it asks for, and woken by the change itself', async () => {
    const { received } = receivers()
    const site = testSite()
    const { root } = await hooked(site, 'partner.example', ['badge.create'])
    await root.put('/v1/roles/greeter', { permissions: [] })
    await root.post('/v1/badges', { title: 'x' })
    await eventually(() =>
      expect(received.map(({ event }) => event.type)).toEqual(['badge.create']),
    )
  })

  test('signs with both secrets until the grace of a rotation ends', async () => {
    const { received } = receivers()
    const site = testSite()
    const { root, id, secret } = await hooked(site, 'partner.example', ['badge.create'])
    const rotated = await root.post(`/v1/webhooks/${id}/rotate`, { graceSeconds: 60 })
    const newest = await root.post(`/v1/webhooks/${id}/rotate`, { graceSeconds: 3600 })
    await root.post('/v1/badges', { title: 'x' })
    await eventually(() => expect(received).toHaveLength(1))
    const verifies = (one: string, at = 0) => {
      const { text, headers } = received[at] ?? { text: '', headers: {} }
      try {
        new StandardWebhook(one).verify(text, { ...headers })
        return true
      } catch {
        return false
      }
    }
    const all = [secret, rotated.body.secret, newest.body.secret]
    expect(all.map((one) => verifies(one))).toEqual([true, true, true])
    expect(new Set(all).size).toBe(3)
    await root.post(`/v1/webhooks/${id}/rotate`, { graceSeconds: 0 })
    await root.post('/v1/badges', { title: 'y' })
    await eventually(() => expect(received).toHaveLength(2))
    expect(all.map((one) => verifies(one, 1))).toEqual([false, false, false])
  })

  test('is gone with all that it was to be told when it is deleted', async () => {
    const { answer } = receivers()
    answer('partner.example', () => new Response(null, { status: 500 }))
    const site = testSite()
    const { root, id } = await hooked(site)
    await eventually(async () => expect((await statusOf(root, id)).failuresInARow).toBe(1))
    await root.delete(`/v1/webhooks/${id}`)
    await eventually(() =>
      runInDurableObject(senderOf(id), async (_, { storage }) => {
        const tables = storage.sql.exec("select 1 from sqlite_master where name = 'deliveries'")
        expect(tables.toArray()).toEqual([])
        expect(await storage.getAlarm()).toBeNull()
      }),
    )
    expect((await root.get(`/v1/webhooks/${id}/deliveries`)).status).toBe(404)
  })
})

describe('an attempt that fails', () => {
  test('is made again later, under the same id, and nothing about its subject before it', async () => {
    const { at, answer } = receivers()
    const site = testSite()
    const [ada, ben] = [await site.member('ada'), await site.member('ben')]
    const { root, id } = await hooked(site, 'partner.example', ['profile.update'])
    answer('partner.example', ({ event }, attempt) =>
      event.subject === ada.userId && attempt < 4
        ? new Response('x'.repeat(1000), { status: 503 })
        : new Response('taken'),
    )
    for (const bio of ['1', '2']) await ada.patch('/v1/me', { bio })
    await ben.patch('/v1/me', { bio: '3' })
    await eventually(() => expect(at('partner.example').length).toBeGreaterThanOrEqual(2))
    await run(id)
    expect(at('partner.example').map(({ event }) => event.subject)).toEqual([
      ada.userId,
      ben.userId,
    ])
    const [, second, first] = await deliveriesOf(root, id)
    expect(first).toMatchObject({ status: 'waiting', attempts: 1, lastStatus: 503 })
    expect(Date.parse(first.nextAttemptAt) - Date.parse(first.lastAttemptAt)).toBeGreaterThan(3900)
    expect(second).toMatchObject({ status: 'waiting', attempts: 0 })
    await pass(id)
    await pass(id)
    await pass(id)
    const ids = at('partner.example').map(({ headers }) => headers['webhook-id'])
    expect(ids).toEqual([first.id, ids[1], first.id, first.id, second.id])
    expect(JSON.stringify(await deliveriesOf(root, id))).not.toContain('xxx')
  })

  test('opens the circuit after ten in a row; once one is taken, all the others go out', async () => {
    const { at, answer } = receivers()
    let isUp = false
    answer('deaf.example', () => new Response(null, { status: isUp ? 200 : 500 }))
    const site = testSite()
    const { root, id } = await hooked(site, 'deaf.example', ['badge.create'])
    const other = await hooked(site, 'other.example', ['badge.create'])
    for (let n = 0; n < 15; n++) await root.post('/v1/badges', { title: `${n}` })
    await eventually(async () => expect((await statusOf(root, id)).circuit).toBe('open'))
    await run(id)
    expect(at('deaf.example')).toHaveLength(10)
    await eventually(() => expect(at('other.example')).toHaveLength(15))
    expect((await statusOf(root, other.id)).circuit).toBe('closed')
    // The next one is a probe, after which the circuit is open for twice as long.
    await pass(id)
    const { openUntil, failuresInARow } = await statusOf(root, id)
    expect([at('deaf.example').length, failuresInARow]).toEqual([11, 11])
    expect(Date.parse(openUntil) - Date.now()).toBeGreaterThan(45_000)
    isUp = true
    await pass(id)
    expect(await statusOf(root, id)).toMatchObject({ circuit: 'closed', waiting: 0 })
    expect(new Set(at('deaf.example').map(({ event }) => event.id)).size).toBe(15)
  })

  test('delays no other, and is the only one there is until it has ended', async () => {
    const { at, answer } = receivers()
    const { promise: silence, resolve: speak } = Promise.withResolvers<Response>()
    answer('deaf.example', () => silence)
    const site = testSite()
    const { root, id } = await hooked(site, 'deaf.example', ['badge.create'])
    await hooked(site, 'other.example', ['badge.create'])
    for (let n = 0; n < 5; n++) await root.post('/v1/badges', { title: `${n}` })
    await eventually(() => expect(at('other.example')).toHaveLength(5))
    await root.post(`/v1/webhooks/${id}/ping`)
    const rotated = await root.post(`/v1/webhooks/${id}/rotate`, {})
    expect([rotated.status, at('deaf.example').length]).toEqual([201, 1])
    answer('deaf.example', () => new Response(null, { status: 204 }))
    speak(new Response(null, { status: 204 }))
    await eventually(() => expect(at('deaf.example')).toHaveLength(6))
    // What goes out after the rotation is signed with the new secret as well.
    const { text, headers } = at('deaf.example').at(-1) ?? { text: '', headers: {} }
    const receiver = new StandardWebhook(rotated.body.secret)
    expect(() => receiver.verify(text, { ...headers })).not.toThrow()
  })

  test('is read for 64 KiB at most, and then canceled', async () => {
    const { answer } = receivers()
    let [read, isCanceled] = [0, false]
    answer('partner.example', () => {
      const endless = new ReadableStream({
        pull(controller) {
          read += 8192
          controller.enqueue(new Uint8Array(8192))
        },
        cancel() {
          isCanceled = true
        },
      })
      return new Response(endless, { status: 200 })
    })
    const { root, id } = await hooked(testSite(), 'partner.example', ['badge.create'])
    await root.post('/v1/badges', { title: '1' })
    await eventually(async () =>
      expect(await deliveriesOf(root, id)).toMatchObject([
        { status: 'delivered', lastStatus: 200 },
      ]),
    )
    // The stream may be a few pieces ahead of its reader.
    expect([isCanceled, read < 2 * 65_536]).toEqual([true, true])
  })

  test('is dead after three days, and can be sent again by hand', async () => {
    const { at, answer } = receivers()
    answer(
      'partner.example',
      ({ event }) => new Response(null, { status: event.type === 'badge.create' ? 400 : 200 }),
    )
    const site = testSite()
    const { root, id } = await hooked(site, 'partner.example', ['badge.create', 'badge.update'])
    const { body: badge } = await root.post('/v1/badges', { title: 'x' })
    // That it was refused has to be noted, or the next try would be later than what follows says.
    await eventually(async () => expect((await statusOf(root, id)).failuresInARow).toBe(1))
    await root.patch(`/v1/badges/${badge.id}`, { title: 'y' })
    await runInDurableObject(senderOf(id), (_, { storage }) => {
      storage.sql.exec('update deliveries set first_at = first_at - 72 * 3600000, next_at = 0')
    })
    // One that was under way meanwhile counts from before, and the next one is the last.
    await eventually(async () => {
      await pass(id)
      expect(await deliveriesOf(root, id, '?status=dead')).toHaveLength(1)
    })
    const [dead] = await deliveriesOf(root, id, '?status=dead')
    expect(dead).toMatchObject({ type: 'badge.create', nextAttemptAt: null })
    expect(dead.attempts).toBeGreaterThan(1)
    await eventually(async () =>
      expect(await deliveriesOf(root, id, '?status=delivered')).toHaveLength(1),
    )
    answer('partner.example', () => new Response(null, { status: 200 }))
    const replay = await root.post(`/v1/webhooks/${id}/deliveries/${dead.id}/replay`)
    expect(replay.status).toBe(204)
    await eventually(() =>
      expect(at('partner.example').at(-1)?.headers['webhook-id']).toBe(dead.id),
    )
    await eventually(async () =>
      expect(await statusOf(root, id)).toMatchObject({ dead: 0, waiting: 0 }),
    )
    const unknown = 'evt_00000000000000000000000000'
    expect((await root.post(`/v1/webhooks/${id}/deliveries/${unknown}/replay`)).status).toBe(404)
  })
})

test('everything since a time is sent once more, under the ids of before', async () => {
  const { at } = receivers()
  const site = testSite()
  const { root, id } = await hooked(site, 'partner.example', ['badge.create'])
  for (let n = 0; n < 5; n++) await root.post('/v1/badges', { title: `${n}` })
  await eventually(() => expect(at('partner.example')).toHaveLength(5))
  const feed = await rowsOf<{ position: number; id: string }>(
    "select position, id from feed where type = 'badge.create' order by position",
  )
  const early = '2026-01-01T00:00:00.000Z'
  await rowsOf('update feed set at = ? where position < ?', early, feed[2]?.position)
  const replay = await root.post(`/v1/webhooks/${id}/replay`, { since: '2026-06-01T00:00:00Z' })
  expect(replay.status).toBe(204)
  await eventually(() => expect(at('partner.example')).toHaveLength(8))
  const ids = at('partner.example').map(({ event }) => event.id)
  expect(ids).toEqual([...feed, ...feed.slice(2)].map((each) => each.id))
})

test('a replay that is asked for while events are read is not lost', async () => {
  const { at } = receivers()
  const site = testSite()
  const { root, id } = await hooked(site, 'partner.example', ['badge.create'])
  for (const title of ['1', '2']) await root.post('/v1/badges', { title })
  await eventually(() => expect(at('partner.example')).toHaveLength(2))
  await atRest(id)
  await runInDurableObject(senderOf(id), (sender) => {
    let hasAsked = false
    const { DB } = intercepted(async (_, proceed) => {
      const read = await proceed()
      const isWithEvents = JSON.stringify(read).includes('badge.create')
      if (isWithEvents && !hasAsked) {
        hasAsked = true
        await sender.replayFrom(id, 0)
      }
      return read
    })
    Object.assign(sender, { env: { ...env, DB } })
  })
  await root.post('/v1/badges', { title: '3' })
  await eventually(() => expect(at('partner.example')).toHaveLength(5))
})

describe('a webhook is disabled, on record with the reason,', () => {
  async function disabledBecause(root: Member, id: string, reason: string) {
    await eventually(async () =>
      expect(await statusOf(root, id)).toMatchObject({
        state: 'disabled',
        disabledBecause: reason,
      }),
    )
    const [entry] = (await root.get(`/v1/audit?action=webhook.disable&target=${id}`)).body.items
    expect(entry).toMatchObject({ actor: 'system:webhook-watcher', changes: { because: reason } })
  }

  test('when it answers 410, and goes on where it stopped once it is enabled', async () => {
    const { at, answer } = receivers()
    answer('partner.example', () => new Response(null, { status: 410 }))
    const site = testSite()
    const { root, id } = await hooked(site, 'partner.example', ['badge.create'])
    await root.post('/v1/badges', { title: '1' })
    await disabledBecause(root, id, 'gone')
    // Nothing says whom mail of this site would be from.
    expect((await statusOf(root, id)).disabledTold).toBeNull()
    await root.post('/v1/badges', { title: '2' })
    await run(id)
    expect(at('partner.example')).toHaveLength(1)
    answer('partner.example', () => new Response(null, { status: 200 }))
    await root.patch(`/v1/webhooks/${id}`, { enabled: true })
    await eventually(() => expect(at('partner.example')).toHaveLength(3))
    expect(await statusOf(root, id)).toMatchObject({ state: 'active', disabledBecause: null })
  })

  test('but not for what another address answered that it had when the attempt began', async () => {
    const { at, answer } = receivers()
    const { promise: silence, resolve: speak } = Promise.withResolvers<Response>()
    answer('old.example', () => silence)
    const { root, id } = await hooked(testSite(), 'old.example', ['badge.create'])
    await root.post('/v1/badges', { title: '1' })
    await eventually(() => expect(at('old.example')).toHaveLength(1))
    await root.patch(`/v1/webhooks/${id}`, { url: 'https://new.example/hooks' })
    speak(new Response(null, { status: 410 }))
    await eventually(() => expect(at('new.example')).toHaveLength(1))
    expect(await statusOf(root, id)).toMatchObject({ state: 'active', failuresInARow: 0 })
    expect((await root.get('/v1/audit?action=webhook.disable')).body.items).toEqual([])
  })

  test('and says who was told by mail, which is whoever made it', async () => {
    const { answer } = receivers()
    answer('partner.example', () => new Response(null, { status: 410 }))
    const site = testSite()
    const root = await site.root()
    const address = { email: 'boss@example.com', email_verified: true }
    const boss = await site.member('boss', address)
    await root.put(`/v1/users/${boss.userId}/roles/admin`)
    const url = 'https://partner.example/a-secret-of-theirs'
    const { id } = (await boss.post('/v1/webhooks', { url, types: ['badge.create'] })).body
    const mails: Mail[] = []
    await runInDurableObject(senderOf(id), (sender) => {
      const MAIL = { send: async (mail: Mail) => void mails.push(mail) }
      const settings = { PUBLIC_URL: ORIGIN, MAIL_FROM: 'site@members.example' }
      Reflect.set(sender, 'env', { ...env, ...settings, MAIL })
    })
    await root.post('/v1/badges', { title: '1' })
    await disabledBecause(root, id, 'gone')
    await eventually(async () => expect((await statusOf(root, id)).disabledTold).toBe(boss.userId))
    expect(mails.map(({ to, subject }) => [to, subject])).toEqual([
      ['boss@example.com', 'The webhook to partner.example was disabled'],
    ])
    expect(mails[0]?.text).toContain('answered 410')
    expect(JSON.stringify(mails)).not.toContain('a-secret-of-theirs')
    answer('partner.example', () => new Response(null, { status: 204 }))
    await boss.patch(`/v1/webhooks/${id}`, { enabled: true })
    expect((await statusOf(root, id)).disabledTold).toBeNull()
  })

  test('when nothing was taken for three days', async () => {
    const { answer } = receivers()
    answer('partner.example', () => new Response(null, { status: 500 }))
    const site = testSite()
    const { root, id } = await hooked(site, 'partner.example', ['badge.create'])
    await root.post('/v1/badges', { title: '1' })
    await eventually(async () => expect((await statusOf(root, id)).failuresInARow).toBe(1))
    await runInDurableObject(senderOf(id), (_, { storage }) => {
      storage.sql.exec('update endpoint set failing_since = failing_since - 72 * 3600000')
    })
    await pass(id)
    await disabledBecause(root, id, 'failing')
    expect((await statusOf(root, id)).waiting).toBe(1)
  })

  test('when its secret was sealed under another AUTH_SECRET', async () => {
    const { received } = receivers()
    const site = testSite({ AUTH_SECRET })
    const { root, id, secret } = await hooked(site, 'partner.example', ['badge.create'])
    const [stored] = await rowsOf<{ secrets: string }>('select secrets from webhooks')
    expect(stored?.secrets).not.toContain(secret.slice('whsec_'.length))
    // Objects of the tests have no AUTH_SECRET.
    await root.post('/v1/badges', { title: '1' })
    await disabledBecause(root, id, 'secret')
    expect(received).toEqual([])
    // A new secret is sealed anew; that the old one also signs for a while is no matter.
    const here = await testSite().root()
    const { secret: fresh } = (await here.post(`/v1/webhooks/${id}/rotate`, {})).body
    await here.patch(`/v1/webhooks/${id}`, { enabled: true })
    await eventually(() => expect(received).toHaveLength(1))
    const [{ text, headers } = { text: '', headers: {} }] = received
    expect(() => new StandardWebhook(fresh).verify(text, { ...headers })).not.toThrow()
  })

  test('when its address is one that is not called any more', async () => {
    const { received } = receivers()
    const site = testSite()
    const { root, id } = await hooked(site, 'partner.example', ['badge.create'])
    await rowsOf("update webhooks set url = 'https://10.0.0.1/'")
    await root.post('/v1/badges', { title: '1' })
    await disabledBecause(root, id, 'address')
    expect(received).toEqual([])
  })
})

test('a webhook is told nothing while its creator may not read events, and loses nothing by it', async () => {
  const { at } = receivers()
  const site = testSite()
  const [root, boss] = [await site.root(), await site.memberWith('admin', 'boss')]
  const url = 'https://partner.example/hooks'
  const { id } = (await boss.post('/v1/webhooks', { url, types: ['badge.create'] })).body
  await root.delete(`/v1/users/${boss.userId}/roles/admin`)
  await root.post('/v1/badges', { title: '1' })
  await run(id)
  expect([at('partner.example'), (await statusOf(root, id)).state]).toEqual([[], 'paused'])
  await root.put(`/v1/users/${boss.userId}/roles/admin`)
  await eventually(() => expect(at('partner.example')).toHaveLength(1))
  await root.delete(`/v1/users/${boss.userId}`)
  expect((await root.get(`/v1/webhooks/${id}`)).status).toBe(404)
})

test('nobody has events told who may not read them', async () => {
  const site = testSite()
  const root = await site.root()
  const permissions = [{ permission: 'webhook:manage', reach: 'any' }]
  await root.put('/v1/roles/hooker', { permissions })
  const ada = await site.memberWith('hooker', 'ada')
  const { id } = await hooked(site)
  const refused = { status: 403, body: { code: 'forbidden', required: 'event:read' } }
  const url = 'https://ada.example/'
  expect(await ada.post('/v1/webhooks', { url })).toMatchObject(refused)
  expect(await ada.patch(`/v1/webhooks/${id}`, { url })).toMatchObject(refused)
  expect(await ada.post(`/v1/webhooks/${id}/rotate`, {})).toMatchObject(refused)
  expect((await ada.patch(`/v1/webhooks/${id}`, { enabled: false })).status).toBe(200)
})

test('an attempt that was cut off is made again, and says so', async () => {
  const { at } = receivers()
  const site = testSite()
  const { root, id } = await hooked(site, 'partner.example', ['badge.create'])
  await root.post('/v1/badges', { title: '1' })
  await eventually(async () =>
    expect(await deliveriesOf(root, id, '?status=delivered')).toHaveLength(1),
  )
  await atRest(id)
  await runInDurableObject(senderOf(id), (_, { storage }) => {
    storage.sql.exec("update deliveries set status = 'waiting', under_way = 1, next_at = 1e15")
  })
  await run(id)
  const [{ status, attempts }] = await deliveriesOf(root, id)
  // A bell that rang late may have had it made, too.
  expect([status, attempts >= 2, attempts]).toEqual([
    'delivered',
    true,
    at('partner.example').length,
  ])
})

test('a site has at most a hundred webhooks', async () => {
  receivers()
  const site = testSite()
  const { root, id } = await hooked(site)
  await rowsOf(
    `insert into webhooks select 'whk_' || value, url, types, created_by, 0, 'asked', null,
      secrets, null, 0, 1, created_at, updated_at, null
     from webhooks, (with recursive n(value) as (select 1 union all select value + 1 from n
       where value < 99) select value from n) where id = ?`,
    id,
  )
  const url = 'https://one-too-many.example/'
  expect((await root.post('/v1/webhooks', { url })).body.code).toBe('conflict')
})

test('a tick wakes whoever was not rung for', async () => {
  const { received } = receivers()
  const site = testSite()
  const { id } = await hooked(site, 'partner.example', ['job.request'])
  await atRest(id)
  await rowsOf(`insert into feed (id, type, at, subject, fields, about)
    values ('evt_1', 'job.request', '2026-01-01T00:00:00.000Z', 'run_1', '[]', '{}')`)
  await site.tick()
  await eventually(() => expect(received).toHaveLength(1))
})

test('after a store was put back nothing is told until it is reconciled; then everything that is kept once more', async () => {
  const { at } = receivers()
  const site = testSite()
  const { root, id } = await hooked(site, 'partner.example', ['badge.create'])
  for (const title of ['1', '2']) await root.post('/v1/badges', { title })
  await eventually(() => expect(at('partner.example')).toHaveLength(2))
  await rowsOf("update site set value = '0123456789abcdef' where key = 'generation'")
  vi.spyOn(console, 'warn').mockReturnValue()
  await root.post('/v1/badges', { title: '3' })
  await run(id)
  expect(at('partner.example')).toHaveLength(2)
  const { status, body } = await root.get(`/v1/webhooks/${id}/deliveries`)
  expect([status, body.code]).toEqual([503, 'unavailable'])
  await ask()
  await site.tick()
  await eventually(() => expect(at('partner.example')).toHaveLength(5))
  expect(new Set(at('partner.example').map(({ event }) => event.id)).size).toBe(3)
  vi.restoreAllMocks()
})
