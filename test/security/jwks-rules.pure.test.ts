import { base64url, exportJWK, generateKeyPair } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { TOKEN_ALGORITHMS } from '../../src/settings/trusted-issuers.ts'
import { judgeKeySet } from '../../src/crypto/jwks-rules.ts'
import { verifyToken } from '../../src/security/tokens/jwt.ts'
import { makeIssuer } from '../support/tokens.ts'

type Jwk = Record<string, unknown>
let ec: Jwk
let ed: Jwk
let rsa: Jwk
beforeAll(async () => {
  ec = await publicJwk('ES256')
  ed = await publicJwk('EdDSA')
  rsa = await publicJwk('RS256')
})

async function publicJwk(algorithm: (typeof TOKEN_ALGORITHMS)[number]): Promise<Jwk> {
  const { publicKey } = await generateKeyPair(algorithm, { extractable: true })
  return { ...(await exportJWK(publicKey)) }
}

const faultOf = (keys: Jwk[]) => judgeKeySet(keys).fault

const oct = { kty: 'oct', k: base64url.encode('a secret that everybody shares') }
const number = (value: bigint) => {
  const hex = value.toString(16)
  return base64url.encode(
    Uint8Array.from((hex.length % 2 ? `0${hex}` : hex).match(/../g) ?? [], (byte) =>
      Number.parseInt(byte, 16),
    ),
  )
}

describe('a key set that may be trusted', () => {
  it.each(TOKEN_ALGORITHMS)('is that of an issuer with %s', async (algorithm) => {
    expect(faultOf((await makeIssuer({ algorithm })).jwks.keys)).toBeUndefined()
  })

  it('may hold several kinds, with and without "kid", "use", "alg" and "key_ops"', () => {
    const keys = [
      ec,
      ed,
      { ...rsa, kid: 'a', key_ops: ['verify'], ext: true },
      { ...ec, kid: 'b', use: 'sig' },
      { ...rsa, e: number(3n) },
    ]
    expect(judgeKeySet(keys)).toEqual({ keys, ignored: [], fault: undefined })
  })

  it.each([
    ['EdDSA', 'Ed25519'],
    ['Ed25519', 'EdDSA'],
  ] as const)('has a key named %s that is found for tokens named %s', async (named, used) => {
    const issuer = await makeIssuer({ algorithm: named })
    const trusted = { ...issuer.trusted, jwks: { keys: judgeKeySet(issuer.jwks.keys).keys } }
    const token = await issuer.sign({}, { alg: used })
    expect(await verifyToken(token, [trusted], Date.now())).toMatchObject({ subject: 'ada' })
  })
})

