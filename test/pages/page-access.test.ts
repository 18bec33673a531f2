/** `GET /v1/page-access`, as nginx, Caddy, Traefik and whoever asks with a query use it. */
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { ASSERTION_FIELD } from '../../src/pages/headers.ts'
import { SESSION_COOKIE } from '../../src/security/callers/session-cookie.ts'
import { partner } from '../support/keys.ts'
import { loginSite } from '../support/login.ts'
import { FROM_ELSEWHERE, rule } from '../support/pages.ts'
import { ORIGIN } from '../support/site.ts'
import type { AskingProxy } from '../../src/settings/pages.ts'

const SECRET = 'q7Wm2Zr9Xk4Vt1Nb8Yc5Lp3Hs6Gd0Fj'.padEnd(32, 'x')
const KINDS = ['nginx', 'caddy', 'traefik', 'query'] as const

const siteFor = (kind: AskingProxy) =>
  loginSite({ PAGES_FORWARD_AUTH: kind, PAGES_PROXY_SECRET: SECRET })

type Headers = Readonly<Record<string, string>>

/** What each server sends for a request for `uri`. */
function asked(kind: AskingProxy, uri: string, method = 'GET'): { path: string; headers: Headers } {
  const secret = { 'Guildhall-Proxy-Secret': SECRET }
  const path = '/v1/page-access'
  if (kind === 'nginx') {
    return { path, headers: { ...secret, 'X-Original-URI': uri, 'X-Original-Method': method } }
  }
  const headers = { ...secret, 'X-Forwarded-Method': method }
  if (kind === 'query') return { path: `${path}?path=${encodeURIComponent(uri)}`, headers }
  return { path, headers: { ...headers, 'X-Forwarded-Uri': uri } }
}

