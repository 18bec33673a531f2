import { describe, expect, test } from 'vitest'
import { env } from 'cloudflare:workers'
import wrangler from '../../wrangler.toml?raw'
import { VISITORS } from '../../src/db/issuers.ts'
import { ADDRESS_LIMIT } from '../../src/security/limits/address-limit.ts'
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

  test('is open to whoever is somebody already, and makes a stranger of nobody', async () => {
    const site = testSite()
    for (const who of [await site.member('ada'), await site.visitor()]) {
      const { status, body } = await who.post('/v1/visitors')
      expect([status, body.visitorId]).toEqual([201, idOf('vis')])
      const { kind, userId, visitorId } = (await who.get('/v1/whoami')).body
      expect({ kind, userId, visitorId }).not.toMatchObject({ visitorId: body.visitorId })
    }
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
