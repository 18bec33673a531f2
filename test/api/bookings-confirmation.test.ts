/** Whoever books does not confirm: managers do, or an event for the one booking it is about. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { BookingId } from '../../src/db/ids.ts'
import {
  audited,
  bookingOf,
  bookingScene,
  CONTACT,
  created,
  MINUTE,
  NONE,
  outcomeOf,
  violations,
} from '../support/bookings.ts'
import { failingStorage, interruptedStorage } from '../support/failing.ts'
import { rowsOf } from '../support/population.ts'
import { type Client, testSite } from '../support/site.ts'

const AUTO = 'system:booking-auto-confirmer'
const events = () => rowsOf('select kind, subject from events')
const settle = (who: Client, id: BookingId) =>
  Promise.all(['confirm', 'decline'].map((act) => who.post(`/v1/bookings/${id}/${act}`)))

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
})
afterEach(() => {
  vi.useRealTimers()
})

function later(milliseconds: number) {
  vi.useFakeTimers({ now: Date.now() + milliseconds, toFake: ['Date'] })
}

describe('a booking of one’s own', () => {
  test.each(['bookings-manager', 'admin'])('is not settled by its %s', async (role) => {
    const { site, slot, root } = await bookingScene()
    const who = await site.memberWith(role, 'boss')
    const { id } = await bookingOf(who, await slot())
    for (const reply of await settle(who, id)) {
      expect(reply).toMatchObject({
        status: 403,
        body: { code: 'forbidden', stage: 'ownership', required: 'booking:confirm', reach: 'any' },
      })
    }
    const stale = { headers: { 'If-Match': '"9"' } }
    expect((await who.post(`/v1/bookings/${id}/confirm`, {}, stale)).status).toBe(403)
    expect((await who.get(`/v1/bookings/${id}`)).body).toMatchObject({
      status: 'pending',
      allowedActions: ['cancel'],
    })
    expect((await root.post(`/v1/bookings/${id}/confirm`)).body.status).toBe('confirmed')
  })

  test('is what one’s own API key has booked, too: others settle it, even if the key is revoked', async () => {
    const { site, slot, root, manager } = await bookingScene()
    const boss = await site.memberWith('admin', 'boss')
    const scopes = ['booking:create', 'booking:read']
    const key = created(await boss.post('/v1/api-keys', { name: 'Mine', scopes }))
    const { id } = await bookingOf(site.bearer(key.secret), await slot())
    for (const revoke of [false, true]) {
      if (revoke) await boss.delete(`/v1/api-keys/${key.id}`)
      for (const reply of await settle(boss, id)) {
        expect(reply).toMatchObject({ status: 403, body: { stage: 'ownership' } })
      }
      expect((await boss.get(`/v1/bookings/${id}`)).body.allowedActions).toEqual(['cancel'])
    }
    const explained = await boss.post('/v1/explain', {
      method: 'POST',
      path: `/v1/bookings/${id}/confirm`,
    })
    expect(explained.body.status).toBe(403)
    for (const who of [root, await manager()]) {
      const { items } = (await who.get('/v1/bookings')).body
      expect(items[0].allowedActions).toEqual(['confirm', 'decline', 'cancel'])
    }
    expect((await root.post(`/v1/bookings/${id}/confirm`)).body.status).toBe('confirmed')
  })

  test('nor by a member, a moderator or a key, who settle nobody’s', async () => {
    const { site, slot, root } = await bookingScene()
    const scopes = ['booking:create', 'booking:read', 'booking:cancel']
    const { secret } = created(await root.post('/v1/api-keys', { name: 'Partner', scopes }))
    const callers = [
      await site.member('ada'),
      await site.memberWith('moderator'),
      site.bearer(secret),
    ]
    const { id: other } = await bookingOf(await site.member('ben'), await slot())
    for (const who of callers) {
      const { id: own } = await bookingOf(who, await slot())
      for (const reply of [...(await settle(who, own)), ...(await settle(who, other))]) {
        expect(reply.body).toMatchObject({ code: 'forbidden', stage: 'permission' })
      }
      expect((await who.get(`/v1/bookings/${own}`)).body.status).toBe('pending')
    }
    expect((await site.anonymous.post(`/v1/bookings/${other}/confirm`)).status).toBe(401)
    const refused = await root.post('/v1/api-keys', { name: 'K', scopes: ['booking:confirm'] })
    expect(refused.status).toBe(422)
  })
})

describe('a manager', () => {
  test('confirms, which says who it was', async () => {
    const { site, slot, manager, root } = await bookingScene()
    const [ada, boss] = [await site.member('ada'), await manager()]
    const { id } = await bookingOf(ada, await slot({ holdMinutes: 30 }))
    expect((await boss.post(`/v1/bookings/${id}/confirm`)).body).toMatchObject({
      status: 'confirmed',
      confirmedBy: boss.userId,
      holdUntil: null,
      revision: 2,
      allowedActions: ['cancel'],
    })
    expect((await settle(boss, id)).map(outcomeOf)).toEqual(Array(2).fill('409 invalid_state'))
    expect(await audited(root, id)).toMatchObject([
      { action: 'booking.confirm', actor: boss.userId, changes: { status: 'confirmed' } },
      { action: 'booking.create', actor: ada.userId },
    ])
  })

  test('declines with a reason, which frees the place', async () => {
    const { site, slot, manager, root } = await bookingScene()
    const [boss, slotId] = [await manager(), await slot()]
    const { id } = await bookingOf(await site.member('ada'), slotId)
    const reason = 'The barber is ill'
    expect((await boss.post(`/v1/bookings/${id}/decline`, { reason })).body).toMatchObject({
      status: 'declined',
      reason,
      confirmedBy: null,
      allowedActions: [],
    })
    await bookingOf(await site.member('ben'), slotId)
    expect((await settle(boss, id)).map(outcomeOf)).toEqual(Array(2).fill('409 invalid_state'))
    expect((await audited(root, id))[0]).toMatchObject({
      action: 'booking.decline',
      changes: { status: 'declined', fields: ['reason'] },
    })
  })
})

describe('a service that confirms by itself', () => {
  test('answers confirmed; the audit has the booker, and the elevation on their behalf', async () => {
    const { site, slot, root } = await bookingScene()
    const ada = await site.member('ada')
    const booked = created(
      await ada.post('/v1/bookings', { slotId: await slot({ autoConfirm: true }) }),
    )
    expect(booked).toMatchObject({ status: 'confirmed', confirmedBy: AUTO, bookedBy: ada.userId })
    expect(await audited(root, booked.id)).toMatchObject([
      {
        action: 'booking.confirm',
        actor: AUTO,
        onBehalfOf: ada.userId,
        reason: `${booked.serviceId} confirms bookings by itself`,
      },
      { action: 'booking.create', actor: ada.userId },
    ])
    expect(await events()).toEqual([])
  })

  test('confirms a manager’s own as well, which the manager cannot', async () => {
    const { slot, manager } = await bookingScene()
    const booked = await (
      await manager()
    ).post('/v1/bookings', {
      slotId: await slot({ autoConfirm: true }),
    })
    expect(booked.body).toMatchObject({ status: 'confirmed', confirmedBy: AUTO })
  })

  test('is the only one that does: nothing a booker sends reaches the elevation', async () => {
    const { site, slot } = await bookingScene()
    const ada = await site.member('ada')
    const slotId = await slot()
    const wishes = {
      autoConfirm: true,
      status: 'confirmed',
      confirmedBy: AUTO,
      eventId: `evt_${'0'.repeat(26)}`,
      bookingId: `bkg_${'0'.repeat(26)}`,
      onBehalfOf: ada.userId,
      identity: 'booking-auto-confirmer',
      elevation: 'booking-auto-confirmer',
      grant: 'booking:confirm',
    }
    for (const [name, value] of Object.entries(wishes)) {
      const sent = await ada.post('/v1/bookings', { slotId, [name]: value })
      expect(`${name}: ${sent.status}`).toBe(`${name}: 422`)
    }
    const query = new URLSearchParams(
      Object.entries(wishes).map(([name, value]) => [name, String(value)]),
    )
    const headers = Object.fromEntries(
      Object.entries(wishes).map(([name, value]) => [`X-${name}`, String(value)]),
    )
    const asked = await ada.post(`/v1/bookings?${query.toString()}`, { slotId })
    expect(asked.status).toBe(422)
    const booked = created(await ada.post('/v1/bookings', { slotId }, { headers }))
    expect(booked).toMatchObject({ status: 'pending', confirmedBy: null, revision: 1 })
    expect(await events()).toEqual([])
    await site.tick()
    expect((await ada.get(`/v1/bookings/${booked.id}`)).body).toMatchObject({ status: 'pending' })
  })
})

describe('a confirmation that is interrupted', () => {
  /** A booking whose event could not be handled: the second batch of its request has failed. */
  async function interrupted() {
    const { storage, arm, disarm } = failingStorage()
    const scene = await bookingScene(testSite(storage))
    const { id: serviceId } = await scene.service({ autoConfirm: true })
    const { id: slotId } = await scene.slotOf(serviceId)
    const ada = await scene.site.member('ada')
    arm({ fails: (_, { text }) => text.includes('update "bookings"') })
    const booked = created(await ada.post('/v1/bookings', { slotId }))
    disarm()
    expect(booked).toMatchObject({ status: 'pending', confirmedBy: null, revision: 1 })
    expect(await events()).toEqual([{ kind: 'booking-created', subject: booked.id }])
    const id: BookingId = booked.id
    return {
      ...scene,
      ada,
      id,
      serviceId,
      read: async () => (await ada.get(`/v1/bookings/${id}`)).body,
    }
  }

  test('is answered pending, and made up for by the next tick, once', async () => {
    const { site, root, id, ada, read } = await interrupted()
    await site.tick()
    expect(await read()).toMatchObject({ status: 'confirmed', confirmedBy: AUTO, revision: 2 })
    await site.tick()
    expect(await read()).toMatchObject({ revision: 2 })
    expect(await audited(root, id)).toMatchObject([
      { action: 'booking.confirm', actor: AUTO, onBehalfOf: ada.userId },
      { action: 'booking.create' },
    ])
    expect(await events()).toEqual([])
  })

  test('is left as it is when it was canceled meanwhile', async () => {
    const { site, root, id, ada, read } = await interrupted()
    await ada.post(`/v1/bookings/${id}/cancel`)
    await site.tick()
    expect(await read()).toMatchObject({ status: 'canceled', confirmedBy: null, revision: 2 })
    expect(await audited(root, id)).toHaveLength(2)
    expect(await events()).toEqual([])
  })

  test('is left to the managers when the service stopped confirming meanwhile', async () => {
    const { site, root, id, serviceId, read } = await interrupted()
    await root.patch(`/v1/services/${serviceId}`, { autoConfirm: false })
    await site.tick()
    expect(await read()).toMatchObject({ status: 'pending', confirmedBy: null, revision: 1 })
    expect(await events()).toEqual([])
    expect((await root.post(`/v1/bookings/${id}/confirm`)).body.confirmedBy).toBe(root.userId)
  })

  test.each(['before', 'after'] as const)(
    'never leaves a booking without its event, nor an event without its booking: %s',
    async (when) => {
      const { storage, arm, disarm } = failingStorage()
      const scene = await bookingScene(testSite(storage))
      const { id: serviceId } = await scene.service({ autoConfirm: true })
      const ada = await scene.site.member('ada')
      for (let n = 1, failed = true; failed; n++) {
        const { id: slotId } = await scene.slotOf(serviceId, { startsIn: n * 86_400_000 })
        arm({ fails: (number) => number === n, when })
        await ada.post('/v1/bookings', { slotId }, { headers: { 'Idempotency-Key': `b${n}` } })
        failed = disarm() >= n
        const open = `select subject from events`
        expect(
          await rowsOf(
            `select id from bookings where (status = 'pending') <> (id in (${open}))
             union all select subject from events where subject not in (select id from bookings)`,
          ),
          `failing at call ${n}`,
        ).toEqual([])
        await scene.site.tick()
        expect(await rowsOf(`select id from bookings where status <> 'confirmed'`)).toEqual([])
        expect(await events()).toEqual([])
      }
      const confirmations = `select target from audit_log where action = 'booking.confirm'`
      expect(await rowsOf(`${confirmations} group by target having count(*) <> 1`)).toEqual([])
      expect((await rowsOf(confirmations)).length).toBeGreaterThan(1)
    },
  )
})

