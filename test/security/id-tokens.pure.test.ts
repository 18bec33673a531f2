/** What is taken for an ID token, for the answer to a sign-in, and for a token that nobody comes with. */
import { beforeAll, describe, expect, it } from 'vitest'
import { Problem } from '../../src/problem.ts'
import {
  type AskedSignIn,
  judgeToken,
  verifyIdToken,
  verifySignIn,
  verifyToken,
} from '../../src/security/tokens/jwt.ts'
import { TOKEN_CHECKS } from '../../src/security/tokens/token-checks.ts'
import type { TrustedIssuer } from '../../src/settings/trusted-issuers.ts'
import { makeIssuer, type TestIssuer } from '../support/tokens.ts'

const DAY = 86_400

let issuer: TestIssuer
/** Of two clients, whose ID tokens say what their bearers are called. */
let trusted: TrustedIssuer
beforeAll(async () => {
  issuer = await makeIssuer()
  trusted = { ...issuer.trusted, clientIds: ['shop', 'app'] }
})

type Claims = Readonly<Record<string, unknown>>

const seconds = () => Math.floor(Date.now() / 1000)

/** `ok`, or the public detail of the refusal. */
async function outcome(verified: Promise<unknown>): Promise<string> {
  try {
    await verified
    return 'ok'
  } catch (error) {
    if (error instanceof Problem && error.code === 'invalid_token') return error.detail
    throw error
  }
}

const NOT_OURS = 'The token is not meant for this audience.'
const NO_ID_TOKEN = 'The token is not an ID token.'

describe('an ID token', () => {
  it.each<[string, Claims]>([
    ['for one of the clients', { aud: 'shop' }],
    ['for another of them', { aud: ['app'] }],
    ['that was issued to one of them', { aud: ['elsewhere', 'shop'], azp: 'shop' }],
    ['that says what it is', { aud: 'shop', token_use: 'id' }],
  ])('%s says who its subject is', async (_, claims) => {
    const token = await issuer.sign({ ...claims, name: 'Ada' })
    expect(await verifyIdToken(token, [trusted], Date.now())).toMatchObject({
      issuer: issuer.issuer,
      subject: 'ada',
    })
  })

  it.each<[string, Claims, string]>([
    ['for the API', { aud: 'guildhall' }, NOT_OURS],
    ['for another client', { aud: 'elsewhere' }, NOT_OURS],
    ['for a client and what is no text', { aud: ['shop', 1] }, NOT_OURS],
    ['issued to another client', { aud: 'shop', azp: 'elsewhere' }, NO_ID_TOKEN],
    ['that is used as an access token', { aud: 'shop', token_use: 'access' }, NO_ID_TOKEN],
    ['that is an event', { aud: 'shop', events: {} }, NO_ID_TOKEN],
  ])('%s is refused', async (_, claims, why) => {
    const token = await issuer.sign(claims)
    expect(await outcome(verifyIdToken(token, [trusted], Date.now()))).toBe(why)
  })

  it('is one of no issuer that has no clients', async () => {
    const token = await issuer.sign({ aud: 'shop' })
    expect(await outcome(verifyIdToken(token, [issuer.trusted], Date.now()))).toBe(NOT_OURS)
  })

  it.each([undefined, 'JWT', 'jwt', 'application/jwt'])('may be of the type %s', async (typ) => {
    const token = await issuer.sign({ aud: 'shop' }, { typ })
    expect(await outcome(verifyIdToken(token, [trusted], Date.now()))).toBe('ok')
  })

  it.each(['at+jwt', 'logout+jwt', 'jwt+sd', 'jwt-vc', 'text/jwt', ''])(
    'is none of the type %j, which something else has',
    async (typ) => {
      const token = await issuer.sign({ aud: 'shop' }, { typ })
      expect(await outcome(verifyIdToken(token, [trusted], Date.now()))).toBe(NO_ID_TOKEN)
    },
  )

  it('lets nobody in, and what lets somebody in is none', async () => {
    const [id, access] = [await issuer.sign({ aud: 'shop' }), await issuer.sign()]
    expect(await outcome(verifyToken(id, [trusted], Date.now()))).toBe(NOT_OURS)
    expect(await outcome(verifyIdToken(access, [trusted], Date.now()))).toBe(NOT_OURS)
  })
})

