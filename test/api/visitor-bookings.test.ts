/** Visitors book, read and cancel what is theirs; nobody else's is there for them. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  audited,
  bookingOf,
  bookingScene,
  CONTACT,
  created,
  HOUR,
  MINUTE,
  newContact,
  NONE,
  outcomeOf,
  violations,
} from '../support/bookings.ts'
import { countingStorage } from '../support/counting.ts'
import { dump } from '../support/dump.ts'
import { differenceOf, faultsOf, harmOf, STRINGS } from '../support/naughty.ts'
import { testSite } from '../support/site.ts'

afterEach(() => vi.useRealTimers())

describe('a visitor', () => {
  test('books with a way to be reached, and reads it alone and in a list', async () => {
    const { site, slot, root } = await bookingScene()
    const visitor = await site.visitor()
    const booked = created(
      await visitor.post('/v1/bookings', { slotId: await slot(), contact: CONTACT, note: 'Hello' }),
    )
    expect(booked).toMatchObject({
      status: 'pending',
      owner: visitor.visitorId,
      bookedBy: visitor.visitorId,
      contact: CONTACT,
      note: 'Hello',
      allowedActions: ['cancel'],
    })
    expect((await visitor.get(`/v1/bookings/${booked.id}`)).body).toEqual(booked)
    expect((await visitor.get('/v1/bookings')).body).toEqual({ items: [booked], nextCursor: null })
    expect(await audited(root, booked.id)).toMatchObject([
      { action: 'booking.create', actor: visitor.visitorId },
    ])
  })

  test.each([
    ['no contact', undefined, null],
    [
      'an address alone',
      { email: CONTACT.email },
      { name: null, email: CONTACT.email, phone: null },
    ],
    ['a number alone', { phone: CONTACT.phone }, { name: null, email: null, phone: CONTACT.phone }],
  ])('books with %s', async (_, contact, kept) => {
    const { site, slot } = await bookingScene()
    const visitor = await site.visitor()
    const { body } = await visitor.post('/v1/bookings', { slotId: await slot(), contact })
    expect([body.status, body.contact]).toEqual(['pending', kept])
  })

  test.each([
    ['neither address nor number', { name: 'Vera' }, 'contact'],
    ['an address that is none', { name: 'Vera', email: 'vera' }, 'contact.email'],
    ['an empty name', { name: '', email: 'vera@example.com' }, 'contact.name'],
  ])('does not book with %s', async (_, contact, path) => {
    const { site, slot } = await bookingScene()
    const [visitor, slotId] = [await site.visitor(), await slot()]
    const before = await dump()
    const reply = await visitor.post('/v1/bookings', { slotId, contact })
    expect(outcomeOf(reply)).toBe('422 validation_failed')
    expect(reply.body.errors).toEqual([{ in: 'json', path, message: expect.any(String) }])
    expect(await dump()).toEqual(before)
  })

  test('is confirmed at once where the service does so, on behalf of the visitor', async () => {
    const { site, slot, root } = await bookingScene()
    const visitor = await site.visitor()
    const slotId = await slot({ autoConfirm: true })
    const booked = created(await visitor.post('/v1/bookings', { slotId, contact: CONTACT }))
    expect(booked.status).toBe('confirmed')
    expect((await audited(root, booked.id))[0]).toMatchObject({
      actor: 'system:booking-auto-confirmer',
      onBehalfOf: visitor.visitorId,
    })
  })

  test('has one live booking of a slot, and takes a place like anybody', async () => {
    const { site, slot } = await bookingScene()
    const [visitor, other, slotId] = [await site.visitor(), await site.visitor(), await slot()]
    const body = { slotId, contact: newContact() }
    await bookingOf(visitor, slotId)
    expect(outcomeOf(await visitor.post('/v1/bookings', body))).toBe('409 already_booked')
    expect(outcomeOf(await other.post('/v1/bookings', body))).toBe('409 slot_full')
    expect(await violations()).toEqual(NONE)
  })

  test('repeats a booking under an Idempotency-Key, which is another’s no more than the booking', async () => {
    const { site, slot } = await bookingScene()
    const [visitor, other] = [await site.visitor(), await site.visitor()]
    const headers = { 'Idempotency-Key': 'once' }
    const body = { slotId: await slot({}, { capacity: 5 }), contact: CONTACT }
    const replies = await Promise.all(
      Array.from({ length: 10 }, () => visitor.post('/v1/bookings', body, { headers })),
    )
    expect(new Set(replies.map(({ status, text }) => `${status} ${text}`)).size).toBe(1)
    const theirs = await other.post('/v1/bookings', { ...body, contact: newContact() }, { headers })
    expect(created(theirs).owner).toBe(other.visitorId)
    const changed = { ...body, note: 'x' }
    const mismatch = await visitor.post('/v1/bookings', changed, { headers })
    expect(outcomeOf(mismatch)).toBe('422 idempotency_mismatch')
  })

  test('cancels until the limit of the service, and not after it', async () => {
    const { site, slot } = await bookingScene()
    const visitor = await site.visitor()
    const terms = { cancelUntilMinutes: 60, autoConfirm: true }
    const [one, other] = [
      await bookingOf(visitor, await slot(terms, { startsIn: 2 * HOUR })),
      await bookingOf(visitor, await slot(terms, { startsIn: 2 * HOUR })),
    ]
    vi.useFakeTimers({ now: Date.now() + HOUR - MINUTE, toFake: ['Date'] })
    const canceled = await visitor.post(`/v1/bookings/${one.id}/cancel`, { reason: 'Ill' })
    expect(canceled.body).toMatchObject({ status: 'canceled', reason: 'Ill', allowedActions: [] })
    vi.setSystemTime(Date.now() + 2 * MINUTE)
    expect((await visitor.get(`/v1/bookings/${other.id}`)).body.allowedActions).toEqual([])
    const late = await visitor.post(`/v1/bookings/${other.id}/cancel`)
    expect(outcomeOf(late)).toBe('409 invalid_state')
  })

  test('has a calendar entry of it', async () => {
    const { site, slot } = await bookingScene()
    const visitor = await site.visitor()
    const { id } = await bookingOf(visitor, await slot())
    const { status, text } = await visitor.get(`/v1/bookings/${id}/calendar.ics`)
    expect([status, text]).toEqual([200, expect.stringContaining(`UID:${id}`)])
  })

  test('confirms and declines nothing, least of all their own', async () => {
    const { site, slot } = await bookingScene()
    const visitor = await site.visitor()
    const own = await bookingOf(visitor, await slot())
    const other = await bookingOf(await site.visitor(), await slot())
    for (const { id } of [own, other]) {
      for (const act of ['confirm', 'decline']) {
        const { status, body } = await visitor.post(`/v1/bookings/${id}/${act}`)
        expect({ status, code: body.code, stage: body.stage }).toEqual({
          status: 403,
          code: 'forbidden',
          stage: 'permission',
        })
      }
    }
    expect((await visitor.get(`/v1/bookings/${own.id}`)).body.status).toBe('pending')
  })
})

describe('a booking of somebody else', () => {
  test('is not there for a visitor, be it another visitor’s or a member’s, and stays as it is', async () => {
    const { site, slot } = await bookingScene()
    const owners = [await site.visitor(), await site.member('ada')]
    const eve = await site.visitor()
    for (const owner of owners) {
      const { id } = await bookingOf(owner, await slot())
      const before = await dump()
      const replies = [
        await eve.get(`/v1/bookings/${id}`),
        await eve.get(`/v1/bookings/${id}/calendar.ics`),
        await eve.post(`/v1/bookings/${id}/cancel`),
        await eve.post(`/v1/bookings/${id}/cancel`, {}, { headers: { 'If-Match': '"1"' } }),
      ]
      expect(replies.map(outcomeOf)).toEqual(Array(4).fill('404 not_found'))
      expect((await eve.get('/v1/bookings')).body.items).toEqual([])
      expect(await dump()).toEqual(before)
    }
  })

  test('is a visitor’s, and not there for a member who reaches only their own', async () => {
    const { site, slot, manager } = await bookingScene()
    const [visitor, ada] = [await site.visitor(), await site.member('ada')]
    const { id } = await bookingOf(visitor, await slot())
    expect(outcomeOf(await ada.get(`/v1/bookings/${id}`))).toBe('404 not_found')
    const confirmed = await (await manager()).post(`/v1/bookings/${id}/confirm`)
    expect(outcomeOf(confirmed)).toBe('200 confirmed')
    expect((await visitor.get(`/v1/bookings/${id}`)).body.status).toBe('confirmed')
  })
})

test('POST /v1/bookings costs one call to D1, two where it is confirmed at once, whoever books', async () => {
  const { storage, costOf } = countingStorage()
  const { site, slot } = await bookingScene(testSite(storage))
  const [ada, visitor] = [await site.member('ada'), await site.visitor()]
  await visitor.get('/v1/whoami')
  const costs = []
  for (const [who, autoConfirm] of [
    [ada, false],
    [ada, true],
    [visitor, false],
    [visitor, true],
  ] as const) {
    const slotId = await slot({ autoConfirm })
    costs.push((await costOf(() => bookingOf(who, slotId))).d1)
  }
  expect(costs).toEqual([1, 2, 1, 2])
})

test('every naughty string is stored as a visitor sent it (in NFC), or refused', async () => {
  const { site, slot, root } = await bookingScene()
  const slotId = await slot({}, { capacity: 10_000 })
  const texts = STRINGS.filter(({ length }) => length < 2000)
  let taken = 0
  const faults = await faultsOf(texts, async (text) => {
    const visitor = await site.visitor()
    const contact = { name: text, email: newContact().email }
    const reply = await visitor.post('/v1/bookings', { slotId, note: text, contact })
    if (reply.status !== 201) return reply.status === 422 ? harmOf(reply) : [`${reply.status}`]
    taken += 1
    const sent = text.normalize('NFC')
    // The answer is read from the database after the write.
    return differenceOf(reply.body, { note: sent, contact: { name: sent } })
  })
  expect(faults).toEqual([])
  expect(taken).toBeGreaterThan(100)
  expect((await root.get('/v1/bookings')).status).toBe(200)
})
