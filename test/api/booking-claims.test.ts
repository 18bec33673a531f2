/** Members take over what they booked as visitors, by showing the visitor's token. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  audited,
  bookingOf,
  bookingScene,
  DAY,
  NONE,
  outcomeOf,
  violations,
} from '../support/bookings.ts'
import { claim, claimScene, idsOf } from '../support/claims.ts'
import { dump } from '../support/dump.ts'
import { interruptedStorage } from '../support/failing.ts'
import { rowsOf } from '../support/population.ts'
import { testSite } from '../support/site.ts'

afterEach(() => vi.useRealTimers())

describe('POST /v1/me/bookings/claim', () => {
  test('makes everything the visitor booked the member’s; who booked it stays on record', async () => {
    const { visitor, ada, ids, pending, root } = await claimScene()
    const { visitorId } = visitor
    const before = (await visitor.get(`/v1/bookings/${pending}`)).body
    const reply = await claim(ada, visitor)
    expect([reply.status, reply.body]).toEqual([200, { visitorId, claimed: 3 }])
    expect(await idsOf(ada)).toEqual(ids)
    expect((await ada.get('/v1/me/bookings')).body.items).toHaveLength(3)
    expect(await idsOf(visitor)).toEqual([])
    expect(outcomeOf(await visitor.post(`/v1/bookings/${pending}/cancel`))).toBe('404 not_found')
    const { visitorToken: _, ...rest } = before
    expect((await ada.get(`/v1/bookings/${pending}`)).body).toEqual({
      ...rest,
      owner: ada.userId,
      revision: 2,
      updatedAt: expect.any(String),
    })
    expect((await audited(root, pending))[0]).toMatchObject({
      action: 'booking.claim',
      actor: ada.userId,
      changes: { owner: ada.userId, formerOwner: visitorId },
    })
    expect(await violations()).toEqual(NONE)
    expect(outcomeOf(await ada.post(`/v1/bookings/${pending}/cancel`))).toBe('200 canceled')
  })

  test('a second time claims nothing, unless the visitor has booked again', async () => {
    const { visitor, ada, slot } = await claimScene()
    await claim(ada, visitor)
    const before = await dump()
    expect((await claim(ada, visitor)).body.claimed).toBe(0)
    expect(await dump()).toEqual(before)
    const { id } = await bookingOf(visitor, await slot())
    expect((await claim(ada, visitor)).body.claimed).toBe(1)
    expect(await idsOf(ada)).toContain(id)
  })

  test('ten times at once, by two members, gives each booking to one of them, once', async () => {
    const { visitor, ada, site, ids } = await claimScene()
    const ben = await site.member('ben')
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, index) => claim(index % 2 ? ada : ben, visitor)),
    )
    const claimed = replies.map(({ body }) => body.claimed)
    expect(claimed.toSorted((a, b) => a - b)).toEqual([...Array<number>(9).fill(0), 3])
    expect([...(await idsOf(ada)), ...(await idsOf(ben))]).toEqual(ids)
    expect(await violations()).toEqual(NONE)
  })

  test('gives nobody a second live booking of a slot: nothing is claimed until one is canceled', async () => {
    const { visitor, ada, site, slotOf, service } = await claimScene()
    const { id: slotId } = await slotOf((await service()).id, { capacity: 5 })
    const [mine, theirs] = [await bookingOf(ada, slotId), await bookingOf(visitor, slotId)]
    const before = await dump()
    const refused = await claim(ada, visitor)
    expect(outcomeOf(refused)).toBe('409 already_booked')
    expect(refused.body.detail).toContain(theirs.id)
    expect(await dump()).toEqual(before)
    await ada.post(`/v1/bookings/${mine.id}/cancel`)
    expect((await claim(ada, visitor)).body.claimed).toBe(4)
    expect(outcomeOf(await ada.post('/v1/bookings', { slotId }))).toBe('409 already_booked')
    expect(await violations()).toEqual(NONE)
    expect(await idsOf(await site.member('ben'))).toEqual([])
  })

  test('is refused for what the member confirmed: nobody confirms what they have booked', async () => {
    const { visitor, site, pending } = await claimScene()
    const manager = await site.memberWith('bookings-manager')
    expect(outcomeOf(await manager.post(`/v1/bookings/${pending}/confirm`))).toBe('200 confirmed')
    const before = await dump()
    const refused = await claim(manager, visitor)
    expect(outcomeOf(refused)).toBe('409 invalid_state')
    expect(refused.body.detail).toContain(pending)
    expect(await dump()).toEqual(before)
    await visitor.post(`/v1/bookings/${pending}/cancel`)
    expect((await claim(manager, visitor)).status).toBe(200)
  })

  test('is not in the way of what is over: of a slot that has begun, both become theirs', async () => {
    const { visitor, site, slotOf, service } = await claimScene()
    const { id: slotId } = await slotOf((await service()).id, { capacity: 5 })
    const ada = await site.member('ada')
    await bookingOf(ada, slotId)
    await bookingOf(visitor, slotId)
    vi.useFakeTimers({ now: Date.now() + 2 * DAY, toFake: ['Date'] })
    const later = await site.member('ada')
    expect((await claim(later, visitor)).body.claimed).toBe(4)
  })

  test('and a booking that is made in between do not leave a member with two', async () => {
    let inBetween = async (): Promise<unknown> => undefined
    const storage = interruptedStorage(
      ({ text }) => text.includes('update bookings set owner'),
      () => inBetween(),
    )
    const site = testSite(storage)
    const { visitor, ada, slotOf, service } = await claimScene(site)
    const { id: slotId } = await slotOf((await service()).id, { capacity: 5 })
    await bookingOf(visitor, slotId)
    const elsewhere = await testSite().member('ada')
    inBetween = () => bookingOf(elsewhere, slotId)
    expect(outcomeOf(await claim(ada, visitor))).toBe('409 already_booked')
    expect(await violations()).toEqual(NONE)
  })
})

describe('nobody settles what they booked themselves', () => {
  test.each(['bookings-manager', 'admin'])(
    'not even %s: what they booked as a visitor, they claim and cannot settle, under either id',
    async (role) => {
      const { site, slot, root } = await bookingScene()
      const [boss, visitor] = [await site.memberWith(role, 'boss'), await site.visitor()]
      const { id } = await bookingOf(visitor, await slot())
      expect((await claim(boss, visitor)).body.claimed).toBe(1)
      for (const who of [boss, visitor]) {
        for (const act of ['confirm', 'decline']) {
          const { status, body } = await who.post(`/v1/bookings/${id}/${act}`)
          expect([status, body.code]).toEqual([403, 'forbidden'])
        }
      }
      expect((await boss.get(`/v1/bookings/${id}`)).body).toMatchObject({
        status: 'pending',
        allowedActions: ['cancel'],
      })
      expect(outcomeOf(await root.post(`/v1/bookings/${id}/confirm`))).toBe('200 confirmed')
    },
  )
})

test('deleting the member afterwards leaves nothing that says how they could be reached', async () => {
  const { visitor, ada, root } = await claimScene()
  await claim(ada, visitor)
  expect((await root.delete(`/v1/users/${ada.userId}`)).status).toBe(204)
  const left = await rowsOf('select status, contact, note, revision from bookings order by id')
  expect(left).toEqual([
    { status: 'canceled', contact: null, note: null, revision: 3 },
    { status: 'canceled', contact: null, note: null, revision: 4 },
    { status: 'canceled', contact: null, note: null, revision: 4 },
  ])
})
