import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import wrangler from '../../wrangler.toml?raw'
import { BURST_LIMIT } from '../../src/security/limits/burst-guard.ts'
import { networkOf } from '../../src/security/limits/ip-ranges.ts'
import { countingStorage } from '../support/counting.ts'
import { from, partner, unissued } from '../support/keys.ts'
import { type Reply, testSite } from '../support/site.ts'

const FLOOD = '192.0.2.66'

afterEach(() => vi.useRealTimers())

/** A binding that lets so many calls of each key by, and notes the key of every call. */
function limiter(limit: number) {
  const asked: string[] = []
  const binding: RateLimit = {
    limit: async ({ key }) => {
      asked.push(key)
      return { success: asked.filter((each) => each === key).length <= limit }
    },
  }
  return { binding, asked }
}

async function scene(BURST: RateLimit | undefined = limiter(5).binding) {
  const { storage, costOf } = countingStorage()
  const site = testSite({ ...storage, BURST })
  const unknown = async (address = FLOOD): Promise<Reply> => {
    return site.bearer(await unissued()).get('/v1/whoami', from(address))
  }
  const flood = async (count: number, address = FLOOD) => {
    const statuses: number[] = []
    for (let sent = 0; sent < count; sent++) statuses.push((await unknown(address)).status)
    return statuses
  }
  return { site, costOf, unknown, flood }
}

describe('an address that sends too many unknown keys', () => {
  test('is 429 before its next key reaches a gate, with the wait in whole seconds', async () => {
    const { unknown, flood, costOf } = await scene()
    expect(await flood(6)).toEqual([401, 401, 401, 401, 401, 401])
    const refused = await unknown()
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(refused.headers.get('Retry-After')).toBe('60')
    expect(refused.headers.get('RateLimit')).toBe('"address";r=0;t=60')
    expect(refused.headers.get('RateLimit-Policy')).toBe('"address";q=1000;w=60')
    expect(await costOf(() => flood(20))).toEqual({ d1: 0, objects: 0 })
  })

  test('may send them again once the wait is over', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const { unknown, flood } = await scene()
    await flood(7)
    vi.setSystemTime(Date.now() + 59_500)
    const { headers } = await unknown()
    expect(headers.get('Retry-After')).toBe('1')
    vi.setSystemTime(Date.now() + 1000)
    expect((await unknown()).status).toBe(401)
  })

  test('does not escape by another address of the same IPv6 network', async () => {
    const { unknown, flood } = await scene()
    await flood(7, '2001:db8:6:6::1')
    expect((await unknown('2001:db8:6:6:7:7:7:7')).status).toBe(429)
    expect((await unknown('2001:db8:6:7::1')).status).toBe(401)
  })
})

describe('nobody else is touched by it', () => {
  test('neither keys that are good, nor members, nor those without a credential, on that address', async () => {
    const { site, flood } = await scene()
    const [root, key] = [await site.root(), await partner(site)]
    await key.get('/v1/whoami', from(FLOOD))
    expect((await flood(7)).at(-1)).toBe(429)
    for (const caller of [key, root, site.anonymous]) {
      expect((await caller.get('/v1/whoami', from(FLOOD))).status).toBe(200)
    }
  })

  test('nor unknown keys from elsewhere', async () => {
    const { flood } = await scene()
    await flood(7)
    expect(await flood(1, '192.0.2.67')).toEqual([401])
  })

  test('a good key is not counted, however often it is used, nor when it is over its limit', async () => {
    const { binding, asked } = limiter(5)
    const { site } = await scene(binding)
    const key = await partner(site, {
      rateLimit: { limit: 10, windowSeconds: 60 },
      allowedIps: [FLOOD],
    })
    for (let use = 0; use < 20; use++) await key.get('/v1/whoami', from(FLOOD))
    expect((await key.get('/v1/whoami', from('192.0.2.1'))).status).toBe(401)
    expect(asked).toEqual([])
    expect((await site.bearer('guild_junk').get('/v1/whoami', from(FLOOD))).status).toBe(401)
    expect(asked).toEqual([])
  })

  test('a key that was good is counted as any other once it is not', async () => {
    const { site, flood } = await scene()
    const [root, key] = [await site.root(), await partner(site)]
    await key.get('/v1/whoami', from(FLOOD))
    await root.delete(`/v1/api-keys/${key.id}`)
    await flood(7)
    expect((await key.get('/v1/whoami', from(FLOOD))).status).toBe(401)
    expect((await key.get('/v1/whoami', from(FLOOD))).status).toBe(429)
  })
})

describe('the binding', () => {
  test('is the one of wrangler.toml, with the figures that are told', async () => {
    const [, declared = ''] = wrangler.split('[[ratelimits]]')
    const { limit, period } = BURST_LIMIT
    expect(declared).toContain('name = "BURST"')
    expect(declared).toContain(`simple = { limit = ${limit}, period = ${period} }`)
    const { BURST } = env
    const address = '198.51.100.66'
    const outcomes = await Promise.all(
      Array.from({ length: limit }, async () => BURST?.limit({ key: networkOf(address) })),
    )
    expect(outcomes.filter((outcome) => outcome?.success)).toHaveLength(limit)
    const { flood } = await scene(BURST)
    expect(await flood(2, address)).toEqual([401, 429])
  })

  test('may be missing or broken: then the gates stand alone', async () => {
    const broken: RateLimit = { limit: () => Promise.reject(new Error('out of order')) }
    for (const binding of [undefined, broken]) {
      const { storage } = countingStorage()
      const site = testSite({ ...storage, BURST: binding })
      for (let sent = 0; sent < 3; sent++) {
        expect((await site.bearer(await unissued()).get('/v1/whoami', from(FLOOD))).status).toBe(
          401,
        )
      }
      const good = await partner(site)
      expect((await good.get('/v1/whoami', from(FLOOD))).status).toBe(200)
    }
  })

  test('is not asked where the platform does not say the address', async () => {
    const { binding, asked } = limiter(0)
    const { site } = await scene(binding)
    for (let sent = 0; sent < 3; sent++) {
      expect((await site.bearer(await unissued()).get('/v1/whoami')).status).toBe(401)
    }
    expect(asked).toEqual([])
  })
})
