/** The console over HTTP: who gets which page, and that a page can do nothing the API would not allow. */
import { beforeEach, describe, expect, test } from 'vitest'
import { type Browser, type LoginSite, loginSite } from '../support/login.ts'
import { ORIGIN } from '../support/site.ts'

let site: LoginSite
let ada: Browser

beforeEach(async () => {
  site = loginSite()
  ada = await site.account('ada@example.com')
})

/** Makes whoever is signed in one of these. */
async function give(browser: Browser, role: string): Promise<void> {
  const { body } = await site.bearer(await browser.token()).get('/v1/whoami')
  await (await site.root()).put(`/v1/users/${body.userId}/roles/${role}`)
}

describe('a page of the console', () => {
  test('leads whoever is not signed in to the sign-in, and back', async () => {
    const { status, location } = await site.browser().get('/console/members?q=A')
    expect([status, location]).toEqual([303, '/auth/sign-in?next=%2Fconsole%2Fmembers%3Fq%3DA'])
  })

  test('shows what the API lists, and the refusal of the API to whoever may not see it', async () => {
    const refused = await ada.get('/console/members')
    expect(refused.status).toBe(403)
    expect(refused.text).toMatch(/profile:list.*any/s)
    expect(refused.text).toContain('permission')
    await give(ada, 'moderator')
    const { status, text } = await ada.get('/console/members')
    expect(status).toBe(200)
    expect(text).toContain('Ada')
    expect(text).toContain('curl')
  })

  test('has a policy with a nonce of its own, and nothing inline without it', async () => {
    const [one, other] = [await ada.get('/console'), await ada.get('/console')]
    const nonces = [one, other].map(({ headers }) => {
      const policy = headers.get('Content-Security-Policy') ?? ''
      expect(policy).toMatch(/^default-src 'none'; script-src 'nonce-\w{32}'; style-src/)
      expect(policy).toContain("frame-ancestors 'none'")
      return /'nonce-(\w+)'/.exec(policy)?.[1] ?? ''
    })
    expect(nonces[0]).not.toBe(nonces[1])
    expect(one.text).not.toMatch(/ (?:on\w+|style)=/)
    for (const [, nonce] of one.text.matchAll(/<(?:script|style)[^>]*nonce="(\w*)"/g))
      expect(nonce).toBe(nonces[0])
    expect(one.headers.get('Cache-Control')).toBe('no-store')
    expect(one.headers.get('Referrer-Policy')).toBe('same-origin')
  })
})

describe('a request that began elsewhere', () => {
  test.each(['none', 'cross-site', 'same-site'])(
    'is asked for once more from this site, and shows nothing before: %s',
    async (began) => {
      const { status, headers, text } = await ada.get('/console', { 'Sec-Fetch-Site': began })
      expect([status, headers.get('Refresh')]).toEqual([200, '0;url=/console'])
      expect(text).not.toContain('Overview')
    },
  )

  test('is refused as a form', async () => {
    for (const from of [
      { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' },
      { 'Sec-Fetch-Site': '', Origin: 'https://evil.example' },
      { 'Sec-Fetch-Site': '', Origin: '' },
    ]) {
      expect((await ada.post('/console/members', {}, from)).status).toBe(403)
    }
  })

  test('does not lead away by its path', async () => {
    const { headers } = await ada.get('/console//evil.example', { 'Sec-Fetch-Site': 'none' })
    expect(headers.get('Refresh')).toBe('0;url=/console//evil.example')
    const path = `${ORIGIN.replace('https', 'http')}/console`
    expect((await ada.send('GET', path)).location).toBe(`${ORIGIN}/console`)
  })
})
