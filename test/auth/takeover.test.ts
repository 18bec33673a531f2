import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { countAttempts } from '../../src/auth/attempts.ts'
import { openSession } from '../../src/db/client.ts'
import { loginSite, PASSWORD } from '../support/login.ts'

const ADA = 'ada@example.com'
const EVES = 'marble lantern cobweb thunder'

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
    expect((await eve.post('/auth/reset', { token, password: EVES })).status).toBe(200)
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

  test('the database keeps no link that could be used', async () => {
    const site = loginSite()
    await site.account(ADA)
    await site.browser().post('/auth/forgot', { email: ADA })
    const { results } = await env.DB.prepare('select * from auth_tickets').all()
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

  test('a new address counts once its mail was read, for the login and for the member', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    await ada.post('/auth/email', { email: 'ada@example.org', current: PASSWORD })
    expect((await ada.get('/auth/account')).text).toContain(ADA)
    await site.browser().post('/auth/forgot', { email: ADA })
    const old = site.secretFor(ADA)
    const token = site.secretFor('ada@example.org')
    expect((await site.browser().post('/auth/email/confirm', { token })).status).toBe(200)

    expect((await ada.get('/auth/account')).status).toBe(303)
    expect((await ada.post('/auth/sign-in', { email: ADA, password: PASSWORD })).status).toBe(401)
    expect((await ada.post('/auth/reset', { token: old, password: EVES })).status).toBe(410)
    await ada.post('/auth/sign-in', { email: 'ada@example.org', password: PASSWORD })
    const { body } = await site.bearer(await ada.token()).get('/v1/me')
    expect(body.email).toBe('ada@example.org')
    expect(site.outbox.at(-1)).toMatchObject({ to: ADA, subject: 'The address was changed' })
  })
})

describe('guessing', () => {
  test('a password of an account is limited, wherever the guesses come from', async () => {
    const site = loginSite()
    await site.account(ADA)
    const guess = (n: number) =>
      site.browser(`198.51.100.${n}`).post('/auth/sign-in', { email: ADA, password: `${EVES}${n}` })
    for (let n = 0; n < 10; n += 1) expect((await guess(n)).status).toBe(401)
    const refused = await guess(11)
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(800)
    const right = await site.browser().post('/auth/sign-in', { email: ADA, password: PASSWORD })
    expect(right.status).toBe(429)
  })

  test('an address that tries many accounts is limited, and others are not', async () => {
    const site = loginSite()
    const stuff = (n: number, address: string) =>
      site.browser(address).post('/auth/sign-in', { email: `u${n}@example.com`, password: 'x' })
    const { db } = openSession(env.DB, 'primary')
    for (let n = 0; n < 49; n += 1) {
      await countAttempts(db, [['password:address', '198.51.100.7']], Date.now())
    }
    expect((await stuff(49, '198.51.100.7')).status).toBe(401)
    expect((await stuff(50, '198.51.100.7')).status).toBe(429)
    expect((await stuff(51, '198.51.100.8')).status).toBe(401)
  })

  test('nobody’s mailbox is flooded', async () => {
    const site = loginSite()
    for (let n = 0; n < 8; n += 1) {
      await site.browser(`198.51.100.${n}`).post('/auth/sign-up', { name: 'Eve', email: ADA })
    }
    expect(site.outbox).toHaveLength(5)
  })
})
