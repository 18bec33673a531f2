/** Secret addresses that calendar programs read: what they show, to whom, and how they end. */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Mail } from '../../src/env.ts'
import { audited, bookingOf, bookingScene, created, DAY, HOUR } from '../support/bookings.ts'
import { countingStorage } from '../support/counting.ts'
import { failingStorage } from '../support/failing.ts'
import { LOGIN_SETTINGS, loginSite } from '../support/login.ts'
import { rowsOf } from '../support/population.ts'
import { type Client, ORIGIN, type Reply, testSite } from '../support/site.ts'

const pathOf = ({ body }: Reply): string => new URL(body.url).href.slice(ORIGIN.length)

async function feedOf(who: Client, path = '/v1/me/calendar-feed'): Promise<string> {
  const reply = await who.post(path)
  expect(reply.status, reply.text).toBe(201)
  return pathOf(reply)
}

/** The entries of a feed, by what they say of themselves. */
function entriesOf({ text }: Reply): Record<string, string>[] {
  const unfolded = text.replaceAll(/\r\n[ \t]/g, '')
  return unfolded
    .split('BEGIN:VEVENT\r\n')
    .slice(1)
    .map((entry) =>
      Object.fromEntries(
        entry.split('\r\n').map((line) => /^([A-Z-]+)[^:]*:(.*)$/.exec(line)?.slice(1) ?? []),
      ),
    )
}

const idsOf = (reply: Reply) => entriesOf(reply).map(({ UID }) => UID)

async function age(id: string, { starts = 0, changed = 0 }): Promise<void> {
  const at = (offset: number) => new Date(Date.now() + offset).toISOString()
  await rowsOf(
    'update bookings set starts_at = ?, ends_at = ?, updated_at = ? where id = ?',
    at(starts),
    at(starts + HOUR),
    at(changed),
    id,
  )
}