describe('a key set without a good key is refused, with the place and the reason', () => {
  it('if it is empty', () => {
    expect(faultOf([])).toBe('The set has no keys.')
  })

  it('if it is symmetric, or has one symmetric key among others', () => {
    expect(faultOf([oct])).toBe('Key 1 is symmetric; only public keys can be trusted.')
    expect(faultOf([ec, oct])).toBe('Key 2 is symmetric; only public keys can be trusted.')
  })

  it.each([1, null, ['a'], {}])('if a "kid" is %j', (kid) => {
    expect(faultOf([{ ...ec, kid }])).toBe('Key 1 has a "kid" that is not text.')
  })

  it.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])(
    'if a key has the private member %s',
    (member) => {
      const fault = `Key 1 contains the private member "${member}"; publish the public key only.`
      for (const jwk of [ec, ed, rsa]) expect(faultOf([{ ...jwk, [member]: 'AQ' }])).toBe(fault)
    },
  )

  it.each([0n, 1n, 2n, 4n, 65_536n])('if an RSA exponent is %s', (e) => {
    expect(faultOf([{ ...rsa, e: number(e) }])).toMatch(/^Key 1 has no usable exponent/)
  })

  it.each([undefined, '', null, 3, 'AQAB=', 'A Q'])('if an RSA exponent is written as %j', (e) => {
    expect(faultOf([{ ...rsa, e }])).toMatch(/^Key 1 has no usable exponent/)
  })

  it('if an RSA modulus has fewer than 2048 bits, however many bytes it is padded to', () => {
    const short = (1n << 2047n) - 1n
    const enough = (1n << 2047n) + 1n
    const padded = base64url.encode(
      Uint8Array.from([...new Uint8Array(8), ...base64url.decode(number(short))]),
    )
    const fault = 'Key 1 has a modulus below 2048 bits.'
    for (const n of [number(short), padded, '', undefined, 7]) {
      expect(faultOf([{ ...rsa, n }])).toBe(fault)
    }
    expect(faultOf([{ ...rsa, n: number(enough) }])).toBeUndefined()
    expect(faultOf([{ ...rsa, n: number(enough + 1n) }])).toBe('Key 1 has an even modulus.')
  })

  it.each([
    { kty: 'EC', crv: 'P-521' },
    { kty: 'EC', crv: 'secp256k1' },
    { kty: 'EC', crv: 'Ed25519' },
    { kty: 'EC' },
    { kty: 'OKP', crv: 'X25519' },
    { kty: 'OKP', crv: 'Ed448' },
    { kty: 'OKP', crv: 'P-256' },
    { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AQ' },
    { kty: 'rsa' },
    { kty: 'constructor' },
    { kty: ['RSA'] },
    {},
  ])('if a key is of the kind %j', (kind) => {
    expect(faultOf([{ x: ec.x, y: ec.y, ...kind }])).toMatch(
      /^Key 1 is of a kind that is not accepted/,
    )
  })

  it.each(['enc', '', null, 'SIG', ['sig']])('if its "use" is %j', (use) => {
    expect(faultOf([{ ...ec, use }])).toBe('Key 1 is not for signatures ("use").')
  })

  it.each([[[]], [['sign']], [['verify', 'sign']], ['verify'], [null]])(
    'if its "key_ops" are %j',
    (key_ops) => {
      expect(faultOf([{ ...ec, key_ops }])).toBe('Key 1 is not for verification ("key_ops").')
    },
  )

  it.each(['HS256', 'none', 'ES384', 'RS256', 1])(
    'if an EC P-256 key names the algorithm %j',
    (alg) => {
      expect(faultOf([{ ...ec, alg }])).toBe(
        'Key 1 names an "alg" that is not accepted for it; use ES256.',
      )
    },
  )

  it('if a point is missing or has the wrong size', () => {
    for (const x of [undefined, 7, '', 'AQ', `${String(ec.x)}AA`]) {
      expect(faultOf([{ ...ec, x }])).toBe('Key 1 has no usable point ("x" and "y" of 32 bytes).')
      expect(faultOf([{ ...ec, y: x }])).toBe(
        'Key 1 has no usable point ("x" and "y" of 32 bytes).',
      )
      expect(faultOf([{ ...ed, x }])).toBe('Key 1 has no usable point ("x" of 32 bytes).')
    }
    expect(faultOf([{ ...ec, crv: 'P-384' }])).toBe(
      'Key 1 has no usable point ("x" and "y" of 48 bytes).',
    )
  })

  it.each([
    ['order 1', '0100000000000000000000000000000000000000000000000000000000000000'],
    ['order 1, sign bit set', '0100000000000000000000000000000000000000000000000000000000000080'],
    ['order 2', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
    ['order 4', '0000000000000000000000000000000000000000000000000000000000000000'],
    ['order 4, not canonical', 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
    ['order 1, not canonical', 'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'],
    ['order 8', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
    ['order 8, the other', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85'],
  ])('if an Ed25519 key is a point of %s', (_, hex) => {
    const x = base64url.encode(
      Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)),
    )
    expect(faultOf([{ ...ed, x }])).toBe('Key 1 is a weak point that anyone can sign for.')
  })
})

describe('beside good keys', () => {
  it('are left out, each with its reason: keys for other purposes, of newer kinds, and weak ones', () => {
    const keys = [
      { ...rsa, use: 'enc', alg: 'RSA-OAEP' },
      ec,
      { ...rsa, alg: 'RSA-OAEP' },
      { kty: 'AKP', alg: 'ML-DSA-65', pub: 'AQ' },
      { kty: 'EC', crv: 'P-521', x: 'AQ', y: 'AQ' },
      { ...rsa, e: 'AQ' },
      { ...rsa, n: 'AQ' },
      { ...ec, kid: 7 },
      ed,
    ]
    const kind = 'is of a kind that is not accepted; use EC P-256 or P-384, OKP Ed25519, or RSA'
    expect(judgeKeySet(keys)).toEqual({
      keys: [ec, ed],
      ignored: [
        'Key 1 is not for signatures ("use").',
        'Key 3 names an "alg" that is not accepted for it; use RS256 or PS256.',
        `Key 4 ${kind}.`,
        `Key 5 ${kind}.`,
        'Key 6 has no usable exponent; "e" must be odd and at least 3.',
        'Key 7 has a modulus below 2048 bits.',
        'Key 8 has a "kid" that is not text.',
      ],
      fault: undefined,
    })
  })

  it('there may be others of one "kid", and the same ones again', () => {
    const keys = [
      { ...rsa, kid: 'a', alg: 'RS256' },
      { ...rsa, kid: 'a', alg: 'PS256' },
      { ...ec, kid: 'a' },
      { ...ec, kid: 'a' },
    ]
    expect(judgeKeySet(keys)).toEqual({ keys, ignored: [], fault: undefined })
  })

  it('no secret may lie: it is a fault of the whole set, whose other keys are not used', () => {
    const fault = 'Key 2 contains the private member "d"; publish the public key only.'
    const secret = { ...ed, d: 'AQ' }
    expect(judgeKeySet([ed, secret])).toEqual({ keys: [], ignored: [fault], fault })
    expect(judgeKeySet([ec, oct])).toMatchObject({ keys: [] })
    expect(judgeKeySet([{ ...rsa, e: 'AQ' }, secret])).toMatchObject({ keys: [], fault })
  })
})
