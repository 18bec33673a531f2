import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MAILS } from '../../src/auth/mail.ts'
import type { MailBinding } from '../../src/env.ts'
import { loginSite, PASSWORD } from '../support/login.ts'

const ADA = 'ada@example.com'
const OTHER = 'marble lantern cobweb thunder'

/** A binding that fails as the platform's does: a code, and an address in the message. */
const refusing: MailBinding = {
  send: async ({ to }) => {
    throw Object.assign(new Error(`could not deliver to <${to}>`), { code: 'E_DELIVERY_FAILED' })
  },
}

test('the platform’s own binding takes every mail there is', async () => {
  const binding = bound()
  for (const make of Object.values(MAILS)) {
    const mail = make(ADA, 'https://members.example')
    const sent = await binding.send({ from: 'hello@members.example', ...mail })
    expect(sent).toMatchObject({ messageId: expect.any(String) })
  }
})

test('signing up works through the platform’s own binding', async () => {
  const site = loginSite({ MAIL: bound() })
  const asked = await site.browser().post('/auth/sign-up', { name: 'Ada', email: ADA })
  expect(asked.status).toBe(200)
})

/** The binding MAIL, which tests are given in place of wrangler.toml's `send_email`. */
function bound(): MailBinding {
  if (!env.MAIL) throw new Error('there is no binding MAIL')
  return env.MAIL
}

describe('a mail', () => {
  const NASTY = [
    'ada@example.com\r\nBcc: eve@example.com',
    'ada@example.com\nBcc: eve@example.com',
    'ada@example.com%0aBcc:eve@example.com',
    'ada@example.com,eve@example.com',
    'ada@example.com;eve@example.com',
    'ada@example.com eve@example.com',
    '<ada@example.com>',
    '"ada\r\n"@example.com',
    'Eve <ada@example.com>',
    `${'a'.repeat(300)}@example.com`,
  ]

  test.each(NASTY)('goes to one address and adds no header: %j', async (email) => {
    const site = loginSite()
    const ada = await site.account(ADA)
    const before = site.outbox.length
    for (const [path, form] of [
      ['sign-up', { name: 'Eve' }],
      ['forgot', {}],
      ['email', { current: PASSWORD }],
    ] as const) {
      const { status } = await ada.post(`/auth/${path}`, { ...form, email })
      expect([path, status]).toEqual([path, 422])
    }
    expect(site.outbox).toHaveLength(before)
  })

  test.each(['Eve\r\nBcc: eve@example.com', 'Eve\tE', 'Eve\u0000', 'x'.repeat(81), ' '])(
    'is not asked for under the name %j',
    async (name) => {
      const site = loginSite()
      const { status } = await site.browser().post('/auth/sign-up', { name, email: ADA })
      expect(status).toBe(422)
      const { results } = await env.DB.prepare('select name from auth_tickets').all()
      expect(results).toEqual([])
    },
  )
})

describe('when the mail service fails', () => {
  const logged: unknown[] = []
  beforeEach(() => {
    logged.length = 0
    vi.spyOn(console, 'error').mockImplementation((entry) => void logged.push(entry))
  })
  afterEach(() => vi.restoreAllMocks())

  test('that is said, and not whether there is such an account', async () => {
    await loginSite().account(ADA)
    const site = loginSite({ MAIL: refusing })
    const texts = new Set<string>()
    for (const email of [ADA, 'bob@example.com']) {
      for (const path of ['sign-up', 'forgot']) {
        const eve = site.browser()
        const answer = await eve.post(`/auth/${path}`, { name: 'Eve', email })
        expect(answer.status).toBe(503)
        expect(answer.headers.get('Retry-After')).toBe('60')
        texts.add(answer.text)
      }
    }
    expect([...texts]).toEqual([expect.stringContaining('Mail cannot be sent at the moment')])
    expect(JSON.stringify(logged)).toContain('E_DELIVERY_FAILED')
    expect(JSON.stringify(logged)).not.toContain('@example.com')
  })

  test('what was done already stays done', async () => {
    const working = loginSite()
    const ada = await working.account(ADA)
    await ada.post('/auth/forgot', { email: ADA })
    const site = loginSite({ MAIL: refusing })
    const browser = site.browser()
    const token = working.secretFor(ADA)
    expect((await browser.post('/auth/reset', { token, password: OTHER })).status).toBe(200)
    const signedIn = await browser.post('/auth/sign-in', { email: ADA, password: OTHER })
    expect(signedIn.status).toBe(303)
    const change = { current: OTHER, password: PASSWORD }
    expect((await browser.post('/auth/password', change)).status).toBe(303)
    expect(JSON.stringify(logged)).not.toContain(ADA)
  })
})
