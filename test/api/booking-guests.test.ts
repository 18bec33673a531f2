/** Who acts for everybody books for guests: each has a place of their own, and nobody has two. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  bookingOf,
  bookingScene,
  created,
  newContact,
  NONE,
  outcomeOf,
  violations,
} from '../support/bookings.ts'
import { claim } from '../support/claims.ts'
import { interruptedStorage } from '../support/failing.ts'
import { rowsOf } from '../support/population.ts'
import { type Client, type Member, testSite } from '../support/site.ts'

afterEach(() => vi.useRealTimers())

async function keyOf(root: Member, scopes = ['booking:create', 'booking:read', 'booking:cancel']) {
  return created(await root.post('/v1/api-keys', { name: 'Desk', scopes })).secret as string
}

async function desk(kind: 'key' | 'manager') {
  const scene = await bookingScene()
  const who: Client =
    kind === 'key' ? scene.site.bearer(await keyOf(scene.root)) : await scene.manager()
  const slotId = await scene.slot({}, { capacity: 10 })
  const book = (contact?: object) => who.post('/v1/bookings', { slotId, contact })
  return { ...scene, who, slotId, book }
}

describe.each(['key', 'manager'] as const)('a %s with reach any', (kind) => {
  test('books for each guest who is named, and for none of them twice', async () => {
    const { book } = await desk(kind)
    const [ada, ben] = [newContact(), newContact()]
    expect((await book(ada)).status).toBe(201)
    expect((await book(ben)).status).toBe(201)
    for (const again of [
      ada,
      { email: ada.email.toUpperCase() },
      { name: 'Eve', phone: ben.phone },
      { email: newContact().email, phone: ben.phone },
    ]) {
      expect(outcomeOf(await book(again))).toBe('409 already_booked')
    }
    expect(await violations()).toEqual(NONE)
  })

  test('has one place of their own without a contact, beside those of guests', async () => {
    const { book } = await desk(kind)
    expect((await book()).status).toBe(201)
    expect((await book(newContact())).status).toBe(201)
    expect(outcomeOf(await book())).toBe('409 already_booked')
  })

  test('books for a guest once, of twenty at once', async () => {
    const { book } = await desk(kind)
    const contact = newContact()
    const replies = await Promise.all(Array.from({ length: 20 }, () => book(contact)))
    const outcomes = Map.groupBy(replies, outcomeOf)
    expect(outcomes.get('201 pending')).toHaveLength(1)
    expect(outcomes.get('409 already_booked')).toHaveLength(19)
  })

  test('fills no slot beyond its places', async () => {
    const { who, slot } = await desk(kind)
    const slotId = await slot({}, { capacity: 2 })
    const book = () => who.post('/v1/bookings', { slotId, contact: newContact() })
    expect((await book()).status).toBe(201)
    expect((await book()).status).toBe(201)
    expect(outcomeOf(await book())).toBe('409 slot_full')
  })
})

describe('a member or a visitor', () => {
  test('has one place, whatever contacts they name', async () => {
    const { site, slotId } = await desk('key')
    for (const who of [await site.member('ada'), await site.visitor()]) {
      await bookingOf(who, slotId)
      const again = await who.post('/v1/bookings', { slotId, contact: newContact() })
      expect(outcomeOf(again)).toBe('409 already_booked')
    }
  })

  test('is the same person under the same address or number, whoever booked for them', async () => {
    const { site, slotId, book } = await desk('key')
    const contact = newContact()
    expect((await book(contact)).status).toBe(201)
    for (const who of [await site.member('ada'), await site.visitor()]) {
      const reply = await who.post('/v1/bookings', { slotId, contact: { email: contact.email } })
      expect(outcomeOf(reply)).toBe('409 already_booked')
    }
    expect((await (await site.visitor()).post('/v1/bookings', { slotId })).status).toBe(201)
  })

  test('learns of a slot that is full that it is, and not who has booked', async () => {
    const { site, who, slot } = await desk('key')
    const [slotId, contact] = [await slot(), newContact()]
    created(await who.post('/v1/bookings', { slotId, contact }))
    const stranger = await site.visitor()
    const asked = await stranger.post('/v1/bookings', { slotId, contact })
    expect(outcomeOf(asked)).toBe('409 slot_full')
    expect(outcomeOf(await who.post('/v1/bookings', { slotId, contact }))).toBe(
      '409 already_booked',
    )
  })
})

describe('nobody confirms what they or their key made', () => {
  test('for a guest no more than for themselves; another manager does', async () => {
    const { manager, root, slot, site } = await desk('key')
    const boss = await manager()
    const key = site.bearer(await keyOf(root))
    for (const [maker, settler, other] of [
      [boss, boss, root],
      [key, root, boss],
    ] as const) {
      const body = { slotId: await slot(), contact: newContact() }
      const { id } = created(await maker.post('/v1/bookings', body))
      for (const act of ['confirm', 'decline']) {
        const { status, body: refusal } = await settler.post(`/v1/bookings/${id}/${act}`)
        expect([status, refusal.stage]).toEqual([403, 'ownership'])
      }
      expect(outcomeOf(await other.post(`/v1/bookings/${id}/confirm`))).toBe('200 confirmed')
    }
  })
})

describe('a hold that runs out while it is confirmed', () => {
  test('is not confirmed for a guest who has been booked for again', async () => {
    let inBetween = async (): Promise<unknown> => undefined
    const storage = interruptedStorage(
      ({ text }) => text.includes('update "bookings"'),
      () => inBetween(),
    )
    const { root, slot, site } = await bookingScene(testSite(storage))
    const slotId = await slot({ holdMinutes: 1 }, { capacity: 5 })
    const secret = await keyOf(await site.memberWith('admin', 'another'))
    const key = testSite().bearer(secret)
    const body = { slotId, contact: newContact() }
    const { id } = created(await key.post('/v1/bookings', body))
    inBetween = async () => {
      vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ['Date'] })
      created(await key.post('/v1/bookings', body))
    }
    expect(outcomeOf(await root.post(`/v1/bookings/${id}/confirm`))).toBe('409 invalid_state')
    expect(await violations()).toEqual(NONE)
  })
})

describe('a claim', () => {
  test('is not in the way of places that the member has booked for guests', async () => {
    const { site, slotId, manager } = await desk('key')
    const [boss, visitor] = [await manager(), await site.visitor()]
    created(await boss.post('/v1/bookings', { slotId, contact: newContact() }))
    await bookingOf(visitor, slotId)
    expect((await claim(boss, visitor)).body.claimed).toBe(1)
    expect(await violations()).toEqual(NONE)
  })
})

test('what a manager has booked for guests stays the guests’ when the manager is deleted', async () => {
  const { root, manager, slotId } = await desk('key')
  const boss = await manager()
  const contact = newContact()
  const { id } = created(await boss.post('/v1/bookings', { slotId, contact }))
  const own = created(await boss.post('/v1/bookings', { slotId }))
  expect((await root.delete(`/v1/users/${boss.userId}`)).status).toBe(204)
  expect((await root.get(`/v1/bookings/${id}`)).body).toMatchObject({ status: 'pending', contact })
  expect((await root.get(`/v1/bookings/${own.id}`)).body.status).toBe('canceled')
})

test('what people are told apart by goes with the contact: storage keeps no other way', async () => {
  const { book } = await desk('key')
  const { id } = created(await book(newContact()))
  await expect(rowsOf('update bookings set contact = null where id = ?', id)).rejects.toThrow(
    'CHECK constraint failed',
  )
})
