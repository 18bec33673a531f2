import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { makeAuthenticator } from '../support/authenticator.ts'
import { interruptedStorage } from '../support/failing.ts'
import { loginSite, PASSWORD } from '../support/login.ts'
import {
  ADA,
  add,
  CHALLENGE,
  COOKIE,
  countPasskeys,
  countSessions,
  EVE,
  finish,
  optionsFor,
  postJson,
  signIn,
  siteWithPasskey,
  WRONG,
} from '../support/passkeys.ts'
import { ORIGIN } from '../support/site.ts'

describe('adding a passkey', () => {
  test.each(WRONG)('by an answer %s adds none', async (_, by) => {
    const site = loginSite()
    const ada = await site.account(ADA)
    const { status } = await add(ada, await makeAuthenticator(ORIGIN), by)
    expect([400, 401]).toContain(status)
    expect(await countPasskeys()).toBe(0)
  })

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

  test('takes a session that lasts until it is done', async () => {
    await loginSite().account(ADA)
    const storage = interruptedStorage(
      ({ text }) => /insert into "?auth_passkeys/i.test(text),
      () => env.DB.prepare('delete from auth_sessions').run(),
    )
    const site = loginSite(storage)
    const eve = site.browser()
    await eve.post('/auth/sign-in', { email: ADA, password: PASSWORD })
    expect((await add(eve, await makeAuthenticator(ORIGIN))).status).toBe(401)
    expect([await countPasskeys(), site.outbox]).toEqual([0, []])
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
