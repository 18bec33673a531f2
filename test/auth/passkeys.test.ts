import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import {
  type Authenticator,
  type CeremonyOptions,
  type Deviations,
  makeAuthenticator,
} from '../support/authenticator.ts'
import { type Browser, loginSite, type Page } from '../support/login.ts'
import { ORIGIN } from '../support/site.ts'

const ADA = 'ada@example.com'
const EVE = 'eve@example.com'
const COOKIE = '__Host-guildhall.session_token'
const CHALLENGE = '__Host-guildhall.passkey_challenge'

function postJson(browser: Browser, path: string, body: unknown): Promise<Page> {
  const raw = typeof body === 'string' ? body : JSON.stringify(body)
  const headers = { 'Content-Type': 'application/json' }
  return browser.send('POST', path, { body: raw, headers })
}

async function optionsFor(browser: Browser, ceremony: 'register' | 'authenticate') {
  const { status, text } = await browser.get(`/auth/passkey/generate-${ceremony}-options`)
  if (status !== 200) throw new Error(`no options: ${status} ${text}`)
  const options: CeremonyOptions & Readonly<Record<string, unknown>> = JSON.parse(text)
  return options
}

const finish = (browser: Browser, step: 'registration' | 'authentication', response: unknown) =>
  postJson(browser, `/auth/passkey/verify-${step}`, { response })

async function add(browser: Browser, key: Authenticator, by: Deviations = {}): Promise<Page> {
  return finish(
    browser,
    'registration',
    await key.create(await optionsFor(browser, 'register'), by),
  )
}

async function signIn(browser: Browser, key: Authenticator, by: Deviations = {}): Promise<Page> {
  const options = await optionsFor(browser, 'authenticate')
  return finish(browser, 'authentication', await key.get(options, by))
}

async function siteWithPasskey() {
  const site = loginSite()
  const ada = await site.account(ADA)
  const key = await makeAuthenticator(ORIGIN)
  const added = await add(ada, key)
  expect([added.status, added.text]).toEqual([200, '{"added":true}'])
  return { site, ada, key }
}

const countPasskeys = async () =>
  (await env.DB.prepare('select count(*) as n from auth_passkeys').first<number>('n')) ?? 0
const countSessions = async () =>
  (await env.DB.prepare('select count(*) as n from auth_sessions').first<number>('n')) ?? 0

