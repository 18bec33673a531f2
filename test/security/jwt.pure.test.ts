import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { BUILT_IN } from '../../src/db/issuers.ts'
import { TOKEN_ALGORITHMS } from '../../src/settings/trusted-issuers.ts'
import { Problem } from '../../src/problem.ts'
import { verifyToken } from '../../src/security/tokens/jwt.ts'
import { hostileTokens, validTokens } from '../support/hostile-tokens.ts'
import { asOwn, longLived, MINUTE, setOf, trust, verdict } from '../support/key-server.ts'
import { makeIssuer, type TestIssuer } from '../support/tokens.ts'

let issuer: TestIssuer
beforeAll(async () => {
  issuer = await makeIssuer()
})

const fetchSpy = vi.spyOn(globalThis, 'fetch')
beforeEach(() => {
  fetchSpy.mockReset().mockRejectedValue(new TypeError('no network in this test'))
})

function verify(token: string, issuers = [issuer.trusted], now = Date.now()) {
  return verifyToken(token, issuers, now)
}

/** The public detail of the refusal. */
async function refusal(
  token: string,
  issuers = [issuer.trusted],
  now = Date.now(),
): Promise<string> {
  const error: unknown = await verify(token, issuers, now).catch((thrown: unknown) => thrown)
  if (!(error instanceof Problem)) throw new Error('not refused with a problem', { cause: error })
  expect(error).toMatchObject({ code: 'invalid_token', extras: { stage: 'credential' } })
  return error.detail
}

describe('hostile tokens', () => {
  it('are refused, each of them, without a call to anywhere', async () => {
    const accepted: string[] = []
    const cases = await hostileTokens(issuer)
    // The second time the isolate knows the tokens that they are made of, and has met each of them.
    for (let time = 0; time < 2; time++) {
      for (const { name, token } of cases) {
        const error: unknown = await verify(token).catch((thrown: unknown) => thrown)
        if (!(error instanceof Problem) || error.code !== 'invalid_token') accepted.push(name)
      }
      for (const { token } of await validTokens(issuer)) await verify(token)
    }
    expect(accepted).toEqual([])
    expect(cases.length).toBeGreaterThan(200)
    expect(fetchSpy).not.toHaveBeenCalled()
  })

  it('have names and spellings of their own, and none is a valid token by accident', async () => {
    const cases = await hostileTokens(issuer)
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length)
    const valid = await validTokens(issuer)
    expect(cases.filter(({ token }) => valid.some((other) => other.token === token))).toEqual([])
  })

  it('that could not travel in a header are refused as well', async () => {
    const token = await issuer.sign()
    for (const spelling of [
      '',
      ' ',
      ` ${token}`,
      `${token} `,
      `${token}\n`,
      `${token}\0`,
      `\uFEFF${token}`,
      `${token}\u00FF`,
    ]) {
      expect(await refusal(spelling)).toBe('The token is malformed.')
    }
  })

  it('learn from the refusal nothing that they have not been told in public', async () => {
    const details = new Set<string>()
    for (const { token } of await hostileTokens(issuer)) details.add(await refusal(token))
    expect([...details].sort()).toEqual([
      'A time in the token is out of range.',
      'The token has expired.',
      'The token has no usable expiry.',
      'The token has no usable subject.',
      'The token is issued in the future.',
      'The token is longer than 8 KiB.',
      'The token is malformed.',
      'The token is not an access token.',
      'The token is not from a trusted issuer.',
      'The token is not meant for this audience.',
      'The token is not signed by a key of its issuer.',
      'The token is not valid yet.',
      'The token is signed with an algorithm that is not taken from its issuer.',
      'The token needs an extension that is not supported.',
    ])
  })

  it.each<[detail: string, claims: object, header: object]>([
    ['The token needs an extension that is not supported.', {}, { crit: ['exp'] }],
    ['The token needs an extension that is not supported.', {}, { b64: true }],
    ['The token is malformed.', {}, { kid: null }],
    ['The token is malformed.', {}, { kid: 1 }],
    ['The token is not an access token.', {}, { typ: 'logout+jwt' }],
    ['The token is not an access token.', { events: {} }, { typ: 'JWT' }],
    [
      'The token is not an access token.',
      { events: {}, aud: ['guildhall', 'x'] },
      { typ: 'at+jwt' },
    ],
    ['The token is not an access token.', { events: {} }, { typ: undefined }],
    ['The token is not an access token.', { token_use: 'id' }, { typ: 'at+jwt' }],
    ['The token has no usable expiry.', { exp: undefined }, {}],
    ['A time in the token is out of range.', { exp: '9999999999' }, {}],
    ['A time in the token is out of range.', { nbf: null }, {}],
    ['A time in the token is out of range.', { iat: '' }, {}],
    ['The token is not meant for this audience.', { aud: 'another' }, {}],
    ['The token has no usable subject.', { sub: null }, {}],
  ])('are told: %s (%j %j)', async (detail, claims, header) => {
    expect(await refusal(await issuer.sign({ ...claims }, { ...header }))).toBe(detail)
  })

  it('in four parts are malformed, not merely badly signed', async () => {
    expect(await refusal(`${await issuer.sign()}.AA`)).toBe('The token is malformed.')
  })
})

