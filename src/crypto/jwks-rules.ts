/**
 * Which keys an issuer may have. No I/O and no crypto, so that settings can be checked at start-up
 * and by the local runner; what passes are public signature keys of sufficient strength.
 */
import { decodeBase64url } from './base64url.ts'

type Jwk = Readonly<Record<string, unknown>>

const ED25519 = 'OKP Ed25519'

/** Each kind of key, and the `alg` values a key of that kind may name. */
const ALGORITHMS_OF: ReadonlyMap<string, readonly string[]> = new Map([
  ['EC P-256', ['ES256']],
  ['EC P-384', ['ES384']],
  [ED25519, ['EdDSA', 'Ed25519']],
  ['RSA', ['RS256', 'PS256']],
])

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

const MIN_MODULUS_BITS = 2048

/** What a set comes to; the sentences quote nothing of it. */
export interface JudgedKeySet<Key extends Jwk> {
  /** Those that may be trusted, as they are to be looked up in. */
  readonly keys: Key[]
  /** What is wrong with each of the others. */
  readonly ignored: readonly string[]
  /** Why nothing in the set may be trusted; undefined if something may. */
  readonly fault: string | undefined
}

/**
 * Each key is judged by itself: providers publish keys for encryption, of newer kinds and of older
 * strengths beside the good ones, and one `kid` for several algorithms (RFC 7517 section 5: what is not
 * understood is ignored). A published secret is a fault of the whole set: whoever makes that mistake
 * may have published the same key once more as if nothing had happened.
 */
export function judgeKeySet<Key extends Jwk>(keys: readonly Key[]): JudgedKeySet<Key> {
  const secret = keys.flatMap((jwk, index) => sentence(index, secretFault(jwk)))
  const ignored = keys.flatMap((jwk, index) => sentence(index, keyFault(jwk)))
  const good = keys.filter((jwk) => keyFault(jwk) === undefined)
  const [fault] =
    secret.length > 0 || good.length > 0 ? secret : [...ignored, 'The set has no keys.']
  return { keys: fault === undefined ? good.map(lookedUp) : [], ignored, fault }
}

function sentence(index: number, fault: string | undefined): string[] {
  return fault === undefined ? [] : [`Key ${index + 1} ${fault}.`]
}

/**
 * `EdDSA` and `Ed25519` (RFC 9864) are one algorithm for a key of this kind, whichever its issuer has got
 * round to writing; the key without `alg` is found by both.
 */
function lookedUp<Key extends Jwk>(jwk: Key): Key {
  return kindOf(jwk) === ED25519 ? { ...jwk, alg: undefined } : jwk
}

function secretFault(jwk: Jwk): string | undefined {
  if (jwk.kty === 'oct') return 'is symmetric; only public keys can be trusted'
  const secret = PRIVATE_MEMBERS.find((member) => Object.hasOwn(jwk, member))
  return secret && `contains the private member "${secret}"; publish the public key only`
}

function keyFault(jwk: Jwk): string | undefined {
  const secret = secretFault(jwk)
  if (secret) return secret
  if (jwk.kid !== undefined && typeof jwk.kid !== 'string') return 'has a "kid" that is not text'
  return purposeFault(jwk) ?? materialFault(jwk)
}

function purposeFault(jwk: Jwk): string | undefined {
  const algorithms = ALGORITHMS_OF.get(kindOf(jwk))
  if (!algorithms)
    return 'is of a kind that is not accepted; use EC P-256 or P-384, OKP Ed25519, or RSA'
  if (jwk.use !== undefined && jwk.use !== 'sig') return 'is not for signatures ("use")'
  if (jwk.key_ops !== undefined && !isVerifyOnly(jwk.key_ops))
    return 'is not for verification ("key_ops")'
  if (jwk.alg !== undefined && !algorithms.some((alg) => alg === jwk.alg)) {
    return `names an "alg" that is not accepted for it; use ${algorithms.join(' or ')}`
  }
  return undefined
}

function materialFault(jwk: Jwk): string | undefined {
  switch (kindOf(jwk)) {
    case 'RSA':
      return rsaFault(jwk)
    case ED25519:
      return ed25519Fault(jwk)
    default: {
      const size = jwk.crv === 'P-256' ? 32 : 48
      const isPoint = bytesOf(jwk.x)?.length === size && bytesOf(jwk.y)?.length === size
      return isPoint ? undefined : `has no usable point ("x" and "y" of ${size} bytes)`
    }
  }
}

function rsaFault(jwk: Jwk): string | undefined {
  const n = integer(bytesOf(jwk.n))
  if (n.toString(2).length < MIN_MODULUS_BITS) return `has a modulus below ${MIN_MODULUS_BITS} bits`
  if (n % 2n === 0n) return 'has an even modulus'
  const e = integer(bytesOf(jwk.e))
  // Exponent 1 would make every padded digest its own signature.
  if (e < 3n || e % 2n === 0n) return 'has no usable exponent; "e" must be odd and at least 3'
  return undefined
}

const FIELD_PRIME = 2n ** 255n - 19n

/** The y coordinates of the points of order 1, 2, 4 and 8: for these keys anyone can sign. */
const WEAK_POINTS: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  FIELD_PRIME - 1n,
  2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
])

function ed25519Fault(jwk: Jwk): string | undefined {
  const bytes = bytesOf(jwk.x)
  if (bytes?.length !== 32) return 'has no usable point ("x" of 32 bytes)'
  const y = integer(bytes.toReversed()) % 2n ** 255n
  return WEAK_POINTS.has(y % FIELD_PRIME) ? 'is a weak point that anyone can sign for' : undefined
}

function kindOf({ kty, crv }: Jwk): string {
  return kty === 'RSA' ? kty : `${String(kty)} ${String(crv)}`
}

function isVerifyOnly(operations: unknown): boolean {
  return Array.isArray(operations) && operations.length === 1 && operations[0] === 'verify'
}

function bytesOf(member: unknown): Uint8Array | undefined {
  return typeof member === 'string' ? decodeBase64url(member) : undefined
}

/** Big-endian; 0 when there are no bytes. */
function integer(bytes: Uint8Array = new Uint8Array()): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
}