describe('the feed of a member', () => {
  test('shows their own bookings and nobody else’s, with a top that stays', async () => {
    const { site, slot, root } = await bookingScene()
    const ada = await site.member('ada')
    const own = created(await ada.post('/v1/bookings', { slotId: await slot(), note: 'Window' }))
    await bookingOf(root, await slot())
    const path = await feedOf(ada)
    const reply = await site.anonymous.get(path)
    expect([reply.status, reply.headers.get('Content-Type')]).toEqual([
      200,
      'text/calendar; charset=utf-8',
    ])
    expect(reply.headers.get('Referrer-Policy')).toBe('no-referrer')
    expect(entriesOf(reply)).toMatchObject([
      { UID: own.id, SEQUENCE: '1', STATUS: 'TENTATIVE', DESCRIPTION: 'Window' },
    ])
    const [top] = reply.text.split('BEGIN:VEVENT')
    expect(top).toContain('REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n')
    expect(top).toContain('NAME:Bookings at Guildhall\r\n')
    await root.post(`/v1/bookings/${own.id}/confirm`)
    const later = await site.anonymous.get(path)
    expect(later.text.split('BEGIN:VEVENT')[0]).toBe(top)
    expect(entriesOf(later)).toMatchObject([{ UID: own.id, SEQUENCE: '2', STATUS: 'CONFIRMED' }])
  })

  test('shows a manager their own, although they read everybody’s', async () => {
    const { site, slot, manager } = await bookingScene()
    const [boss, ada] = [await manager(), await site.member('ada')]
    created(await ada.post('/v1/bookings', { slotId: await slot() }))
    const { id } = created(await boss.post('/v1/bookings', { slotId: await slot() }))
    expect(idsOf(await site.anonymous.get(await feedOf(boss)))).toEqual([id])
  })

  test('shows canceled ones, and what has begun, for 30 days, in the order of time', async () => {
    const { site, slot } = await bookingScene()
    const ada = await site.member('ada')
    const make = async (startsIn: number) =>
      created(await ada.post('/v1/bookings', { slotId: await slot({}, { startsIn }) })).id
    const [canceled, gone, over, longOver, next] = [
      await make(5 * DAY),
      await make(6 * DAY),
      await make(7 * DAY),
      await make(8 * DAY),
      await make(9 * DAY),
    ]
    for (const id of [canceled, gone]) await ada.post(`/v1/bookings/${id}/cancel`)
    await age(canceled, { starts: 5 * DAY, changed: -29 * DAY })
    await age(gone, { starts: 6 * DAY, changed: -31 * DAY })
    await age(over, { starts: -29 * DAY })
    await age(longOver, { starts: -31 * DAY })
    const reply = await site.anonymous.get(await feedOf(ada))
    expect(idsOf(reply)).toEqual([over, canceled, next])
    expect(entriesOf(reply)[1]?.STATUS).toBe('CANCELLED')
  })

  test('has an ETag that moves exactly when the text does', async () => {
    const { site, slot } = await bookingScene()
    const ada = await site.member('ada')
    const { id } = created(await ada.post('/v1/bookings', { slotId: await slot() }))
    const path = await feedOf(ada)
    const tagOf = async () => (await site.anonymous.get(path)).headers.get('ETag') ?? ''
    const tag = await tagOf()
    expect(await tagOf()).toBe(tag)
    const ask = (method: string) =>
      site.anonymous.call(method, path, { headers: { 'If-None-Match': `W/${tag}` } })
    expect([(await ask('GET')).status, (await ask('HEAD')).status]).toEqual([304, 304])
    await ada.post(`/v1/bookings/${id}/cancel`)
    expect(await tagOf()).not.toBe(tag)
    expect((await ask('GET')).status).toBe(200)
    // It falls out by its age alone, and nothing has changed it.
    const before = await tagOf()
    await rowsOf(
      'update bookings set updated_at = ?',
      new Date(Date.now() - 31 * DAY).toISOString(),
    )
    expect(await tagOf()).not.toBe(before)
  })

  test('ends when it is deleted, and when there is another', async () => {
    const { site } = await bookingScene()
    const ada = await site.member('ada')
    const [first, second] = [await feedOf(ada), await feedOf(ada)]
    const statusOf = async (path: string) => (await site.anonymous.get(path)).status
    expect([await statusOf(first), await statusOf(second)]).toEqual([404, 200])
    expect((await ada.delete('/v1/me/calendar-feed')).status).toBe(204)
    expect((await ada.delete('/v1/me/calendar-feed')).status).toBe(204)
    expect(await statusOf(second)).toBe(404)
    const entries = await audited(await site.root(), ada.userId)
    const actions = entries.map(({ action }) => String(action))
    // One that is not there any more is deleted in vain, and that is no act.
    expect(actions.filter((action) => action.startsWith('calendar-feed.'))).toEqual([
      'calendar-feed.delete',
      'calendar-feed.create',
      'calendar-feed.create',
    ])
  })

  test('is shown once more to whoever repeats the call, and stored nowhere', async () => {
    const { site } = await bookingScene()
    const ada = await site.member('ada')
    const headers = { 'Idempotency-Key': 'once' }
    const ask = () => ada.post('/v1/me/calendar-feed', undefined, { headers })
    const [first, again] = [await ask(), await ask()]
    expect(again.body).toEqual(first.body)
    const [, secret = ''] = pathOf(first).split('=')
    const stored = [
      await rowsOf('select * from calendar_feeds'),
      await rowsOf('select * from idempotency_keys'),
      await rowsOf('select * from audit_log'),
    ]
    expect(JSON.stringify(stored)).not.toContain(secret)
    expect((await site.anonymous.get(pathOf(again))).status).toBe(200)
  })
})

