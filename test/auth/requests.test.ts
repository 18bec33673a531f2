import { env } from 'cloudflare:workers'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { describe, expect, test } from 'vitest'
import { loginSite as appRoutes } from '../../src/auth/site.ts'
import { unseal } from '../../src/security/tokens/sealing.ts'
import { nextPath } from '../../src/auth/requests.ts'
import { MEMBER_KEYS, signToken } from '../../src/security/tokens/signing-keys.ts'
import { type Form, LOGIN_SETTINGS, loginSite, PASSWORD } from '../support/login.ts'
import { ORIGIN } from '../support/site.ts'

const ADA = 'ada@example.com'

const ELSEWHERE: readonly Form[] = [
  { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' },
  { Origin: 'https://evil.members.example', 'Sec-Fetch-Site': 'same-site' },
  { Origin: 'null', 'Sec-Fetch-Site': 'cross-site' },
  { Origin: 'null', 'Sec-Fetch-Site': 'same-origin' },
  { Origin: 'http://members.example' },
  { Origin: '', 'Sec-Fetch-Site': '' },
  { Origin: '', 'Sec-Fetch-Site': 'none' },
]

test('a form from elsewhere is refused on every path that changes something', async () => {
  const site = loginSite()
  const ada = await site.account(ADA)
  const paths = appRoutes.routes.filter(({ method }) => method === 'POST').map(({ path }) => path)
  expect(paths.length).toBeGreaterThan(12)
  for (const headers of ELSEWHERE) {
    for (const path of paths) {
      const { status } = await ada.post(path, {}, headers)
      expect({ path, headers, status }).toEqual({ path, headers, status: 403 })
    }
  }
  expect((await ada.get('/auth/account')).status).toBe(200)
})

describe('a Host header', () => {
  test('decides neither where links lead nor whose tokens they are', async () => {
    const site = loginSite()
    const eve = site.browser()
    const elsewhere = 'https://evil.example/auth/forgot'
    const headers = {
      Origin: 'https://evil.example',
      'Content-Type': 'application/x-www-form-urlencoded',
    }
    const sent = await eve.send('POST', elsewhere, { body: `email=${ADA}`, headers })
    expect(sent.status).toBe(403)
    expect(site.outbox).toEqual([])
    expect((await eve.send('GET', elsewhere)).location).toBe(`${ORIGIN}/auth/forgot`)
    await eve.send('POST', `${ORIGIN}/auth/forgot`, {
      body: `email=${ADA}`,
      headers: { ...headers, Origin: ORIGIN, 'X-Forwarded-Host': 'evil.example' },
    })
    expect(site.outbox.at(-1)?.text).toContain(`${ORIGIN}/auth/`)
    expect(site.outbox.at(-1)?.text).not.toContain('evil')
  })
})

const OTHER_PLACES = [
  '//evil.example',
  '/\\evil.example',
  '/\t/evil.example',
  '/.//evil.example',
  '/x/..//evil.example',
  'https://evil.example',
  'https:evil.example',
  'javascript:alert(1)',
  `${ORIGIN}@evil.example`,
  '',
]

describe('signing in leads', () => {
  test('never to another site, however it is spelled', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    for (const next of OTHER_PLACES) {
      const { text } = await ada.get(`/auth/sign-in?next=${encodeURIComponent(next)}`)
      expect([next, text]).toEqual([next, expect.stringContaining('value="/account"')])
      expect([next, nextPath(next, ORIGIN)]).toEqual([next, '/account'])
    }
    const next = '//evil.example'
    const { location } = await ada.post('/auth/sign-in', { email: ADA, password: PASSWORD, next })
    expect(location).toBe('/account')
  })

  test('to the page of this site that asked for it', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    const next = '/console?tab=1'
    const { location } = await ada.post('/auth/sign-in', { email: ADA, password: PASSWORD, next })
    expect(location).toBe(next)
  })
})

