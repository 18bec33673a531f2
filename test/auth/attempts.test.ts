import nodeCrypto from 'node:crypto'
import { env } from 'cloudflare:workers'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Attempt, countAttempts } from '../../src/auth/attempts.ts'
import { openSession } from '../../src/db/client.ts'
import { networkOf } from '../../src/security/limits/ip-ranges.ts'
import { type Browser, loginSite, PASSWORD } from '../support/login.ts'
import { rowsOf } from '../support/population.ts'
import { PROVIDERS } from '../support/social-provider.ts'

const ADA = 'ada@example.com'
const WRONG = 'marble lantern cobweb thunder'
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const DEVICE = '__Host-guildhall.device'

function later(ms: number): void {
  vi.useFakeTimers({ now: Date.now() + ms, toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
}

/** An address where `ADA` has never been. */
const ELSEWHERE = '198.51.100.99'

async function counted(times: number, attempt: Attempt): Promise<void> {
  const { db } = openSession(env.DB, 'primary')
  for (let n = 0; n < times; n += 1) await countAttempts(db, [attempt], Date.now())
}

describe('guessing', () => {
  test('a password of an account is limited, wherever the guesses come from', async () => {
    const site = loginSite()
    await site.account(ADA)
    const guess = (n: number) =>
      site.browser(`198.51.100.${n}`).post('/auth/sign-in', { email: ADA, password: WRONG })
    await counted(8, ['password:account', ADA])
    expect([(await guess(1)).status, (await guess(2)).status]).toEqual([401, 401])

    const scrypt = vi.spyOn(nodeCrypto, 'scrypt')
    onTestFinished(() => scrypt.mockRestore())
    const refused = await guess(3)
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(800)
    const form = { email: ADA, password: PASSWORD }
    expect((await site.browser(ELSEWHERE).post('/auth/sign-in', form)).status).toBe(429)
    expect(scrypt).not.toHaveBeenCalled()
  })

  test('with a mailed link that was used is limited with all the others, and right ones are done', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    await ada.post('/auth/forgot', { email: ADA })
    const token = site.secretFor(ADA)
    const repeat = (n: number, password: string) =>
      site.browser(`198.51.100.${n}`).post('/auth/reset', { token, password })
    expect((await ada.post('/auth/reset', { token, password: WRONG })).status).toBe(200)
    expect((await repeat(1, WRONG)).status).toBe(200)
    await counted(9, ['password:account', ADA])
    expect((await repeat(2, PASSWORD)).status).toBe(410)
    expect((await repeat(3, PASSWORD)).status).toBe(429)
    expect((await repeat(4, WRONG)).status).toBe(429)
  })

  test('is counted alike for an account that there is not', async () => {
    const site = loginSite()
    await counted(10, ['password:account', ADA])
    const form = { email: ADA, password: WRONG }
    expect((await site.browser().post('/auth/sign-in', form)).status).toBe(429)
  })

  test('ends with its window, which begins with the first attempt and is not drawn out', async () => {
    const site = loginSite()
    await site.account(ADA)
    await counted(10, ['password:account', ADA])
    const form = { email: ADA, password: PASSWORD }
    const right = () => site.browser(ELSEWHERE).post('/auth/sign-in', form)
    later(14 * MINUTE)
    expect((await right()).status).toBe(429)
    later(61_000)
    expect((await right()).status).toBe(303)
  })

  test('starts anew after the right password, and only for that account', async () => {
    const site = loginSite()
    await site.account(ADA)
    const status = async (email: string) =>
      (await site.browser().post('/auth/sign-in', { email, password: WRONG })).status
    for (let n = 0; n < 9; n += 1) await status(ADA)
    await counted(9, ['password:account', 'bob@example.com'])
    await site.browser().post('/auth/sign-in', { email: ADA, password: PASSWORD })
    expect([await status(ADA), await status(ADA)]).toEqual([401, 401])
    expect([await status('bob@example.com'), await status('bob@example.com')]).toEqual([401, 429])
  })

  test('by strangers keeps the owner out neither of a network nor of a browser of theirs', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    await ada.post('/auth/sign-out')
    await counted(20, ['password:account', ADA])
    const form = { email: ADA, password: PASSWORD }
    const elsewhere = (device = '') =>
      site.browser(ELSEWHERE).post('/auth/sign-in', form, { Cookie: device })
    expect((await elsewhere()).status).toBe(429)
    expect((await elsewhere(`${DEVICE}=${'a'.repeat(43)}`)).status).toBe(429)
    // Another browser at home gets in, and so does the browser from home elsewhere.
    expect((await site.browser().post('/auth/sign-in', form)).status).toBe(303)
    expect((await elsewhere(`${DEVICE}=${ada.jar.get(DEVICE)}`)).status).toBe(303)
    // A known place helps only the account that it is known for.
    await site.account('bob@example.com', PASSWORD, '203.0.113.9')
    await counted(20, ['password:account', 'bob@example.com'])
    const bobs = { email: 'bob@example.com', password: PASSWORD }
    expect((await ada.post('/auth/sign-in', bobs)).status).toBe(429)
  })

  test('where the owner has been is limited by itself, and uses up nothing elsewhere', async () => {
    const site = loginSite()
    await site.account(ADA)
    const status = async (address: string, password: string) =>
      (await site.browser(address).post('/auth/sign-in', { email: ADA, password })).status
    for (let n = 0; n < 10; n += 1) expect(await status('192.0.2.1', WRONG)).toBe(401)
    expect(await status('192.0.2.1', PASSWORD)).toBe(429)
    expect(await status(ELSEWHERE, PASSWORD)).toBe(303)
  })

  test('is known for 90 days after the last time, by nothing that names anybody', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    const places = await rowsOf('select place, ends_at from auth_places')
    expect(places).toHaveLength(2)
    const [userId = ''] = (await rowsOf<{ id: string }>('select id from auth_users')).map(
      ({ id }) => id,
    )
    for (const known of [ADA, '192.0.2.1', ada.jar.get(DEVICE) ?? '', userId]) {
      expect(JSON.stringify(places)).not.toContain(known)
    }
    const form = { email: ADA, password: PASSWORD }
    later(90 * DAY + MINUTE)
    await counted(20, ['password:account', ADA])
    expect((await site.browser().post('/auth/sign-in', form)).status).toBe(429)
  })

  test('wrongly a hundred times in 24 hours leaves only mail, which works at once', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    for (let n = 0; n < 10; n += 1) {
      await counted(10, ['password:account', ADA])
      later(16 * MINUTE)
    }
    const form = { email: ADA, password: PASSWORD }
    const refused = await ada.post('/auth/sign-in', form)
    expect([refused.status, refused.text]).toEqual([429, expect.stringContaining('by mail')])
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(20 * 3600)
    const password = await ada.post('/auth/password', { current: PASSWORD, password: WRONG })
    expect(password.status).toBe(429)

    const phone = site.browser(ELSEWHERE)
    expect((await phone.post('/auth/forgot', { email: ADA })).status).toBe(200)
    const token = site.secretFor(ADA)
    expect((await phone.post('/auth/reset', { token, password: WRONG })).status).toBe(200)
    const renewed = { email: ADA, password: WRONG }
    expect((await phone.post('/auth/sign-in', renewed)).status).toBe(303)
    expect((await ada.post('/auth/sign-in', renewed)).status).toBe(303)
  })

  test('ends with 24 hours, and right passwords do not count towards it', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    const form = { email: ADA, password: PASSWORD }
    const day = async () =>
      (await rowsOf<{ n: number }>('select max(attempts) as n from auth_attempts'))[0]?.n
    await counted(3, ['password:account', ADA])
    await ada.post('/auth/sign-in', form)
    expect(await day()).toBe(3)
    await env.DB.prepare('update auth_attempts set attempts = 100 where account is not null').run()
    expect((await ada.post('/auth/sign-in', form)).status).toBe(429)
    later(DAY + MINUTE)
    expect((await ada.post('/auth/sign-in', form)).status).toBe(303)
  })

  test('by somebody else does not keep the owner out: a reset ends the count', async () => {
    const site = loginSite()
    await site.account(ADA)
    const phone = site.browser('203.0.113.7')
    const eve = (n: number) => site.browser(`198.51.100.${n}`)
    await counted(20, ['password:account', ADA])
    await counted(20, ['mail:account', ADA])
    for (let n = 0; n < 6; n += 1) await eve(n).post('/auth/forgot', { email: ADA })
    // The requests have used up Ada's mails, but they have mailed her a good link.
    await phone.post('/auth/reset', { token: site.secretFor(ADA), password: WRONG })
    await counted(20, ['password:account', ADA])
    expect((await phone.post('/auth/sign-in', { email: ADA, password: WRONG })).status).toBe(303)
  })

  test('from an address that is over its limits spends nobody else’s attempts', async () => {
    const site = loginSite()
    await site.account(ADA)
    const address = '198.51.100.7'
    await counted(20, ['mail:address', networkOf(address)])
    await counted(50, ['password:address', networkOf(address)])
    const rows = () => rowsOf('select subject from auth_attempts')
    const before = await rows()
    const eve = site.browser(address)
    for (let n = 0; n < 12; n += 1) {
      expect((await eve.post('/auth/sign-in', { email: ADA, password: WRONG })).status).toBe(429)
      expect((await eve.post('/auth/forgot', { email: ADA })).status).toBe(429)
      expect(
        (await eve.post('/auth/sign-up', { name: 'E', email: `${n}@example.org` })).status,
      ).toBe(429)
    }
    expect(await rows()).toEqual(before)
    const ada = site.browser()
    expect((await ada.post('/auth/forgot', { email: ADA })).status).toBe(200)
    expect((await ada.post('/auth/sign-in', { email: ADA, password: PASSWORD })).status).toBe(303)
  })

  test('the current password in an open session is limited too', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    const change = (current: string) => ada.post('/auth/password', { current, password: WRONG })
    for (let n = 0; n < 10; n += 1) expect((await change('x')).status).toBe(403)
    const email = await ada.post('/auth/email', { current: PASSWORD, email: 'a@example.org' })
    expect([(await change(PASSWORD)).status, email.status]).toEqual([429, 429])
  })

  test('an address that tries many accounts is limited, and others are not', async () => {
    const site = loginSite()
    const stuff = (n: number, address: string) =>
      site.browser(address).post('/auth/sign-in', { email: `u${n}@example.com`, password: 'x' })
    await counted(49, ['password:address', networkOf('198.51.100.7')])
    expect((await stuff(49, '198.51.100.7')).status).toBe(401)
    expect((await stuff(50, '198.51.100.7')).status).toBe(429)
    expect((await stuff(51, '198.51.100.8')).status).toBe(401)
  })

  test('of IPv6 the network counts, for its holder has as many addresses as they like', async () => {
    const site = loginSite()
    await counted(50, ['password:address', networkOf('2001:db8::1')])
    const stuff = (address: string) =>
      site.browser(address).post('/auth/sign-in', { email: ADA, password: 'x' })
    expect((await stuff('2001:db8::ffff:1')).status).toBe(429)
    expect((await stuff('2001:db8:0:1::1')).status).toBe(401)
  })

  test('links is limited for each address', async () => {
    const site = loginSite()
    await counted(50, ['password:address', networkOf('198.51.100.7')])
    const eve = site.browser('198.51.100.7')
    for (const path of ['/auth/verify', '/auth/reset']) {
      const { status } = await eve.post(path, { token: 'a'.repeat(43), password: WRONG })
      expect([path, status]).toEqual([path, 429])
    }
  })

  test('or trying passkeys and providers is limited for each address', async () => {
    const site = loginSite({ SOCIAL_PROVIDERS: JSON.stringify(PROVIDERS) })
    await counted(120, ['passkey:address', networkOf('198.51.100.7')])
    await counted(60, ['social:address', networkOf('198.51.100.7')])
    const attempts = [
      (browser: Browser) => browser.get('/auth/passkey/generate-authenticate-options'),
      (browser: Browser) => browser.get('/auth/passkey/generate-register-options'),
      (browser: Browser) => browser.post('/auth/passkey/verify-authentication'),
      (browser: Browser) => browser.post('/auth/social', { provider: 'github' }),
    ]
    for (const attempt of attempts) {
      const { status } = await attempt(site.browser('198.51.100.7'))
      expect([String(attempt), status]).toEqual([String(attempt), 429])
      expect((await attempt(site.browser('198.51.100.8'))).status).not.toBe(429)
    }
  })

  test('what is no password at all costs neither a count nor a hash', async () => {
    const site = loginSite()
    const scrypt = vi.spyOn(nodeCrypto, 'scrypt')
    onTestFinished(() => scrypt.mockRestore())
    const password = 'x'.repeat(1025)
    const { status } = await site.browser().post('/auth/sign-in', { email: ADA, password })
    expect(status).toBe(401)
    expect(scrypt).not.toHaveBeenCalled()
    expect((await env.DB.prepare('select * from auth_attempts').all()).results).toEqual([])
  })
})