describe('a passkey', () => {
  test('signs its owner in, with a new session that only the cookie carries', async () => {
    const { site, ada, key } = await siteWithPasskey()
    await ada.post('/auth/sign-out')
    const browser = site.browser()
    const { status, text, headers } = await signIn(browser, key)
    expect([status, text]).toEqual([200, '{"signedIn":true}'])
    expect(headers.getSetCookie().join('\n')).toContain(COOKIE)
    expect((await browser.get('/auth/account')).text).toContain(ADA)
    const { body } = await site.bearer(await browser.token()).get('/v1/me')
    expect(body.email).toBe(ADA)
  })

  test('ends the session that the browser came with', async () => {
    const { site, ada, key } = await siteWithPasskey()
    const before = site.browser()
    before.jar.set(COOKIE, ada.jar.get(COOKIE) ?? '')
    expect((await signIn(ada, key)).status).toBe(200)
    expect(ada.jar.get(COOKIE)).not.toBe(before.jar.get(COOKIE))
    expect((await ada.get('/auth/account')).status).toBe(200)
    expect((await before.get('/auth/account')).status).toBe(303)
  })

  test('is announced to the owner of the account', async () => {
    const { site } = await siteWithPasskey()
    expect(site.outbox.at(-1)).toMatchObject({ to: ADA, subject: 'A passkey was added' })
  })

  const WRONG: readonly (readonly [string, Deviations])[] = [
    ['made for another site', { origin: 'https://evil.example' }],
    ['made for a part of this site’s domain', { origin: 'https://login.members.example' }],
    ['of another relying party', { rpId: 'evil.example' }],
    ['to another challenge', { challenge: 'A'.repeat(43) }],
    ['without a check of its user', { isUserVerified: false }],
    ['of the other ceremony', { type: 'webauthn.something' }],
  ]

  test.each(WRONG)('answer %s signs nobody in', async (_, by) => {
    const { site, key } = await siteWithPasskey()
    const eve = site.browser('198.51.100.7')
    const before = await countSessions()
    const { status, text } = await signIn(eve, key, by)
    expect([400, 401]).toContain(status)
    expect(text).toBe('{"error":"This passkey was not accepted."}')
    expect(eve.jar.has(COOKIE)).toBe(false)
    expect(await countSessions()).toBe(before)
  })

  test.each(WRONG)('answer %s adds no passkey', async (_, by) => {
    const site = loginSite()
    const ada = await site.account(ADA)
    const { status } = await add(ada, await makeAuthenticator(ORIGIN), by)
    expect([400, 401]).toContain(status)
    expect(await countPasskeys()).toBe(0)
  })

  test('is signed with its own key: knowing whose id it is does not help', async () => {
    const { site, key } = await siteWithPasskey()
    const eve = site.browser('198.51.100.7')
    const evesKey = await makeAuthenticator(ORIGIN)
    expect((await signIn(eve, evesKey, { id: key.id })).status).toBe(401)
    expect((await signIn(eve, evesKey)).status).toBe(401)
    expect(eve.jar.has(COOKIE)).toBe(false)
  })

  test('answers each challenge once, even for who kept the cookie', async () => {
    const { site, key } = await siteWithPasskey()
    const ada = site.browser()
    const options = await optionsFor(ada, 'authenticate')
    const challenge = ada.jar.get(CHALLENGE) ?? ''
    const answer = await key.get(options)
    expect((await finish(ada, 'authentication', answer)).status).toBe(200)

    const eve = site.browser('198.51.100.7')
    for (const cookie of ['', challenge]) {
      eve.jar.set(CHALLENGE, cookie)
      expect((await finish(eve, 'authentication', answer)).status).toBe(400)
    }
    await optionsFor(eve, 'authenticate')
    expect((await finish(eve, 'authentication', answer)).status).toBe(400)
    expect(eve.jar.has(COOKIE)).toBe(false)
  })

  test('answers a challenge within five minutes', async () => {
    const { site, key } = await siteWithPasskey()
    const ada = site.browser()
    const answer = await key.get(await optionsFor(ada, 'authenticate'))
    vi.useFakeTimers({ now: Date.now() + 301_000, toFake: ['Date'] })
    try {
      expect((await finish(ada, 'authentication', answer)).status).toBe(400)
    } finally {
      vi.useRealTimers()
    }
  })

  test('whose counter goes back has been copied, and is refused', async () => {
    const { site, key } = await siteWithPasskey()
    expect((await signIn(site.browser(), key, { counter: 5 })).status).toBe(200)
    expect((await signIn(site.browser(), key, { counter: 5 })).status).toBe(400)
    expect((await signIn(site.browser(), key, { counter: 4 })).status).toBe(400)
    expect((await signIn(site.browser(), key, { counter: 6 })).status).toBe(200)
  })

  test('that was removed signs nobody in, and only its owner removes it', async () => {
    const { site, ada, key } = await siteWithPasskey()
    const [, id = ''] =
      /passkeys\/remove">\s*<input type="hidden" name="id" value="([^"]+)"/.exec(
        (await ada.get('/auth/account')).text,
      ) ?? []
    const eve = await site.account(EVE)
    await eve.post('/auth/passkeys/remove', { id })
    expect((await signIn(site.browser(), key)).status).toBe(200)
    expect((await ada.post('/auth/passkeys/remove', { id })).status).toBe(303)
    expect((await signIn(site.browser(), key)).status).toBe(401)
  })
})

describe('adding a passkey', () => {
  test('takes somebody who is signed in', async () => {
    const { site, ada } = await siteWithPasskey()
    const key = await makeAuthenticator(ORIGIN)
    const answer = await key.create(await optionsFor(ada, 'register'))
    const eve = site.browser('198.51.100.7')
    eve.jar.set(CHALLENGE, ada.jar.get(CHALLENGE) ?? '')
    expect((await eve.get('/auth/passkey/generate-register-options')).status).toBe(401)
    expect((await finish(eve, 'registration', answer)).status).toBe(401)
    expect(await countPasskeys()).toBe(1)
  })

  test('takes a session that has only just begun', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    const key = await makeAuthenticator(ORIGIN)
    const answer = await key.create(await optionsFor(ada, 'register'))
    const begun = new Date(Date.now() - 901_000).toISOString()
    await env.DB.prepare('update auth_sessions set created_at = ?').bind(begun).run()
    expect((await ada.get('/auth/passkey/generate-register-options')).status).toBe(403)
    expect((await finish(ada, 'registration', answer)).status).toBe(403)
    expect(await countPasskeys()).toBe(0)
  })

  test('is finished by whoever began it', async () => {
    const site = loginSite()
    const [ada, eve] = [await site.account(ADA), await site.account(EVE)]
    const key = await makeAuthenticator(ORIGIN)
    const answer = await key.create(await optionsFor(eve, 'register'))
    ada.jar.set(CHALLENGE, eve.jar.get(CHALLENGE) ?? '')
    expect((await finish(ada, 'registration', answer)).status).toBe(401)
    expect(await countPasskeys()).toBe(0)
  })

  test('does not take over a credential that another account has', async () => {
    const { site, key } = await siteWithPasskey()
    const eve = await site.account(EVE)
    expect((await add(eve, await makeAuthenticator(ORIGIN), { id: key.id })).status).toBe(400)
    const browser = site.browser()
    await signIn(browser, key)
    expect((await browser.get('/auth/account')).text).toContain(ADA)
  })

  test('does not take the challenge of signing in, nor the other way round', async () => {
    const { ada, key } = await siteWithPasskey()
    const another = await makeAuthenticator(ORIGIN)
    const created = await another.create(await optionsFor(ada, 'authenticate'))
    expect((await finish(ada, 'registration', created)).status).toBe(400)
    const got = await key.get(await optionsFor(ada, 'register'))
    expect((await finish(ada, 'authentication', got)).status).toBe(400)
    expect(await countPasskeys()).toBe(1)
  })

  test('starts no session of its own, whatever is asked for', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    const key = await makeAuthenticator(ORIGIN)
    const response = await key.create(await optionsFor(ada, 'register'))
    const before = await countSessions()
    const asked = { response, createSession: true, name: '<b>\u0000' }
    const { status, headers } = await postJson(ada, '/auth/passkey/verify-registration', asked)
    expect(status).toBe(200)
    expect(headers.getSetCookie().join('\n')).not.toContain(COOKIE)
    expect(await countSessions()).toBe(before)
    const { results } = await env.DB.prepare('select name from auth_passkeys').all()
    expect(results).toEqual([{ name: 'Passkey' }])
  })
})

