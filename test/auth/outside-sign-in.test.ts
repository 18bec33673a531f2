import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { type Browser, LOGIN_SETTINGS, loginSite } from '../support/login.ts'
import {
  logoutTokenOf,
  OPENID,
  OPENID_SETTINGS,
  openidProvider,
} from '../support/openid-provider.ts'
import { parseSettings } from '../../src/settings/settings.ts'
import { rowsOf } from '../support/population.ts'

const COOKIE = '__Host-guildhall.session_token'
const FAILED = '/auth/sign-in?error=provider'
const ADA = { sub: 'ada', name: 'Ada', email: 'ada@example.com', email_verified: true }

const outsideSite = (more = {}) => loginSite({ ...OPENID_SETTINGS, ...more })
const begin = (browser: Browser, next = '') =>
  browser.post('/auth/openid', { provider: 'acme', next })
/** Comes back to the site as a browser does from another one. */
const comeBack = (browser: Browser, url: URL) =>
  browser.get(url.href, { 'Sec-Fetch-Site': 'cross-site' })

type Provider = ReturnType<typeof openidProvider>

async function signIn(browser: Browser, there: Provider, claims: object, next = '/docs') {
  return comeBack(browser, there.agree((await begin(browser, next)).location, { ...claims }))
}

/** The provider tells the site of a sign-out. @returns the status */
async function toldOf(site: ReturnType<typeof outsideSite>, claims: object): Promise<number> {
  const body = new URLSearchParams({ logout_token: await logoutTokenOf({ ...claims }) })
  const url = `${LOGIN_SETTINGS.PUBLIC_URL}/v1/logout-tokens`
  return (await site.fetch(new Request(url, { method: 'POST', body }))).status
}

const me = async (browser: Browser) => JSON.parse((await browser.get('/v1/me')).text)

