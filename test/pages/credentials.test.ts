/** What counts as a credential on a page. */
import { describe, expect, test } from 'vitest'
import { SESSION_COOKIE } from '../../src/security/callers/session-cookie.ts'
import { partner } from '../support/keys.ts'
import { FROM_ELSEWHERE, pagesSite, rule } from '../support/pages.ts'
import { ORIGIN } from '../support/site.ts'

const FROM_SITES = [
  { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' },
  { 'Sec-Fetch-Site': 'same-site', Origin: 'https://other.members.example' },
  { 'Sec-Fetch-Site': '', Origin: '' },
]

describe('the cookie of a session', () => {
  test('counts for what reads, wherever it comes from, and for all else from the site alone', async () => {
    const site = pagesSite()
    await rule('/members/*', 'members', { onUnauthenticated: '401' })
    const ada = await site.account('ada@example.com')
    for (const from of FROM_SITES) {
      for (const method of ['GET', 'HEAD']) {
        const { status } = await ada.send(method, '/members/x', { headers: from })
        expect([from, method, status]).toEqual([from, method, 200])
      }
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        const { status } = await ada.send(method, '/members/x', { headers: from })
        expect([from, method, status]).toEqual([from, method, 401])
      }
    }
    const headers = { 'Sec-Fetch-Site': 'same-origin', Origin: ORIGIN }
    expect((await ada.send('POST', '/members/x', { headers })).status).toBe(200)
    expect((await ada.get('/v1/me', { 'Sec-Fetch-Site': 'cross-site' })).status).toBe(401)
  })

  test('of a session that has ended is none on pages, and goes; on the API it is refused', async () => {
    const site = pagesSite()
    await rule('/open', 'anyone')
    await rule('/members/*', 'members')
    const ada = await site.account('ada@example.com')
    const session = ada.jar.get(SESSION_COOKIE) ?? ''
    await ada.post('/auth/sign-out-everywhere')
    site.origin.answers = async () =>
      new Response('a page', { headers: { 'Cache-Control': 'public, max-age=60' } })
    for (const bad of [session, `${session.slice(0, -3)}AAA`, 'nonsense']) {
      const back = () => ada.jar.set(SESSION_COOKIE, bad)
      back()
      expect((await ada.get('/v1/whoami')).status).toBe(401)
      const open = await ada.get('/open', FROM_ELSEWHERE)
      expect([open.status, open.text]).toEqual([200, 'a page'])
      expect(open.headers.getSetCookie()).toEqual([
        `${SESSION_COOKIE}=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax`,
      ])
      // Nobody else is to lose their session by an answer that is kept.
      expect(open.headers.get('Cache-Control')).toBe('private, no-store')
      expect(ada.jar.has(SESSION_COOKIE)).toBe(false)
      back()
      const closed = await ada.get('/members/x', FROM_ELSEWHERE)
      expect([closed.status, closed.location]).toEqual([303, '/auth/sign-in?next=%2Fmembers%2Fx'])
      expect(ada.jar.has(SESSION_COOKIE)).toBe(false)
    }
    expect((await ada.get('/open')).headers.getSetCookie()).toEqual([])
  })

  test('that ends while this isolate remembers its member is none with the next request', async () => {
    const site = pagesSite()
    await rule('/members/*', 'members')
    const ada = await site.account('ada@example.com')
    expect((await ada.get('/members/x')).status).toBe(200)
    const session = ada.jar.get(SESSION_COOKIE) ?? ''
    await ada.post('/auth/sign-out')
    ada.jar.set(SESSION_COOKIE, session)
    expect((await ada.get('/members/x', FROM_ELSEWHERE)).status).toBe(303)
  })
})

describe('a token or a key', () => {
  test('is a credential as on the API, and neither is handed on', async () => {
    const site = pagesSite()
    await rule('/members/*', 'members')
    await rule('/data', { may: 'profile:list', reach: 'any' })
    const [token, key] = [
      await (await site.account('ada@example.com')).token(),
      await partner(site, { scopes: ['profile:read'] }),
    ]
    expect((await site.bearer(token).get('/members/x')).status).toBe(200)
    expect((await key.get('/members/x')).body.code).toBe('members_only')
    expect((await key.get('/data')).body.code).toBe('members_only')
    const seen = site.origin.last().headers
    expect([seen.has('Authorization'), seen.has('X-API-Key')]).toEqual([false, false])
    const both = { headers: { 'X-API-Key': key.secret } }
    expect((await site.bearer(token).get('/members/x', both)).body.code).toBe(
      'ambiguous_credentials',
    )
  })

  test('ended with its session is refused, for a program has to be told', async () => {
    const site = pagesSite()
    await rule('/open', 'anyone')
    const ada = await site.account('ada@example.com')
    const token = await ada.token()
    await ada.post('/auth/sign-out')
    const answer = await site.bearer(token).get('/open')
    expect(answer).toMatchObject({ status: 401, body: { code: 'session_revoked' } })
    expect(answer.headers.getSetCookie()).toEqual([])
  })

  test('in Authorization is for the origin with PAGES_PASS_AUTHORIZATION, and never for both', async () => {
    const site = pagesSite({ PAGES_PASS_AUTHORIZATION: 'on' })
    await rule('/open', 'anyone')
    await rule('/members/*', 'members', { onUnauthenticated: '401' })
    const ada = await site.account('ada@example.com')
    const token = await ada.token()
    const Authorization = `Bearer ${token}`
    expect((await site.bearer(token).get('/members/x')).status).toBe(401)
    expect(
      (await site.anonymous.get('/open', { headers: { Authorization: 'Basic YTpi' } })).status,
    ).toBe(200)
    expect(site.origin.last().headers.get('Authorization')).toBe('Basic YTpi')
    // Whoever is signed in by the cookie keeps it, and the origin has its own.
    expect((await ada.get('/members/x', { Authorization })).status).toBe(200)
    expect(site.origin.last().headers.get('Authorization')).toBe(Authorization)
    expect((await site.bearer(token).get('/v1/me')).status).toBe(200)
  })
})
