import { describe, expect, test } from 'vitest'
import type { SlotId } from '../../src/db/ids.ts'
import {
  bookingOf,
  bookingScene,
  CONTACT,
  created,
  DAY,
  HOUR,
  outcomeOf,
} from '../support/bookings.ts'
import { idOf, TIME } from '../support/shapes.ts'
import type { Client, Member } from '../support/site.ts'

const CLOCK_OFF = -HOUR

async function keyOf(root: Member, scopes: string[]): Promise<string> {
  return created(await root.post('/v1/api-keys', { name: 'Partner', scopes })).secret
}

describe('POST /v1/bookings', () => {
  test('answers a pending booking, as it is read later', async () => {
    const { site, slot } = await bookingScene()
    const [ada, slotId] = [await site.member('ada'), await slot()]
    const { status, body } = await ada.post('/v1/bookings', {
      slotId,
      note: 'Short, please',
      contact: CONTACT,
    })
    expect(status).toBe(201)
    expect(body).toEqual({
      id: idOf('bkg'),
      serviceId: idOf('svc'),
      serviceName: 'Haircut',
      slotId,
      startsAt: TIME,
      endsAt: TIME,
      status: 'pending',
      holdUntil: null,
      note: 'Short, please',
      contact: CONTACT,
      owner: ada.userId,
      bookedBy: ada.userId,
      confirmedBy: null,
      reason: null,
      allowedActions: ['cancel'],
      revision: 1,
      createdAt: TIME,
      updatedAt: TIME,
    })
    expect((await ada.get(`/v1/bookings/${body.id}`)).body).toEqual(body)
    expect((await ada.get('/v1/me/bookings')).body).toEqual({ items: [body], nextCursor: null })
  })

  test('takes a place of the slot, and gives it back with a cancellation', async () => {
    const { site, service, slotOf } = await bookingScene()
    const { id: serviceId } = await service()
    const { id: slotId } = await slotOf(serviceId, { capacity: 2 })
    const ada = await site.member('ada')
    const available = async () =>
      (await site.anonymous.get(`/v1/services/${serviceId}/slots`)).body.items[0].available
    const { id } = await bookingOf(ada, slotId)
    await bookingOf(await site.member('ben'), slotId)
    expect(await available()).toBe(0)
    const eve = await site.member('eve')
    expect(outcomeOf(await eve.post('/v1/bookings', { slotId }))).toBe('409 slot_full')
    expect(outcomeOf(await ada.post('/v1/bookings', { slotId }))).toBe('409 already_booked')
    await ada.post(`/v1/bookings/${id}/cancel`)
    expect(await available()).toBe(1)
    await bookingOf(ada, slotId)
    expect(await available()).toBe(0)
  })

  test('refuses a slot that has begun, and one that is not there', async () => {
    const { site, slot } = await bookingScene()
    const ada = await site.member('ada')
    const begun = await slot({}, { startsIn: CLOCK_OFF })
    expect(outcomeOf(await ada.post('/v1/bookings', { slotId: begun }))).toBe('409 invalid_state')
    const slotId = `slt_${'0'.repeat(26)}`
    expect(outcomeOf(await ada.post('/v1/bookings', { slotId }))).toBe('404 not_found')
  })

  test.each([
    ['a contact nobody can be reached by', { contact: { name: 'Ada' } }, 'contact'],
    ['a phone number of another form', { contact: { ...CONTACT, phone: '030' } }, 'contact.phone'],
    ['a note that is too long', { note: 'x'.repeat(1001) }, 'note'],
    ['an id of another kind', { slotId: `bkg_${'0'.repeat(26)}` }, 'slotId'],
    ['a status', { status: 'confirmed' }, 'status'],
    ['an owner', { owner: `usr_${'0'.repeat(26)}` }, 'owner'],
  ])('refuses %s', async (_, fields, path) => {
    const { site, slot } = await bookingScene()
    const ada = await site.member('ada')
    expect(await ada.post('/v1/bookings', { slotId: await slot(), ...fields })).toMatchObject({
      status: 422,
      body: { code: 'validation_failed', errors: [{ in: 'json', path }] },
    })
    expect((await ada.get('/v1/me/bookings')).body.items).toEqual([])
  })

  test('is open to a key with the scope, whose booking is the key’s', async () => {
    const { site, root, slot } = await bookingScene()
    const key = site.bearer(await keyOf(root, ['booking:create', 'booking:read']))
    const booked = created(await key.post('/v1/bookings', { slotId: await slot() }))
    expect(booked).toMatchObject({ owner: idOf('key'), bookedBy: idOf('key'), status: 'pending' })
    const reader = site.bearer(await keyOf(root, ['booking:read']))
    const refused = await reader.post('/v1/bookings', { slotId: booked.slotId })
    expect(refused.body).toMatchObject({ code: 'forbidden', required: 'booking:create' })
  })

  test.each([
    ['pending', {}],
    ['pending, on hold', { holdMinutes: 30 }],
    ['confirmed', { autoConfirm: true, holdMinutes: 30 }],
  ])('repeated with its Idempotency-Key answers the same bytes: %s', async (_, fields) => {
    const { site, slot } = await bookingScene()
    const ada = await site.member('ada')
    const body = { slotId: await slot(fields), note: 'é', contact: CONTACT }
    const headers = { 'Idempotency-Key': 'once' }
    const first = await ada.post('/v1/bookings', body, { headers })
    const again = await ada.post('/v1/bookings', body, { headers })
    expect([first.status, again.status]).toEqual([201, 201])
    expect(again.text).toBe(first.text)
    expect(again.headers.get('Idempotency-Replayed')).toBe('true')
    expect((await ada.get(`/v1/bookings/${first.body.id}`)).text).toBe(first.text)
    const other = await ada.post('/v1/bookings', { ...body, note: 'x' }, { headers })
    expect(outcomeOf(other)).toBe('422 idempotency_mismatch')
  })

  test('ten times at once with one Idempotency-Key is one booking and ten equal answers', async () => {
    const { site, slot } = await bookingScene()
    const [ada, slotId] = [await site.member('ada'), await slot({ autoConfirm: true })]
    const headers = { 'Idempotency-Key': 'once' }
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => ada.post('/v1/bookings', { slotId }, { headers })),
    )
    expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    expect(replies[0]?.status).toBe(201)
  })
})

