import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { makeAuthenticator } from '../support/authenticator.ts'
import { interruptedStorage } from '../support/failing.ts'
import { loginSite, PASSWORD } from '../support/login.ts'
import {
  ADA,
  CHALLENGE,
  COOKIE,
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
      /href="\/auth\/passkeys\/([^"]+)"/.exec((await ada.get('/auth/account')).text) ?? []
    const eve = await site.account(EVE)
    const mails = site.outbox.length
    await eve.post('/auth/passkeys/remove', { id, current: PASSWORD })
    // An open session alone is not enough: who finds one could lock its owner out.
    for (const current of ['', 'another password']) {
      expect((await ada.post('/auth/passkeys/remove', { id, current })).status).toBe(403)
    }
    expect((await signIn(site.browser(), key)).status).toBe(200)
    expect(site.outbox).toHaveLength(mails)
    expect((await ada.post('/auth/passkeys/remove', { id, current: PASSWORD })).status).toBe(303)
    expect(site.outbox.at(-1)).toMatchObject({ to: ADA, subject: 'A passkey was removed' })
    expect((await signIn(site.browser(), key)).status).toBe(401)
  })
})

test('a passkey that is removed while it signs somebody in leaves them no session', async () => {
  const { key } = await siteWithPasskey()
  const storage = interruptedStorage(
    ({ text }) => /insert into "?auth_sessions/i.test(text),
    () => env.DB.prepare('delete from auth_passkeys').run(),
  )
  const before = await countSessions()
  const eve = loginSite(storage).browser('198.51.100.7')
  expect((await signIn(eve, key)).status).toBe(401)
  expect(eve.jar.has(COOKIE)).toBe(false)
  expect(await countSessions()).toBe(before)
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