describe('what comes of a sign-in elsewhere', () => {
  const asked = { clientId: 'site', nonce: 'once', claims: {} }
  const signIn = async (claims: Claims, wanted: AskedSignIn = asked) =>
    verifySignIn(await issuer.sign(claims), trusted, wanted, Date.now())

  it('is of that provider, for that client and about that sign-in', async () => {
    expect(await signIn({ aud: 'site', nonce: 'once', sid: 'there' })).toMatchObject({
      verified: { issuer: issuer.issuer, subject: 'ada' },
      sid: 'there',
    })
  })

  it.each([undefined, '', 7, ['there'], 'two\nlines'])(
    'has no session if that is %j',
    async (sid) => {
      expect((await signIn({ aud: 'site', nonce: 'once', sid })).sid).toBeUndefined()
    },
  )

  const NOT_THIS = 'The token is not about this sign-in.'
  it.each<[string, Claims, string]>([
    ['another sign-in', { aud: 'site', nonce: 'twice' }, NOT_THIS],
    ['no sign-in', { aud: 'site' }, NOT_THIS],
    ['another client of the site’s', { aud: 'shop', nonce: 'once' }, NOT_OURS],
    ['one issued to another', { aud: 'site', azp: 'shop', nonce: 'once' }, NO_ID_TOKEN],
  ])('is not the token of %s', async (_, claims, why) => {
    expect(await outcome(signIn(claims))).toBe(why)
  })

  it('is not the token of another provider', async () => {
    const other = await makeIssuer({ issuer: 'https://other.example' })
    const token = await other.sign({ aud: 'site', nonce: 'once' })
    expect(await outcome(verifySignIn(token, trusted, asked, Date.now()))).toBe(
      'The token is not from a trusted issuer.',
    )
  })

  it('has every claim that was asked for, as it was asked for', async () => {
    const claims = { email_verified: true, level: 2 }
    const wanted = { ...asked, claims }
    const good = { aud: 'site', nonce: 'once', ...claims }
    expect(await outcome(signIn(good, wanted))).toBe('ok')
    for (const [name, value] of [
      ['email_verified', 'true'],
      ['email_verified', undefined],
      ['level', 1],
    ] as const)
      expect(await outcome(signIn({ ...good, [name]: value }, wanted))).toBe(
        `The token does not have the "${name}" that this site takes.`,
      )
  })

  it('says when somebody has signed in, in milliseconds, and in nothing but a number', async () => {
    const at = seconds() - 60
    const of = async (auth_time: unknown) =>
      (await signIn({ aud: 'site', nonce: 'once', auth_time })).verified.signedInAt
    expect(await of(at)).toBe(at * 1000)
    expect(await of(String(at))).toBeUndefined()
    expect(await of(undefined)).toBeUndefined()
  })
})

describe('of an issuer that tells whose sessions have ended, a token', () => {
  it.each(['logout', 'signals'] as const)('says when it was issued (%s)', async (told) => {
    const ways = {
      logout: { clientIds: ['site'] },
      signals: { audience: 'site', events: {} },
    }
    const tells = { ...issuer.trusted, [told]: ways[told] }
    const now = seconds()
    const take = async (iat: number | undefined) =>
      outcome(verifyToken(await issuer.sign({ iat }), [tells], now * 1000))
    expect(await take(now)).toBe('ok')
    expect(await take(now - 90 * DAY + 1)).toBe('ok')
    expect(await take(undefined)).toBe('The token does not say when it was issued.')
    expect(await take(now - 90 * DAY)).toBe('The token was issued too long ago.')
  })

  it('of any other issuer may leave that out', async () => {
    const token = await issuer.sign({ iat: undefined })
    expect(await outcome(verifyToken(token, [issuer.trusted], Date.now()))).toBe('ok')
  })

  it('names its session by a text, which is kept', async () => {
    const of = async (sid: unknown) =>
      (await verifyToken(await issuer.sign({ sid }), [issuer.trusted], Date.now())).sid
    expect(await of('there')).toBe('there')
    expect(await of(7)).toBeUndefined()
    expect(await of('')).toBeUndefined()
  })
})

describe('a token that nobody comes with is judged', () => {
  const judged = async (kind: 'access' | 'id', claims: Claims) => {
    const begun: string[] = []
    const begin = (check: string) => void begun.push(check)
    const token = await issuer.sign(claims)
    const verdict = await outcome(judgeToken(token, [trusted], { kind, now: Date.now(), begin }))
    return { verdict, begun }
  }

  it('as what it is taken for, check by check', async () => {
    expect(await judged('access', {})).toEqual({ verdict: 'ok', begun: TOKEN_CHECKS })
    expect(await judged('id', { aud: 'shop' })).toEqual({ verdict: 'ok', begun: TOKEN_CHECKS })
  })

  it('up to the check that refuses it', async () => {
    const upTo = (check: (typeof TOKEN_CHECKS)[number]) =>
      TOKEN_CHECKS.slice(0, TOKEN_CHECKS.indexOf(check) + 1)
    for (const [kind, claims, check] of [
      ['id', {}, 'audience'],
      ['access', { aud: 'shop' }, 'audience'],
      ['access', { iss: 'https://elsewhere.example' }, 'issuer'],
      ['access', { token_use: 'id' }, 'claims'],
      ['id', { aud: 'shop', sub: '' }, 'claims'],
      ['access', { exp: seconds() - 60 }, 'times'],
    ] as const) {
      const { verdict, begun } = await judged(kind, claims)
      expect([verdict === 'ok', begun]).toEqual([false, upTo(check)])
    }
  })
})