describe.for(KINDS)('asked by %s', (kind) => {
  const odd = kind === 'nginx' ? 403 : 400

  test('a page is opened with an assertion, to whoever is signed out as well', async () => {
    const site = siteFor(kind)
    const [open, members] = [await rule('/open', 'anyone'), await rule('/members/*', 'members')]
    const ada = await site.account('ada@example.com')
    for (const [uri, method, id] of [
      ['/members/x?y=1', 'GET', members],
      ['/open', 'POST', open],
    ] as const) {
      const { path, headers } = asked(kind, uri, method)
      const answer = await ada.get(path, { ...headers, ...FROM_ELSEWHERE })
      expect([answer.status, answer.text]).toEqual([204, ''])
      const assertion = decodeJwt(answer.headers.get(ASSERTION_FIELD) ?? '')
      expect(assertion).toMatchObject({
        iss: `${ORIGIN}/pages`,
        aud: ORIGIN,
        kind: method === 'GET' ? 'member' : 'anonymous',
        rule: id,
        method,
        path: uri.split('?')[0],
      })
    }
  })

  test('a person is sent to sign in, and a program told to; nothing is challenged', async () => {
    const site = siteFor(kind)
    await rule('/members/*', 'members')
    const { path, headers } = asked(kind, '/members/x?a=b')
    const person = await site.browser().get(path, { ...headers, ...FROM_ELSEWHERE })
    const program = await site.browser().get(path, headers)
    const to = '/auth/sign-in?next=%2Fmembers%2Fx%3Fa%3Db'
    const told = kind === 'nginx' ? 'Guildhall-Location' : 'Location'
    expect([person.status, person.headers.get(told)]).toEqual([kind === 'nginx' ? 401 : 303, to])
    expect(program.headers.has(told)).toBe(false)
    expect(program.status).toBe(401)
    for (const answer of [person, program]) {
      expect(answer.headers.has('WWW-Authenticate')).toBe(false)
      expect(answer.headers.has(ASSERTION_FIELD)).toBe(false)
    }
  })

  test('a page that somebody may not see, or that is hidden, is refused', async () => {
    const site = siteFor(kind)
    await rule('/staff', { may: 'audit:read', reach: 'any' })
    await rule('/hidden', 'members', { onUnauthenticated: '404' })
    await rule('/join', 'visitors-only')
    const ada = await site.account('ada@example.com')
    const of = async (uri: string) => {
      const { path, headers } = asked(kind, uri)
      return ada.get(path, { ...headers, ...FROM_ELSEWHERE })
    }
    const [staff, absent, join] = [await of('/staff'), await of('/absent'), await of('/join')]
    expect(staff.status).toBe(403)
    expect(absent.status).toBe(kind === 'nginx' ? 403 : 404)
    expect(join.status).toBe(kind === 'nginx' ? 403 : 303)
    const reasons = [staff, absent, join].map(({ headers }) => headers.get('Guildhall-Reason'))
    const said = kind === 'nginx' ? ['forbidden', 'not_found', 'redirect'] : [null, null, null]
    expect(reasons).toEqual(said)
    expect(join.headers.get(kind === 'nginx' ? 'Guildhall-Location' : 'Location')).toBe('/')
  })

  test.for([
    '//members/x',
    '/a;b',
    '/a\\b',
    '/a%2fb',
    '/%252e/x',
    'members',
    'https://members.example/members/x',
    '/v1/me',
    '/auth/sign-in',
    '/open, /members/x',
    '/open#/../../members/x',
    '/open/#',
  ])('the path %j is refused', async (uri) => {
    const site = siteFor(kind)
    await rule('/*', 'anyone')
    const { path, headers } = asked(kind, uri)
    const answer = await site.anonymous.get(path, { headers })
    expect(answer.status).toBe(odd)
    expect(answer.headers.has(ASSERTION_FIELD)).toBe(false)
  })

  test('a question without a path, without a method or for a TRACE is refused', async () => {
    const site = siteFor(kind)
    await rule('/*', 'anyone')
    const { path, headers } = asked(kind, '/x')
    const without = (pattern: RegExp) =>
      Object.fromEntries(Object.entries(headers).filter(([name]) => !pattern.test(name)))
    const [bare] = path.split('?')
    const refused = [
      await site.anonymous.get(bare ?? '', { headers: without(/Uri/i) }),
      await site.anonymous.get(path, { headers: without(/Method/) }),
      await site.anonymous.get(path, asked(kind, '/x', 'TRACE')),
      await site.anonymous.get(path, asked(kind, '/x', 'GET, POST')),
    ].map(({ status }) => (status === 405 ? odd : status))
    expect(refused).toEqual([odd, odd, odd, odd])
  })

  test('without the secret there is nothing but 401', async () => {
    const site = siteFor(kind)
    await rule('/*', 'anyone')
    const ada = await site.account('ada@example.com')
    const { path, headers } = asked(kind, '/x')
    for (const secret of ['', 'wrong', `${SECRET}x`, SECRET.toLowerCase()]) {
      const answer = await ada.get(path, { ...headers, 'Guildhall-Proxy-Secret': secret })
      expect([secret, answer.status]).toEqual([secret, 401])
      expect(answer.headers.has(ASSERTION_FIELD)).toBe(false)
      expect(answer.headers.has('WWW-Authenticate')).toBe(false)
      expect(answer.location).toBe(null)
    }
  })

  test('no other word of the visitor says the path, and none of theirs is believed', async () => {
    const site = siteFor(kind)
    await rule('/open', 'anyone')
    const { path, headers } = asked(kind, '/members/x')
    const forged = {
      'X-Original-URI': '/open',
      'X-Original-URL': '/open',
      'X-Rewrite-URL': '/open',
      'X-Forwarded-Uri': '/open',
      'X-Forwarded-Path': '/open',
      'X-Original-Method': 'GET',
      'X-Forwarded-Method': 'GET',
      'X-Forwarded-Host': 'evil.example',
      'Guildhall-Assertion': 'forged',
      Forwarded: 'for=1',
      'If-None-Match': '*',
      'If-Modified-Since': 'Thu, 01 Jan 2099 00:00:00 GMT',
      Range: 'bytes=0-0',
    }
    const query = kind === 'query' ? '' : '?path=/open'
    const answer = await site.browser().get(`${path}${query}`, { ...forged, ...headers })
    expect(answer.status).toBe(kind === 'nginx' ? 403 : 404)
    const open = asked(kind, '/open')
    const opened = await site
      .browser()
      .get(`${open.path}${query.replace('open', 'members/x')}`, { ...forged, ...open.headers })
    expect(opened.status).toBe(204)
  })

  test('the cookie counts by what the visitor does, and a bad credential opens nothing', async () => {
    const site = siteFor(kind)
    await rule('/members/*', 'members', { onUnauthenticated: '401' })
    const ada = await site.account('ada@example.com')
    const ask = async (method: string, more: Headers = {}) => {
      const { path, headers } = asked(kind, '/members/x', method)
      return (await ada.get(path, { ...headers, ...more })).status
    }
    expect(await ask('GET', FROM_ELSEWHERE)).toBe(204)
    expect(await ask('POST', { ...FROM_ELSEWHERE, Origin: 'https://evil.example' })).toBe(401)
    expect(await ask('POST', { 'Sec-Fetch-Site': 'same-origin', Origin: ORIGIN })).toBe(204)
    expect(await ask('GET', { Upgrade: 'websocket', Origin: 'https://evil.example' })).toBe(401)
    const said = { Upgrade: 'websocket', Origin: ORIGIN }
    expect(await ask('GET', said)).toBe(odd)
    // Of all but nginx it is the visitor's own word, and no way around the other.
    const original = { 'X-Original-Upgrade': 'websocket', Origin: ORIGIN }
    expect(await ask('GET', original)).toBe(kind === 'nginx' ? odd : 204)
    const denied = { ...said, 'X-Original-Upgrade': 'no' }
    expect(await ask('GET', denied)).toBe(odd)
    for (const protocol of ['h2c', 'anything', 'websocket, h2c']) {
      const upgrade = { [kind === 'nginx' ? 'X-Original-Upgrade' : 'Upgrade']: protocol }
      expect([protocol, await ask('GET', upgrade)]).toEqual([protocol, odd])
    }
    expect(await ask('GET', { 'Service-Worker': 'script' })).toBe(odd)
    ada.jar.clear()
    expect(await ask('GET', { Authorization: 'Bearer no.good.token' })).toBe(401)
  })

  test('a session that has ended opens what is open, and a cookie of it goes with a refusal', async () => {
    const site = siteFor(kind)
    await rule('/open', 'anyone')
    await rule('/members/*', 'members')
    const ada = await site.account('ada@example.com')
    const session = ada.jar.get(SESSION_COOKIE) ?? ''
    await ada.post('/auth/sign-out')
    ada.jar.set(SESSION_COOKIE, session)
    const [open, closed] = [asked(kind, '/open'), asked(kind, '/members/x')]
    expect((await ada.get(open.path, open.headers)).status).toBe(204)
    ada.jar.set(SESSION_COOKIE, session)
    const refused = await ada.get(closed.path, { ...closed.headers, ...FROM_ELSEWHERE })
    expect(refused.status).toBe(kind === 'nginx' ? 401 : 303)
    expect(ada.jar.has(SESSION_COOKIE)).toBe(false)
  })

  test('a key is good from where the server says that its visitor is', async () => {
    const site = siteFor(kind)
    await rule('/data', { may: 'profile:read', reach: 'any' })
    const key = await partner(site, { scopes: ['profile:read'], allowedIps: ['192.0.2.0/24'] })
    const { path, headers } = asked(kind, '/data')
    const from = (address: string) =>
      key.get(path, { headers: { ...headers, 'X-Forwarded-For': address } })
    expect((await from('198.51.100.1, 192.0.2.9')).status).toBe(204)
    expect((await from('192.0.2.9, 198.51.100.1')).status).toBe(401)
    const own = { ...headers, 'CF-Connecting-IP': '192.0.2.9' }
    expect((await key.get(path, { headers: own })).status).toBe(401)
  })
})

