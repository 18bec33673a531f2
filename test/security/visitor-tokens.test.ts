/** Tokens of visitors are held to the rules of every other token, and pass for nothing else. */
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MEMBER_KEYS, signToken, VISITOR_KEYS } from '../../src/security/tokens/signing-keys.ts'
import { VISITORS } from '../../src/db/issuers.ts'
import { newId } from '../../src/db/ids.ts'
import { dump } from '../support/dump.ts'
import { failingStorage } from '../support/failing.ts'
import { hostileTokens, MIGHT_BE_NEW, validTokens } from '../support/hostile-tokens.ts'
import { LOGIN_SETTINGS, loginSite } from '../support/login.ts'
import { ISSUER, ORIGIN, SETTINGS, testSite } from '../support/site.ts'
import { plantKey, visitorIssuer } from '../support/token-keys.ts'

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
})
afterEach(() => vi.useRealTimers())

type Site = Pick<ReturnType<typeof testSite>, 'bearer'>

async function outcomeOf(site: Site, token: string): Promise<string> {
  const { status, body } = await site.bearer(token).get('/v1/whoami')
  return `${status} ${body.code ?? body.kind}`
}

describe('a token that is not a visitor’s', () => {
  test('is refused, in each of the ways a token can be wrong, and nobody is made of it', async () => {
    const [site, issuer] = [testSite(), await visitorIssuer()]
    await plantKey(issuer, 'visitor')
    expect(await outcomeOf(site, await issuer.sign())).toBe('200 visitor')
    const before = await dump()
    const accepted: string[] = []
    const cases = await hostileTokens(issuer)
    for (const { name, token } of cases) {
      const outcome = await outcomeOf(site, token)
      // A header with a comma in it may hold two credentials.
      const refusal = token.includes(',')
        ? '400 ambiguous_credentials'
        : MIGHT_BE_NEW.includes(name)
          ? '503 unavailable'
          : '401 invalid_token'
      if (outcome !== refusal) accepted.push(`${name}: ${outcome}`)
    }
    expect(accepted).toEqual([])
    expect(cases.length).toBeGreaterThan(200)
    expect(await dump()).toEqual(before)
  })

  test('is told from one that is, however far the rules go', async () => {
    const [site, issuer] = [testSite(), await visitorIssuer()]
    await plantKey(issuer, 'visitor')
    for (const { name, token } of await validTokens(issuer)) {
      const expected = name.includes('of subject') ? '401 invalid_token' : '200 visitor'
      expect(`${name}: ${await outcomeOf(site, token)}`).toBe(`${name}: ${expected}`)
    }
  })

  test.each([
    ['a member', newId('usr', 0)],
    ['a key', newId('key', 0)],
    ['no id at all', 'ada'],
    ['an id that is too long', `${newId('vis', 0)}0`],
    ['an id in capitals', newId('vis', 0).toUpperCase()],
    ['two ids', `${newId('vis', 0)} ${newId('vis', 1)}`],
  ])('has a subject that is %s, and is refused although it is signed', async (_, sub) => {
    const [site, issuer] = [testSite(), await visitorIssuer()]
    await plantKey(issuer, 'visitor')
    expect(await outcomeOf(site, await issuer.sign({ sub }))).toBe('401 invalid_token')
    const { results } = await env.DB.prepare('select * from users').all()
    expect(results).toEqual([])
  })
})

describe('neither kind passes for the other', () => {
  const secret = LOGIN_SETTINGS.AUTH_SECRET
  const sign = async (options: object, sub: string) => {
    const usual = { keySet: VISITOR_KEYS, issuer: VISITORS, secret, now: Date.now() }
    return (await signToken(env.DB, { sub }, { ...usual, ...options })).token
  }

  test('not with the issuer or the audience of the other, nor with a key of its own key set', async () => {
    const site = loginSite()
    const visitorId = newId('vis', Date.now())
    expect(await outcomeOf(site, await sign({}, visitorId))).toBe('200 visitor')
    const { audience } = MEMBER_KEYS
    const mixed = [
      { keySet: { ...VISITOR_KEYS, audience } },
      { issuer: ORIGIN },
      { issuer: ORIGIN, keySet: { ...VISITOR_KEYS, audience } },
      { keySet: MEMBER_KEYS },
      { keySet: { ...MEMBER_KEYS, audience: VISITOR_KEYS.audience } },
      { issuer: 'built-in' },
    ]
    for (const options of mixed) {
      const outcome = await outcomeOf(site, await sign(options, visitorId))
      expect({ options, outcome }).toEqual({ options, outcome: '401 invalid_token' })
    }
  })

  test('not with the keys that others trust for members: those of visitors are not published', async () => {
    const site = loginSite()
    await (await site.account('ada@example.com')).token()
    await site.visitor()
    const { body } = await site.anonymous.get('/.well-known/jwks.json')
    const { results } = await env.DB.prepare('select kid, use from token_keys').all()
    expect(results).toHaveLength(2)
    const members = results.filter(({ use }) => use === 'member').map(({ kid }) => kid)
    expect(body.keys.map(({ kid }: { kid: string }) => kid)).toEqual(members)
  })

  test('nor can somebody else be trusted under their name', async () => {
    const { audience, jwks } = ISSUER
    const TRUSTED_ISSUERS = JSON.stringify([{ issuer: VISITORS, audience, jwks }])
    const { status } = await testSite({ TRUSTED_ISSUERS }).anonymous.get('/v1/whoami')
    expect(status).toBe(500)
  })
})

describe('a visitor of another site', () => {
  test('is nobody here, and neither is one whose key was withdrawn a minute ago', async () => {
    const site = testSite()
    const { token } = await site.visitor()
    expect(await outcomeOf(site, token)).toBe('200 visitor')
    await env.DB.exec("delete from token_keys where use = 'visitor'")
    await site.visitor()
    vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ['Date'] })
    expect(await outcomeOf(site, token)).toBe('401 invalid_token')
    expect(await outcomeOf(testSite(), token)).toBe('401 invalid_token')
  })
})

test('a visitor’s time ends after 30 days, and not before', async () => {
  const site = testSite()
  const { token, visitorId } = await site.visitor()
  const start = Date.now()
  vi.useFakeTimers({ now: start + 30 * 86_400_000 - 1000, toFake: ['Date'] })
  expect((await site.bearer(token).get('/v1/whoami')).body).toMatchObject({ visitorId })
  vi.setSystemTime(start + 30 * 86_400_000 + 32_000)
  expect(await outcomeOf(site, token)).toBe('401 invalid_token')
})

test('while the keys cannot be read, it is 503 and never somebody else', async () => {
  const { storage, arm, disarm } = failingStorage()
  const site = testSite(storage)
  const { token } = await site.visitor()
  arm({ fails: () => true })
  const { status, body, headers } = await site.bearer(token).get('/v1/whoami')
  expect([status, body.code, headers.get('Retry-After')]).toEqual([503, 'unavailable', '30'])
  disarm()
})

test('no setting makes an admin of a visitor', async () => {
  const issuer = await visitorIssuer()
  await plantKey(issuer, 'visitor')
  const { sub } = issuer.claims()
  const BOOTSTRAP_ADMINS = JSON.stringify([`${VISITORS}|${String(sub)}`])
  const site = testSite({ ...SETTINGS, BOOTSTRAP_ADMINS })
  const { body } = await site.bearer(await issuer.sign()).get('/v1/whoami')
  expect(body).toMatchObject({ kind: 'visitor', roles: [] })
})