describe('a hold that runs out while it is confirmed', () => {
  test.each([
    ['for somebody else, who is then the only one in it', 'ben', 1],
    ['for its owner, who then has one booking of the slot', 'ada', 2],
  ])('leaves the place %s', async (_, who, capacity) => {
    let inBetween = async (): Promise<unknown> => undefined
    const storage = interruptedStorage(
      ({ text }) => text.includes('update "bookings"'),
      () => inBetween(),
    )
    const { site, slot, root } = await bookingScene(testSite(storage))
    const slotId = await slot({ holdMinutes: 1 }, { capacity })
    const { id } = await bookingOf(await site.member('ada'), slotId)
    const second = await testSite().member(who)
    inBetween = async () => {
      later(MINUTE)
      await bookingOf(second, slotId)
    }
    expect(outcomeOf(await root.post(`/v1/bookings/${id}/confirm`))).toBe('409 invalid_state')
    expect(await violations()).toEqual(NONE)
  })

  test('is not confirmed by a tick that is late, if its place was taken since', async () => {
    const { storage, arm, disarm } = failingStorage()
    const { site, slot, root } = await bookingScene(testSite(storage))
    const slotId = await slot({ autoConfirm: true, holdMinutes: 1 })
    arm({ fails: (_, { text }) => text.includes('update "bookings"') })
    const { id } = await bookingOf(await site.member('ada'), slotId)
    disarm()
    const due = Date.now()
    later(2 * MINUTE)
    const second = created(await (await site.member('ben')).post('/v1/bookings', { slotId }))
    expect(second.status).toBe('confirmed')
    await site.tick(due)
    expect((await root.get(`/v1/bookings/${id}`)).body.confirmedBy).toBe(null)
    expect(await events()).toEqual([])
    expect(await violations()).toEqual(NONE)
  })
})

