/** One visitor, and one network of visitors, cannot take everything. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  bookingScene,
  created,
  DAY,
  HOUR,
  MINUTE,
  newContact,
  outcomeOf,
} from '../support/bookings.ts'
import { claim } from '../support/claims.ts'
import { from } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { type Client, testSite } from '../support/site.ts'

afterEach(() => vi.useRealTimers())

function later(milliseconds: number) {
  vi.useFakeTimers({ now: Date.now() + milliseconds, toFake: ['Date'] })
}

async function scene(settings: Parameters<typeof testSite>[0] = {}) {
  const all = await bookingScene(testSite(settings))
  const { id: serviceId } = await all.service()
  let days = 0
  /** Books the next day. */
  const book = async (who: Client, address?: string) => {
    days += 1
    const { id: slotId } = await all.slotOf(serviceId, { startsIn: days * DAY, capacity: 9 })
    const body = { slotId, contact: newContact() }
    return who.post('/v1/bookings', body, address === undefined ? {} : from(address))
  }
  const outcomes = async (who: Client, count: number, address?: string) => {
    const all: string[] = []
    for (let index = 0; index < count; index++) all.push(outcomeOf(await book(who, address)))
    return all
  }
  return { ...all, serviceId, book, outcomes }
}

const TOO_MANY = '409 too_many_bookings'

describe('a visitor', () => {
  test('has five live bookings, and another one when one of them has ended', async () => {
    const { site, outcomes, book, root } = await scene()
    const visitor = await site.visitor()
    expect(await outcomes(visitor, 6)).toEqual([...Array<string>(5).fill('201 pending'), TOO_MANY])
    const [one, other] = (await visitor.get('/v1/bookings')).body.items
    await visitor.post(`/v1/bookings/${one.id}/cancel`)
    expect(outcomeOf(await book(visitor))).toBe('201 pending')
    await root.post(`/v1/bookings/${other.id}/decline`)
    expect(await outcomes(visitor, 2)).toEqual(['201 pending', TOO_MANY])
  })

  test('has no more when all are asked for at once', async () => {
    const { site, slot } = await scene()
    const visitor = await site.visitor()
    const slots = await Promise.all(Array.from({ length: 15 }, () => slot()))
    const replies = await Promise.all(
      slots.map((slotId) => visitor.post('/v1/bookings', { slotId })),
    )
    const outcomes = Map.groupBy(replies, outcomeOf)
    expect(outcomes.get('201 pending')).toHaveLength(5)
    expect(outcomes.get(TOO_MANY)).toHaveLength(10)
  })

  test('has no more for having them claimed by a member', async () => {
    const { site, outcomes } = await scene()
    const [visitor, ada] = [await site.visitor(), await site.member('ada')]
    await outcomes(visitor, 5)
    expect((await claim(ada, visitor)).body.claimed).toBe(5)
    expect(await outcomes(visitor, 1)).toEqual([TOO_MANY])
  })

  test('holds a place for an hour where the service says nothing, and as long as it says', async () => {
    const { site, slot } = await scene()
    const visitor = await site.visitor()
    const held = async (fields: object, who: Client = visitor) => {
      const body = { slotId: await slot(fields), contact: newContact() }
      const headers = { 'Idempotency-Key': crypto.randomUUID() }
      const reply = created(await who.post('/v1/bookings', body, { headers }))
      expect((await who.get(`/v1/bookings/${reply.id}`)).body).toEqual(reply)
      return reply.holdUntil && Date.parse(reply.holdUntil) - Date.parse(reply.createdAt)
    }
    expect(await held({})).toBe(HOUR)
    expect(await held({ holdMinutes: 5 })).toBe(5 * MINUTE)
    expect(await held({ holdMinutes: 90 })).toBe(90 * MINUTE)
    expect(await held({ autoConfirm: true })).toBe(null)
    expect(await held({}, await site.member('ada'))).toBe(null)
  })

  test('cannot take everything for good: what nobody confirms is free after an hour', async () => {
    const { site, outcomes, slot } = await scene()
    const [visitor, slotId] = [await site.visitor(), await slot()]
    await outcomes(visitor, 5)
    later(HOUR)
    expect(outcomeOf(await visitor.post('/v1/bookings', { slotId }))).toBe('201 pending')
  })

  test('is limited as the settings say', async () => {
    const { site, outcomes } = await scene({ VISITOR_BOOKINGS: '1', VISITOR_HOLD_MINUTES: '7' })
    const visitor = await site.visitor()
    expect(await outcomes(visitor, 2)).toEqual(['201 pending', TOO_MANY])
    const [{ holdUntil, createdAt }] = (await visitor.get('/v1/bookings')).body.items
    expect(Date.parse(holdUntil) - Date.parse(createdAt)).toBe(7 * MINUTE)
  })

  test('is the only one who is: members and keys book as many as they like', async () => {
    const { site, root, outcomes } = await scene({ VISITOR_BOOKINGS: '1', NETWORK_BOOKINGS: '1' })
    const scopes = ['booking:create']
    const { secret } = created(await root.post('/v1/api-keys', { name: 'K', scopes }))
    for (const who of [await site.member('ada'), site.bearer(secret)]) {
      expect(await outcomes(who, 3, '192.0.2.1')).toEqual(Array(3).fill('201 pending'))
    }
  })
})

