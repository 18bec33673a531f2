/**
 * Token issuers for tests: a real key pair, the entry for `TRUSTED_ISSUERS`, and tokens that are
 * valid until a test says otherwise, down to the exact bytes of each part.
 */
import { base64url, exportJWK, generateKeyPair, type JWK } from 'jose'
import type { TokenAlgorithm, TrustedIssuer } from '../../src/settings/trusted-issuers.ts'
import { TOKEN_ALGORITHMS } from '../../src/settings/trusted-issuers.ts'

/** Members to set; `undefined` leaves one out. */
type Members = Readonly<Record<string, unknown>>
export type Signer = (input: Uint8Array) => Promise<Uint8Array>
export type PublicJwk = JWK & { readonly kty: string; readonly kid: string }

export interface TestIssuer {
  readonly issuer: string
  readonly audience: string
  readonly algorithm: TokenAlgorithm
  readonly kid: string
  /** Public keys, as the issuer would publish them. */
  readonly jwks: { readonly keys: PublicJwk[] }
  /** The entry for `TRUSTED_ISSUERS`, with the keys inline and every algorithm allowed. */
  readonly trusted: Extract<TrustedIssuer, { jwks: unknown }>
  readonly privateKey: CryptoKey
  readonly signer: Signer
  /** Signs a token for `ada` or the subject given, valid for five minutes from `Date.now()`. */
  readonly sign: (claims?: Members, header?: Members, key?: CryptoKey) => Promise<string>
  /** The header and the claims that `sign` signs, for tests that write the parts by hand. */
  readonly header: (members?: Members) => Members
  readonly claims: (members?: Members) => Members
}

interface IssuerOptions {
  readonly issuer?: string
  readonly audience?: string
  readonly algorithm?: TokenAlgorithm
  readonly kid?: string
  readonly subject?: string
}

export async function makeIssuer(options: IssuerOptions = {}): Promise<TestIssuer> {
  const {
    issuer = 'https://issuer.example',
    audience = 'guildhall',
    algorithm = 'ES256',
    kid = 'key-1',
    subject = 'ada',
  } = options
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const jwk = await exportJWK(publicKey)
  const jwks = { keys: [{ ...jwk, kty: jwk.kty ?? '', kid, alg: algorithm, use: 'sig' }] }
  const header = (members: Members = {}) => ({ alg: algorithm, kid, typ: 'JWT', ...members })
  const claims = (members: Members = {}) => {
    const now = Math.floor(Date.now() / 1000)
    return { iss: issuer, aud: audience, sub: subject, iat: now, exp: now + 300, ...members }
  }
  return {
    issuer,
    audience,
    algorithm,
    kid,
    jwks,
    trusted: { issuer, audience, algorithms: [...TOKEN_ALGORITHMS], jwks },
    privateKey,
    signer: signerFor(algorithm, privateKey),
    header,
    claims,
    sign: (claimMembers, headerMembers, key = privateKey) =>
      rawToken(
        JSON.stringify(header(headerMembers)),
        JSON.stringify(claims(claimMembers)),
        signerFor(algorithm, key),
      ),
  }
}

/** A token from the exact text (or bytes) of its two JSON parts. */
export async function rawToken(
  header: string | Uint8Array,
  payload: string | Uint8Array,
  sign: Signer,
): Promise<string> {
  return signedParts(base64url.encode(header), base64url.encode(payload), sign)
}

/** A token from parts that are encoded already, well or badly. */
export async function signedParts(header: string, payload: string, sign: Signer): Promise<string> {
  const input = `${header}.${payload}`
  return `${input}.${base64url.encode(await sign(new TextEncoder().encode(input)))}`
}

export function signerFor(algorithm: TokenAlgorithm, key: CryptoKey): Signer {
  return async (input) => new Uint8Array(await crypto.subtle.sign(SIGNING[algorithm], key, input))
}

/** Signs by HMAC, which no issuer may use, with a secret that everybody knows. */
export function hmacSigner(bits: 256 | 384 | 512, secret: Uint8Array): Signer {
  return async (input) => {
    const algorithm = { name: 'HMAC', hash: `SHA-${bits}` }
    const key = await crypto.subtle.importKey('raw', secret, algorithm, false, ['sign'])
    return new Uint8Array(await crypto.subtle.sign('HMAC', key, input))
  }
}

const SIGNING: Record<TokenAlgorithm, SubtleCryptoSignAlgorithm & { saltLength?: number }> = {
  ES256: { name: 'ECDSA', hash: 'SHA-256' },
  ES384: { name: 'ECDSA', hash: 'SHA-384' },
  EdDSA: { name: 'Ed25519' },
  Ed25519: { name: 'Ed25519' },
  RS256: { name: 'RSASSA-PKCS1-v1_5' },
  PS256: { name: 'RSA-PSS', saltLength: 32 },
}