describe('mail', () => {
  test('floods nobody’s mailbox, whichever form asks for it', async () => {
    const site = loginSite()
    const eve = await site.account('eve@example.com')
    const before = site.outbox.length
    const asking = [
      (n: number) =>
        site.browser(`198.51.100.${n}`).post('/auth/sign-up', { name: 'Eve', email: ADA }),
      () => eve.post('/auth/email', { email: ADA, current: PASSWORD }),
    ]
    const statuses: number[] = []
    for (let n = 0; n < 4; n += 1) {
      for (const ask of asking) statuses.push((await ask(n)).status)
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429])
    expect(site.outbox.length - before).toBe(5)
  })

  test('for a new password has a limit of its own, which no other form spends', async () => {
    const site = loginSite()
    await counted(5, ['mail:account', ADA])
    const statuses: number[] = []
    for (let n = 0; n < 7; n += 1) {
      const eve = site.browser(`198.51.100.${n}`)
      statuses.push((await eve.post('/auth/forgot', { email: ADA })).status)
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429])
    expect(site.outbox).toHaveLength(5)
  })

  test('is limited for each address that asks', async () => {
    const site = loginSite()
    await counted(20, ['mail:address', networkOf('198.51.100.7')])
    const eve = site.browser('198.51.100.7')
    expect((await eve.post('/auth/forgot', { email: ADA })).status).toBe(429)
    expect((await eve.post('/auth/sign-up', { name: 'Eve', email: ADA })).status).toBe(429)
    expect(site.outbox).toEqual([])
  })
})