describe('a network', () => {
  const settings = { NETWORK_BOOKINGS: '2' }

  test('is a /24 of IPv4 and a /64 of IPv6, and no unknown address is one', async () => {
    const { site, book } = await scene({ NETWORK_BOOKINGS: '1' })
    const asked: [string | undefined, string][] = [
      ['192.0.2.1', '201 pending'],
      ['192.0.2.254', TOO_MANY],
      ['::ffff:192.0.2.7', TOO_MANY],
      ['192.0.3.1', '201 pending'],
      ['2001:db8:1:1::1', '201 pending'],
      ['2001:db8:1:1:ffff::2', TOO_MANY],
      ['2001:db8:1:2::1', '201 pending'],
      [undefined, '201 pending'],
      [undefined, '201 pending'],
      ['unknown', '201 pending'],
      ['unknown', '201 pending'],
    ]
    for (const [address, outcome] of asked) {
      const reply = await book(await site.visitor(), address)
      expect(`${address}: ${outcomeOf(reply)}`).toBe(`${address}: ${outcome}`)
    }
  })

  test('has fifty, whatever the number of its visitors', async () => {
    const { site, serviceId, slotOf } = await scene()
    const { id: slotId } = await slotOf(serviceId, { capacity: 60 })
    const visitors = await Promise.all(Array.from({ length: 52 }, () => site.visitor()))
    const replies = await Promise.all(
      visitors.map((who) => who.post('/v1/bookings', { slotId }, from('192.0.2.1'))),
    )
    const outcomes = Map.groupBy(replies, outcomeOf)
    expect(outcomes.get('201 pending')).toHaveLength(50)
    expect(outcomes.get(TOO_MANY)).toHaveLength(2)
  })

  test('is stored as a keyed hash, which goes when the booking ends', async () => {
    const { site, root, book, service, slotOf } = await scene()
    const networks = () => rowsOf<{ network: string | null }>('select network from bookings')
    const visitor = await site.visitor()
    const ended = [
      created(await book(visitor, '192.0.2.1')),
      created(await book(visitor, '192.0.2.1')),
    ] as const
    const stored = await networks()
    expect(new Set(stored.map(({ network }) => network)).size).toBe(1)
    expect(stored[0]?.network).toMatch(/^[\w-]{43}$/)
    await visitor.post(`/v1/bookings/${ended[0].id}/cancel`)
    await root.post(`/v1/bookings/${ended[1].id}/decline`)
    expect(await networks()).toEqual([{ network: null }, { network: null }])

    const { id: serviceId } = await service({ autoConfirm: true })
    const { id: slotId } = await slotOf(serviceId, { startsIn: HOUR })
    created(await visitor.post('/v1/bookings', { slotId }, from('192.0.2.1')))
    created(await book(visitor, '192.0.2.1'))
    later(3 * HOUR)
    await site.tick()
    const [row] = await rowsOf<{ n: number }>('select count(network) as n from bookings')
    expect(row?.n).toBe(0)
  })

  test('is hashed otherwise with another secret, or on another site', async () => {
    const hashOn = async (overrides: Parameters<typeof testSite>[0]) => {
      const { site, book } = await scene(overrides)
      const { id } = created(await book(await site.visitor(), '192.0.2.1'))
      const [row] = await rowsOf<{ network: string }>(
        'select network from bookings where id = ?',
        id,
      )
      return row?.network
    }
    const usual = await hashOn({})
    expect(await hashOn({})).toBe(usual)
    expect(await hashOn({ AUTH_SECRET: 'x'.repeat(40) })).not.toBe(usual)
    await rowsOf(`update site set value = 'another' where key = 'network_key'`)
    expect(await hashOn({})).not.toBe(usual)
  })

  test('is limited as the settings say, and by what lives', async () => {
    const { site, book } = await scene(settings)
    const one = await site.visitor()
    const { id } = created(await book(one, '192.0.2.1'))
    created(await book(await site.visitor(), '192.0.2.2'))
    expect(outcomeOf(await book(await site.visitor(), '192.0.2.3'))).toBe(TOO_MANY)
    await one.post(`/v1/bookings/${id}/cancel`)
    expect(outcomeOf(await book(await site.visitor(), '192.0.2.3'))).toBe('201 pending')
  })

  test('is what a visitor’s writes are counted by, and nobody else’s', async () => {
    const counted: string[] = []
    const ADDRESSES: RateLimit = {
      limit: async ({ key }) => ({ success: counted.push(key) < 4 }),
    }
    const { site, slot } = await scene({ ADDRESSES })
    const [visitor, ada, slotId] = [await site.visitor(), await site.member('ada'), await slot()]
    counted.length = 0
    const address = from('192.0.2.1')
    const { id } = created(await visitor.post('/v1/bookings', { slotId }, address))
    await visitor.get(`/v1/bookings/${id}`, address)
    await ada.post('/v1/bookings', { slotId }, address)
    expect(counted).toHaveLength(1)
    expect((await visitor.delete(`/v1/bookings/${id}/contact`, address)).status).toBe(204)
    expect((await visitor.post(`/v1/bookings/${id}/cancel`, {}, address)).status).toBe(200)
    const refused = await visitor.post('/v1/bookings', { slotId }, address)
    expect(outcomeOf(refused)).toBe('429 rate_limited')
  })
})

test('the problem has a page that says what to do', async () => {
  const page = await testSite().anonymous.get('/problems/too_many_bookings')
  expect(page.text).toContain('live bookings')
})
