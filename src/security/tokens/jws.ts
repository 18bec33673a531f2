/**
 * What all signed statements of issuers have in common, whatever they are for: JWS in compact form with
 * claims, of which every part has one reading. jose checks algorithm and signature, with keys that are
 * configured and no others.
 */
import { compactVerify, type CompactVerifyGetKey, errors, type VerifyOptions } from 'jose'
import { decodeBase64url } from '../../crypto/base64url.ts'
import { Problem } from '../../problem.ts'
import { MAX_TOKEN_LENGTH } from '../callers/credential.ts'
import { keysOf } from './jwks.ts'
import type { Issuer } from './own-issuers.ts'
import { isJsonObject, parseStrictJson } from './strict-json.ts'
import { unwatched } from './token-checks.ts'
import type { Verification } from './verified-tokens.ts'

export type Json = Readonly<Record<string, unknown>>

/** For clocks that differ. */
export const TOLERANCE_MS = 30_000
/** The end of year 9999: later times cannot be written as a timestamp. */
const MAX_SECONDS = 253_402_300_799

/** RFC 7515 section 5.2, with exactly one spelling for each token. @throws invalid_token */
export function parseToken(token: string): { header: Json; claims: Json } {
  if (token.length > MAX_TOKEN_LENGTH) throw invalid('The token is longer than 8 KiB.')
  const [header, claims, signature, ...rest] = token.split('.').map(decodeBase64url)
  if (!header || !claims || !signature || rest.length > 0) throw invalid('The token is malformed.')
  return { header: parseObject(header), claims: parseObject(claims) }
}

function parseObject(bytes: Uint8Array): Json {
  try {
    const value = parseStrictJson(bytes)
    if (isJsonObject(value)) return value
  } catch {
    // Text that is no JSON and ambiguous JSON are the same to the caller.
  }
  throw invalid('The token is malformed.')
}

/** How a statement says in its header what it is. */
export interface TokenType {
  /** RFC 7515 section 4.1.9: a `typ` without a slash stands for `application/…`. */
  readonly type: RegExp
  readonly wrong: string
  /** Whether it has to say so. */
  readonly isTyped?: true
}

/** Keys in a header (`jwk`, `jku`, `x5c`, `x5u`) are not looked at: only configured keys count. @throws invalid_token */
export function checkHeader(header: Json, { type, wrong, isTyped }: TokenType): void {
  if ('crit' in header || 'b64' in header) {
    throw invalid('The token needs an extension that is not supported.')
  }
  if (header.kid !== undefined && typeof header.kid !== 'string') {
    throw invalid('The token is malformed.')
  }
  const { typ } = header
  const isRight = typ === undefined ? !isTyped : typeof typ === 'string' && type.test(typ)
  if (!isRight) throw invalid(wrong)
}

/** A NumericDate (RFC 7519 section 2) in whole milliseconds; undefined if absent. @throws invalid_token */
export function timeOf(claim: unknown): number | undefined {
  if (claim === undefined) return undefined
  if (typeof claim === 'number' && claim >= 0 && claim <= MAX_SECONDS) {
    return Math.floor(claim * 1000)
  }
  throw invalid('A time in the token is out of range.')
}

/**
 * @returns the keys that it was checked with, and what they were found by
 * @throws invalid_token; unavailable if the keys of the issuer cannot be had
 */
export async function checkSignature(
  token: string,
  trusted: Issuer,
  now: number,
  begin = unwatched,
): Promise<Pick<Verification, 'kid' | 'keys'>> {
  try {
    begin('algorithm')
    let signed: Pick<Verification, 'kid' | 'keys'> | undefined
    // jose asks for the key only once it has accepted the algorithm.
    const findKey: CompactVerifyGetKey = async (header, jws) => {
      const { kid } = header
      begin('keys')
      signed = { kid, keys: await keysOf(trusted, kid, now) }
      begin('signature')
      return signed.keys(header, jws)
    }
    await verifyWithEach(token, findKey, { algorithms: trusted.algorithms })
    if (!signed) throw new Error('a signature was accepted without a key')
    return signed
  } catch (error) {
    throw error instanceof Problem ? error : invalid(detailOf(error), error)
  }
}

/** A token without `kid` may be signed by any key that fits, and so may one whose `kid` several keys have. */
async function verifyWithEach(
  token: string,
  findKey: CompactVerifyGetKey,
  options: VerifyOptions,
): Promise<void> {
  try {
    await compactVerify(token, findKey, options)
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    for await (const key of error) {
      const isSigner = await compactVerify(token, key, options).then(
        () => true,
        refuseUnlessBadSignature,
      )
      if (isSigner) return
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

function refuseUnlessBadSignature(error: unknown): false {
  if (error instanceof errors.JWSSignatureVerificationFailed) return false
  throw error
}

function detailOf(error: unknown): string {
  return error instanceof errors.JOSEAlgNotAllowed
    ? 'The token is signed with an algorithm that is not taken from its issuer.'
    : 'The token is not signed by a key of its issuer.'
}

export function invalid(detail: string, cause?: unknown): Problem {
  return new Problem('invalid_token', detail, { stage: 'credential', cause })
}
