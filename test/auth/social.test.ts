import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { socialProviders } from '@better-auth/core/social-providers'
import { SOCIAL_PROVIDER_NAMES } from '../../src/settings/login.ts'
import { parseSettings } from '../../src/settings/settings.ts'
import { type Browser, LOGIN_SETTINGS, loginSite, type Page, PASSWORD } from '../support/login.ts'
import { type Person, PROVIDERS, socialProvider } from '../support/social-provider.ts'
import { ORIGIN } from '../support/site.ts'

const ADA: Person = { id: '7', name: 'Ada', email: 'ada@example.com', isVerified: true }
const COOKIE = '__Host-guildhall.session_token'
const FAILED = '/auth/sign-in?error=provider'
const NAMES = ['github', 'google'] as const
type Name = (typeof NAMES)[number]

const siteWithProviders = () => loginSite({ SOCIAL_PROVIDERS: JSON.stringify(PROVIDERS) })

const begin = (browser: Browser, provider: Name, next = '') =>
  browser.post('/auth/social', { provider, next })

/** Comes back to the site as a browser does from another one. */
const comeBack = (browser: Browser, url: string) =>
  browser.get(url, { 'Sec-Fetch-Site': 'cross-site' })

async function signIn(browser: Browser, provider: Name, person: Person, next = ''): Promise<Page> {
  const asked = await begin(browser, provider, next)
  return comeBack(browser, there.agree(asked.location, person))
}

let there: ReturnType<typeof socialProvider>

async function accounts(): Promise<unknown[]> {
  const { results } = await env.DB.prepare('select name, email from auth_users').all()
  return results
}

