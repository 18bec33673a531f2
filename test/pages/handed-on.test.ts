/** What passes between a visitor and the origin, and what does not. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { SESSION_COOKIE } from '../../src/security/callers/session-cookie.ts'
import { PRODUCT_PATHS } from '../../src/security/pages/product-paths.ts'
import { pageRequest, pagesSite, rule, saying } from '../support/pages.ts'
import { ORIGIN } from '../support/site.ts'

const OPEN = { PAGES_DEFAULT: 'open' } as const

afterEach(() => {
  vi.restoreAllMocks()
})

const statusAndCode = async (response: Response) => {
  const { code }: { code?: string } = JSON.parse((await response.text()) || '{}')
  return [response.status, code]
}

describe('a request', () => {
  test('reaches the origin with its method, conditions, range and query, and nothing follows a redirect', async () => {
    const site = pagesSite(OPEN)
    const headers = {
      Range: 'bytes=0-1',
      'If-None-Match': '"a"',
      'If-Modified-Since': 'Thu, 01 Jan 2026 00:00:00 GMT',
      Accept: 'text/html',
      Cookie: 'theme=dark; a="b"',
      Referer: `${ORIGIN}/b`,
    }
    await site.fetch(pageRequest('/%6d/x?a=%2F..&b', { headers }))
    const asked = site.origin.last()
    expect([asked.method, asked.url]).toEqual(['GET', `${ORIGIN}/m/x?a=%2F..&b`])
    expect([asked.redirect, asked.body]).toEqual(['manual', null])
    for (const [name, value] of Object.entries(headers)) {
      expect([name, asked.headers.get(name)]).toEqual([name, value])
    }
    for (const method of ['HEAD', 'OPTIONS', 'DELETE', 'PUT', 'PATCH', 'POST']) {
      await site.fetch(pageRequest('/x', { method }))
      expect(site.origin.last().method).toBe(method)
    }
  })

  test('brings no word of its sender about who they are or where they come from', async () => {
    const site = pagesSite(OPEN)
    const forged = `Guildhall-Assertion Guildhall-User guildhall_assertion X-User X-User-Id X_User x_user_id
      Remote-User REMOTE_USER Remote_User X-Remote-User Cf-Access-Jwt-Assertion CF_Access_Client_Id X-Original-URL
      X-Original-URI X_Original_Url X-Rewrite-URL Forwarded X-Forwarded-For X-Forwarded-Host
      X_Forwarded_Proto X-Forwarded-Prefix X-Real-IP Proxy-Authorization Proxy_Connection Expect
      HTTP2-Settings CF-Connecting-IPv6 MF-Original-Hostname MF_Test X_Api_Key`
    const headers = new Headers()
    for (const name of forged.split(/\s+/)) headers.append(name, 'forged')
    await site.fetch(pageRequest('/x', { headers }))
    const arrived = [...site.origin.last().headers]
    expect(arrived.filter(([, value]) => value.includes('forged'))).toEqual([])
    const own = Object.fromEntries(arrived)
    expect(own).toMatchObject({
      'x-forwarded-host': 'members.example',
      'x-forwarded-proto': 'https',
    })
    expect(own['guildhall-assertion']).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)

    const from = { 'CF-Connecting-IP': '192.0.2.7', 'X-Forwarded-For': '10.0.0.1' }
    await site.fetch(pageRequest('/x', { headers: from }))
    expect(site.origin.last().headers.get('X-Forwarded-For')).toBe('192.0.2.7')
    expect(site.origin.last().headers.has('CF-Connecting-IP')).toBe(false)
  })

  test('brings none of our cookies, however they are joined', async () => {
    const site = pagesSite(OPEN)
    const ours = `${SESSION_COOKIE}=secret`
    const device = '__Host-guildhall.device=secret'
    for (const [sent, kept] of [
      [`a=1; ${ours}; b=2`, 'a=1; b=2'],
      [ours, null],
      [`${ours};${device};c=3`, 'c=3'],
      [`a=1, ${ours}; b=2`, 'b=2'],
      [`a=1;\u00a0${ours}`, 'a=1'],
      [`a=1; __HOST-GUILDHALL.session_token=secret`, 'a=1'],
    ] as const) {
      // Of another site, so that the cookie is nobody's credential.
      const headers = { Cookie: sent, 'Sec-Fetch-Site': 'cross-site' }
      await site.fetch(pageRequest('/x', { method: 'POST', headers }))
      const cookies = site.origin.last().headers.get('Cookie')
      expect([sent, cookies]).toEqual([sent, kept])
      expect(cookies ?? '').not.toContain('secret')
    }
  })

  test('has its body handed on as the stream that it is', async () => {
    const site = pagesSite(OPEN)
    let pulled = 0
    const chunk = new Uint8Array(65_536)
    const stream = new ReadableStream({
      pull(controller) {
        if (++pulled > 1_600) controller.close()
        else controller.enqueue(chunk)
      },
    })
    const { promise, resolve } = Promise.withResolvers<number>()
    site.origin.answers = async ({ body }) => {
      resolve(pulled)
      let bytes = 0
      for await (const part of body ?? []) bytes += part.byteLength
      return new Response(String(bytes))
    }
    const answer = await site.fetch(pageRequest('/x', { method: 'POST', body: stream }))
    expect(await answer.text()).toBe(String(1_600 * 65_536))
    // It was not read before the origin was there to take it.
    expect(await promise).toBeLessThan(10)
  })

  test('is refused if it is a TRACE, a GET with a body, or one that this site has handed on', async () => {
    const site = pagesSite(OPEN)
    const traced = await site.fetch(saying({ method: 'TRACE' }))
    expect(traced.headers.get('Allow')).toContain('GET')
    expect(await statusAndCode(traced)).toEqual([405, 'method_not_allowed'])
    const withBody = pageRequest('/x', { method: 'POST', body: 'a' })
    const read = await site.fetch(saying({ method: 'GET' }, withBody))
    expect(await statusAndCode(read)).toEqual([400, 'not_forwarded'])
    const again = pageRequest('/x', { headers: { 'Guildhall-Hop': '1' } })
    const round = await site.fetch(again)
    expect(round.headers.get('Retry-After')).toBe('60')
    expect(await statusAndCode(round)).toEqual([503, 'unavailable'])
    expect(site.origin.seen).toEqual([])
    await site.fetch(pageRequest('/x'))
    expect(site.origin.last().headers.get('Guildhall-Hop')).toBe('1')
  })

  test('for a service worker is refused, unless the setting lets the origin have one', async () => {
    const headers = { 'Service-Worker': 'script' }
    const [site, trusting] = [pagesSite(OPEN), pagesSite({ ...OPEN, PAGES_SERVICE_WORKER: 'on' })]
    expect(await statusAndCode(await site.fetch(pageRequest('/sw.js', { headers })))).toEqual([
      400,
      'not_forwarded',
    ])
    expect(site.origin.seen).toEqual([])
    expect((await trusting.fetch(pageRequest('/sw.js', { headers }))).status).toBe(200)
  })

  /** With its path as the runtime hands it over. */
  const asSent = (path: string) => saying({ url: `${ORIGIN}${path}` })

  test.for([
    '//members/x',
    '/a//members/x',
    '/members\\x',
    '\\members/x',
    '/members;a/x',
    '/members%2fx',
    '/members%5Cx',
    '/members/x%00',
    '/%256dembers/x',
    '/members/%zz',
    '/members/\u0007',
  ])('for %j is refused and never fetched', async (path) => {
    const site = pagesSite(OPEN)
    expect(await statusAndCode(await site.fetch(asSent(path)))).toEqual([400, 'not_forwarded'])
    expect(site.origin.seen).toEqual([])
  })

  test.for([
    '/members/x',
    '/./members/x',
    '/a/../members/x',
    '/%6Dembers/x',
    '/a/%2e%2e/MEMBERS/x',
  ])('for %j is one for a page of members', async (path) => {
    const site = pagesSite(OPEN)
    await rule('/members/*', 'members', { onUnauthenticated: '401' })
    expect(await statusAndCode(await site.fetch(asSent(path)))).toEqual([401, 'unauthenticated'])
    expect(site.origin.seen).toEqual([])
  })

  test('for a path of the product never leaves it, and no rule is about one', async () => {
    const site = pagesSite(OPEN)
    await rule('/*', 'members')
    for (const path of PRODUCT_PATHS) {
      for (const own of [path, `${path}/x`, `/a/..${path}/x`, path.toUpperCase()]) {
        const { status } = await site.fetch(asSent(own))
        expect([own, [200, 302, 303, 404].includes(status)]).toEqual([own, true])
      }
    }
    expect(site.origin.seen).toEqual([])
    expect((await site.anonymous.get('/healthz')).status).toBe(200)
  })
})

