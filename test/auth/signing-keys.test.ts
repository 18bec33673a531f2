/**
 * The site's signing keys are known before they sign, good to their end, and tied to one secret.
 */
import { env } from 'cloudflare:workers'
import { decodeProtectedHeader } from 'jose'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  type KeySet,
  MEMBER_KEYS,
  publicKeys,
  signToken,
  VISITOR_KEYS,
} from '../../src/security/tokens/signing-keys.ts'
import { failingStorage } from '../support/failing.ts'
import { loginSite, PASSWORD } from '../support/login.ts'
import { rowsOf } from '../support/population.ts'
import { testSite } from '../support/site.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const ADA = 'ada@example.com'
const OTHER_SECRET = 'another secret, with forty characters in it'

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
})
afterEach(() => vi.useRealTimers())

const kidOf = (token: string) => decodeProtectedHeader(token).kid
const publishedAt = async (keySet: KeySet, now: number) =>
  (await publicKeys(env.DB, keySet, now)).keys.map(({ kid }) => kid)

describe.each([
  ['members', MEMBER_KEYS],
  ['visitors', VISITOR_KEYS],
] as const)('keys for %s, over a hundred days', (_, keySet) => {
  test('are published before they sign, for as long as their tokens live, and then no more', async () => {
    const start = Date.UTC(2030, 0, 1, 1)
    const tokens: { kid: string | undefined; expiresAt: number }[] = []
    const surprises: (string | undefined)[] = []
    let wasPublished: (string | undefined)[] = []
    for (let now = start; now < start + 100 * DAY; now += 12 * HOUR) {
      const options = { keySet, issuer: 'us', secret: undefined, now }
      const { token, expiresAt } = await signToken(env.DB, { sub: 'x' }, options)
      const kid = kidOf(token)
      if (!wasPublished.includes(kid)) surprises.push(kid)
      tokens.push({ kid, expiresAt })
      wasPublished = await publishedAt(keySet, now)
      const live = tokens.filter((each) => each.expiresAt >= now)
      expect(wasPublished).toEqual(expect.arrayContaining(live.map((each) => each.kid)))
    }
    expect(new Set(tokens.map(({ kid }) => kid)).size).toBe(4)
    // The very first key is a surprise, because nobody could know it.
    expect(surprises).toEqual([tokens[0]?.kid])
    const last = Math.max(...tokens.map(({ expiresAt }) => expiresAt))
    expect(await publishedAt(keySet, last + 100 * DAY)).toEqual([])
  })
})

test('the first twenty at once are signed by one key', async () => {
  const site = testSite()
  const visitors = await Promise.all(Array.from({ length: 20 }, () => site.visitor()))
  expect(new Set(visitors.map(({ token }) => kidOf(token))).size).toBe(1)
  expect(await rowsOf('select kid from token_keys')).toHaveLength(1)
})

test('a clock that is a little behind finds the first key too', async () => {
  const now = Date.now()
  const sign = (at: number) =>
    signToken(
      env.DB,
      { sub: 'x' },
      { keySet: VISITOR_KEYS, issuer: 'x', secret: undefined, now: at },
    )
  const [{ token }, early] = [await sign(now), await sign(now - HOUR)]
  expect(kidOf(early.token)).toBe(kidOf(token))
})

test('a successor is made once, however much is signed in the last day before it', async () => {
  const now = Date.now()
  const generate = vi.spyOn(crypto.subtle, 'generateKey')
  for (const at of [now, now + 29.5 * DAY, now + 29.6 * DAY, now + 30.5 * DAY]) {
    const options = { keySet: VISITOR_KEYS, issuer: 'x', secret: undefined, now: at }
    await signToken(env.DB, { sub: 'x' }, options)
  }
  expect(await rowsOf('select kid from token_keys')).toHaveLength(2)
  expect(generate).toHaveBeenCalledTimes(2)
  generate.mockRestore()
})

test.each(['before', 'after'] as const)(
  'a call to storage that fails %s it is made leaves no key that hinders the next visitor',
  async (when) => {
    const { storage, arm, disarm } = failingStorage()
    const site = testSite(storage)
    let made = 0
    for (let n = 1, failed = true; failed; n++) {
      await env.DB.exec('delete from token_keys')
      arm({ fails: (number) => number === n, when })
      await site.anonymous.post('/v1/visitors')
      made = disarm()
      failed = made >= n
      const visitor = await site.visitor()
      expect((await visitor.get('/v1/whoami')).body.kind).toBe('visitor')
      expect(await rowsOf('select kid from token_keys')).toHaveLength(1)
    }
    // The three calls look for a key, make one, and look which one it is.
    expect(made).toBe(3)
  },
)

describe('after a change of AUTH_SECRET', () => {
  test('people sign in and visitors come, with new keys; what was signed before is good to its end', async () => {
    const before = loginSite()
    const ada = await before.account(ADA)
    const [token, visitor] = [await ada.token(), await before.visitor()]

    const after = loginSite({ AUTH_SECRET: OTHER_SECRET })
    expect((await after.bearer(token).get('/v1/me')).status).toBe(200)
    expect((await after.bearer(visitor.token).get('/v1/whoami')).body).toMatchObject({
      visitorId: visitor.visitorId,
    })
    const again = after.browser()
    expect((await again.post('/auth/sign-in', { email: ADA, password: PASSWORD })).status).toBe(303)
    const [newToken, newVisitor] = [await again.token(), await after.visitor()]
    expect(kidOf(newToken)).not.toBe(kidOf(token))
    expect(kidOf(newVisitor.token)).not.toBe(kidOf(visitor.token))
    expect((await after.bearer(newToken).get('/v1/me')).status).toBe(200)
    expect((await newVisitor.get('/v1/whoami')).body.kind).toBe('visitor')

    vi.useFakeTimers({ now: Date.now() + 29 * DAY, toFake: ['Date'] })
    expect((await after.bearer(visitor.token).get('/v1/whoami')).status).toBe(200)
    vi.setSystemTime(Date.now() + 4 * DAY)
    const { body } = await after.anonymous.get('/.well-known/jwks.json')
    expect(body.keys.map(({ kid }: { kid: string }) => kid)).not.toContain(kidOf(token))
  })

  test('and back, the former keys sign again', async () => {
    const [before, after] = [testSite(), testSite({ AUTH_SECRET: OTHER_SECRET })]
    const first = kidOf((await before.visitor()).token)
    const second = kidOf((await after.visitor()).token)
    expect(second).not.toBe(first)
    expect(kidOf((await before.visitor()).token)).toBe(first)
    expect(kidOf((await after.visitor()).token)).toBe(second)
  })
})

describe('the private half of a key for visitors', () => {
  const sealed = async () =>
    (await rowsOf<{ private_jwk: string }>('select private_jwk from token_keys'))[0]?.private_jwk

  test('is encrypted where there is a secret to encrypt it with', async () => {
    await testSite({ AUTH_SECRET: OTHER_SECRET }).visitor()
    expect(await sealed()).toMatch(/^[\w-]+\.[\w-]+$/)
  })

  test('is as it is where there is none', async () => {
    await testSite().visitor()
    expect(JSON.parse((await sealed()) ?? '')).toMatchObject({ kty: 'EC', d: expect.any(String) })
  })
})

test('a secret that is too short stops the start, whether there is a login or not', async () => {
  const { status, body } = await testSite({ AUTH_SECRET: 'short' }).anonymous.get('/v1/whoami')
  expect([status, body.code]).toEqual([500, 'internal'])
})