describe('valid tokens', () => {
  it('are accepted up to the edge of every rule', async () => {
    const refused: string[] = []
    for (const { name, token } of await validTokens(issuer)) {
      await verify(token).catch(() => refused.push(name))
    }
    expect(refused).toEqual([])
  })

  it.each(TOKEN_ALGORITHMS)(
    'are accepted with %s, and only if the issuer may use it',
    async (algorithm) => {
      const { sign, trusted } = await makeIssuer({ algorithm })
      const others = TOKEN_ALGORITHMS.filter((other) => other !== algorithm)
      await expect(verify(await sign(), [trusted])).resolves.toMatchObject({ subject: 'ada' })
      await expect(refusal(await sign(), [{ ...trusted, algorithms: others }])).resolves.toBe(
        'The token is signed with an algorithm that is not taken from its issuer.',
      )
    },
  )

  it('tell who the member is, with times in milliseconds', async () => {
    const now = 1_800_000_000_000
    const token = await issuer.sign({
      sub: 'ada',
      iat: 1_800_000_000.25,
      exp: 1_800_000_300,
      name: 'Ada',
      email: 'ada@example.com',
    })
    await expect(verify(token, [issuer.trusted], now)).resolves.toEqual({
      issuer: issuer.issuer,
      subject: 'ada',
      issuedAt: 1_800_000_000_250,
      expiresAt: 1_800_000_300_000,
      name: 'Ada',
      email: 'ada@example.com',
    })
  })

  it.each([
    [{ email_verified: true }, 'ada@example.com'],
    [{ email_verified: false }, undefined],
    [{ email_verified: 'false' }, undefined],
    [{ email_verified: 'False ' }, undefined],
    [{ email_verified: 0 }, undefined],
    [{ email_verified: '0' }, undefined],
    [{ email_verified: null }, undefined],
    [{ email_verified: {} }, undefined],
    [{ email_verified: 1 }, 'ada@example.com'],
    [{ email_verified: 'true' }, 'ada@example.com'],
    [{ emailVerified: false }, undefined],
    [{ emailVerified: '2026-01-01T00:00:00Z' }, 'ada@example.com'],
    [{ 'email-verified': false }, undefined],
    [{ verified_email: 'false' }, undefined],
    [{ is_email_verified: false }, undefined],
    [{ email_confirmed: false }, undefined],
    [{ xms_edov: 0 }, undefined],
    [{ 'https://members.example/email_verified': false }, undefined],
    [{ 'custom:email_verified': false }, undefined],
    [{ user_metadata: { email_verified: false } }, undefined],
    [{ email_verified: true, emailVerified: false }, undefined],
    [{ phone_verified: false }, 'ada@example.com'],
    [{ email: ['ada@example.com'] }, undefined],
    [{ email: 'ada@example.com\r\nBcc: all@example.com' }, undefined],
    [{ email: undefined }, undefined],
  ])(
    'with %j carry an email only if it is text and not said to be unverified',
    async (claims, email) => {
      const token = await issuer.sign({ email: 'ada@example.com', ...claims })
      expect((await verify(token)).email).toBe(email)
    },
  )

  it('that say what they are for are taken if they are for access, or for what is asked for', async () => {
    const asking = { ...issuer.trusted, claims: { token_use: 'id' } }
    const [access, id] = [
      await issuer.sign({ token_use: 'access' }),
      issuer.sign({ token_use: 'id' }),
    ]
    await expect(verify(access)).resolves.toMatchObject({ subject: 'ada' })
    await expect(verify(await id, [asking])).resolves.toMatchObject({ subject: 'ada' })
    expect(await refusal(access, [asking])).toContain('"token_use"')
    expect(await refusal(await issuer.sign({ token_use: 'id', events: {} }), [asking])).toBe(
      'The token is not an access token.',
    )
  })

  it.each([[undefined], [null], [7], [['Ada']]])('with the name %j have no name', async (name) => {
    expect((await verify(await issuer.sign({ name }))).name).toBeUndefined()
  })

  it('live from 30 s before "nbf" and "iat" to 30 s after "exp", and not a second longer', async () => {
    const at = 1_800_000_000
    const token = await issuer.sign({ nbf: at, iat: at, exp: at + 60 })
    const late = await issuer.sign({ nbf: at, iat: undefined, exp: at + 60 })
    const ms = (seconds: number) => (at + seconds) * 1000
    await expect(verify(token, [issuer.trusted], ms(-30))).resolves.toBeDefined()
    await expect(verify(token, [issuer.trusted], ms(89))).resolves.toBeDefined()
    expect(await refusal(token, [issuer.trusted], ms(-31))).toBe(
      'The token is issued in the future.',
    )
    expect(await refusal(late, [issuer.trusted], ms(-31))).toBe('The token is not valid yet.')
    expect(await refusal(token, [issuer.trusted], ms(90))).toBe('The token has expired.')
  })

  it.each<[object, true | undefined]>([
    [{}, undefined],
    [{ scope: 'openid' }, true],
    [{ scope: 'profile openid email' }, true],
    [{ scope: ['profile', 'openid'] }, true],
    [{ scp: 'openid profile' }, true],
    [{ scp: ['openid'], scope: 'profile' }, true],
    [{ scope: 'profile' }, undefined],
    [{ scope: '' }, undefined],
    [{ scope: 'openid2 not-openid openid,profile OpenID' }, undefined],
    [{ scope: 7, scp: [null, { openid: true }] }, undefined],
    [{ openid: true }, undefined],
  ])('with %j open the userinfo of their provider if that is among it', async (claims, opens) => {
    const verified = await verify(await issuer.sign({ ...claims }))
    expect(verified.opensUserinfo).toBe(opens)
    expect('opensUserinfo' in verified).toBe(opens === true)
  })

  it('without "kid" are accepted by any key of the issuer, and by no other', async () => {
    const second = await makeIssuer({ kid: 'key-2' })
    const stranger = await makeIssuer()
    const both = { ...issuer.trusted, jwks: { keys: [...issuer.jwks.keys, ...second.jwks.keys] } }
    const header = { kid: undefined }
    await expect(verify(await issuer.sign({}, header), [both])).resolves.toBeDefined()
    await expect(verify(await second.sign({}, header), [both])).resolves.toBeDefined()
    expect(await refusal(await stranger.sign({}, header), [both])).toBe(
      'The token is not signed by a key of its issuer.',
    )
    expect(await refusal(await second.sign({ exp: 1 }, header), [both])).toBe(
      'The token has expired.',
    )
  })
})

