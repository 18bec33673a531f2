import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { interruptedStorage } from '../support/failing.ts'
import { type Browser, loginSite, PASSWORD } from '../support/login.ts'
import { rowsOf } from '../support/population.ts'

const ADA = 'ada@example.com'
const EVES = 'marble lantern cobweb thunder'
const NEWEST = 'juniper anvil teapot meridian'

describe('an account belongs to whoever reads its mail', () => {
  test('somebody who signs up with another’s address leaves nothing that waits for them', async () => {
    const site = loginSite()
    const eve = site.browser('198.51.100.7')
    await eve.post('/auth/sign-up', { name: 'Eve', email: ADA, password: EVES })
    expect((await eve.post('/auth/sign-in', { email: ADA, password: EVES })).status).toBe(401)
    const { results } = await env.DB.prepare('select * from auth_users').all()
    expect(results).toEqual([])

    await site.account(ADA)
    expect((await eve.post('/auth/sign-in', { email: ADA, password: EVES })).status).toBe(401)
    expect((await eve.post('/auth/verify', { token: 'a'.repeat(43), password: EVES })).status).toBe(
      410,
    )
  })

  test('the table itself refuses an account whose address nobody has confirmed', async () => {
    const insert = env.DB.prepare(
      `insert into auth_users (id, name, email, email_verified, created_at, updated_at)
       values ('1', 'Eve', ?, 0, '', '')`,
    ).bind(ADA)
    await expect(insert.run()).rejects.toThrow('CHECK constraint failed')
  })

  test('a mailed link is good once, for its purpose, and for an hour', async () => {
    const site = loginSite()
    await site.account(ADA)
    const eve = site.browser()
    await eve.post('/auth/forgot', { email: ADA })
    const token = site.secretFor(ADA)
    expect((await eve.post('/auth/verify', { token, password: EVES })).status).toBe(410)
    const pages = [await eve.get(`/auth/verify?token=${token}`), await eve.get('/auth/reset')]
    expect(pages.map(({ status }) => status)).toEqual([410, 410])
    const page = await eve.get(`/auth/reset?token=${token}`)
    expect([page.status, page.text]).toEqual([200, expect.stringContaining(`For ${ADA}`)])
    expect((await eve.post('/auth/reset', { token, password: EVES })).status).toBe(200)
    expect((await eve.get(`/auth/reset?token=${token}`)).status).toBe(410)
    expect((await eve.post('/auth/reset', { token, password: PASSWORD })).status).toBe(410)

    await eve.post('/auth/forgot', { email: ADA })
    const late = site.secretFor(ADA)
    vi.useFakeTimers({ now: Date.now() + 3_600_001, toFake: ['Date'] })
    try {
      const expired = await eve.post('/auth/reset', { token: late, password: PASSWORD })
      expect(expired.status).toBe(410)
    } finally {
      vi.useRealTimers()
    }
  })

  test('of two who use a link at the same time, one gets what it is for', async () => {
    const site = loginSite()
    await site.account(ADA)
    await site.browser().post('/auth/forgot', { email: ADA })
    const token = site.secretFor(ADA)
    const answers = await Promise.all(
      [EVES, 'copper violin harbour pepperoni'].map((password) =>
        site.browser().post('/auth/reset', { token, password }),
      ),
    )
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 410])
  })

  test('the database keeps no link that could be used', async () => {
    const site = loginSite()
    await site.account(ADA)
    await site.browser().post('/auth/forgot', { email: ADA })
    const good = 'select * from auth_tickets where is_used = 0'
    const { results } = await env.DB.prepare(good).all()
    expect(results).toHaveLength(1)
    expect(JSON.stringify(results)).not.toContain(site.secretFor(ADA))
    const [ticket] = results
    const stored = String(ticket?.['secret_hash'])
    const reset = await site.browser().post('/auth/reset', { token: stored, password: EVES })
    expect(reset.status).toBe(410)
  })

  test('an open session alone changes neither password nor address', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    for (const current of [undefined, '', EVES]) {
      const again = current === undefined ? undefined : { current }
      const password = await ada.post('/auth/password', { password: EVES, ...again })
      const email = await ada.post('/auth/email', { email: 'eve@example.com', ...again })
      expect([password.status, email.status]).toEqual([403, 403])
    }
    expect((await ada.post('/auth/sign-in', { email: ADA, password: PASSWORD })).status).toBe(303)
  })

  test('signing up twice makes one account, with the password of the link that was used', async () => {
    const site = loginSite()
    const [ada, eve] = [site.browser(), site.browser('198.51.100.7')]
    await eve.post('/auth/sign-up', { name: 'Eve', email: ADA })
    const first = site.secretFor(ADA)
    await ada.post('/auth/sign-up', { name: 'Ada', email: ADA })
    const second = site.secretFor(ADA)
    const verify = (token: string, password: string) =>
      ada.post('/auth/verify', { token, password })
    expect((await verify(second, PASSWORD)).status).toBe(303)
    expect((await verify(first, EVES)).status).toBe(410)
    expect((await verify(second, EVES)).status).toBe(410)
    expect((await eve.post('/auth/sign-in', { email: ADA, password: EVES })).status).toBe(401)
    expect((await ada.post('/auth/sign-in', { email: ADA, password: PASSWORD })).status).toBe(303)
  })

  test('a link whose password is refused stays good for a better one', async () => {
    const site = loginSite()
    const ada = site.browser()
    await ada.post('/auth/sign-up', { name: 'Lovelace Byron', email: 'countess@example.com' })
    const token = site.secretFor('countess@example.com')
    const about = ['short', 'lovelace byron 1815', 'countess countess', 'members.example 2026']
    for (const password of about) {
      const { status } = await ada.post('/auth/verify', { token, password })
      expect([password, status]).toEqual([password, 422])
    }
    expect((await ada.post('/auth/verify', { token, password: PASSWORD })).status).toBe(303)
    await ada.post('/auth/forgot', { email: 'countess@example.com' })
    const link = site.secretFor('countess@example.com')
    for (const password of about) {
      const { status } = await ada.post('/auth/reset', { token: link, password })
      expect([password, status]).toEqual([password, 422])
      const form = { current: PASSWORD, password }
      expect((await ada.post('/auth/password', form)).status).toBe(422)
    }
    expect((await ada.post('/auth/reset', { token: link, password: EVES })).status).toBe(200)
  })

  test('a new password makes every other mailed link worthless, and its owner is told', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    await site.browser().post('/auth/forgot', { email: ADA })
    const reset = site.secretFor(ADA)
    await ada.post('/auth/email', { email: 'eve@example.com', current: PASSWORD })
    const email = site.secretFor('eve@example.com')
    await ada.post('/auth/password', { current: PASSWORD, password: EVES })
    expect(site.outbox.at(-1)).toMatchObject({ to: ADA, subject: 'The password was changed' })

    await ada.post('/auth/sign-in', { email: ADA, password: EVES })
    expect((await ada.post('/auth/reset', { token: reset, password: PASSWORD })).status).toBe(410)
    expect((await ada.post('/auth/email/confirm', { token: email })).status).toBe(410)
  })

  test('a sign-in with the old password that is under way leaves no session, and ends no other', async () => {
    const plain = loginSite()
    const ada = await plain.account(ADA)
    const storage = interruptedStorage(
      ({ text }) => /insert into "?auth_sessions/i.test(text),
      async () => {
        await ada.post('/auth/password', { current: PASSWORD, password: EVES })
        await ada.post('/auth/sign-in', { email: ADA, password: EVES })
      },
    )
    const late = await loginSite(storage)
      .browser()
      .post('/auth/sign-in', { email: ADA, password: PASSWORD })
    expect([late.status, late.headers.getSetCookie()]).toEqual([401, []])
    expect(await rowsOf('select id from auth_sessions')).toHaveLength(1)
    expect((await ada.get('/auth/account')).status).toBe(200)
  })

  test.each([
    [
      'a change',
      (late: Browser) => late.post('/auth/password', { current: PASSWORD, password: EVES }),
    ],
    [
      'a reset',
      async (late: Browser, link: () => string) =>
        late.post('/auth/reset', { token: link(), password: EVES }),
    ],
  ])('%s that is under way does not undo a newer one, and ends no session', async (_, act) => {
    const plain = loginSite()
    const ada = await plain.account(ADA)
    await plain.browser().post('/auth/forgot', { email: ADA })
    const link = plain.secretFor(ADA)
    const storage = interruptedStorage(
      ({ text }) => /insert into "?auth_accounts/i.test(text),
      async () => {
        await ada.post('/auth/password', { current: PASSWORD, password: NEWEST })
        await ada.post('/auth/sign-in', { email: ADA, password: NEWEST })
      },
    )
    const site = loginSite(storage)
    const late = site.browser()
    await late.post('/auth/sign-in', { email: ADA, password: PASSWORD })
    expect((await act(late, () => link)).status).not.toBe(200)
    expect(site.outbox).toEqual([])
    expect((await ada.get('/auth/account')).status).toBe(200)
    const signIn = (password: string) =>
      plain.browser().post('/auth/sign-in', { email: ADA, password })
    expect([(await signIn(NEWEST)).status, (await signIn(EVES)).status]).toEqual([303, 401])
  })

  test('nor does a sign-in under way with an address that the account has given up', async () => {
    await loginSite().account(ADA)
    const before = await rowsOf('select id from auth_sessions')
    const storage = interruptedStorage(
      ({ text }) => /insert into "?auth_sessions/i.test(text),
      () => env.DB.prepare("update auth_users set email = 'new@example.com'").run(),
    )
    const late = loginSite(storage).browser()
    const { status } = await late.post('/auth/sign-in', { email: ADA, password: PASSWORD })
    expect(status).toBe(401)
    expect(await rowsOf('select id from auth_sessions')).toEqual(before)
  })

  test('a link that was mailed to an address the account had is good for nothing', async () => {
    const site = loginSite()
    await site.account(ADA)
    await site.browser().post('/auth/forgot', { email: ADA })
    const token = site.secretFor(ADA)
    await env.DB.prepare("update auth_users set email = 'new@example.com'").run()
    const answer = await site.browser().post('/auth/reset', { token, password: EVES })
    expect(answer.status).toBe(410)
  })

  test('who reads a mail does not lend the address to the account of somebody else', async () => {
    const site = loginSite()
    const eve = await site.account('eve@example.com')
    await eve.post('/auth/email', { email: ADA, current: PASSWORD })
    const token = site.secretFor(ADA)
    const page = await site.browser().get(`/auth/email?token=${token}`)
    const back = `/auth/sign-in?next=${encodeURIComponent(`/auth/email?token=${token}`)}`
    expect(page).toMatchObject({ status: 303, location: back })
    expect((await site.browser().post('/auth/email/confirm', { token })).status).toBe(303)
    const bob = await site.account('bob@example.com')
    expect((await bob.post('/auth/email/confirm', { token })).status).toBe(410)
    const emails = env.DB.prepare('select email from auth_users order by email')
    const { results } = await emails.all<{ email: string }>()
    expect(results.map(({ email }) => email)).toEqual(['bob@example.com', 'eve@example.com'])
  })

  test('an address that became somebody’s in the meantime is not taken from them', async () => {
    const site = loginSite()
    const eve = await site.account('eve@example.com')
    await eve.post('/auth/email', { email: ADA, current: PASSWORD })
    const token = site.secretFor(ADA)
    await site.account(ADA)
    expect((await eve.post('/auth/email/confirm', { token })).status).toBe(410)
    expect((await eve.get('/auth/account')).status).toBe(200)
    const { results } = await env.DB.prepare('select email from users').all()
    expect(results.filter(({ email }) => email === ADA)).toHaveLength(1)
  })

  test('letters that only look alike make another address, which gets its own mail and no other', async () => {
    const site = loginSite()
    await site.account(ADA)
    site.outbox.length = 0
    const eve = site.browser('198.51.100.7')
    for (const email of ['ad\u0430@example.com', 'ada@ex\u0430mple.com', 'ａda@example.com']) {
      expect([email, (await eve.post('/auth/forgot', { email })).status]).toEqual([email, 200])
      const { status } = await eve.post('/auth/sign-up', { name: 'Eve', email })
      expect([email, status]).toEqual([email, 200])
    }
    expect(site.outbox.length).toBeGreaterThan(2)
    expect(site.outbox.splice(0).filter(({ to }) => to === ADA)).toEqual([])
    const nothing = { name: 'Eve', email: 'ada@example.com\u0000' }
    expect((await eve.post('/auth/forgot', nothing)).status).toBe(422)
    expect((await eve.post('/auth/sign-up', nothing)).status).toBe(422)
    expect(site.outbox).toEqual([])
  })

  test('a new address counts once its mail was read, for the login and for the member', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    await ada.post('/auth/email', { email: 'ada@example.org', current: PASSWORD })
    expect((await ada.get('/auth/account')).text).toContain(ADA)
    await site.browser().post('/auth/forgot', { email: ADA })
    const old = site.secretFor(ADA)
    const token = site.secretFor('ada@example.org')
    expect((await ada.post('/auth/email/confirm', { token })).status).toBe(200)

    expect((await ada.get('/auth/account')).status).toBe(303)
    expect((await ada.post('/auth/sign-in', { email: ADA, password: PASSWORD })).status).toBe(401)
    expect((await ada.post('/auth/reset', { token: old, password: EVES })).status).toBe(410)
    await ada.post('/auth/sign-in', { email: 'ada@example.org', password: PASSWORD })
    const { body } = await site.bearer(await ada.token()).get('/v1/me')
    expect(body.email).toBe('ada@example.org')
    const told = site.outbox.at(-1)
    expect(told).toMatchObject({ to: ADA, subject: 'The address was changed' })
    // No reset finds the account by its old address, so none is advised.
    expect(told?.text).not.toContain('/auth/')
  })
})