describe.each(NAMES)('signing in with %s', (provider) => {
  test('makes an account, a member and a session', async () => {
    there = socialProvider()
    const site = siteWithProviders()
    const ada = site.browser()
    expect((await signIn(ada, provider, ADA)).location).toBe('/account')
    expect(await accounts()).toEqual([{ name: 'Ada', email: ADA.email }])
    const { results } = await env.DB.prepare('select email from users').all()
    expect(results).toEqual([{ email: ADA.email }])
    const { body } = await site.bearer(await ada.token()).get('/v1/me')
    expect(body).toMatchObject({ displayName: 'Ada', email: ADA.email })

    const again = site.browser()
    await signIn(again, provider, ADA)
    const { body: same } = await site.bearer(await again.token()).get('/v1/me')
    expect(same.id).toBe(body.id)
  })

  test('leads to the page that asked for it, and never to another site', async () => {
    there = socialProvider()
    const browser = siteWithProviders().browser()
    expect((await signIn(browser, provider, ADA, '/console?tab=1')).location).toBe('/console?tab=1')
    for (const next of ['//evil.example', 'https://evil.example', '/\\evil.example', '/%5Cevil']) {
      const { location } = await signIn(browser, provider, ADA, next)
      expect([next, new URL(location ?? '', ORIGIN).origin]).toEqual([next, ORIGIN])
    }
  })

  test('asks with a state and a PKCE challenge, different each time', async () => {
    there = socialProvider()
    const browser = siteWithProviders().browser()
    const [one, two] = [await begin(browser, provider), await begin(browser, provider)]
    const [first, second] = [one, two].map(({ location }) => new URL(location ?? '').searchParams)
    expect(first?.get('code_challenge_method')).toBe('S256')
    expect(first?.get('redirect_uri')).toBe(`${ORIGIN}/auth/callback/${provider}`)
    for (const name of ['state', 'code_challenge']) {
      expect(first?.get(name)?.length).toBeGreaterThanOrEqual(32)
      expect(first?.get(name)).not.toBe(second?.get(name))
    }
  })

  test('starts a new session and ends the one before', async () => {
    there = socialProvider()
    const site = siteWithProviders()
    const browser = site.browser()
    await signIn(browser, provider, ADA)
    const before = site.browser()
    before.jar.set(COOKIE, browser.jar.get(COOKIE) ?? '')
    await signIn(browser, provider, ADA)
    expect((await browser.get('/auth/account')).status).toBe(200)
    expect((await before.get('/auth/account')).status).toBe(303)
  })

  test('is refused when somebody else began it, or nobody did', async () => {
    there = socialProvider()
    const site = siteWithProviders()
    const [eve, victim] = [site.browser('198.51.100.7'), site.browser()]
    const evesWay = there.agree((await begin(eve, provider)).location, { ...ADA, id: '8' })
    const callback = `/auth/callback/${provider}`
    await begin(victim, provider)
    const ways = [evesWay, callback, `${callback}?code=x`, `${callback}?code=x&state=y`]
    for (const way of ways) {
      expect([way, (await comeBack(victim, way)).location]).toEqual([way, FAILED])
    }
    expect(victim.jar.has(COOKIE)).toBe(false)
    expect(await accounts()).toEqual([])
  })

  test('is good once', async () => {
    there = socialProvider()
    const site = siteWithProviders()
    const ada = site.browser()
    const way = there.agree((await begin(ada, provider)).location, ADA)
    const jar = new Map(ada.jar)
    expect((await comeBack(ada, way)).location).toBe('/account')
    const again = site.browser()
    for (const [name, value] of jar) again.jar.set(name, value)
    expect((await comeBack(again, way)).location).toBe(FAILED)
    expect(again.jar.has(COOKIE)).toBe(false)
  })

  test('takes no address that the provider has not confirmed', async () => {
    there = socialProvider()
    const ada = siteWithProviders().browser()
    const { location } = await signIn(ada, provider, { ...ADA, isVerified: false })
    expect(location).toBe(FAILED)
    expect(ada.jar.has(COOKIE)).toBe(false)
    expect(await accounts()).toEqual([])
  })

  test.each([true, false])(
    'never joins an account that has the address already, confirmed there: %s',
    async (isVerified) => {
      there = socialProvider()
      const site = siteWithProviders()
      const owner = await site.account(ADA.email)
      const eve = site.browser('198.51.100.7')
      expect((await signIn(eve, provider, { ...ADA, isVerified })).location).toBe(FAILED)
      expect(eve.jar.has(COOKIE)).toBe(false)
      // Its signed-in owner does not link it either: linking would be an act of its own.
      expect((await signIn(owner, provider, { ...ADA, isVerified })).location).toBe(FAILED)
      expect((await owner.get('/auth/account')).status).toBe(200)
      const { results } = await env.DB.prepare('select provider_id from auth_accounts').all()
      expect(results).toEqual([{ provider_id: 'credential' }])
    },
  )

  test('tells nobody with an unconfirmed address whether it has an account here', async () => {
    there = socialProvider()
    const site = siteWithProviders()
    await site.account(ADA.email)
    const answers = await Promise.all(
      [ADA.email, 'bob@example.com'].map(async (email) => {
        const eve = site.browser('198.51.100.7')
        const { status, location } = await signIn(eve, provider, {
          ...ADA,
          email,
          isVerified: false,
        })
        return { status, location, cookies: [...eve.jar.keys()] }
      }),
    )
    expect(answers[1]).toEqual(answers[0])
    const { text } = await site.browser().get(FAILED)
    expect(text).toContain('That did not sign you in.')
  })

  test('that fails over there ends on the page for signing in', async () => {
    there = socialProvider()
    const site = siteWithProviders()
    const ada = site.browser()
    const { location } = await begin(ada, provider)
    const state = new URL(location ?? '').searchParams.get('state') ?? ''
    const denied = { error: 'access_denied', error_description: '<script>alert(1)</script>', state }
    const way = `/auth/callback/${provider}?${new URLSearchParams(denied).toString()}`
    const back = await comeBack(ada, way)
    expect([back.status, back.location]).toEqual([303, FAILED])

    const agreed = there.agree((await begin(ada, provider)).location, ADA)
    there.goDown()
    expect((await comeBack(ada, agreed)).location).toBe(FAILED)
    expect(ada.jar.has(COOKIE)).toBe(false)
    expect(await accounts()).toEqual([])
  })

  test('keeps no token of the provider, the second time either', async () => {
    there = socialProvider()
    const site = siteWithProviders()
    const tokens = env.DB.prepare('select access_token, refresh_token, id_token from auth_accounts')
    for (const _ of ['first', 'second']) {
      await signIn(site.browser(), provider, ADA)
      const { results } = await tokens.all()
      expect(results).toEqual([{ access_token: null, refresh_token: null, id_token: null }])
    }
  })

  test('keeps of a name what fits', async () => {
    there = socialProvider()
    const site = siteWithProviders()
    const ada = site.browser()
    await signIn(ada, provider, { ...ADA, name: `Ada\n\u0007${'x'.repeat(300)}` })
    expect(await accounts()).toEqual([{ name: `Ada ${'x'.repeat(76)}`, email: ADA.email }])
    expect((await ada.get('/auth/account')).status).toBe(200)
  })
})

