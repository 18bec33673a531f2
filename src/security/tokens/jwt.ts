/**
 * A bearer token is a member's word until it is verified here: JWT (RFC 7519) by the rules of RFC 8725.
 * jose checks algorithm and signature. All that a token says is checked before its key is asked for: who
 * has to come back for lack of a key has nothing else to mend.
 */
import { compactVerify, type CompactVerifyGetKey, errors, type VerifyOptions } from 'jose'
import type { Issuer } from './own-issuers.ts'
import {
  forgetVerification,
  keepVerification,
  type Verification,
  type VerifiedToken,
  verificationOf,
} from './verified-tokens.ts'
import { Problem } from '../../problem.ts'
import { decodeBase64url } from '../../crypto/base64url.ts'
import { MAX_TOKEN_LENGTH } from '../callers/credential.ts'
import { keysOf } from './jwks.ts'
import { isPlainText, personOf } from './person.ts'
import { isJsonObject, parseStrictJson } from './strict-json.ts'

type Json = Readonly<Record<string, unknown>>

const TOLERANCE_MS = 30_000
/** The end of year 9999: later times cannot be written as a timestamp. */
const MAX_SECONDS = 253_402_300_799

/** What a token is taken for. RFC 7515 section 4.1.9: a `typ` without a slash stands for `application/…`. */
interface Use {
  readonly kind: 'access' | 'id'
  readonly type: RegExp
  readonly wrong: string
  readonly audiences: (trusted: Issuer) => readonly string[]
}

const ACCESS: Use = {
  kind: 'access',
  type: /^(application\/)?(at\+)?jwt$/i,
  wrong: 'The token is not an access token.',
  audiences: ({ audience }) => [audience],
}
const ID: Use = {
  kind: 'id',
  type: /^(application\/)?jwt$/i,
  wrong: 'The token is not an ID token.',
  audiences: (trusted) => ('clientIds' in trusted && trusted.clientIds) || [],
}

/**
 * Who a token speaks for. `now` is in milliseconds. Of a token that was verified before, only what may
 * have changed is checked: whether its issuer is trusted, its keys, and the time.
 * @throws invalid_token for every token that cannot be trusted
 * @throws unavailable if the keys of its trusted issuer cannot be had
 */
export async function verifyToken(
  token: string,
  issuers: readonly Issuer[],
  now: number,
): Promise<VerifiedToken> {
  const known = verificationOf(token)
  if (known && issuers.includes(known.trusted)) {
    const { verified, trusted, kid, keys } = known
    checkTimes(verified, now)
    if ((await keysOf(trusted, kid, now)) === keys) return verified
  }
  forgetVerification(token)
  const verification = await verify(token, issuers, ACCESS, now)
  keepVerification(token, verification)
  return verification.verified
}

/**
 * What an ID token (OpenID Connect Core) of one of the issuer's `clientIds` says of its subject. It is no
 * credential: it says that its subject has signed in somewhere, and not who sends it.
 * @throws what `verifyToken` throws
 */
export async function verifyIdToken(
  token: string,
  issuers: readonly Issuer[],
  now: number,
): Promise<VerifiedToken> {
  const { verified } = await verify(token, issuers, ID, now)
  return verified
}

/** What a provider was asked for when somebody was sent there to sign in. */
export interface AskedSignIn {
  readonly clientId: string
  readonly nonce: string
  /** What the ID token has to say besides. */
  readonly claims: Readonly<Record<string, string | number | boolean>>
}

/** Whom a provider has signed in, and what it calls its own session. */
export interface SignedInThere {
  readonly verified: VerifiedToken
  readonly sid: string | undefined
}

/**
 * The ID token (OpenID Connect Core, section 3.1.3.7) that has come for a code: of that provider, for
 * that client, and about that one sign-in.
 * @throws what `verifyToken` throws
 */
export async function verifySignIn(
  token: string,
  trusted: Issuer,
  { clientId, nonce, claims: wanted }: AskedSignIn,
  now: number,
): Promise<SignedInThere> {
  const { claims } = parseToken(token)
  if (claims.nonce !== nonce) throw invalid('The token is not about this sign-in.')
  for (const [name, value] of Object.entries(wanted)) {
    if (claims[name] !== value) {
      throw invalid(`The token does not have the "${name}" that this site takes.`)
    }
  }
  const use = { ...ID, audiences: () => [clientId] }
  const { verified } = await verify(token, [trusted], use, now)
  return { verified, sid: isPlainText(claims.sid) ? claims.sid : undefined }
}

async function verify(
  token: string,
  issuers: readonly Issuer[],
  use: Use,
  now: number,
): Promise<Verification> {
  const { header, claims } = parseToken(token)
  checkHeader(header, use)
  const trusted = issuers.find(({ issuer }) => issuer === claims.iss)
  if (!trusted) throw invalid('The token is not from a trusted issuer.')
  checkUse(claims, trusted, use)
  const verified = readClaims(claims, trusted)
  checkTimes(verified, now)
  return { verified, trusted, ...(await checkSignature(token, trusted, now)) }
}