describe('an answer', () => {
  test('reaches the visitor with its status, fields and body, compressed as it was', async () => {
    const site = pagesSite(OPEN)
    const zipped = await new Response(
      new Response('hello '.repeat(100)).body?.pipeThrough(new CompressionStream('gzip')),
    ).arrayBuffer()
    site.origin.answers = async () =>
      new Response(zipped, {
        status: 206,
        statusText: 'Some of it',
        encodeBody: 'manual',
        headers: [
          ['Content-Encoding', 'gzip'],
          ['Content-Range', 'bytes 0-1/2'],
          ['ETag', '"a"'],
          ['Set-Cookie', 'a=1; Path=/'],
          ['Set-Cookie', 'b=2'],
        ],
      })
    const answer = await site.fetch(pageRequest('/x'))
    expect([answer.status, answer.statusText]).toEqual([206, 'Some of it'])
    expect(answer.headers.getSetCookie()).toEqual(['a=1; Path=/', 'b=2'])
    expect(answer.headers.get('ETag')).toBe('"a"')
    expect(answer.headers.get('Content-Encoding')).toBe('gzip')
    // The fields of the API are not those of a page.
    expect(answer.headers.has('Content-Security-Policy')).toBe(false)
    await answer.body?.cancel()
    for (const status of [204, 304, 404, 500]) {
      site.origin.answers = async () => new Response(null, { status })
      expect((await site.fetch(pageRequest('/x'))).status).toBe(status)
    }
  })

  test('changes nothing of the site but the page', async () => {
    const site = pagesSite(OPEN)
    site.origin.answers = async () =>
      new Response('a', {
        headers: [
          ['Set-Cookie', `${SESSION_COOKIE}=planted; Path=/; Secure`],
          ['Set-Cookie', '__host-Guildhall.device=planted'],
          ['Set-Cookie', 'a=1'],
          ['Guildhall-Assertion', 'echoed'],
          ['Guildhall-Anything', 'a'],
          ['Service-Worker-Allowed', '/'],
          ['Clear-Site-Data', '"*"'],
          ['Proxy-Authenticate', 'Basic'],
          ['X-Own', 'a'],
        ],
      })
    const { headers } = await site.fetch(pageRequest('/x'))
    expect(headers.getSetCookie()).toEqual(['a=1'])
    const names = [...headers.keys()].filter((name) => name !== 'content-type')
    expect(names).toEqual(['set-cookie', 'x-own'])
  })

  test('leads to the site wherever it leads to its origin', async () => {
    const site = pagesSite({ ...OPEN, PAGES: undefined, PAGES_ORIGIN: 'https://site.example' })
    for (const [location, seen] of [
      ['https://site.example/a?b#c', `${ORIGIN}/a?b#c`],
      ['http://site.example/a', `${ORIGIN}/a`],
      ['//site.example/a', `${ORIGIN}/a`],
      ['/a/b', '/a/b'],
      ['../c', '../c'],
      ['https://other.example/a', 'https://other.example/a'],
      ['https://site.example:8443/a', 'https://site.example:8443/a'],
      ['https://site.example.evil.example/', 'https://site.example.evil.example/'],
    ] as const) {
      const fetched = vi
        .spyOn(globalThis, 'fetch')
        .mockResolvedValue(new Response(null, { status: 302, headers: { Location: location } }))
      const answer = await site.fetch(pageRequest('/x/y'))
      expect([answer.status, answer.headers.get('Location')]).toEqual([302, seen])
      expect(fetched.mock.calls[0]?.[0]).toBe('https://site.example/x/y')
      expect(fetched.mock.calls[0]?.[1]).toMatchObject({ redirect: 'manual', cache: 'no-store' })
    }
  })

  test('of a page that is not for everybody is kept by no cache, whatever its status', async () => {
    const site = pagesSite()
    await rule('/join', 'visitors-only')
    await rule('/open', 'anyone')
    const headers = {
      'Cache-Control': 'public, max-age=60',
      'CDN-Cache-Control': 'max-age=60',
      'Surrogate-Control': 'max-age=60',
      Expires: 'Thu, 01 Jan 2099 00:00:00 GMT',
    }
    for (const status of [200, 206, 301, 304, 404, 500]) {
      site.origin.answers = async () => new Response(null, { status, headers })
      const restricted = await site.fetch(pageRequest('/join'))
      expect([restricted.status, restricted.headers.get('Cache-Control')]).toEqual([
        status,
        'private, no-store',
      ])
      expect(restricted.headers.has('CDN-Cache-Control')).toBe(false)
      expect(restricted.headers.has('Surrogate-Control')).toBe(false)
      const open = await site.fetch(pageRequest('/open'))
      expect(open.headers.get('Cache-Control')).toBe('public, max-age=60')
    }
  })

  test('is one problem if the origin cannot be reached, whose message stays here', async () => {
    const site = pagesSite(OPEN)
    site.origin.answers = async () => {
      throw new Error('Network connection lost: 10.0.0.7')
    }
    const answer = await site.anonymous.get('/x')
    expect(answer).toMatchObject({ status: 502, body: { code: 'origin_failed' } })
    expect(answer.text).not.toContain('10.0.0.7')
  })

  test('is another if it does not begin in time, which is longer for what has a body', async () => {
    const site = pagesSite(OPEN)
    const timeout = vi
      .spyOn(AbortSignal, 'timeout')
      .mockImplementation(() => AbortSignal.abort(new Error('late')))
    site.origin.answers = async ({ signal }) => {
      signal?.throwIfAborted()
      return new Response('in time')
    }
    const answer = await site.anonymous.get('/x')
    expect(answer).toMatchObject({ status: 504, body: { code: 'origin_timeout' } })
    await site.anonymous.post('/x', {})
    expect(timeout.mock.calls.map(([limit]) => limit)).toEqual([30_000, 300_000])
  })
})

