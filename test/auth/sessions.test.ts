import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { type Browser, type Form, loginSite, PASSWORD } from '../support/login.ts'
import { ORIGIN } from '../support/site.ts'

const ADA = 'ada@example.com'
const OTHER = 'marble lantern cobweb thunder'
const COOKIE = '__Host-guildhall.session_token'

describe('a session that has ended', () => {
  type Ending = readonly [
    name: string,
    end: (site: ReturnType<typeof loginSite>, ada: Browser, other: Browser) => Promise<unknown>,
  ]
  const ENDINGS: readonly Ending[] = [
    ['by signing out', (_, ada) => ada.post('/auth/sign-out')],
    [
      'by signing out everywhere, elsewhere',
      (_, __, other) => other.post('/auth/sign-out-everywhere'),
    ],
    [
      'by being ended from another one',
      async (_, __, other) => {
        const { text } = await other.get('/auth/account')
        const [, id = ''] = /name="id" value="([^"]+)"/.exec(text) ?? []
        return other.post('/auth/sessions/revoke', { id })
      },
    ],
    [
      'by a new password',
      (_, __, other) => other.post('/auth/password', { current: PASSWORD, password: OTHER }),
    ],
    [
      'by a reset',
      async (site) => {
        await site.browser().post('/auth/forgot', { email: ADA })
        return site.browser().post('/auth/reset', { token: site.secretFor(ADA), password: OTHER })
      },
    ],
    [
      'by its time',
      () =>
        env.DB.prepare("update auth_sessions set expires_at = '2020-01-01T00:00:00.000Z'").run(),
    ],
  ]

  test.each(ENDINGS)('%s is gone at the next request, its tokens too', async (_, end) => {
    const site = loginSite()
    const ada = await site.account(ADA)
    const other = site.browser()
    await other.post('/auth/sign-in', { email: ADA, password: PASSWORD })
    const token = await ada.token()
    const kept = new Map(ada.jar)
    expect((await site.bearer(token).get('/v1/me')).status).toBe(200)

    await end(site, ada, other)
    const { status, body } = await site.bearer(token).get('/v1/me')
    expect({ status, code: body.code, stage: body.stage }).toEqual({
      status: 401,
      code: 'session_revoked',
      stage: 'session',
    })
    for (const [name, value] of kept) ada.jar.set(name, value)
    expect(await ada.get('/v1/me')).toMatchObject({ status: 401 })
    expect(await ada.get('/auth/account')).toMatchObject({ status: 303 })
    expect(await ada.post('/auth/token')).toMatchObject({ status: 401 })
  })

  test('does not finish a write that it was allowed to begin', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    const before = await revisionOf()
    await ada.post('/auth/sign-out')
    expect(await revisionOf()).toBe(before + 1)
  })

  test('is nobody else’s to end', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    const eve = await site.account('eve@example.com')
    const { results } = await env.DB.prepare('select id from auth_sessions').all<{ id: string }>()
    for (const { id } of results) await eve.post('/auth/sessions/revoke', { id })
    expect((await ada.get('/auth/account')).status).toBe(200)
  })
})

test('the open sessions of an account are listed for its owner alone', async () => {
  const site = loginSite()
  const ada = await site.account(ADA)
  await site.account('eve@example.com', PASSWORD, '203.0.113.9')
  const signIn = (address: string, agent: string) =>
    site
      .browser(address)
      .post('/auth/sign-in', { email: ADA, password: PASSWORD }, { 'User-Agent': agent })
  await signIn('198.51.100.1', 'Phone/1.0 <b>')
  await signIn('198.51.100.2', 'Expired/1.0')
  await env.DB.prepare(
    "update auth_sessions set expires_at = '2020-01-01T00:00:00.000Z' where user_agent like 'Exp%'",
  ).run()
  const page = await ada.get('/auth/account')
  const text = page.text.replaceAll(/<[^>]+>/g, '')
  expect(text).toContain('Phone/1.0 &lt;b&gt;, 198.51.100.1')
  expect(text).toContain('this device')
  for (const other of ['203.0.113.9', 'Expired/1.0']) expect(text).not.toContain(other)
})

async function revisionOf(): Promise<number> {
  return (
    (await env.DB.prepare('select access_revision from users').first<number>('access_revision')) ??
    0
  )
}