describe('a session of an outside provider', () => {
  test('is that of the member of (issuer, subject), never of the account with the same address', async () => {
    const there = openidProvider()
    const site = outsideSite()
    const account = await site.account(ADA.email)
    const ada = site.browser()
    expect(await signIn(ada, there, ADA)).toMatchObject({ status: 303, location: '/docs' })
    expect((await me(ada)).id).not.toBe((await me(account)).id)
    expect(
      await rowsOf('select issuer, subject, sid from auth_sessions where user_id is null'),
    ).toEqual([{ issuer: OPENID.issuer, subject: 'ada', sid: null }])
  })

  test('is one with what tokens of that provider do, and keeps what the provider calls its own', async () => {
    const there = openidProvider()
    const site = outsideSite({ BOOTSTRAP_ADMINS: JSON.stringify([`${OPENID.issuer}|ada`]) })
    const ada = site.browser()
    await signIn(ada, there, { ...ADA, sid: 'there-1' })
    expect(await me(ada)).toMatchObject({ displayName: 'Ada', email: ADA.email })
    expect((await ada.get('/v1/audit')).status).toBe(200)
    expect(await rowsOf('select sid from auth_sessions')).toEqual([{ sid: 'there-1' }])
  })

  test('has the profile follow what the provider says later', async () => {
    const there = openidProvider()
    const site = outsideSite()
    await signIn(site.browser(), there, { ...ADA, iat: Math.floor(Date.now() / 1000) - 60 })
    const again = site.browser()
    await signIn(again, there, { ...ADA, name: 'Ada Lovelace' })
    await vi.waitFor(async () => expect((await me(again)).displayName).toBe('Ada Lovelace'))
  })

  test('has nothing of an account of the login, and no token of this site', async () => {
    const there = openidProvider()
    const site = outsideSite()
    const ada = site.browser()
    await signIn(ada, there, ADA)
    const page = await ada.get('/auth/account')
    expect(page.text).toContain(OPENID.issuer)
    expect(page.text).not.toContain('type="password"')
    const answers = [
      await ada.post('/auth/password', { password: 'violet kettle drums' }),
      await ada.post('/auth/email', { email: 'x@example.com' }),
      await ada.post('/auth/passkeys/remove', { id: 'x' }),
      await ada.send('POST', '/auth/token'),
    ]
    expect(answers.map(({ status }) => status)).toEqual([409, 409, 409, 403])
    expect(site.outbox).toEqual([])
  })

  test('ends when it does at the provider, by its subject or by its session, and no other does', async () => {
    const there = openidProvider()
    const site = outsideSite()
    const sids = ['one', 'two', 'three']
    const browsers = sids.map(() => site.browser())
    const other = site.browser()
    for (const [index, browser] of browsers.entries())
      await signIn(browser, there, { ...ADA, sid: sids[index] })
    await signIn(other, there, { ...ADA, sub: 'ben', sid: 'four' })
    const open = async () =>
      Promise.all([...browsers, other].map(async (each) => (await each.get('/v1/me')).status))
    expect(await toldOf(site, { sub: 'ada', sid: 'one' })).toBe(200)
    expect(await open()).toEqual([401, 200, 200, 200])
    // It names nobody, and is matched by the session that it names.
    expect(await toldOf(site, { sid: 'two' })).toBe(200)
    expect(await open()).toEqual([401, 401, 200, 200])
    expect(await toldOf(site, { sid: 'nobody has this one' })).toBe(400)
    expect(await toldOf(site, { sub: 'ada' })).toBe(200)
    expect(await open()).toEqual([401, 401, 401, 200])
  })

  test('does not begin with an ID token from before it ended at the provider', async () => {
    const there = openidProvider()
    const site = outsideSite()
    const ada = site.browser()
    expect(await toldOf(site, { sub: 'ada' })).toBe(200)
    expect(await signIn(ada, there, ADA)).toMatchObject({ status: 303, location: FAILED })
    expect(await rowsOf('select id from auth_sessions')).toEqual([])
    expect(await rowsOf('select id from users')).toEqual([])
    const later = { ...ADA, iat: Math.floor(Date.now() / 1000) + 10 }
    expect(await signIn(ada, there, later)).toMatchObject({ status: 303, location: '/docs' })
  })

  test('ends when its member signs out everywhere, by whichever identity they do', async () => {
    const there = openidProvider()
    const site = outsideSite()
    const [here, elsewhere] = [site.browser(), site.browser()]
    await signIn(here, there, ADA)
    await signIn(elsewhere, there, ADA)
    expect((await me(elsewhere)).displayName).toBe('Ada')
    await here.post('/auth/sign-out-everywhere')
    expect((await elsewhere.get('/v1/me')).status).toBe(401)
    expect(await rowsOf('select action, reason from audit_log where reason like "ended%"')).toEqual(
      [expect.objectContaining({ reason: 'ended all sessions' })],
    )
  })

  test('is gone with its member, and makes nobody new', async () => {
    const there = openidProvider()
    const site = outsideSite({ BOOTSTRAP_ADMINS: JSON.stringify([`${OPENID.issuer}|root`]) })
    const [root, ada] = [site.browser(), site.browser()]
    await signIn(root, there, { ...ADA, sub: 'root' })
    await signIn(ada, there, ADA)
    const { id } = await me(ada)
    expect((await root.send('DELETE', `/v1/users/${id}`)).status).toBe(204)
    expect((await ada.get('/v1/me')).status).toBe(401)
    expect(await rowsOf('select id from auth_sessions')).toHaveLength(1)
    expect(await rowsOf('select id from users')).toHaveLength(1)
  })

  test('replaces the one that the browser came with', async () => {
    const there = openidProvider()
    const site = outsideSite()
    const ada = await site.account(ADA.email)
    await signIn(ada, there, ADA)
    expect(await rowsOf('select user_id from auth_sessions')).toEqual([{ user_id: null }])
  })
})