describe('a token of this site', () => {
  test('says who, from which session, for five minutes, and no more than that', async () => {
    const site = loginSite()
    const token = await (await site.account(ADA)).token()
    const { iat = 0, exp = 0, ...claims } = decodeJwt(token)
    expect(exp - iat).toBe(300)
    expect(claims).toEqual({
      iss: ORIGIN,
      aud: 'guildhall',
      sub: expect.any(String),
      sid: expect.any(String),
      name: 'Ada',
      email: ADA,
      email_verified: true,
    })
    const { body } = await site.anonymous.get('/.well-known/jwks.json')
    const { kid, alg } = decodeProtectedHeader(token)
    expect(alg).toBe('ES256')
    expect(body.keys.map((key: { kid: string }) => key.kid)).toEqual([kid])
    expect(Object.keys(body.keys[0]).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  })

  test('is refused with another audience, another issuer, or without its session', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    const { sub = '', sid } = decodeJwt(await ada.token())
    const secret = LOGIN_SETTINGS.AUTH_SECRET
    const options = { keySet: MEMBER_KEYS, issuer: ORIGIN, secret, now: Date.now() }
    const sign = async (claims: object, changes = {}) =>
      (await signToken(env.DB, { sub, sid, ...claims }, { ...options, ...changes })).token
    const outcome = async (token: string) => {
      const { status, body } = await site.bearer(token).get('/v1/me')
      return [status, body.code ?? 'ok']
    }
    const other = await site.account('eve@example.com')
    const foreign = decodeJwt(await other.token()).sid
    expect(await outcome(await sign({}))).toEqual([200, 'ok'])
    const keySet = { ...MEMBER_KEYS, audience: 'elsewhere' }
    expect(await outcome(await sign({}, { keySet }))).toEqual([401, 'invalid_token'])
    expect(await outcome(await sign({}, { issuer: 'https://evil.example' }))).toEqual([
      401,
      'invalid_token',
    ])
    expect(await outcome(await sign({ sid: foreign }))).toEqual([401, 'session_revoked'])
    expect(await outcome(await sign({ sid: undefined }))).toEqual([401, 'session_revoked'])
  })

  test('is signed by a key that the database alone does not give away', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    await ada.token()
    const [row] = (await env.DB.prepare('select * from token_keys').all()).results
    const { x } = JSON.parse(String(row?.['public_jwk']))
    expect(String(row?.['private_jwk'])).not.toMatch(/"d"|kty/)
    expect(x).toEqual(expect.any(String))
    const { kid, private_jwk: sealed } = row ?? {}
    const open = (secret: string) => unseal(String(sealed), secret, String(kid))
    expect(JSON.parse(await open(LOGIN_SETTINGS.AUTH_SECRET))).toMatchObject({ x, kty: 'EC' })
    await expect(open('another secret, with forty characters in it')).rejects.toThrow(/decrypt/i)
    const moved = unseal(String(sealed), LOGIN_SETTINGS.AUTH_SECRET, 'another key')
    await expect(moved).rejects.toThrow(/decrypt/i)
  })
})

describe('who somebody is', () => {
  test('is never read from headers that anybody can set', async () => {
    const site = loginSite()
    await site.account(ADA)
    const headers = {
      'X-User-Id': 'root',
      'X-Forwarded-User': ADA,
      'Cf-Access-Authenticated-User-Email': ADA,
      'X-Forwarded-Email': ADA,
      Cookie: 'session=root',
    }
    expect((await site.anonymous.get('/v1/me', { headers })).status).toBe(401)
  })

  test('is asked on one path only, however many slashes there are', async () => {
    const site = loginSite()
    const ada = await site.account(ADA)
    for (const path of ['//auth/account', '/auth//account', '/AUTH/account', '/auth/account/']) {
      const { status } = await ada.send('GET', `${ORIGIN}${path}`)
      expect([path, status]).toEqual([path, 404])
    }
  })
})

test('many people sign in at once', async () => {
  const site = loginSite()
  await site.account(ADA)
  const statuses = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const { status } = await site
        .browser()
        .post('/auth/sign-in', { email: ADA, password: PASSWORD })
      return status
    }),
  )
  expect(statuses).toEqual(Array.from({ length: 8 }, () => 303))
})

test('a deleted member leaves nothing of the login behind', async () => {
  const site = loginSite()
  const ada = await site.account(ADA)
  const { body } = await site.bearer(await ada.token()).get('/v1/me')
  await ada.post('/auth/forgot', { email: ADA })
  const kept = await site.account('bob@example.com')
  await kept.post('/auth/sign-up', { name: 'Ada', email: ADA })
  await kept.post('/auth/email', { current: PASSWORD, email: ADA })
  await ada.get('/auth/passkey/generate-register-options')
  await kept.get('/auth/passkey/generate-register-options')
  expect((await (await site.root()).delete(`/v1/users/${body.id}`)).status).toBe(204)
  for (const table of ['auth_users', 'auth_accounts', 'auth_sessions']) {
    const { results } = await env.DB.prepare(`select * from ${table}`).all()
    expect([table, results.length]).toEqual([table, 1])
  }
  // The ticket that is left is a used one of the account that stays.
  const tickets = await env.DB.prepare('select email, is_used from auth_tickets').all()
  expect(tickets.results).toEqual([{ email: 'bob@example.com', is_used: 1 }])
  const places = await env.DB.prepare(
    'select count(*) as n from auth_places where user_id not in (select id from auth_users)',
  ).first('n')
  expect(places).toBe(0)
  const challenges = env.DB.prepare('select value from auth_verifications')
  expect((await challenges.all()).results).toEqual([
    { value: expect.stringContaining('"name":"bob@example.com"') },
  ])
  expect((await kept.get('/auth/account')).status).toBe(200)
  expect((await ada.get('/auth/account')).status).toBe(303)
})
