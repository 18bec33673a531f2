import { describe, expect, it } from 'vitest'
import { DOCUMENT_PATHS } from '../../src/http/documents/index.ts'
import { furnish } from '../support/every-route.ts'
import { ORIGIN, type Site, testSite } from '../support/site.ts'

const UNKNOWN = ['/', '/v1', '/v1/nothing', '/v1/me/', '/v2/me', '/v1/users/usr_1/nothing']
/**
 * Documents of every site, without assets (their path has a digest) and security.txt (a setting).
 */
const DOCUMENTS = DOCUMENT_PATHS.filter(
  (path) => !path.startsWith('/docs/assets/') && path !== '/.well-known/security.txt',
).map((path) => path.replace(':code', 'not_found'))

function send(site: Site, method: string, path: string, headers: Record<string, string> = {}) {
  return site.fetch(new Request(`${ORIGIN}${path}`, { method, headers }))
}

/** All headers but those that differ from one request to the next. */
function comparable(headers: Headers): Record<string, string> {
  const { 'request-id': _, 'x-d1-bookmark': __, ...rest } = Object.fromEntries(headers)
  return rest
}

describe('RFC 9110, section 9.3.2: HEAD', () => {
  it('answers as GET does, with the same headers and no body, on every path', async () => {
    const site = testSite()
    const { root, calls } = await furnish(site)
    const headers = { Authorization: `Bearer ${root.token}` }
    const paths = calls.filter(({ method }) => method === 'GET').map(({ path }) => path)
    for (const path of [...paths, ...DOCUMENTS]) {
      const get = await send(site, 'GET', path, headers)
      const head = await send(site, 'HEAD', path, headers)
      expect([path, head.status, comparable(head.headers)]).toEqual([
        path,
        200,
        comparable(get.headers),
      ])
      expect((await get.text()).length).toBeGreaterThan(0)
      expect(await head.text()).toBe('')
    }
  })

  it.each([
    [401, '/v1/me', {}],
    [404, '/v1/nothing', {}],
    [404, '/v1/badges/x', {}],
    [406, '/v1/badges', { Accept: 'image/png' }],
    [422, '/v1/badges?limit=0', {}],
  ])('answers %i on %s without a body too', async (status, path, headers) => {
    const site = testSite()
    const [get, head] = [
      await send(site, 'GET', path, headers),
      await send(site, 'HEAD', path, headers),
    ]
    expect([head.status, comparable(head.headers)]).toEqual([status, comparable(get.headers)])
    expect(await head.text()).toBe('')
  })
})

describe('RFC 9110, section 9.3.7: OPTIONS', () => {
  it('answers 204 with the methods of the path in Allow, without a credential', async () => {
    const site = testSite()
    const { calls } = await furnish(site)
    for (const path of new Set(calls.map(({ path }) => path))) {
      const { status, headers } = await send(site, 'OPTIONS', path)
      expect([path, status, allowed(headers)]).toEqual([path, 204, methodsOf(calls, path)])
    }
  })

  it.each(UNKNOWN)('answers 404 for %s', async (path) => {
    expect((await testSite().anonymous.call('OPTIONS', path)).body.code).toBe('not_found')
  })
})

describe('RFC 9110, section 15.5.6: 405 Method Not Allowed', () => {
  it('names every method of the path in Allow, HEAD and OPTIONS included', async () => {
    const site = testSite()
    const { calls } = await furnish(site)
    for (const path of new Set(calls.map(({ path }) => path))) {
      const existing = methodsOf(calls, path)
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']) {
        if (existing.includes(method)) continue
        const { status, headers, body } = await site.anonymous.call(method, path)
        expect([method, path, status, body.code]).toEqual([method, path, 405, 'method_not_allowed'])
        expect([path, allowed(headers)]).toEqual([path, existing])
      }
    }
  })

  it.each(DOCUMENTS)('answers POST %s with GET, HEAD, OPTIONS', async (path) => {
    const { status, headers } = await testSite().anonymous.post(path, {})
    expect([status, allowed(headers)]).toEqual([405, ['GET', 'HEAD', 'OPTIONS']])
  })

  it.each(UNKNOWN)('answers 404 for every method on %s, which has none', async (path) => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND']) {
      const { status, headers, body } = await testSite().anonymous.call(method, path)
      expect([status, body.code, headers.get('Allow')]).toEqual([404, 'not_found', null])
    }
  })
})

function allowed(headers: Headers): string[] {
  return (headers.get('Allow') ?? '').split(', ').sort()
}

function methodsOf(calls: readonly { method: string; path: string }[], path: string): string[] {
  const methods = calls.filter((call) => call.path === path).map(({ method }) => method)
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].sort()
}