/** RFC 7515 section 5.2, with exactly one spelling for each token. */
function parseToken(token: string): { header: Json; claims: Json } {
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

/** Keys in a header (`jwk`, `jku`, `x5c`, `x5u`) are not looked at: only configured keys count. */
function checkHeader(header: Json, { type, wrong }: Use): void {
  if ('crit' in header || 'b64' in header) {
    throw invalid('The token needs an extension that is not supported.')
  }
  if (header.kid !== undefined && typeof header.kid !== 'string') {
    throw invalid('The token is malformed.')
  }
  if (header.typ !== undefined && !(typeof header.typ === 'string' && type.test(header.typ))) {
    throw invalid(wrong)
  }
}

function readClaims(claims: Json, trusted: Issuer): VerifiedToken {
  if (!isPlainText(claims.sub)) throw invalid('The token has no usable subject.')
  const expiresAt = timeOf(claims.exp)
  if (expiresAt === undefined) throw invalid('The token has no usable expiry.')
  return {
    issuer: 'load' in trusted ? trusted.name : trusted.issuer,
    ...('load' in trusted && typeof claims.sid === 'string' && { sessionId: claims.sid }),
    subject: claims.sub,
    issuedAt: timeOf(claims.iat),
    validFrom: timeOf(claims.nbf),
    expiresAt,
    ...(typeof claims.auth_time === 'number' && { signedInAt: claims.auth_time * 1000 }),
    ...(hasOpenidScope(claims) && { opensUserinfo: true }),
    ...personOf(claims),
  }
}

/** With a tolerance for clocks that differ. */
function checkTimes({ issuedAt, validFrom, expiresAt }: VerifiedToken, now: number): void {
  if (expiresAt <= now - TOLERANCE_MS) throw invalid('The token has expired.')
  if (issuedAt !== undefined && issuedAt > now + TOLERANCE_MS) {
    throw invalid('The token is issued in the future.')
  }
  if (validFrom !== undefined && validFrom > now + TOLERANCE_MS) {
    throw invalid('The token is not valid yet.')
  }
}

/** Some issuers sign everything they send with one key, one `typ` and one `aud`. */
function checkUse(claims: Json, trusted: Issuer, use: Use): void {
  const expected = use.audiences(trusted)
  const audiences: unknown[] = [claims.aud].flat()
  const isForUs = audiences.some((each) => expected.some((audience) => each === audience))
  if (!isForUs || !audiences.every((each) => typeof each === 'string')) {
    throw invalid('The token is not meant for this audience.')
  }
  // A security event (RFC 8417), as which OpenID Connect Back-Channel Logout sends its logout tokens.
  const isEvent = 'events' in claims
  const isRight = use.kind === 'id' ? isIdToken(claims, expected) : isAccessToken(claims, trusted)
  if (isEvent || !isRight) throw invalid(use.wrong)
}

function isAccessToken(claims: Json, trusted: Issuer): boolean {
  const wanted = trusted.claims ?? {}
  for (const [name, value] of Object.entries(wanted)) {
    if (claims[name] !== value) {
      throw invalid(`The token does not have the "${name}" that this site takes.`)
    }
  }
  const { token_use: use = 'access' } = claims
  return use === 'access' || Object.hasOwn(wanted, 'token_use')
}

/** OpenID Connect Core, sections 2 and 3.1.3.7: whom it was issued to is one of those it is for. */
function isIdToken(claims: Json, clientIds: readonly string[]): boolean {
  const { token_use: use = 'id', azp } = claims
  return use === 'id' && (azp === undefined || clientIds.some((clientId) => clientId === azp))
}

/** As RFC 9068 has it, or in an array or as `scp`, as some have it. */
function hasOpenidScope({ scope, scp }: Json): boolean {
  return [scope, scp]
    .flat()
    .some((each) => typeof each === 'string' && each.split(' ').includes('openid'))
}

/** A NumericDate (RFC 7519 section 2) in whole milliseconds; undefined if absent. @throws invalid_token */
function timeOf(claim: unknown): number | undefined {
  if (claim === undefined) return undefined
  if (typeof claim === 'number' && claim >= 0 && claim <= MAX_SECONDS) {
    return Math.floor(claim * 1000)
  }
  throw invalid('A time in the token is out of range.')
}

/** @returns the keys that it was checked with, and what they were found by */
async function checkSignature(
  token: string,
  trusted: Issuer,
  now: number,
): Promise<Pick<Verification, 'kid' | 'keys'>> {
  try {
    let signed: Pick<Verification, 'kid' | 'keys'> | undefined
    // jose asks for the key only once it has accepted the algorithm.
    const findKey: CompactVerifyGetKey = async (header, jws) => {
      const { kid } = header
      signed = { kid, keys: await keysOf(trusted, kid, now) }
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

function invalid(detail: string, cause?: unknown): Problem {
  return new Problem('invalid_token', detail, { stage: 'credential', cause })
}
