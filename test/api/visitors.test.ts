import { afterEach, describe, expect, test, vi } from 'vitest'
import { env } from 'cloudflare:workers'
import wrangler from '../../wrangler.toml?raw'
import { VISITORS } from '../../src/db/issuers.ts'
import { ADDRESS_LIMIT } from '../../src/security/limits/address-limit.ts'
import { bookingOf, bookingScene } from '../support/bookings.ts'
import { countingStorage } from '../support/counting.ts'
import { dump } from '../support/dump.ts'
import { from } from '../support/keys.ts'
import { LOGIN_SETTINGS } from '../support/login.ts'
import { idOf, TIME } from '../support/shapes.ts'
import { testSite } from '../support/site.ts'

const DAY = 86_400_000

describe('POST /v1/visitors', () => {
  test.each([
    ['the built-in login off', {}],
    ['the built-in login on', LOGIN_SETTINGS],
    ['a secret and no login', { AUTH_SECRET: LOGIN_SETTINGS.AUTH_SECRET }],
  ])('makes a visitor with a token for 30 days, with %s', async (_, settings) => {
    const site = testSite(settings)
    const { status, body, headers } = await site.anonymous.post('/v1/visitors')
    expect(status).toBe(201)
    expect(body).toEqual({ visitorId: idOf('vis'), token: expect.any(String), expiresAt: TIME })
    expect(headers.get('Cache-Control')).toBe('no-store, no-transform')
    const lifetime = Date.parse(body.expiresAt) - Date.now()
    expect(Math.abs(lifetime - 30 * DAY)).toBeLessThan(60_000)
    const whoami = await site.bearer(body.token).get('/v1/whoami')
    expect(whoami.body).toEqual({
      kind: 'visitor',
      visitorId: body.visitorId,
      roles: [],
      permissions: ['booking:create', 'booking:read', 'booking:cancel'].map((permission) => ({
        permission,
        reach: 'own',
      })),
      credential: { type: 'jwt', issuer: VISITORS, expiresAt: body.expiresAt },
    })
  })

  test('stores nothing but the key that signs, which all visitors share', async () => {
    const site = testSite()
    await site.visitor()
    const before = await dump()
    const visitors = await Promise.all(Array.from({ length: 20 }, () => site.visitor()))
    expect(new Set(visitors.map(({ visitorId }) => visitorId)).size).toBe(20)
    for (const visitor of visitors) await visitor.get('/v1/whoami')
    expect(await dump()).toEqual(before)
  })

  test('makes one more each time, whatever Idempotency-Key is sent: nobody else is given a token', async () => {
    const site = testSite()
    const headers = { 'Idempotency-Key': '1' }
    const make = () => site.anonymous.post('/v1/visitors', {}, { headers })
    const [one, other] = [await make(), await make()]
    expect([one.status, other.status]).toEqual([201, 201])
    expect(other.body.visitorId).not.toBe(one.body.visitorId)
    expect(other.headers.has('Idempotency-Replayed')).toBe(false)
  })

  test('is open to a member, and makes a stranger of nobody', async () => {
    const ada = await testSite().member('ada')
    const { status, body } = await ada.post('/v1/visitors')
    expect([status, body.visitorId]).toEqual([201, idOf('vis')])
    expect((await ada.get('/v1/whoami')).body.kind).toBe('member')
  })
})