test('what is no credential at all is refused without a failure of ours', async () => {
  const { site, ada, key } = await siteWithPasskey()
  const good = await key.get(await optionsFor(site.browser(), 'authenticate'))
  const junk: readonly unknown[] = [
    '',
    '{',
    '[]',
    null,
    {},
    { response: null },
    { response: 'x' },
    { response: { ...good, id: {} } },
    { response: { ...good, id: [key.id] } },
    { response: { ...good, id: 'x'.repeat(2000) } },
    { response: { ...good, id: '\u0000' } },
    { response: { ...good, response: {} } },
    { response: { ...good, response: { clientDataJSON: '!', transports: 'internal' } } },
    { response: { ...good, response: { clientDataJSON: btoa('{}'), signature: '' } } },
  ]
  for (const step of ['registration', 'authentication'] as const) {
    for (const body of junk) {
      await optionsFor(ada, step === 'registration' ? 'register' : 'authenticate')
      const { status } = await postJson(ada, `/auth/passkey/verify-${step}`, body)
      expect({ step, body, refused: status === 400 || status === 401 }).toEqual({
        step,
        body,
        refused: true,
      })
    }
  }
  expect((await ada.get('/auth/account')).status).toBe(200)
})

test('challenges are limited for each address', async () => {
  const { site } = await siteWithPasskey()
  const eve = site.browser('2001:db8::1')
  const statuses: number[] = []
  for (let n = 0; n < 121; n += 1) {
    const from = { 'CF-Connecting-IP': `2001:db8::${n.toString(16)}` }
    statuses.push((await eve.get('/auth/passkey/generate-authenticate-options', from)).status)
  }
  expect(statuses.indexOf(429)).toBe(120)
  const other = { 'CF-Connecting-IP': '2001:db8:0:1::1' }
  const { status } = await eve.get('/auth/passkey/generate-authenticate-options', other)
  expect(status).toBe(200)
})