describe('nobody is signed in', () => {
  const now = () => Math.floor(Date.now() / 1000)
  test.each([
    ['for another sign-in', () => ({ nonce: 'of another' })],
    ['without a nonce', () => ({ nonce: undefined })],
    ['for another client', () => ({ aud: 'another-client' })],
    ['for the API, as access tokens are', () => ({ aud: 'guildhall' })],
    ['issued to another client', () => ({ aud: [OPENID.clientId, 'b'], azp: 'b' })],
    ['of another issuer', () => ({ iss: 'https://evil.example' })],
    ['that has expired', () => ({ exp: now() - 3600 })],
    ['about nobody', () => ({ sub: '' })],
    ['about a sign-out', () => ({ events: {} })],
    ['without what the settings ask for', () => ({ hd: 'other.example' })],
  ])('by an ID token %s', async (_, claims) => {
    vi.spyOn(console, 'warn').mockReturnValue()
    const there = openidProvider()
    const acme = { ...OPENID, claims: { hd: 'acme.example' } }
    const site = outsideSite({ OPENID_PROVIDERS: JSON.stringify({ acme }) })
    const ada = site.browser()
    const good = { ...ADA, hd: 'acme.example' }
    expect((await signIn(ada, there, { ...good, ...claims() })).location).toBe(FAILED)
    expect(ada.jar.has(COOKIE)).toBe(false)
    expect(await rowsOf('select id from users')).toEqual([])
    expect((await signIn(ada, there, good)).location).toBe('/docs')
  })

  test('by an answer to another browser, for another state, of another issuer, or twice', async () => {
    vi.spyOn(console, 'warn').mockReturnValue()
    const there = openidProvider()
    const site = outsideSite()
    const [ada, eve] = [site.browser(), site.browser()]
    const sent = await begin(ada, '/docs')
    const url = there.agree(sent.location, ADA)
    const changed = (name: string, value: string | undefined) => {
      const other = new URL(url)
      if (value === undefined) other.searchParams.delete(name)
      else other.searchParams.set(name, value)
      return other
    }
    expect((await comeBack(eve, url)).location).toBe(FAILED)
    // An answer that is not to this browser's question is not the end of it.
    const cookie = new Map(ada.jar)
    const again = () => {
      for (const [name, value] of cookie) ada.jar.set(name, value)
    }
    for (const other of [
      changed('state', 'another'),
      changed('iss', 'https://evil.example'),
      changed('iss', undefined),
      changed('code', undefined),
    ]) {
      again()
      expect((await comeBack(ada, other)).location).toBe(FAILED)
    }
    expect(there.asked).not.toContain(`${OPENID.issuer}/token`)
    again()
    expect((await comeBack(ada, url)).location).toBe('/docs')
    again()
    expect((await comeBack(ada, url)).location).toBe(FAILED)
  })

  test('while the provider fails, which ends on the page for signing in', async () => {
    const logged = vi.spyOn(console, 'warn').mockReturnValue()
    const there = openidProvider()
    const ada = outsideSite().browser()
    const url = there.agree((await begin(ada)).location, ADA)
    there.goDown()
    expect((await comeBack(ada, url)).location).toBe(FAILED)
    expect((await begin(ada)).location).toBe(FAILED)
    expect(JSON.stringify(logged.mock.calls)).not.toContain('code')
  })

  test('with a provider that the settings do not name', async () => {
    openidProvider()
    const browser = outsideSite().browser()
    for (const provider of ['evil', 'constructor', '']) {
      expect((await browser.post('/auth/openid', { provider })).status).toBe(404)
    }
    expect((await browser.get('/auth/callback/evil?code=x')).status).toBe(404)
  })
})

test('the button says what the settings call it', async () => {
  const { text } = await outsideSite().browser().get('/auth/sign-in')
  expect(text).toContain('Continue with Acme')
})

test('an identity that is unlinked takes its sessions with it', async () => {
  const there = openidProvider()
  const site = outsideSite()
  const ada = site.browser()
  await signIn(ada, there, ADA)
  const account = await site.account('ada@example.org')
  // Both are one member, linked long ago.
  await env.DB.batch([
    env.DB.prepare(
      `update identities set user_id = (select user_id from identities where subject = 'ada'),
        created_at = '2020-01-01T00:00:00.000Z' where issuer = 'built-in'`,
    ),
  ])
  const { items } = JSON.parse((await account.get('/v1/me/identities')).text)
  const { id } = items.find(({ issuer }: { issuer: string }) => issuer === OPENID.issuer)
  expect((await account.send('DELETE', `/v1/me/identities/${id}`)).status).toBe(204)
  expect((await ada.get('/v1/me')).status).toBe(401)
})

test.each([
  ['{"github":{"issuer":"https://login.acme.example","clientId":"a"}}', 'OPENID_PROVIDERS[github]'],
  ['{"Acme":{"issuer":"https://login.acme.example","clientId":"a"}}', 'OPENID_PROVIDERS[Acme]'],
  ['{"acme":{"issuer":"https://evil.example","clientId":"a"}}', 'expected one of TRUSTED_ISSUERS'],
  ['{"acme":{"issuer":"https://login.acme.example"}}', 'OPENID_PROVIDERS[acme.clientId]'],
  [
    '{"acme":{"issuer":"https://login.acme.example","clientId":"a","x":1}}',
    'OPENID_PROVIDERS[acme]',
  ],
  ['acme', 'expected a JSON object'],
])('a provider is not taken as %s', (OPENID_PROVIDERS, reason) => {
  const settings = { ...LOGIN_SETTINGS, ...OPENID_SETTINGS, OPENID_PROVIDERS }
  expect(() => parseSettings(settings)).toThrow(reason)
})