describe('the feed of a service', () => {
  test('shows its managers when and what, and no word of who', async () => {
    const { site, service, slotOf, manager, root } = await bookingScene()
    const { id: serviceId } = await service({ name: 'Cut; wash, dry' })
    const boss = await manager()
    const ada = await site.member('ada', { name: 'Ada Lovelace' })
    const contact = { name: 'Grace Hopper', email: 'grace@example.com', phone: null }
    const [own, guests] = [await slotOf(serviceId), await slotOf(serviceId, { startsIn: 2 * DAY })]
    const booked = [
      created(await ada.post('/v1/bookings', { slotId: own.id, note: 'Call me' })).id,
      created(await root.post('/v1/bookings', { slotId: guests.id, contact, note: 'Hi' })).id,
    ]
    await bookingOf(root, (await slotOf((await service()).id)).id)
    const reply = await site.anonymous.get(
      await feedOf(boss, `/v1/services/${serviceId}/calendar-feed`),
    )
    expect(idsOf(reply)).toEqual(booked)
    expect(reply.text).toContain('NAME:Cut\\; wash\\, dry\r\n')
    expect(reply.text).not.toMatch(/Ada|Grace|grace@|Call me|Hi\b/)
  })

  test('is for whoever manages services and reads all bookings, and ends with either', async () => {
    const { site, service, root } = await bookingScene()
    const { id: serviceId } = await service()
    const path = `/v1/services/${serviceId}/calendar-feed`
    const may = (permissions: object[]) => root.put('/v1/roles/desk', { permissions })
    const any = (permission: string) => ({ permission, reach: 'any' })
    await may([any('service:manage')])
    const desk = await site.memberWith('desk')
    expect((await desk.post(path)).body).toMatchObject({
      code: 'forbidden',
      required: 'booking:read',
      reach: 'any',
    })
    await may([any('service:manage'), any('booking:read')])
    const feed = await feedOf(desk, path)
    const statusOf = async () => (await site.anonymous.get(feed)).status
    expect(await statusOf()).toBe(200)
    for (const left of ['service:manage', 'booking:read']) {
      await may([any(left)])
      expect(await statusOf()).toBe(404)
    }
    await may([any('service:manage'), any('booking:read')])
    await root.delete(`/v1/services/${serviceId}`)
    expect(await statusOf()).toBe(404)
    expect((await desk.post(path)).status).toBe(404)
  })
})

describe('a secret', () => {
  test('ends with every loss of right: suspension, deletion, demotion', async () => {
    const { site, service, root, manager } = await bookingScene()
    const { id: serviceId } = await service()
    const [ada, boss] = [await site.member('ada'), await manager()]
    const own = await feedOf(ada)
    const managed = await feedOf(boss, `/v1/services/${serviceId}/calendar-feed`)
    const read = (path: string) => site.anonymous.get(path)
    await root.delete(`/v1/users/${boss.userId}/roles/bookings-manager`)
    await root.post(`/v1/users/${ada.userId}/suspend`)
    const made = await read('/v1/calendar-feeds/bookings.ics?feed=gcal_made-up')
    expect(made.status).toBe(404)
    for (const path of [own, managed]) {
      const { status, body } = await read(path)
      expect({ status, ...body, requestId: '' }).toEqual({ ...made.body, requestId: '' })
    }
    await root.delete(`/v1/users/${ada.userId}`)
    expect((await read(own)).status).toBe(404)
    expect(await rowsOf('select * from calendar_feeds where user_id = ?', ada.userId)).toEqual([])
  })

  test('is taken alone: what comes beside it is refused, good or bad', async () => {
    const site = loginSite()
    const ada = await site.member('ada')
    const browser = await site.account('bob@example.com')
    const path = await feedOf(ada)
    const beside = (headers: Record<string, string>) => site.anonymous.get(path, { headers })
    for (const headers of [
      { Authorization: `Bearer ${ada.token}` },
      { Authorization: 'Bearer junk' },
      { 'X-API-Key': 'guild_junk' },
    ]) {
      const { status, body } = await beside(headers)
      expect([status, body.code]).toEqual([400, 'ambiguous_credentials'])
    }
    expect((await browser.get(path)).status).toBe(400)
    // A browser that comes from a mail attaches its cookie without anybody asking.
    expect((await browser.get(path, { 'Sec-Fetch-Site': 'cross-site' })).status).toBe(200)
  })

  test('is in no line of the log, whether it is good, ended or in a wrong place', async () => {
    const printed: unknown[] = []
    for (const level of ['info', 'warn', 'error'] as const)
      vi.spyOn(console, level).mockImplementation((...given) => void printed.push(given))
    onTestFinished(() => void vi.restoreAllMocks())
    const { site } = await bookingScene()
    const ada = await site.member('ada')
    const path = await feedOf(ada)
    const secret = path.split('=')[1] ?? ''
    const { storage, arm } = failingStorage()
    arm({ fails: (_, { text }) => text.includes('calendar_feeds') })
    const failing = testSite(storage)
    for (const to of [path, path.replace('bookings', 'booking'), `/v1/calendar-feeds/${secret}`])
      for (const { anonymous } of [site, failing]) await anonymous.get(to)
    await ada.delete('/v1/me/calendar-feed')
    await site.anonymous.get(path)
    expect(printed.length).toBeGreaterThan(4)
    expect(JSON.stringify(printed)).not.toContain(secret.slice(5, 20))
  })

  test('is read by its own path alone, and by GET and HEAD', async () => {
    const { site } = await bookingScene()
    const ada = await site.member('ada')
    const path = await feedOf(ada)
    const secret = path.split('=')[1] ?? ''
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const { status, headers } = await site.anonymous.call(method, path)
      expect([method, status, headers.get('Allow')]).toEqual([method, 405, 'GET, HEAD, OPTIONS'])
    }
    const elsewhere = [
      `/v1/calendar-feeds/booking.ics?feed=${secret}`,
      `/v1/calendar-feeds/${secret}`,
      `/v1/calendar-feeds/bookings.ics`,
    ]
    for (const other of elsewhere) expect((await site.anonymous.get(other)).status).toBe(404)
    const asToken = await site.bearer(secret).get('/v1/me')
    expect([asToken.status, asToken.body.code]).toEqual([401, 'invalid_token'])
  })

  test('that was mistyped or made up costs no storage, and a good one a single trip', async () => {
    const { storage, costOf } = countingStorage()
    const site = testSite(storage)
    const ada = await site.member('ada')
    const path = await feedOf(ada)
    const read = (to: string) => costOf(() => site.anonymous.get(to))
    expect(await read(path)).toEqual({ d1: 1, objects: 0 })
    const typos = [
      path.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a')),
      path.replace(/(feed=gcal_.)(.)/, (_, start, each) => `${start}${each === 'x' ? 'y' : 'x'}`),
      `${path}a`,
    ]
    for (const typo of typos) expect(await read(typo)).toEqual({ d1: 0, objects: 0 })
  })
})