describe('a websocket', () => {
  const headers = { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13' }

  test('is refused unless the rule of its page lets it through', async () => {
    const site = pagesSite(OPEN)
    await rule('/plain', 'anyone')
    for (const path of ['/plain', '/none']) {
      const answer = await site.fetch(pageRequest(path, { headers }))
      expect(await statusAndCode(answer)).toEqual([400, 'not_forwarded'])
    }
    expect(site.origin.seen).toEqual([])
  })

  test('is handed on as it is, and an origin that speaks HTTP is answered as ever', async () => {
    const site = pagesSite(OPEN)
    await rule('/socket', 'anyone', { webSocket: true })
    const pair = new WebSocketPair()
    site.origin.answers = async () => {
      pair[1].accept()
      pair[1].addEventListener('message', ({ data }) => pair[1].send(`${data}!`))
      return new Response(null, { status: 101, webSocket: pair[0] })
    }
    const answer = await site.fetch(pageRequest('/socket', { headers }))
    expect(answer.status).toBe(101)
    expect(site.origin.last().headers.get('Upgrade')).toBe('websocket')
    const { promise, resolve } = Promise.withResolvers<unknown>()
    answer.webSocket?.accept()
    answer.webSocket?.addEventListener('message', ({ data }) => resolve(data))
    answer.webSocket?.send('hello')
    expect(await promise).toBe('hello!')
    answer.webSocket?.close()
    site.origin.answers = async () => new Response('no socket', { status: 404 })
    const plain = await site.fetch(pageRequest('/socket', { headers }))
    expect([plain.status, await plain.text()]).toEqual([404, 'no socket'])
  })

  test('counts a cookie only from a page of the site', async () => {
    const site = pagesSite()
    await rule('/socket', 'members', { webSocket: true, onUnauthenticated: '401' })
    const ada = await site.account('ada@example.com')
    const from = (origin: string, site: string) =>
      ada.get('/socket', { ...headers, Origin: origin, 'Sec-Fetch-Site': site })
    expect((await from('https://evil.example', 'cross-site')).status).toBe(401)
    expect((await from('https://a.members.example', 'same-site')).status).toBe(401)
    expect((await from(ORIGIN, 'same-origin')).status).toBe(200)
  })
})