describe('POST /v1/booking-decisions/bulk', () => {
  const bulk = '/v1/booking-decisions/bulk'

  async function pending() {
    const { site, slot } = await bookingScene()
    const manager = await site.memberWith('bookings-manager')
    const [ada, bob] = [await site.member('ada'), await site.member('bob')]
    const by = async (who: Client) => (await bookingOf(who, await slot(), CONTACT)).id
    return { manager, ada, bob, by }
  }

  test('answers for each booking what the single call would, and changes those that it would', async () => {
    const { manager, ada, bob, by } = await pending()
    const [mine, first, second, gone] = [
      await by(manager),
      await by(ada),
      await by(bob),
      await by(ada),
    ]
    await ada.post(`/v1/bookings/${gone}/cancel`)
    const absent = `bkg_${'0'.repeat(26)}`
    const bookingIds = [mine, first, absent, gone, second, first]
    const { status, body } = await manager.post(bulk, { action: 'confirm', bookingIds })
    expect(status).toBe(200)
    const statuses = [
      'forbidden',
      'confirmed',
      'not_found',
      'invalid_state',
      'confirmed',
      'confirmed',
    ]
    expect(body.results).toEqual(
      bookingIds.map((bookingId, index) => ({ bookingId, status: statuses[index] })),
    )
    for (const id of [first, second]) {
      expect((await manager.get(`/v1/bookings/${id}`)).body).toMatchObject({
        status: 'confirmed',
        confirmedBy: manager.userId,
        revision: 2,
      })
    }
    const log = await rowsOf<{ target: string; actor: string; changes: string }>(
      `select target, actor, changes from audit_log where action = 'booking.confirm'`,
    )
    expect(log.map(({ target }) => target).sort()).toEqual([first, second].sort())
    expect(new Set(log.map(({ actor, changes }) => `${actor} ${changes}`))).toEqual(
      new Set([`${manager.userId} {"status":"confirmed"}`]),
    )
  })

  test('declines with a reason, which the log does not repeat, and is harmless when repeated', async () => {
    const { manager, ada, by } = await pending()
    const bookingIds = [await by(ada), await by(ada)]
    const body = { action: 'decline', bookingIds, reason: 'Closed for repairs' }
    const once = { headers: { 'Idempotency-Key': 'bulk-1' } }
    const first = await manager.post(bulk, body, once)
    const again = await manager.post(bulk, body, once)
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('Idempotency-Replayed')).toBe('true')
    const anew = await manager.post(bulk, body)
    expect(anew.body.results).toMatchObject([
      { status: 'invalid_state' },
      { status: 'invalid_state' },
    ])
    const seen = (await ada.get(`/v1/bookings/${bookingIds[0]}`)).body
    expect(seen).toMatchObject({ status: 'declined', reason: 'Closed for repairs', revision: 2 })
    const log = await rowsOf<{ changes: string }>(
      `select changes from audit_log where action = 'booking.decline'`,
    )
    const changes = '{"status":"declined","fields":["reason"]}'
    expect(log).toEqual([{ changes }, { changes }])
  })

  test('is stored as foreseen even if nothing comes of it, and done by nobody without the right', async () => {
    const { manager, ada, by } = await pending()
    const id = await by(ada)
    const mine = { action: 'confirm', bookingIds: [await by(manager)] }
    const once = { headers: { 'Idempotency-Key': 'bulk-2' } }
    const refused = await manager.post(bulk, mine, once)
    expect(refused.body.results).toMatchObject([{ status: 'forbidden' }])
    expect((await manager.post(bulk, mine, once)).body).toEqual(refused.body)
    const { status, body } = await ada.post(bulk, { action: 'confirm', bookingIds: [id] })
    expect([status, body.required]).toEqual([403, 'booking:confirm'])
    const reasoned = { action: 'confirm', bookingIds: [id], reason: 'Why not' }
    expect((await manager.post(bulk, reasoned)).status).toBe(422)
    expect((await manager.post(bulk, { action: 'cancel', bookingIds: [id] })).status).toBe(422)
    const many = Array.from({ length: 101 }, () => id)
    expect((await manager.post(bulk, { action: 'confirm', bookingIds: many })).status).toBe(422)
    expect((await ada.get(`/v1/bookings/${id}`)).body.status).toBe('pending')
  })
})