describe('somebody else’s booking', () => {
  test('is not there for whoever reaches only their own, whatever they try', async () => {
    const { site, slot } = await bookingScene()
    const { id } = await bookingOf(await site.member('ada'), await slot())
    for (const eve of [await site.member('eve'), await site.memberWith('moderator')]) {
      const replies = [
        await eve.get(`/v1/bookings/${id}`),
        await eve.get(`/v1/bookings/${id}/calendar.ics`),
        await eve.post(`/v1/bookings/${id}/cancel`, { reason: 'Mine' }),
      ]
      expect(replies.map(outcomeOf)).toEqual(Array(3).fill('404 not_found'))
      expect((await eve.get('/v1/bookings')).body.items).toEqual([])
    }
  })
})

describe('lists of bookings', () => {
  const idsOf = async (who: Client, path: string) =>
    (await who.get(path)).body.items.map(({ id }: { id: string }) => id)

  async function threeBookings() {
    const scene = await bookingScene()
    const [ada, ben] = [await scene.site.member('ada'), await scene.site.member('ben')]
    const { id: serviceId } = await scene.service()
    const early: SlotId = (await scene.slotOf(serviceId, { startsIn: DAY })).id
    const late: SlotId = (await scene.slotOf(serviceId, { startsIn: 3 * DAY })).id
    const first = (await bookingOf(ada, early)).id
    const second = (await bookingOf(ben, late)).id
    const third = (await bookingOf(ada, await scene.slot({ autoConfirm: true }))).id
    return { ...scene, ada, ben, serviceId, first, second, third }
  }

  test('hold what the caller reaches, newest first', async () => {
    const { ada, ben, manager, first, second, third } = await threeBookings()
    expect(await idsOf(await manager(), '/v1/bookings')).toEqual([third, second, first])
    expect(await idsOf(await manager(), '/v1/me/bookings')).toEqual([])
    expect(await idsOf(ada, '/v1/bookings')).toEqual([third, first])
    expect(await idsOf(ben, '/v1/me/bookings')).toEqual([second])
  })

  test('are filtered by service, state and period', async () => {
    const { root, serviceId, first, second, third } = await threeBookings()
    const middle = new Date(Date.now() + 2 * DAY).toISOString()
    const filtered = (query: string) => idsOf(root, `/v1/bookings?${query}`)
    expect(await filtered(`serviceId=${serviceId}`)).toEqual([second, first])
    expect(await filtered('status=confirmed')).toEqual([third])
    expect(await filtered(`from=${middle}`)).toEqual([second])
    expect(await filtered(`to=${middle}`)).toEqual([first, third])
    expect(await filtered(`serviceId=${serviceId}&status=pending&to=${middle}`)).toEqual([first])
    expect(await filtered('status=canceled')).toEqual([])
  })

  test('of a period are in the order in which they start, page by page, in any state', async () => {
    const { root, ada, first, second, third } = await threeBookings()
    const from = new Date().toISOString()
    for (const [who, ids] of [
      [root, [first, third, second]],
      [ada, [first, third]],
    ] as const) {
      const seen: string[] = []
      let cursor = ''
      do {
        const { body } = await who.get(`/v1/bookings?limit=1&from=${from}${cursor}`)
        seen.push(...body.items.map(({ id }: { id: string }) => id))
        cursor = body.nextCursor ? `&cursor=${body.nextCursor}` : ''
      } while (cursor)
      expect(seen).toEqual(ids)
    }
  })

  test('come in pages, whose cursors fit no other filter and nobody else', async () => {
    const { root, ada, first, second, third } = await threeBookings()
    const page = await root.get('/v1/bookings?limit=2')
    expect(page.body.items.map(({ id }: { id: string }) => id)).toEqual([third, second])
    const { nextCursor } = page.body
    expect(await idsOf(root, `/v1/bookings?limit=2&cursor=${nextCursor}`)).toEqual([first])
    const elsewhere = [
      await root.get(`/v1/bookings?status=pending&cursor=${nextCursor}`),
      await ada.get(`/v1/bookings?cursor=${nextCursor}`),
    ]
    expect(elsewhere.map(outcomeOf)).toEqual(Array(2).fill('422 validation_failed'))
  })
})

