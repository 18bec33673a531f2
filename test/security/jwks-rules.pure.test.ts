import { base64url, exportJWK, generateKeyPair } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { TOKEN_ALGORITHMS } from '../../src/settings/trusted-issuers.ts'
import { jwksFault, signatureKeys } from '../../src/crypto/jwks-rules.ts'
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
    expect(jwksFault((await makeIssuer({ algorithm })).jwks)).toBeUndefined()
  })

  it('may hold several kinds, with and without "kid", "use", "alg" and "key_ops"', () => {
    const keys = [
      ec,
      ed,
      { ...rsa, kid: 'a', key_ops: ['verify'], ext: true },
      { ...ec, kid: 'b', use: 'sig' },
    ]
    expect(jwksFault({ keys })).toBeUndefined()
  })
})

describe('a key set is refused, with the place and the reason', () => {
  it('if it is empty', () => {
    expect(jwksFault({ keys: [] })).toBe('The set has no keys.')
  })

  it('if it is symmetric, or has one symmetric key among others', () => {
    expect(jwksFault({ keys: [oct] })).toBe('Key 1 is symmetric; only public keys can be trusted.')
    expect(jwksFault({ keys: [ec, oct] })).toBe(
      'Key 2 is symmetric; only public keys can be trusted.',
    )
  })

  it('if two keys have the same "kid"', () => {
    const keys = [
      { ...ec, kid: 'a' },
      { ...ed, kid: 'b' },
      { ...rsa, kid: 'a' },
    ]
    expect(jwksFault({ keys })).toBe('Key 3 has the same "kid" as a key before it.')
  })

  it.each([1, null, ['a'], {}])('if a "kid" is %j', (kid) => {
    expect(jwksFault({ keys: [{ ...ec, kid }] })).toBe('Key 1 has a "kid" that is not text.')
  })

  it.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])(
    'if a key has the private member %s',
    (member) => {
      const fault = `Key 1 contains the private member "${member}"; publish the public key only.`
      for (const jwk of [ec, ed, rsa])
        expect(jwksFault({ keys: [{ ...jwk, [member]: 'AQ' }] })).toBe(fault)
    },
  )

  it.each([0n, 1n, 2n, 4n, 65_536n])('if an RSA exponent is %s', (e) => {
    expect(jwksFault({ keys: [{ ...rsa, e: number(e) }] })).toMatch(/^Key 1 has no usable exponent/)
  })

  it.each([undefined, '', null, 3, 'AQAB=', 'A Q'])('if an RSA exponent is written as %j', (e) => {
    expect(jwksFault({ keys: [{ ...rsa, e }] })).toMatch(/^Key 1 has no usable exponent/)
  })

  it('if an RSA modulus has fewer than 2048 bits, however many bytes it is padded to', () => {
    const short = (1n << 2047n) - 1n
    const enough = (1n << 2047n) + 1n
    const padded = base64url.encode(
      Uint8Array.from([...new Uint8Array(8), ...base64url.decode(number(short))]),
    )
    const fault = 'Key 1 has a modulus below 2048 bits.'
    for (const n of [number(short), padded, '', undefined, 7]) {
      expect(jwksFault({ keys: [{ ...rsa, n }] })).toBe(fault)
    }
    expect(jwksFault({ keys: [{ ...rsa, n: number(enough) }] })).toBeUndefined()
    expect(jwksFault({ keys: [{ ...rsa, n: number(enough + 1n) }] })).toBe(
      'Key 1 has an even modulus.',
    )
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
    expect(jwksFault({ keys: [{ x: ec.x, y: ec.y, ...kind }] })).toMatch(
      /^Key 1 is of a kind that is not accepted/,
    )
  })

  it.each(['enc', '', null, 'SIG', ['sig']])('if its "use" is %j', (use) => {
    expect(jwksFault({ keys: [{ ...ec, use }] })).toBe('Key 1 is not for signatures ("use").')
  })

  it.each([[[]], [['sign']], [['verify', 'sign']], ['verify'], [null]])(
    'if its "key_ops" are %j',
    (key_ops) => {
      expect(jwksFault({ keys: [{ ...ec, key_ops }] })).toBe(
        'Key 1 is not for verification ("key_ops").',
      )
    },
  )

  it.each(['HS256', 'none', 'ES384', 'RS256', 1])(
    'if an EC P-256 key names the algorithm %j',
    (alg) => {
      expect(jwksFault({ keys: [{ ...ec, alg }] })).toBe(
        'Key 1 names an "alg" that is not accepted for it; use ES256.',
      )
    },
  )

  it('if a point is missing or has the wrong size', () => {
    for (const x of [undefined, 7, '', 'AQ', `${String(ec.x)}AA`]) {
      expect(jwksFault({ keys: [{ ...ec, x }] })).toBe(
        'Key 1 has no usable point ("x" and "y" of 32 bytes).',
      )
      expect(jwksFault({ keys: [{ ...ec, y: x }] })).toBe(
        'Key 1 has no usable point ("x" and "y" of 32 bytes).',
      )
      expect(jwksFault({ keys: [{ ...ed, x }] })).toBe(
        'Key 1 has no usable point ("x" of 32 bytes).',
      )
    }
    expect(jwksFault({ keys: [{ ...ec, crv: 'P-384' }] })).toBe(
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
    expect(jwksFault({ keys: [{ ...ed, x }] })).toBe(
      'Key 1 is a weak point that anyone can sign for.',
    )
  })
})

describe('a fetched key set', () => {
  it('may hold keys for other purposes and of newer kinds: they are left out', () => {
    const keys = [
      ec,
      { ...rsa, use: 'enc', alg: 'RSA-OAEP' },
      { ...rsa, alg: 'RSA-OAEP' },
      { kty: 'AKP', alg: 'ML-DSA-65', pub: 'AQ' },
      { kty: 'EC', crv: 'P-521', x: 'AQ', y: 'AQ' },
    ]
    expect(signatureKeys(keys)).toEqual([ec])
  })

  it('keeps what is a fault of the whole set', () => {
    const keys = [ec, oct, { ...rsa, e: 'AQ' }, { ...ed, d: 'AQ' }]
    expect(signatureKeys(keys)).toEqual(keys)
  })
})
