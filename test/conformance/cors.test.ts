import { describe, expect, it } from 'vitest'
import { testSite } from '../support/site.ts'

const ALLOWED = 'https://app.example'
const OTHERS = [
  'https://evil.example',
  'http://app.example',
  'https://app.example:8443',
  'https://app.example.evil.example',
  'https://sub.app.example',
  'https://APP.example',
  'null',
  '*',
  '',
]

function corsSite() {
  return testSite({ ALLOWED_ORIGINS: `${ALLOWED}, https://admin.example` })
}

function preflight(origin: string, path = '/v1/me') {
  return corsSite().anonymous.call('OPTIONS', path, {
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'PATCH',
      'Access-Control-Request-Headers': 'authorization, content-type, if-match, idempotency-key',
    },
  })
}

function listOf(headers: Headers, name: string): string[] {
  return (headers.get(name) ?? '').toLowerCase().split(/, */)
}

describe('CORS (Fetch standard, section 3.2)', () => {
  it.each([ALLOWED, 'https://admin.example'])('a preflight from %s is allowed', async (origin) => {
    const { status, headers, body } = await preflight(origin)
    expect([status, body, headers.get('Content-Type')]).toEqual([204, undefined, null])
    expect(headers.get('Access-Control-Allow-Origin')).toBe(origin)
    expect(listOf(headers, 'Access-Control-Allow-Methods')).toEqual(
      expect.arrayContaining(['get', 'head', 'post', 'put', 'patch', 'delete']),
    )
    expect(listOf(headers, 'Access-Control-Allow-Headers')).toEqual(
      expect.arrayContaining([
        'authorization',
        'content-type',
        'if-match',
        'idempotency-key',
        'x-api-key',
        'x-d1-bookmark',
      ]),
    )
    expect(listOf(headers, 'Vary')).toContain('origin')
    expect(Number(headers.get('Access-Control-Max-Age'))).toBeGreaterThan(0)
  })

  it.each(OTHERS)('a preflight from "%s" is not', async (origin) => {
    const { headers } = await preflight(origin)
    expect(headers.get('Access-Control-Allow-Origin')).toBeNull()
  })

  it('no origin is allowed unless the site says so', async () => {
    const { headers } = await testSite().anonymous.get('/v1/badges', {
      headers: { Origin: ALLOWED },
    })
    expect(headers.get('Access-Control-Allow-Origin')).toBeNull()
  })

  it.each([
    [200, '/v1/badges'],
    [200, '/healthz'],
    [401, '/v1/me'],
    [404, '/v1/nothing'],
    [405, '/v1/whoami'],
    [422, '/v1/badges?limit=x'],
  ])(
    'an answer with %i can be read by an allowed origin, and by no other',
    async (status, path) => {
      for (const [origin, allowed] of [
        [ALLOWED, ALLOWED],
        ['https://evil.example', null],
      ] as const) {
        const method = status === 405 ? 'DELETE' : 'GET'
        const answer = await corsSite().anonymous.call(method, path, {
          headers: { Origin: origin },
        })
        expect(answer.status).toBe(status)
        expect(answer.headers.get('Access-Control-Allow-Origin')).toBe(allowed)
        expect(listOf(answer.headers, 'Vary')).toContain('origin')
      }
    },
  )

  it('scripts may read the headers that the contract names', async () => {
    const { headers } = await corsSite().anonymous.get('/v1/badges', {
      headers: { Origin: ALLOWED },
    })
    expect(listOf(headers, 'Access-Control-Expose-Headers')).toEqual(
      expect.arrayContaining([
        'etag',
        'location',
        'request-id',
        'retry-after',
        'www-authenticate',
        'x-d1-bookmark',
        'idempotency-replayed',
        'ratelimit',
        'ratelimit-policy',
      ]),
    )
  })

  it('cookies are never invited, and no origin gets a wildcard', async () => {
    for (const origin of [ALLOWED, ...OTHERS]) {
      const { headers } = await preflight(origin)
      expect(headers.get('Access-Control-Allow-Credentials')).toBeNull()
      expect(headers.get('Access-Control-Allow-Origin')).not.toBe('*')
    }
  })
})
