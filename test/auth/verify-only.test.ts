/** A deployment without the built-in login runs nothing of it, and answers none of its requests. */
import { describe, expect, test } from 'vitest'
import { loginSite } from '../support/login.ts'
import { ORIGIN, testSite } from '../support/site.ts'
import { importersOf, loadedAtStart, SOURCES } from '../support/sources.ts'

const LOGIN = 'auth/site.ts'

describe('the hot path of the API', () => {
  test('loads nothing of the login: no page, no account, no better-auth', () => {
    const { modules, packages } = loadedAtStart([LOGIN])
    expect(modules.size).toBeGreaterThan(100)
    expect([...modules].filter((path) => path.startsWith('auth/')).sort()).toEqual([
      'auth/mount.ts',
    ])
    expect([...packages].filter((name) => /better-auth/.test(name))).toEqual([])
  })

  test('would reach it by one import alone, which waits for the first request of a page', () => {
    expect(importersOf(LOGIN).map(({ path }) => path)).toEqual(['auth/mount.ts'])
    const [before, after, ...others] =
      SOURCES.get('auth/mount.ts')?.text.split("await import('./site.ts')") ?? []
    expect([before, after].join('')).not.toContain('site.ts')
    expect([after !== undefined, others]).toEqual([true, []])
  })
})

describe('a site without the built-in login', () => {
  test('has no page of it, and takes no cookie and no token of it', async () => {
    const on = loginSite()
    const ada = await on.account('ada@example.com')
    const token = await ada.token()
    expect((await on.bearer(token).get('/v1/me')).status).toBe(200)
    const Cookie = [...ada.jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { Cookie, Origin: ORIGIN, 'Sec-Fetch-Site': 'same-origin' }
    expect((await on.anonymous.get('/v1/me', { headers })).status).toBe(200)

    for (const off of [testSite(), loginSite({ BUILT_IN_LOGIN: 'off' })]) {
      for (const path of ['sign-in', 'account', 'passkey.js', 'style.css', 'token', '']) {
        const answer = await off.anonymous.get(`/auth/${path}`)
        expect([path, answer.status, answer.body.code]).toEqual([path, 404, 'not_found'])
        expect((await off.anonymous.post(`/auth/${path}`)).status).toBe(404)
      }
      expect((await off.bearer(token).get('/v1/me')).body.code).toBe('invalid_token')
      expect((await off.anonymous.get('/v1/me', { headers })).body.code).toBe('unauthenticated')
      const { body } = await off.anonymous.get('/v1/whoami', { headers })
      expect(body.kind).toBe('anonymous')
    }
  })
})
