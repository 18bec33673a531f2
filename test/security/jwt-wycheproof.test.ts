import { base64url, exportJWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { Problem } from '../../src/problem.ts'
import { verifyToken } from '../../src/security/tokens/jwt.ts'
import wycheproof from '../data/wycheproof-derived.json'
import { makeIssuer, signedParts, type TestIssuer } from '../support/tokens.ts'

async function isAccepted(token: string, { trusted }: TestIssuer): Promise<boolean> {
  try {
    await verifyToken(token, [trusted], Date.now())
    return true
  } catch (error) {
    if (error instanceof Problem && error.code === 'invalid_token') return false
    throw error
  }
}

/** The labels of the cases that got in. */
async function accepted<C extends { id: number | string; c: string }>(
  cases: readonly C[],
  issuer: TestIssuer,
  tokenOf: (each: C) => string | Promise<string>,
): Promise<string[]> {
  const labels: string[] = []
  for (const each of cases) {
    if (await isAccepted(await tokenOf(each), issuer)) labels.push(`${each.id} ${each.c}`)
  }
  return labels
}

describe('Wycheproof', () => {
  it('refuses all 355 invalid signatures as they are', async () => {
    expect(wycheproof.raw).toHaveLength(355)
    expect(await accepted(wycheproof.raw, await makeIssuer(), ({ jws }) => jws)).toEqual([])
  })

  it('refuses all 94 special P-256 signatures on a token for our own key', async () => {
    const issuer = await makeIssuer({ algorithm: 'ES256' })
    const valid = await issuer.sign()
    expect(wycheproof.es256).toHaveLength(94)
    expect(await isAccepted(valid, issuer)).toBe(true)
    expect(
      await accepted(wycheproof.es256, issuer, ({ sig }) => withSignature(valid, sig)),
    ).toEqual([])
  })

  it('refuses all 62 special Ed25519 signatures on a token for our own key', async () => {
    const issuer = await makeIssuer({ algorithm: 'EdDSA' })
    const valid = await issuer.sign()
    expect(wycheproof.ed25519).toHaveLength(62)
    expect(await isAccepted(valid, issuer)).toBe(true)
    expect(
      await accepted(wycheproof.ed25519, issuer, ({ sig }) => withSignature(valid, sig)),
    ).toEqual([])
  })

  it('refuses all 213 malformed RSA paddings, made with our own key, and accepts the right one', async () => {
    const issuer = await makeIssuer({ algorithm: 'RS256' })
    const decrypt = await rawPrivateOperation(issuer.privateKey)
    const parts = [JSON.stringify(issuer.header()), JSON.stringify(issuer.claims())] as const
    const sign = (template: string) =>
      signedParts(base64url.encode(parts[0]), base64url.encode(parts[1]), async (input) =>
        decrypt(filled(template, await sha256(input))),
      )
    const right = `0001${'ff'.repeat(202)}003031300d060960864801650304020105000420D`
    expect(await isAccepted(await sign(right), issuer)).toBe(true)
    expect(wycheproof.pkcs1).toHaveLength(213)
    expect(await accepted(wycheproof.pkcs1, issuer, ({ em }) => sign(em))).toEqual([])
  })
})

function withSignature(token: string, signature: string): string {
  return token.slice(0, token.lastIndexOf('.') + 1) + signature
}

/**
 * The padded message of a template, 256 bytes: `D` is the digest, `P8d` all but its last byte. The
 * byte that follows in its place must differ from it, whatever our digest ends in.
 */
function filled(template: string, digest: string): bigint {
  const almost = digest.slice(0, -2)
  const wrong = ((Number.parseInt(digest.slice(-2), 16) ^ 0x80) + 0x100).toString(16).slice(1)
  const hex = template
    .replace('P8d22', almost + wrong)
    .replace('P8d', almost)
    .replace('D', digest)
  if (hex.length !== 512) throw new RangeError('not a message of 2048 bits')
  return BigInt(`0x${hex}`)
}

async function sha256(input: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', input)
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/**
 * Computes `m^d mod n` for any number by the Chinese remainder theorem. WebCrypto would not do: it
 * signs only good padding.
 */
async function rawPrivateOperation(key: CryptoKey): Promise<(message: bigint) => Uint8Array> {
  const jwk = await exportJWK(key)
  const [p, q, dp, dq, qi] = [jwk.p, jwk.q, jwk.dp, jwk.dq, jwk.qi].map(integer) as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ]
  return (message) => {
    const atP = power(message % p, dp, p)
    const atQ = power(message % q, dq, q)
    const value = atQ + q * (((((atP - atQ) % p) + p) * qi) % p)
    const hex = value.toString(16).padStart(512, '0')
    return Uint8Array.from({ length: 256 }, (_, i) =>
      Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
    )
  }
}

function integer(member = ''): bigint {
  return base64url.decode(member).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  for (
    let square = base, rest = exponent;
    rest > 0n;
    rest >>= 1n, square = (square * square) % modulus
  ) {
    if (rest & 1n) result = (result * square) % modulus
  }
  return result
}
