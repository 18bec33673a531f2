/** OpenID Connect Back-Channel Logout 1.0, sections 2.4 to 2.8, from outside. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MEMBER_KEYS } from '../../src/security/tokens/signing-keys.ts'
import { rowsOf } from '../support/population.ts'
import { ISSUER } from '../support/site.ts'
import {
  eventToken,
  LOGGED_OUT,
  logoutToken,
  seconds,
  securityEvent,
  tellingSite,
  TELLS,
} from '../support/signals.ts'
import { hmacSigner, makeIssuer, rawToken } from '../support/tokens.ts'

const stored = () => rowsOf('select id from signals')

beforeEach(() => {
  vi.spyOn(console, 'warn').mockReturnValue()
})
afterEach(() => {
  vi.restoreAllMocks()
})

test('a logout token is taken: 200, without a body', async () => {
  const { status, text, headers } = await tellingSite().postLogout(await logoutToken())
  expect([status, text]).toEqual([200, ''])
  expect(headers.get('Cache-Control')).toContain('no-store')
  expect(await stored()).toHaveLength(1)
})

const now = seconds()
const TAKEN: Readonly<Record<string, () => Promise<string>>> = {
  'with the session beside the subject': () => logoutToken({ sid: 'session-1' }),
  'for several audiences, of which one is the client': () =>
    logoutToken({ aud: ['another', 'front-end'] }),
  'whose typ is written with its media type': () =>
    logoutToken({}, { typ: 'application/logout+jwt' }),
  'whose typ is in capitals': () => logoutToken({}, { typ: 'LOGOUT+JWT' }),
  'with claims that nobody asked for': () => logoutToken({ trace_id: 'x', auth_time: 1 }),
  'with another event beside the logout': () =>
    logoutToken({ events: { [LOGGED_OUT]: {}, 'https://issuer.example/more': {} } }),
  'issued a little ahead of this clock': () => logoutToken({ iat: now + 20 }),
  'that has expired a moment ago': () => logoutToken({ iat: now - 130, exp: now - 10 }),
}
test('it is taken in every form that the specification leaves open', async () => {
  const site = tellingSite()
  const statuses: Record<string, number> = {}
  for (const [what, make] of Object.entries(TAKEN)) {
    statuses[what] = (await site.postLogout(await make())).status
  }
  expect(statuses).toEqual(Object.fromEntries(Object.keys(TAKEN).map((what) => [what, 200])))
})

const stranger = await makeIssuer()
const withSecret = async () =>
  rawToken(
    JSON.stringify(ISSUER.header({ alg: 'HS256', typ: 'logout+jwt' })),
    JSON.stringify(ISSUER.claims({ aud: 'front-end', jti: 'x', events: { [LOGGED_OUT]: {} } })),
    hmacSigner(256, new TextEncoder().encode(JSON.stringify(ISSUER.jwks))),
  )
const withoutSignature = async () =>
  rawToken(
    JSON.stringify(ISSUER.header({ alg: 'none', typ: 'logout+jwt' })),
    JSON.stringify(ISSUER.claims({ aud: 'front-end', jti: 'x', events: { [LOGGED_OUT]: {} } })),
    async () => new Uint8Array(),
  )

const REFUSED: Readonly<Record<string, () => Promise<string>>> = {
  'text that is no token': async () => 'x.y',
  nothing: async () => '',
  'a token of 8 KiB and more': () => logoutToken({ trace: 'x'.repeat(8192) }),
  'another typ: of an access token': () => logoutToken({}, { typ: 'at+jwt' }),
  'another typ: of any token': () => logoutToken({}, { typ: 'JWT' }),
  'another typ: of a security event': () => logoutToken({}, { typ: 'secevent+jwt' }),
  'no typ': () => logoutToken({}, { typ: undefined }),
  'a typ that is no text': () => logoutToken({}, { typ: ['logout+jwt'] }),
  'an extension that has to be understood': () => logoutToken({}, { crit: ['b64'], b64: true }),
  'an access token': () => ISSUER.sign(),
  'an ID token': () => ISSUER.sign({ aud: 'front-end' }),
  'a security event': () => securityEvent('session-revoked', 'ada'),
  'the signature of somebody else': () => logoutToken({}, {}, stranger.privateKey),
  'a signature by what everybody knows': withSecret,
  'no signature': withoutSignature,
  'another issuer': () => logoutToken({ iss: 'https://stranger.example' }),
  'no issuer': () => logoutToken({ iss: undefined }),
  'the issuer of members of this site': () => logoutToken({ iss: 'built-in' }),
  'our audience in place of the client': () => logoutToken({ aud: ISSUER.audience }),
  'another client': () => logoutToken({ aud: 'elsewhere' }),
  'no audience': () => logoutToken({ aud: undefined }),
  'an audience that is no text': () => logoutToken({ aud: ['front-end', 1] }),
  'no time of issue': () => logoutToken({ iat: undefined }),
  'a time of issue that is no number': () => logoutToken({ iat: String(now) }),
  'a time of issue to come': () => logoutToken({ iat: now + 60 }),
  'a time of issue long ago': () => logoutToken({ iat: now - 8 * 86_400 }),
  'no expiry': () => logoutToken({ exp: undefined }),
  'an expiry that is null': () => logoutToken({ exp: null }),
  'its expiry behind it': () => logoutToken({ iat: now - 200, exp: now - 80 }),
  'a beginning to come': () => logoutToken({ nbf: now + 60 }),
  'no jti': () => logoutToken({ jti: undefined }),
  'a jti that is no text': () => logoutToken({ jti: 7 }),
  'an empty jti': () => logoutToken({ jti: '' }),
  'no events': () => logoutToken({ events: undefined }),
  'events that are null': () => logoutToken({ events: null }),
  'events that are a list': () => logoutToken({ events: [LOGGED_OUT] }),
  'other events': () => logoutToken({ events: { 'https://issuer.example/other': {} } }),
  'an event that is no object': () => logoutToken({ events: { [LOGGED_OUT]: true } }),
  'a nonce': () => logoutToken({ nonce: 'x' }),
  'a nonce that is null': () => logoutToken({ nonce: null }),
  'neither subject nor session': () => logoutToken({ sub: undefined }),
  'a subject that is no text': () => logoutToken({ sub: 1 }),
  'a session that is no text': () => logoutToken({ sid: 1 }),
}

describe('a token is refused', () => {
  test('and stored nowhere, whatever is wrong with it', async () => {
    const site = tellingSite()
    for (const [what, make] of Object.entries(REFUSED)) {
      const { status, body, headers } = await site.postLogout(await make())
      expect([what, status]).toEqual([what, 400])
      expect(body).toEqual({ error: 'invalid_request', error_description: expect.any(String) })
      expect(headers.get('Content-Type')).toBe('application/json')
      expect(headers.get('Cache-Control')).toContain('no-store')
      expect(await stored(), what).toEqual([])
    }
  })

  test('that names a session alone, with the reason', async () => {
    const token = await logoutToken({ sub: undefined, sid: 'session-1' })
    const { status, body } = await tellingSite().postLogout(token)
    expect(status).toBe(400)
    expect(body.error_description).toMatch(/session only/)
  })

  test('of an issuer whose word is not taken, or not on this', async () => {
    for (const tells of [{}, { signals: TELLS.signals }]) {
      const { status, body } = await tellingSite({}, { tells }).postLogout(await logoutToken())
      expect(status).toBe(400)
      expect(body.error_description).toMatch(/of this issuer are not taken/)
    }
  })
})

test('a jti is taken once, whatever it comes with', async () => {
  const site = tellingSite()
  const token = await logoutToken({ jti: 'one' })
  expect((await site.postLogout(token)).status).toBe(200)
  const again = await site.postLogout(token)
  expect([again.status, again.body.error_description]).toEqual([
    400,
    expect.stringMatching(/before/),
  ])
  expect((await site.postLogout(await logoutToken({ jti: 'one', sub: 'ben' }))).status).toBe(400)
  expect((await site.postLogout(await logoutToken({ jti: 'two' }))).status).toBe(200)
})

test('two at once are one that is taken and one that is not, or both while it is under way', async () => {
  const site = tellingSite()
  await site.member('ada')
  const token = await logoutToken()
  const answers = await Promise.all([1, 2, 3].map(() => site.postLogout(token)))
  expect(answers.map(({ status }) => status)).toContain(200)
  expect(await stored()).toHaveLength(1)
  expect(await rowsOf("select 1 from audit_log where action = 'session.end'")).toHaveLength(1)
})

describe('the body', () => {
  const FORM = 'application/x-www-form-urlencoded'
  const form = async (fields = '') => `logout_token=${await logoutToken()}${fields}`

  test('is taken with a charset, and with fields that nobody knows', async () => {
    const send = async (text: string, type: string) =>
      tellingSite().post('/v1/logout-tokens', text, type)
    expect((await send(await form(), `${FORM}; charset=UTF-8`)).status).toBe(200)
    expect((await send(await form('&state=1&more=2'), FORM)).status).toBe(200)
  })

  const WRONG: readonly [string, string, () => Promise<string>][] = [
    [
      'in JSON',
      'application/json',
      async () => JSON.stringify({ logout_token: await logoutToken() }),
    ],
    ['as the token alone', 'application/jwt', () => logoutToken()],
    ['without the field', FORM, async () => 'token=x'],
    ['with the field twice', FORM, async () => `${await form()}&logout_token=x`],
    ['that is empty', FORM, async () => ''],
    ['of 64 KiB and more', FORM, () => form(`&more=${'x'.repeat(65_536)}`)],
  ]
  test('is refused in any other form', async () => {
    const site = tellingSite()
    for (const [what, type, make] of WRONG) {
      const { status, body } = await site.post('/v1/logout-tokens', await make(), type)
      expect([what, status]).toEqual([what, 400])
      expect(body).toEqual({ error: 'invalid_request', error_description: expect.any(String) })
    }
  })

  test('is not looked for in the address', async () => {
    const site = tellingSite()
    const path = `/v1/logout-tokens?logout_token=${await logoutToken()}`
    expect((await site.post(path, 'x=1', FORM)).status).toBe(400)
  })
})

test('no other method is there, and a credential that is bad is bad here as well', async () => {
  const site = tellingSite()
  expect((await site.anonymous.get('/v1/logout-tokens')).status).toBe(405)
  const raw = new URLSearchParams({ logout_token: await logoutToken() }).toString()
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const { status } = await site.bearer('x').post('/v1/logout-tokens', undefined, { raw, headers })
  expect(status).toBe(401)
})

test('a logout token and a security event let nobody in', async () => {
  const site = tellingSite()
  const tokens = [
    await logoutToken({ aud: ISSUER.audience }),
    await logoutToken({ aud: ISSUER.audience, events: undefined }),
    await logoutToken({ aud: ISSUER.audience }, { typ: 'JWT' }),
    await eventToken({ aud: ISSUER.audience, sub: 'ada', exp: now + 300, events: {} }),
    await eventToken({ aud: ISSUER.audience, sub: 'ada', exp: now + 300 }),
    await eventToken({ aud: MEMBER_KEYS.audience, sub: 'ada', exp: now + 300 }),
  ]
  for (const token of tokens) {
    const { status, body } = await site.bearer(token).get('/v1/whoami')
    expect([status, body.code]).toEqual([401, 'invalid_token'])
  }
})