describe('several issuers', () => {
  it('are told apart: none can sign for another, or for the audience of another', async () => {
    const other = await makeIssuer({ issuer: 'https://other.example', audience: 'elsewhere' })
    const issuers = [issuer.trusted, other.trusted]
    await expect(verify(await other.sign(), issuers)).resolves.toMatchObject({
      issuer: other.issuer,
    })
    expect(
      await refusal(await other.sign({ iss: issuer.issuer, aud: issuer.audience }), issuers),
    ).toBe('The token is not signed by a key of its issuer.')
    expect(await refusal(await other.sign({ aud: issuer.audience }), issuers)).toBe(
      'The token is not meant for this audience.',
    )
    expect(await refusal(await other.sign(), [])).toBe('The token is not from a trusted issuer.')
  })
})

describe('a token of this site', () => {
  it.each(['https://members.example', 'https://moved.example'])(
    'is known under a name of its own, wherever the site is at home (%s)',
    async (address) => {
      const site = await makeIssuer({ issuer: address })
      expect(await verifyToken(await site.sign(), [asOwn(site)], Date.now())).toMatchObject({
        issuer: BUILT_IN,
        subject: 'ada',
      })
    },
  )

  it('is good with the session that it names by a text, and is of none elsewhere', async () => {
    const own = asOwn(issuer)
    const of = async (sid: unknown) => {
      const verified = await verifyToken(await issuer.sign({ sid }), [own], Date.now())
      return { sessionId: verified.sessionId, sid: verified.sid }
    }
    expect(await of('ses_1')).toEqual({ sessionId: 'ses_1', sid: undefined })
    for (const sid of [undefined, 7, null, ['ses_1']])
      expect(await of(sid)).toEqual({ sessionId: undefined, sid: undefined })
  })

  it('is the only one that names a session of this site', async () => {
    expect(await verify(await issuer.sign({ sid: 'ses_1' }))).not.toHaveProperty('sessionId')
  })
})