describe('GET /v1/bookings?owner=', () => {
  test('finds the bookings of one, for a manager, with other filters and page by page', async () => {
    const { site, slot } = await bookingScene()
    const [manager, ada, bob] = [
      await site.memberWith('bookings-manager'),
      await site.member('ada'),
      await site.member('bob'),
    ]
    const visitor = await site.visitor()
    const made: { readonly id: string }[] = []
    for (const by of [ada, bob, ada, visitor]) made.push(await bookingOf(by, await slot(), CONTACT))
    await manager.post(`/v1/bookings/${made[0]?.id}/confirm`)
    const of = async (query: string) => {
      const { body } = await manager.get(`/v1/bookings?${query}`)
      return body.items.map(({ id }: { id: string }) => made.findIndex((each) => each.id === id))
    }
    expect(await of(`owner=${ada.userId}`)).toEqual([2, 0])
    expect(await of(`owner=${visitor.visitorId}`)).toEqual([3])
    expect(await of(`owner=${ada.userId}&status=confirmed`)).toEqual([0])
    expect(await of(`owner=${ada.userId}&from=2000-01-01T00:00:00Z`)).toHaveLength(2)
    const first = (await manager.get(`/v1/bookings?owner=${ada.userId}&limit=1`)).body
    expect(await of(`owner=${ada.userId}&limit=1&cursor=${first.nextCursor}`)).toEqual([0])
    const other = `/v1/bookings?owner=${bob.userId}&limit=1&cursor=${first.nextCursor}`
    expect((await manager.get(other)).status).toBe(422)
    expect((await manager.get('/v1/bookings?owner=ada')).status).toBe(422)
  })

  test('is for oneself with reach own, and refused for anybody else’s', async () => {
    const { site, slot } = await bookingScene()
    const [ada, bob] = [await site.member('ada'), await site.member('bob')]
    const { id } = await bookingOf(ada, await slot(), CONTACT)
    const own = await ada.get(`/v1/bookings?owner=${ada.userId}`)
    expect(own.body.items).toMatchObject([{ id }])
    const refused = { stage: 'ownership', required: 'booking:read', reach: 'any' }
    for (const caller of [bob, await site.visitor()]) {
      const { status, body } = await caller.get(`/v1/bookings?owner=${ada.userId}`)
      expect([status, body]).toMatchObject([403, refused])
    }
    const twice = await ada.get(`/v1/bookings?owner=${ada.userId}&owner=${bob.userId}`)
    expect([twice.status, twice.body]).toMatchObject([403, refused])
  })
})