test('a query that says the path twice is refused', async () => {
  const site = siteFor('query')
  await rule('/*', 'anyone')
  const { headers } = asked('query', '/x')
  const twice = '/v1/page-access?path=/a&path=/b'
  expect((await site.anonymous.get(twice, { headers })).status).toBe(400)
})

test('a query with a path that is not encoded is refused, because decoded it would be another one', async () => {
  const site = siteFor('query')
  await rule('/open', 'anyone')
  const { headers } = asked('query', '/x')
  const answer = async (path: string) => {
    const { status, body } = await site.anonymous.get(`/v1/page-access?path=${path}`, { headers })
    return [status, body?.code]
  }
  for (const path of ['/open', '/open%3F/../members/x', '/open%23/../members/x', '%2Fopen?/x']) {
    expect([path, ...(await answer(path))]).toEqual([path, 400, 'not_forwarded'])
  }
  expect((await answer('%2Fopen%3Fx%3D1'))[0]).toBe(204)
})

test('nginx hears 401 or 403, also when storage fails', async () => {
  const site = siteFor('nginx')
  const broken = loginSite({
    PAGES_FORWARD_AUTH: 'nginx',
    PAGES_PROXY_SECRET: SECRET,
    DB: new Proxy(site.env.DB, {
      get: () => {
        throw new Error('storage is gone')
      },
    }),
  })
  const { path, headers } = asked('nginx', '/x')
  const answer = await broken.anonymous.get(path, { headers })
  expect([answer.status, answer.headers.get('Guildhall-Reason')]).toEqual([403, 'internal'])
})