describe('POST /v1/visitors with the token of a visitor', () => {
  afterEach(() => vi.useRealTimers())

  function later(milliseconds: number) {
    vi.useFakeTimers({ now: Date.now() + milliseconds, toFake: ['Date'] })
  }

  test('answers a new token of the same visitor, for 30 days from then on', async () => {
    const { site, slot } = await bookingScene()
    const visitor = await site.visitor()
    const { id } = await bookingOf(visitor, await slot())
    later(20 * DAY)
    const { status, body } = await visitor.post('/v1/visitors')
    expect([status, body.visitorId]).toEqual([201, visitor.visitorId])
    expect(Math.abs(Date.parse(body.expiresAt) - Date.now() - 30 * DAY)).toBeLessThan(60_000)
    const renewed = site.bearer(body.token)
    expect((await renewed.get('/v1/bookings')).body.items).toMatchObject([{ id }])
    later(11 * DAY)
    expect((await visitor.get('/v1/whoami')).status).toBe(401)
    expect((await visitor.post('/v1/visitors')).status).toBe(401)
    expect((await site.bearer(body.token).get('/v1/whoami')).status).toBe(200)
  })

  test('answers one that is good until the last live booking ends, and its key as long', async () => {
    const { site, service, slotOf, root } = await bookingScene()
    const visitor = await site.visitor()
    const { id: serviceId } = await service({ autoConfirm: true })
    const far = await slotOf(serviceId, { startsIn: 200 * DAY })
    const farther = await slotOf(serviceId, { startsIn: 300 * DAY })
    const booked = (await visitor.post('/v1/bookings', { slotId: far.id })).body
    const canceled = await bookingOf(visitor, farther.id)
    await root.post(`/v1/bookings/${canceled.id}/cancel`)
    const { expiresAt, token } = (await visitor.post('/v1/visitors')).body
    expect(Date.parse(expiresAt) - Date.parse(booked.endsAt)).toBeLessThan(1000)
    expect(expiresAt >= booked.endsAt).toBe(true)
    later(199 * DAY)
    await site.tick()
    // Another isolate knows no key from before.
    const { bearer } = testSite()
    expect((await bearer(token).get(`/v1/bookings/${booked.id}`)).status).toBe(200)
    later(2 * DAY)
    expect((await bearer(token).get('/v1/whoami')).status).toBe(401)
    // With nothing ahead it is the usual time again.
    const other = await site.visitor()
    const usual = (await other.post('/v1/visitors')).body.expiresAt
    expect(Math.abs(Date.parse(usual) - Date.now() - 30 * DAY)).toBeLessThan(60_000)
  })

  test('is what a booking says: when the token ends, and how to renew it', async () => {
    const { site, slot } = await bookingScene()
    const [visitor, ada] = [await site.visitor(), await site.member('ada')]
    const slotId = await slot({}, { capacity: 2 })
    const { body } = await visitor.post('/v1/bookings', { slotId })
    const { expiresAt } = (await visitor.get('/v1/whoami')).body.credential
    expect(body.visitorToken).toEqual({ expiresAt, renewWith: 'POST /v1/visitors' })
    expect((await visitor.get(`/v1/bookings/${body.id}`)).body).toEqual(body)
    expect((await ada.post('/v1/bookings', { slotId })).body).not.toHaveProperty('visitorToken')
  })

  test('makes nobody a visitor whose token is bad', async () => {
    const site = testSite()
    expect((await site.bearer('x.y.z').post('/v1/visitors')).status).toBe(401)
  })
})

describe('a visitor’s token', () => {
  test('costs no call to storage once the isolate has the keys', async () => {
    const { storage, costOf } = countingStorage()
    const site = testSite(storage)
    const visitor = await site.visitor()
    await visitor.get('/v1/whoami')
    expect(await costOf(() => visitor.get('/v1/whoami'))).toEqual({ d1: 0, objects: 0 })
    expect(await costOf(() => visitor.get('/v1/bookings'))).toEqual({ d1: 1, objects: 0 })
  })

  test('is good at once with a key that nobody has seen before', async () => {
    const site = testSite()
    await site.bearer((await site.visitor()).token).get('/v1/whoami')
    await env.DB.exec('delete from token_keys')
    const visitor = await site.visitor()
    const { visitorId } = visitor
    expect((await visitor.get('/v1/whoami')).body).toMatchObject({ kind: 'visitor', visitorId })
  })

  test('opens no route about a member', async () => {
    const visitor = await testSite().visitor()
    for (const [method, path] of [
      ['GET', '/v1/me'],
      ['GET', '/v1/me/bookings'],
      ['POST', '/v1/me/visits'],
    ] as const) {
      const { status, body } = await visitor.call(method, path)
      expect({ path, status, code: body.code, stage: body.stage }).toEqual({
        path,
        status: 403,
        code: 'members_only',
        stage: 'session',
      })
    }
  })
})

