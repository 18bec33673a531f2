/** Headers that every answer of the login has for browsers and caches, whatever kind it is. */
import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { countAttempts } from '../../src/auth/attempts.ts'
import { openSession } from '../../src/db/client.ts'
import { networkOf } from '../../src/security/limits/ip-ranges.ts'
import { type Browser, loginSite, type Page } from '../support/login.ts'
import { PROVIDERS } from '../support/social-provider.ts'

const ADA = 'ada@example.com'
const BLOCKED = '198.51.100.7'

/** A form that is one byte longer than the limit. */
const LONG = { email: 'x'.repeat(16 * 1024 - 'email='.length + 1) }

type Kind = readonly [
  status: number,
  name: string,
  ask: (ada: Browser, site: ReturnType<typeof loginSite>) => Promise<Page>,
]
const KINDS: readonly Kind[] = [
  [200, 'a page', (ada) => ada.get('/auth/account')],
  [200, 'a token', (ada) => ada.post('/auth/token')],
  [200, 'a challenge', (ada) => ada.get('/auth/passkey/generate-authenticate-options')],
  [
    302,
    'the way to the right origin',
    (ada) => ada.send('GET', 'https://evil.example/auth/account'),
  ],
  [303, 'the way to sign in', (_, site) => site.browser().get('/auth/account')],
  [400, 'a second credential', (ada) => ada.get('/auth/account', { 'X-API-Key': 'guild_x' })],
  [401, 'a wrong password', (ada) => ada.post('/auth/sign-in', { email: ADA, password: 'x' })],
  [403, 'a form from elsewhere', (ada) => ada.post('/auth/forgot', {}, { Origin: 'null' })],
  [404, 'no page', (ada) => ada.get('/auth/nothing')],
  [405, 'another method', (ada) => ada.send('DELETE', '/auth/account')],
  [410, 'no link', (ada) => ada.get('/auth/verify?token=x')],
  [413, 'too much', (ada) => ada.post('/auth/forgot', LONG)],
  [422, 'no address', (ada) => ada.post('/auth/forgot', { email: 'x' })],
  [429, 'too often', (_, site) => site.browser(BLOCKED).post('/auth/forgot', { email: ADA })],
  [503, 'no mail', (ada) => ada.post('/auth/forgot', { email: ADA })],
]

test.each(KINDS)('%i %s is kept by nobody, framed by nobody, and runs nothing', async (...kind) => {
  const [status, name, ask] = kind
  const ada = await loginSite().account(ADA)
  const { db } = openSession(env.DB, 'primary')
  for (let n = 0; n < 20; n += 1) {
    await countAttempts(db, [['mail:address', networkOf(BLOCKED)]], Date.now())
  }
  const broken = { send: () => Promise.reject(new Error('out of order')) }
  const site = name === 'no mail' ? loginSite({ MAIL: broken }) : loginSite()
  const browser = site.browser()
  for (const [cookie, value] of ada.jar) browser.jar.set(cookie, value)
  const answer = await ask(browser, site)
  expect({ status: answer.status, ...Object.fromEntries(answer.headers) }).toMatchObject({
    status,
    'cache-control': 'no-store',
    'content-security-policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; " +
      "connect-src 'self'; " +
      "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    'referrer-policy': 'same-origin',
    'request-id': expect.stringMatching(/^\w/),
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  })
})

test('forms may lead away only where there is a provider to lead to', async () => {
  const site = loginSite({ SOCIAL_PROVIDERS: JSON.stringify(PROVIDERS) })
  const { headers } = await site.browser().get('/auth/sign-in')
  expect(headers.get('Content-Security-Policy')).toContain("; form-action 'self' https:; ")
})

test.each(['style.css', 'passkey.js', 'mailed-code.js'])(
  '%s may be kept, and is the same for everybody',
  async (name) => {
    const { status, headers } = await loginSite().browser().get(`/auth/${name}`)
    expect([status, headers.get('Cache-Control')]).toEqual([200, 'public, max-age=3600'])
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
  },
)

describe('a body', () => {
  const send = (length: number, headers = {}) => {
    const bytes = new TextEncoder().encode(`email=${'x'.repeat(length - 'email='.length)}`)
    const type = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(bytes)
        controller.close()
      },
    })
    return loginSite()
      .browser()
      .send('POST', '/auth/forgot', { body, headers: { ...type, ...headers } })
  }

  test('of 16 KiB is read and one of more is not, whether it says how long it is or not', async () => {
    expect((await send(16 * 1024)).status).toBe(422)
    expect((await send(16 * 1024 + 1)).status).toBe(413)
    expect((await loginSite().browser().post('/auth/forgot', LONG)).status).toBe(413)
  })
})
