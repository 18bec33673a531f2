/** What somebody booked as a visitor becomes theirs as a member, by showing the visitor's token. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  audited,
  bookingOf,
  bookingScene,
  created,
  DAY,
  NONE,
  outcomeOf,
  violations,
} from '../support/bookings.ts'
import { dump } from '../support/dump.ts'
import { failingStorage, interruptedStorage } from '../support/failing.ts'
import { faultsOf, harmOf, STRINGS } from '../support/naughty.ts'
import { rowsOf } from '../support/population.ts'
import { type Client, ISSUER, testSite, type Visitor } from '../support/site.ts'
import { plantKey, visitorIssuer } from '../support/token-keys.ts'

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
})
afterEach(() => vi.useRealTimers())

const claim = (who: Client, { token }: Pick<Visitor, 'token'>) =>
  who.post('/v1/me/bookings/claim', { visitorToken: token })

/** A visitor who has booked, in several ways. */
async function scene(site = testSite()) {
  const all = await bookingScene(site)
  const [visitor, ada] = [await site.visitor(), await site.member('ada')]
  const slotId = await all.slot()
  const pending = (await bookingOf(visitor, slotId)).id
  const confirmed = (await bookingOf(visitor, await all.slot({ autoConfirm: true }))).id
  const canceled = (await bookingOf(visitor, await all.slot())).id
  await visitor.post(`/v1/bookings/${canceled}/cancel`)
  return { ...all, visitor, ada, slotId, pending, ids: [canceled, confirmed, pending] }
}

const idsOf = async (who: Client) =>
  (await who.get('/v1/bookings')).body.items.map(({ id }: { id: string }) => id)

describe('POST /v1/me/bookings/claim', () => {
  test('makes everything the visitor booked the member’s; who booked it stays on record', async () => {
    const { visitor, ada, ids, pending, root } = await scene()
    const { visitorId } = visitor
    const before = (await visitor.get(`/v1/bookings/${pending}`)).body
    const reply = await claim(ada, visitor)
    expect([reply.status, reply.body]).toEqual([200, { visitorId, claimed: 3 }])
    expect(await idsOf(ada)).toEqual(ids)
    expect((await ada.get('/v1/me/bookings')).body.items).toHaveLength(3)
    expect(await idsOf(visitor)).toEqual([])
    expect(outcomeOf(await visitor.post(`/v1/bookings/${pending}/cancel`))).toBe('404 not_found')
    expect((await ada.get(`/v1/bookings/${pending}`)).body).toEqual({
      ...before,
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
    const { visitor, ada, slot } = await scene()
    await claim(ada, visitor)
    const before = await dump()
    expect((await claim(ada, visitor)).body.claimed).toBe(0)
    expect(await dump()).toEqual(before)
    const { id } = await bookingOf(visitor, await slot())
    expect((await claim(ada, visitor)).body.claimed).toBe(1)
    expect(await idsOf(ada)).toContain(id)
  })

  test('ten times at once, by two members, gives each booking to one of them, once', async () => {
    const { visitor, ada, site, ids } = await scene()
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
    const { visitor, ada, site, slotOf, service } = await scene()
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

  test('is not in the way of what is over: of a slot that has begun, both become theirs', async () => {
    const { visitor, site, slotOf, service } = await scene()
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
    const { visitor, ada, slotOf, service } = await scene(site)
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

describe('a claim is refused', () => {
  test('to whoever is no member, or may not act', async () => {
    const { visitor, ada, site, root, ids } = await scene()
    const scopes = ['booking:create', 'booking:read', 'booking:cancel']
    const { secret } = created(await root.post('/v1/api-keys', { name: 'P', scopes }))
    await root.post(`/v1/users/${ada.userId}/suspend`)
    const before = await dump()
    const replies = [
      await claim(site.anonymous, visitor),
      await claim(await site.visitor(), visitor),
      await claim(visitor, visitor),
      await claim(site.bearer(secret), visitor),
      await claim(ada, visitor),
    ]
    expect(replies.map(outcomeOf)).toEqual([
      '401 unauthenticated',
      '403 members_only',
      '403 members_only',
      '403 members_only',
      '403 suspended',
    ])
    expect(await dump()).toEqual(before)
    expect(await idsOf(visitor)).toEqual(ids)
  })

  test('to a member who is suspended while it is under way', async () => {
    const root = await testSite().root()
    let userId = ''
    const storage = interruptedStorage(
      ({ text }) => text.includes('update bookings set owner'),
      () => root.post(`/v1/users/${userId}/suspend`),
    )
    const { visitor, ada, ids } = await scene(testSite(storage))
    userId = ada.userId
    expect(outcomeOf(await claim(ada, visitor))).toBe('403 suspended')
    expect(await idsOf(visitor)).toEqual(ids)
  })

  test('with 422 on the token, never 401, when the token is not a visitor’s or no longer good', async () => {
    const { visitor, ada, site, ids } = await scene()
    const stranger = await visitorIssuer()
    const forged = await stranger.sign({ sub: visitor.visitorId })
    const issuer = await visitorIssuer()
    await plantKey(issuer, 'visitor')
    const wrong = {
      'a member’s': ada.token,
      'signed by nobody': forged,
      expired: await issuer.sign({ exp: 1 }),
      'for another audience': await issuer.sign({ aud: 'guildhall' }),
      'of a member by its subject': await issuer.sign({ sub: ada.userId }),
      'of another issuer, with a visitor’s subject': await ISSUER.sign({ sub: visitor.visitorId }),
      'no token': 'x',
      empty: '',
      'too long': `${'x'.repeat(9000)}.y.z`,
      'the id': visitor.visitorId,
    }
    const before = await dump()
    for (const [name, token] of Object.entries(wrong)) {
      const reply = await claim(ada, { token })
      expect({ name, outcome: outcomeOf(reply) }).toEqual({
        name,
        outcome: '422 validation_failed',
      })
      expect(reply.body.errors[0]).toMatchObject({ in: 'json', path: 'visitorToken' })
      expect(reply.headers.has('WWW-Authenticate')).toBe(false)
    }
    expect(await dump()).toEqual(before)
    expect(await idsOf(visitor)).toEqual(ids)
    expect((await site.bearer(forged).get('/v1/whoami')).status).toBe(401)
  })

  test('with 503 while the keys of visitors cannot be read', async () => {
    const { storage, arm, disarm } = failingStorage()
    const { visitor } = await scene()
    const ada = await testSite(storage).member('ada')
    arm({ fails: (_, { text }) => text.includes('token_keys') })
    expect(outcomeOf(await claim(ada, visitor))).toBe('503 unavailable')
    disarm()
  })

  test('for every naughty string, without harm', async () => {
    const { ada } = await scene()
    const faults = await faultsOf(STRINGS, async (token) => {
      const reply = await claim(ada, { token })
      return [...harmOf(reply), ...([413, 422].includes(reply.status) ? [] : [`${reply.status}`])]
    })
    expect(faults).toEqual([])
  })
})

test('deleting the member afterwards leaves nothing that says how they could be reached', async () => {
  const { visitor, ada, root } = await scene()
  await claim(ada, visitor)
  expect((await root.delete(`/v1/users/${ada.userId}`)).status).toBe(204)
  const left = await rowsOf('select status, contact, note, revision from bookings order by id')
  expect(left).toEqual([
    { status: 'canceled', contact: null, note: null, revision: 3 },
    { status: 'canceled', contact: null, note: null, revision: 4 },
    { status: 'canceled', contact: null, note: null, revision: 4 },
  ])
})
