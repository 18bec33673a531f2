/** What the origin is told about who opens a page, in a way that nobody else can say it. */
import { env as bindings } from 'cloudflare:workers'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { describe, expect, test, vi } from 'vitest'
import { ASSERTION_FIELD } from '../../src/pages/headers.ts'
import { partner } from '../support/keys.ts'
import { pagesSite, type PagesSite, rule } from '../support/pages.ts'
import { ORIGIN } from '../support/site.ts'

const ISSUER = `${ORIGIN}/pages`
const last = ({ origin }: PagesSite) => origin.last().headers.get(ASSERTION_FIELD) ?? ''

async function keysOf({ anonymous }: PagesSite) {
  const { status, headers, body } = await anonymous.get('/.well-known/pages-jwks.json')
  expect([status, headers.get('Cache-Control')]).toEqual([200, 'public, max-age=60'])
  expect(body.keys.every((key: object) => !('d' in key))).toBe(true)
  return createLocalJWKSet(body)
}

describe('an assertion', () => {
  test('says who opens which page by which rule, for a minute', async () => {
    const site = pagesSite()
    const [open, staff] = [await rule('/open/*', 'anyone'), await rule('/staff', 'members')]
    const [admin, key] = [await site.memberWith('admin', 'ada'), await partner(site)]
    await (await site.root()).put('/v1/roles/helper', { permissions: [] })
    await (await site.root()).put(`/v1/users/${admin.userId}/roles/helper`)
    const visitor = await site.visitor()
    const options = { issuer: ISSUER, audience: ORIGIN, typ: 'guildhall-assertion+jwt' }
    const signed = async () => jwtVerify(last(site), await keysOf(site), options)

    await admin.get('/staff?a=b')
    const { payload } = await signed()
    expect(payload).toEqual({
      iss: ISSUER,
      aud: ORIGIN,
      kind: 'member',
      sub: admin.userId,
      roles: ['member', 'admin', 'helper'],
      rule: staff,
      method: 'GET',
      path: '/staff',
      iat: expect.any(Number),
      exp: (payload.iat ?? 0) + 60,
      jti: expect.stringMatching(/^[\da-f-]{36}$/),
    })
    expect(Math.abs((payload.iat ?? 0) - Date.now() / 1000)).toBeLessThan(30)

    await (await site.root()).post(`/v1/users/${admin.userId}/suspend`, {})
    await admin.get('/open/x')
    expect((await signed()).payload).toMatchObject({ sub: admin.userId, kind: 'member', roles: [] })

    await key.post('/open/%c3%a9', {})
    expect((await signed()).payload).toMatchObject({
      kind: 'partner',
      sub: key.id,
      roles: [],
      rule: open,
      method: 'POST',
      path: '/open/%C3%A9',
    })
    await visitor.get('/open/x')
    expect((await signed()).payload).toMatchObject({ kind: 'visitor', sub: visitor.visitorId })
    await site.anonymous.get('/open/x')
    const { payload: nobody } = await signed()
    expect([nobody['kind'], 'sub' in nobody]).toEqual(['anonymous', false])
    expect(nobody.jti).not.toBe(payload.jti)
  })

  test('names no rule where none is about the page', async () => {
    const site = pagesSite({ PAGES_DEFAULT: 'open' })
    await site.anonymous.get('/x')
    expect(decodeJwt(last(site))).toMatchObject({ rule: null, path: '/x' })
  })

  test('is for the origin that it goes to', async () => {
    const settings = { PAGES_DEFAULT: 'open', PAGES_ORIGIN: 'https://site.example' } as const
    const site = pagesSite({ ...settings, PAGES: undefined })
    const fetched = vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response('a page'))
    await site.anonymous.get('/x')
    const { headers } = fetched.mock.calls[0]?.[1] ?? {}
    const assertion = new Headers(headers).get(ASSERTION_FIELD) ?? ''
    fetched.mockRestore()
    expect(decodeJwt(assertion).aud).toBe('https://site.example')
  })

  test('is no credential here, and its keys are trusted for nothing else', async () => {
    const site = pagesSite()
    await rule('/members', 'members')
    const ada = await site.account('ada@example.com')
    await ada.token()
    await ada.get('/members')
    const assertion = last(site)
    for (const path of ['/v1/me', '/v1/whoami', '/members']) {
      const answer = await site.bearer(assertion).get(path)
      expect([path, answer.status, answer.body.code]).toEqual([path, 401, 'invalid_token'])
    }
    const { kid } = decodeProtectedHeader(assertion)
    const { body } = await site.anonymous.get('/.well-known/jwks.json')
    expect(body.keys.length).toBeGreaterThan(0)
    expect(body.keys.map((key: { kid: string }) => key.kid)).not.toContain(kid)
    const pages = await site.anonymous.get('/.well-known/pages-jwks.json')
    expect(pages.body.keys.map((key: { kid: string }) => key.kid)).toEqual([kid])
    const { results } = await bindings.DB.prepare(
      `select private_jwk from token_keys where use = 'page'`,
    ).all<{ private_jwk: string }>()
    expect(results.map(({ private_jwk }) => private_jwk.startsWith('{'))).toEqual([false])
  })
})