describe('the cookie', () => {
  let site: ReturnType<typeof loginSite>
  let ada: Browser
  beforeEach(async () => {
    site = loginSite()
    ada = await site.account(ADA)
  })

  test('is kept from scripts, from other hosts, and from open connections', async () => {
    const { headers } = await ada.post('/auth/sign-in', { email: ADA, password: PASSWORD })
    const cookies = headers.getSetCookie().map((cookie) => cookie.split('; '))
    // One cookie has the session, the other is what the browser is known by afterwards.
    const names = cookies.map(([pair = '']) => pair.split('=')[0])
    expect(names).toEqual([COOKIE, '__Host-guildhall.device'])
    for (const [, ...attributes] of cookies) {
      expect(attributes.filter((name) => !/^max-age/i.test(name)).sort()).toEqual([
        'HttpOnly',
        'Path=/',
        'SameSite=Lax',
        'Secure',
      ])
    }
  })

  test('is a new one after signing in, and the one before is worth nothing', async () => {
    const planted = ada.jar.get(COOKIE) ?? ''
    const victim = site.browser()
    victim.jar.set(COOKIE, planted)
    await victim.post('/auth/sign-in', { email: ADA, password: PASSWORD })
    expect(victim.jar.get(COOKIE)).not.toBe(planted)
    expect((await victim.get('/auth/account')).status).toBe(200)
    expect((await ada.get('/auth/account')).status).toBe(303)
  })

  test('counts for the API on calls from this site’s own pages', async () => {
    const { status, text } = await ada.get('/v1/whoami')
    expect({ status, ...JSON.parse(text) }).toMatchObject({
      status: 200,
      kind: 'member',
      credential: { type: 'session' },
    })
  })

  test('counts for the API where a browser says the origin of the page alone', async () => {
    const headers = { 'Sec-Fetch-Site': '', Origin: ORIGIN }
    expect((await ada.get('/v1/me', headers)).status).toBe(200)
  })

  test('does not count for the API on a call from elsewhere, or from nobody knows where', async () => {
    const calls: readonly Form[] = [
      { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' },
      { 'Sec-Fetch-Site': 'same-site', Origin: 'https://other.members.example' },
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'none' },
      { 'Sec-Fetch-Site': '', Origin: 'https://evil.example' },
      { 'Sec-Fetch-Site': '', Origin: 'null' },
      { 'Sec-Fetch-Site': '' },
      { 'Sec-Fetch-Site': 'same-origin', Origin: 'https://evil.example' },
    ]
    for (const headers of calls) {
      const { status, text } = await ada.get('/v1/me', headers)
      const { code } = JSON.parse(text)
      expect({ headers, status, code }).toEqual({ headers, status: 401, code: 'unauthenticated' })
    }
  })

  test('is not drawn out by being used', async () => {
    const expiry = () =>
      env.DB.prepare('select expires_at from auth_sessions').first<string>('expires_at')
    const before = await expiry()
    vi.useFakeTimers({ now: Date.now() + 13 * 86_400_000, toFake: ['Date'] })
    try {
      expect((await ada.get('/auth/account')).status).toBe(200)
      const { headers } = await ada.get('/auth/passkey/generate-register-options')
      expect(headers.getSetCookie().join()).not.toContain(COOKIE)
    } finally {
      vi.useRealTimers()
    }
    expect(await expiry()).toBe(before)
  })

  test('is refused together with another credential', async () => {
    const Authorization = `Bearer ${await ada.token()}`
    expect(await ada.get('/v1/me', { Authorization })).toMatchObject({ status: 400 })
    expect(await ada.get('/v1/me', { 'X-API-Key': 'guild_x' })).toMatchObject({ status: 400 })
    const forged = { Authorization, Cookie: `${COOKIE}=x.y` }
    expect(await ada.get('/v1/me', forged)).toMatchObject({ status: 400 })
    for (const path of ['/auth/token', '/auth/sign-out-everywhere']) {
      expect(await ada.post(path, {}, { Authorization })).toMatchObject({ status: 400 })
      expect(await ada.post(path, {}, { 'X-API-Key': 'guild_x' })).toMatchObject({ status: 400 })
    }
    const elsewhere = { Authorization, 'Sec-Fetch-Site': 'cross-site' }
    expect(await ada.get('/v1/me', elsewhere)).toMatchObject({ status: 200 })
  })

  // Another host may set cookies for the whole domain, under any name but the session's.
  test.each([
    ['behind a comma', 'theme=1,'],
    ['behind a comma and a blank', 'theme=1, '],
    ['behind a blank that only some take for one', '\u00a0'],
    ['behind a tab', 'theme=1;\t'],
    ['as the end of a name', 'x'],
  ])('is not taken from a cookie of another name: %s', async (_, before) => {
    const mallory = await site.account('mallory@example.com')
    const planted = `${before}${COOKIE}=${mallory.jar.get(COOKIE)}`
    const alone = await ada.get('/v1/whoami', { Cookie: planted })
    expect(JSON.parse(alone.text)).toMatchObject({ kind: 'anonymous' })
    const both = await ada.get('/v1/me', { Cookie: `${planted}; ${COOKIE}=${ada.jar.get(COOKIE)}` })
    expect([both.status, JSON.parse(both.text).email]).toEqual([200, ADA])
  })

  test('is worth nothing when it is changed, cut or sent twice', async () => {
    const value = decodeURIComponent(ada.jar.get(COOKIE) ?? '')
    const [token = '', signature = ''] = value.split('.')
    const forged = [
      `${token}x.${signature}`,
      `${token}.${'A'.repeat(43)}=`,
      token,
      `${token}.`,
      `${value}; ${COOKIE}=${value}`,
      '%',
      '',
    ]
    for (const cookie of forged) {
      const sent = { Cookie: `${COOKIE}=${cookie}` }
      // On an open route a cookie that was taken for absent would be let through.
      const [api, page] = [await ada.get('/v1/whoami', sent), await ada.get('/auth/account', sent)]
      expect([cookie, api.status, page.status]).toEqual([cookie, 401, 303])
      expect(JSON.parse(api.text)).toMatchObject({ code: 'session_revoked' })
    }
  })
})