describe('an address that makes too many visitors', () => {
  const { limit, period } = ADDRESS_LIMIT
  const ADDRESS = '198.51.100.77'

  /** A site that limits addresses by the real binding. */
  const limited = () => testSite({ ADDRESSES: env.ADDRESSES })

  test('is told to wait, by the binding of wrangler.toml; its next address of an IPv6 network too', async () => {
    const declared = wrangler.split('[[ratelimits]]').find((part) => part.includes('ADDRESSES'))
    expect(declared).toContain(`simple = { limit = ${limit}, period = ${period} }`)
    const { anonymous } = limited()
    const ask = (address: string) => anonymous.post('/v1/visitors', undefined, from(address))
    // A window may end while the requests are sent, so they are enough for two.
    const asked = await Promise.all(
      Array.from({ length: 2 * limit + 1 }, (_, index) => ask(`2001:db8:7:7::${index}`)),
    )
    const refused = asked.find(({ status }) => status === 429)
    expect(asked.filter(({ status }) => status === 201).length).toBeGreaterThanOrEqual(limit)
    expect(refused?.body).toMatchObject({ code: 'rate_limited' })
    expect(refused?.headers.get('Retry-After')).toBe(String(period))
    expect(refused?.headers.get('RateLimit')).toBe(`"address";r=0;t=${period}`)
    expect(refused?.headers.get('RateLimit-Policy')).toBe(`"address";q=${limit};w=${period}`)
    expect((await ask('2001:db8:7:8::1')).status).toBe(201)
  })

  test('can do everything else, and a request that is refused anyway does not count', async () => {
    const asked: string[] = []
    const ADDRESSES: RateLimit = {
      limit: async ({ key }) => ({ success: asked.push(key) < 3 }),
    }
    const { anonymous, bearer } = testSite({ ADDRESSES })
    const post = (json?: unknown) => anonymous.post('/v1/visitors', json, from(ADDRESS))
    expect((await post({ name: 'x' })).status).toBe(422)
    expect((await bearer('x.y.z').post('/v1/visitors', {}, from(ADDRESS))).status).toBe(401)
    expect(asked).toEqual([])
    const { body } = await post()
    const statuses = [await post(), await post()].map(({ status }) => status)
    expect(statuses).toEqual([201, 429])
    const visitor = bearer(body.token)
    expect((await visitor.get('/v1/whoami', from(ADDRESS))).status).toBe(200)
    expect((await anonymous.get('/v1/services', from(ADDRESS))).status).toBe(200)
    expect(asked).toHaveLength(3)
  })

  test('costs no call to storage from then on', async () => {
    const { storage, costOf } = countingStorage()
    const ADDRESSES: RateLimit = { limit: async () => ({ success: false }) }
    const { anonymous } = testSite({ ...storage, ADDRESSES })
    await anonymous.get('/v1/badges')
    const cost = await costOf(() => anonymous.post('/v1/visitors', undefined, from(ADDRESS)))
    expect(cost).toEqual({ d1: 0, objects: 0 })
  })

  test('is all that have none together, and nobody while the binding is missing or broken', async () => {
    const keys: string[] = []
    const ADDRESSES: RateLimit = {
      limit: async ({ key }) => ({ success: keys.push(key) > 0 }),
    }
    await testSite({ ADDRESSES }).anonymous.post('/v1/visitors')
    expect(keys).toEqual(['unknown'])
    const broken: RateLimit = { limit: () => Promise.reject(new Error('out of order')) }
    for (const binding of [undefined, broken]) {
      const { status } = await testSite({ ADDRESSES: binding }).anonymous.post('/v1/visitors')
      expect(status).toBe(201)
    }
  })
})
