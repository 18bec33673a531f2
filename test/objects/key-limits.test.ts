import { abortAllDurableObjects } from 'cloudflare:test'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Partner, partner } from '../support/keys.ts'
import { type Reply, testSite } from '../support/site.ts'
import { sized } from '../support/size.ts'

/** The time that so many requests at once may take on a busy machine. */
const BUSY_MS = 240_000
const LIMIT = sized(100, 20)
const REQUESTS = 5 * LIMIT
const BEFORE = Math.round(0.6 * LIMIT)
const LIMITED = { rateLimit: { limit: LIMIT, windowSeconds: 3600 } }
const EXACTLY = { 200: LIMIT, 429: REQUESTS - LIMIT }

async function severalKeys(): Promise<Partner[]> {
  const site = testSite()
  return [await partner(site, LIMITED), await partner(site, LIMITED), await partner(site, LIMITED)]
}

const atOnce = (count: number, key: Partner): Promise<Reply[]> =>
  Promise.all(Array.from({ length: count }, () => key.get('/v1/whoami')))

const statusesOf = (replies: readonly Reply[]): Record<number, number> =>
  Object.fromEntries(
    [...Map.groupBy(replies, ({ status }) => status)].map(([status, all]) => [status, all.length]),
  )

/** The parameters `r` and `t` of the RateLimit field. */
function stateOf({ headers }: Reply): { remaining: number; resetsIn: number } {
  const [, r, t] = /^"window";r=(\d+);t=(\d+)$/.exec(headers.get('RateLimit') ?? '') ?? []
  return { remaining: Number(r), resetsIn: Number(t) }
}

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe(
  `of ${REQUESTS} requests at once at a limit of ${LIMIT} exactly ${LIMIT} pass`,
  { timeout: BUSY_MS },
  () => {
    test('for each of several keys in parallel', async () => {
      const keys = await severalKeys()
      const all = await Promise.all(keys.map((key) => atOnce(REQUESTS, key)))
      for (const replies of all) {
        expect(statusesOf(replies)).toEqual(EXACTLY)
        const left = replies.filter(({ status }) => status === 200).map((each) => stateOf(each))
        const remaining = left.map((each) => each.remaining).sort((a, b) => a - b)
        expect(remaining).toEqual(Array.from({ length: LIMIT }, (_, index) => index))
      }
    })

    test('with some of them before the objects are started anew', async () => {
      const keys = await severalKeys()
      const before = await Promise.all(keys.map((key) => atOnce(BEFORE, key)))
      await abortAllDurableObjects()
      const after = await Promise.all(keys.map((key) => atOnce(REQUESTS - BEFORE, key)))
      for (const index of keys.keys()) {
        const replies = [...(before[index] ?? []), ...(after[index] ?? [])]
        expect(statusesOf(replies)).toEqual(EXACTLY)
      }
    })

    test('and no more while it is torn down under them', async () => {
      const key = await partner(testSite(), LIMITED)
      vi.spyOn(console, 'error').mockReturnValue()
      const [replies] = await Promise.all([atOnce(REQUESTS / 2, key), abortAllDurableObjects()])
      const counts = statusesOf([...replies, ...(await atOnce(REQUESTS / 2, key))])
      expect(
        Object.keys(counts).filter((status) => !['200', '429', '503'].includes(status)),
      ).toEqual([])
      expect(counts[200]).toBeLessThanOrEqual(LIMIT)
      expect((counts[200] ?? 0) + (counts[503] ?? 0)).toBeGreaterThanOrEqual(LIMIT)
    })
  },
)