describe('a token that was verified before', () => {
  const SECOND = 1000
  const now = Date.now()
  const times = () => {
    const at = Math.floor(now / SECOND)
    return { iat: at - 100, nbf: at - 50, exp: at + 100 }
  }

  it('is good once more, with nothing but its keys looked at', async () => {
    const token = await issuer.sign(times())
    const first = await verify(token)
    expect(await verify(token)).toBe(first)
  })

  it.each([
    [131, 'The token has expired.'],
    [-81, 'The token is not valid yet.'],
    [-131, 'The token is issued in the future.'],
  ])('is good only in its time, and not %i s from now', async (seconds, detail) => {
    const token = await issuer.sign(times())
    await verify(token)
    expect(await refusal(token, undefined, now + seconds * SECOND)).toBe(detail)
    await verify(token)
  })

  it.each([
    ['audience', { audience: 'somebody else' }],
    ['algorithms', { algorithms: ['RS256' as const] }],
    ['required claims', { claims: { scope: 'members' } }],
    ['keys', { jwks: { keys: [] } }],
    ['name', { issuer: 'https://elsewhere.example' }],
  ])('is none to an issuer that has other %s', async (_, other) => {
    const token = await issuer.sign(times())
    await verify(token)
    expect(await refusal(token, [{ ...issuer.trusted, ...other }])).toMatch(/^The token/)
    await verify(token)
  })

  it('is none once another key has taken the place of its own', async () => {
    const [old, next] = [await makeIssuer({ kid: 'old' }), await makeIssuer({ kid: 'old' })]
    const [trusted, token] = [trust(old), await longLived(old)]
    fetchSpy.mockImplementation(async () => Response.json(setOf(old)))
    expect(await verdict(token, trusted, now)).toBe('ok')
    fetchSpy.mockImplementation(async () => Response.json(setOf(next)))
    expect(await verdict(token, trusted, now + MINUTE)).toBe('invalid_token')
    expect(await verdict(await longLived(next), trusted, now + MINUTE)).toBe('ok')
  })

  it('is none where nobody is trusted any more', async () => {
    const token = await issuer.sign(times())
    await verify(token)
    expect(await refusal(token, [])).toBe('The token is not from a trusted issuer.')
  })
})