describe('the link in a mail', () => {
  test('shows that one booking, for as long as it is the same person’s', async () => {
    const outbox: Mail[] = []
    const MAIL = { send: async (mail: Mail) => void outbox.push(mail) }
    const site = testSite({ ...LOGIN_SETTINGS, MAIL })
    const { slot, root } = await bookingScene(site)
    const ada = await site.member('ada', { email: 'ada@example.com', email_verified: true })
    const contact = { name: 'Vera', email: 'vera@example.com', phone: null }
    const visitor = await site.visitor()
    const first = created(await ada.post('/v1/bookings', { slotId: await slot(), note: 'Window' }))
    const second = created(
      await visitor.post('/v1/bookings', { slotId: await slot(), note: 'Pills', contact }),
    )
    const [own = '', guests = ''] = outbox.map(
      ({ text }) => /your calendar: \S+(\/v1\S+)/.exec(text)?.[1],
    )
    const read = (path: string) => site.anonymous.get(path)
    expect(entriesOf(await read(own))).toMatchObject([{ UID: first.id, DESCRIPTION: 'Window' }])
    const shown = entriesOf(await read(guests))
    expect(shown).toMatchObject([{ UID: second.id, STATUS: 'TENTATIVE' }])
    expect(shown[0]).not.toHaveProperty('DESCRIPTION')
    expect((await read(own.replace('booking.ics', 'bookings.ics'))).status).toBe(404)
    await ada.post('/v1/me/bookings/claim', { visitorToken: visitor.token })
    expect((await read(guests)).status).toBe(404)
    await root.post(`/v1/users/${ada.userId}/suspend`)
    expect((await read(own)).status).toBe(404)
  })

  test('of a guest ends when what they have left is erased', async () => {
    const outbox: Mail[] = []
    const MAIL = { send: async (mail: Mail) => void outbox.push(mail) }
    const site = testSite({ ...LOGIN_SETTINGS, MAIL })
    const { slot, root } = await bookingScene(site)
    const { id } = await bookingOf(root, await slot())
    const [path = ''] = outbox.map(({ text }) => /your calendar: \S+(\/v1\S+)/.exec(text)?.[1])
    expect((await site.anonymous.get(path)).status).toBe(200)
    await root.delete(`/v1/bookings/${id}/contact`)
    expect((await site.anonymous.get(path)).status).toBe(404)
  })
})