describe('the limit is honest', () => {
  test('r counts down by one, and the request after t seconds passes', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const key = await partner(testSite(), { rateLimit: { limit: 3, windowSeconds: 60 } })
    const replies = [await key.get('/v1/whoami'), await key.get('/v1/whoami')]
    vi.setSystemTime(Date.now() + 10_500)
    replies.push(await key.get('/v1/whoami'), await key.get('/v1/whoami'))
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 429])
    expect(replies.map((reply) => stateOf(reply))).toEqual([
      { remaining: 2, resetsIn: 60 },
      { remaining: 1, resetsIn: 60 },
      { remaining: 0, resetsIn: 50 },
      { remaining: 0, resetsIn: 50 },
    ])
    vi.setSystemTime(Date.now() + 49_000)
    expect((await key.get('/v1/whoami')).headers.get('Retry-After')).toBe('1')
    vi.setSystemTime(Date.now() + 1000)
    expect(await key.get('/v1/whoami').then(stateOf)).toEqual({ remaining: 2, resetsIn: 60 })
  })

  test('what is refused for the limit says so, with the wait in whole seconds', async () => {
    const key = await partner(testSite(), { rateLimit: { limit: 1, windowSeconds: 60 } })
    await key.get('/v1/whoami')
    const { status, body, headers } = await key.get('/v1/whoami')
    expect({ status, code: body.code }).toEqual({ status: 429, code: 'rate_limited' })
    expect(headers.get('RateLimit-Policy')).toBe('"window";q=1;w=60')
    expect(headers.get('RateLimit')).toBe('"window";r=0;t=60')
    expect(headers.get('Retry-After')).toBe('60')
  })

  test('a quota that is used up is quota_exceeded until the month is over', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const key = await partner(testSite(), { monthlyQuota: 2 })
    const now = new Date()
    const nextMonth = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1)
    const replies = await Promise.all([1, 2].map(() => key.get('/v1/whoami')))
    expect(statusesOf(replies)).toEqual({ 200: 2 })
    const refused = await key.get('/v1/whoami')
    expect(refused).toMatchObject({ status: 429, body: { code: 'quota_exceeded' } })
    const wait = Number(refused.headers.get('Retry-After'))
    expect(wait).toBe(Math.ceil((nextMonth - now.getTime()) / 1000))
    vi.setSystemTime(now.getTime() + wait * 1000)
    expect((await key.get('/v1/whoami')).status).toBe(200)
  })

  test('a request with a wrong secret uses up nothing of it', async () => {
    const site = testSite()
    const key = await partner(site, { rateLimit: { limit: 2, windowSeconds: 60 } })
    const root = await site.root()
    await root.post(`/v1/api-keys/${key.id}/rotate`, {})
    for (let tries = 0; tries < 5; tries++) expect((await key.get('/v1/whoami')).status).toBe(401)
    const { body } = await root.post(`/v1/api-keys/${key.id}/rotate`, {})
    expect(await site.bearer(body.secret).get('/v1/whoami').then(stateOf)).toMatchObject({
      remaining: 1,
    })
  })
})

describe('every keyed answer carries the fields', () => {
  test('whatever its status', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const key = await partner(site, {
      scopes: ['badge:assign'],
      rateLimit: { limit: 50, windowSeconds: 60 },
      monthlyQuota: 1000,
    })
    const { body: badge } = await root.post('/v1/badges', { title: 'Regular' })
    const absent = `usr_${'0'.repeat(26)}`
    const replies = [
      await key.get('/v1/whoami'),
      await key.put(`/v1/users/${ada.userId}/badges/${badge.id}`),
      await key.delete(`/v1/users/${ada.userId}/badges/${badge.id}`),
      await key.get('/v1/me'),
      await key.get('/v1/audit'),
      await key.get(`/v1/users/${absent}`),
      await key.get('/v1/users/not-an-id'),
      await key.post('/v1/badge-assignments/bulk', { surprise: true }),
      await key.post('/v1/badge-assignments/bulk', undefined, { raw: '{}' }),
      await key.call('HEAD', '/v1/whoami'),
    ]
    const statuses = replies.map(({ status }) => status)
    expect(statuses).toEqual([200, 201, 204, 403, 403, 404, 404, 422, 415, 200])
    replies.forEach(({ headers }, index) => {
      expect(headers.get('RateLimit-Policy')).toMatch(/^"window";q=50;w=60, "month";q=1000;w=\d+$/)
      const left = `"window";r=${49 - index};t=60, "month";r=${999 - index};t=`
      expect(headers.get('RateLimit')?.startsWith(left)).toBe(true)
    })
  })

  test('if the key has limits; nobody else has any', async () => {
    const site = testSite()
    const unlimited = await partner(site)
    for (const caller of [unlimited, site.anonymous, await site.root()]) {
      const { headers } = await caller.get('/v1/whoami')
      expect(headers.has('RateLimit') || headers.has('RateLimit-Policy')).toBe(false)
    }
  })
})