describe('the providers of the settings', () => {
  const all = (names: readonly string[]) =>
    JSON.stringify(Object.fromEntries(names.map((name) => [name, PROVIDERS.github])))

  test('are those that better-auth knows, and each of them lets the login start', async () => {
    // Cognito's does not start without a domain, a region and a user pool. Apple answers by a form
    // that is posted from its own site, which comes without the cookies that say who asked.
    const known = Object.keys(socialProviders).filter((name) => !/^(cognito|apple)$/.test(name))
    expect(SOCIAL_PROVIDER_NAMES).toEqual(known.sort())
    const browser = loginSite({ SOCIAL_PROVIDERS: all(SOCIAL_PROVIDER_NAMES) }).browser()
    const { status } = await browser.get('/auth/passkey/generate-authenticate-options')
    expect(status).toBe(200)
  })

  test.each(['gihtub', 'GitHub', 'cognito', 'apple', 'constructor', ''])(
    'are not taken with %j',
    (name) => {
      const settings = { ...LOGIN_SETTINGS, SOCIAL_PROVIDERS: all(['github', name]) }
      expect(() => parseSettings(settings)).toThrow(`SOCIAL_PROVIDERS[${name}]: no provider`)
    },
  )
})

describe('a provider that is not switched on', () => {
  test('has neither a button nor a way back', async () => {
    const site = loginSite({ SOCIAL_PROVIDERS: JSON.stringify({ github: PROVIDERS.github }) })
    const browser = site.browser()
    const { text } = await browser.get('/auth/sign-in')
    expect(text).toContain('Continue with github')
    expect(text).not.toContain('Continue with google')
    expect((await begin(browser, 'google')).status).toBe(404)
    expect((await browser.get('/auth/callback/google?code=x&state=y')).status).toBe(404)
    expect((await browser.post('/auth/social', { provider: 'constructor' })).status).toBe(404)
  })

  test('is not reached by a callback with another provider’s state', async () => {
    there = socialProvider()
    const ada = siteWithProviders().browser()
    const way = there.agree((await begin(ada, 'github')).location, ADA)
    expect((await comeBack(ada, way.replace('/github', '/google'))).location).toBe(FAILED)
    // The second provider does not learn the code of the first.
    expect(globalThis.fetch).not.toHaveBeenCalled()
    expect(await accounts()).toEqual([])
    expect((await comeBack(ada, way)).location).toBe('/account')
  })
})

test('an account that began with a provider can get a password, and sets it by mail', async () => {
  there = socialProvider()
  const site = siteWithProviders()
  const ada = site.browser()
  await signIn(ada, 'github', ADA)
  await ada.post('/auth/forgot', { email: ADA.email })
  const token = site.secretFor(ADA.email)
  expect((await ada.post('/auth/reset', { token, password: PASSWORD })).status).toBe(200)
  const form = { email: ADA.email, password: PASSWORD }
  expect((await ada.post('/auth/sign-in', form)).status).toBe(303)
  expect(await accounts()).toHaveLength(1)
})

test('without a password, changing the account takes a session that has only just begun', async () => {
  there = socialProvider()
  const site = siteWithProviders()
  const ada = site.browser()
  await signIn(ada, 'github', ADA)
  const begun = new Date(Date.now() - 901_000).toISOString()
  await env.DB.prepare('update auth_sessions set created_at = ?').bind(begun).run()
  const email = 'ada@example.org'
  const late = [
    await ada.post('/auth/password', { password: PASSWORD }),
    await ada.post('/auth/email', { email }),
  ]
  expect(late.map(({ status }) => status)).toEqual([403, 403])
  expect(site.outbox).toEqual([])

  await signIn(ada, 'github', ADA)
  expect((await ada.post('/auth/email', { email })).status).toBe(200)
  expect((await ada.post('/auth/password', { password: PASSWORD })).status).toBe(303)
})
