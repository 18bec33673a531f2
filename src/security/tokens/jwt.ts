/**
 * A bearer token is a member's word until it is verified here: JWT (RFC 7519) by the rules of RFC 8725.
 * jose checks algorithm and signature. All that a token says is checked before its key is asked for: who
 * has to come back for lack of a key has nothing else to mend.
 */
import { ENDS_KEPT_MS } from '../../repositories/session-ends.ts'
import {
  checkHeader,
  checkSignature,
  invalid,
  type Json,
  parseToken,
  timeOf,
  TOLERANCE_MS,
  type TokenType,
} from './jws.ts'
import type { TrustedIssuer } from '../../settings/trusted-issuers.ts'
import type { Issuer } from './own-issuers.ts'
import {
  forgetVerification,
  keepVerification,
  type Verification,
  type VerifiedToken,
  verificationOf,
} from './verified-tokens.ts'
import { keysOf } from './jwks.ts'
import { isPlainText, personOf } from './person.ts'
import { type OnCheck, unwatched } from './token-checks.ts'

/** What a token is taken for. */
interface Use extends TokenType {
  readonly kind: 'access' | 'id'
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
    checkTimes(verified, trusted, now)
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

/**
 * Judges a token that nobody comes with. Nothing of it is kept, not even that it was good.
 * @param begin is told of each check as it begins
 * @throws what `verifyToken` throws
 */
export async function judgeToken(
  token: string,
  issuers: readonly Issuer[],
  { kind, now, begin }: { kind: Use['kind']; now: number; begin: OnCheck },
): Promise<VerifiedToken> {
  return (await verify(token, issuers, kind === 'id' ? ID : ACCESS, now, begin)).verified
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
  begin = unwatched,
): Promise<Verification> {
  begin('form')
  const { header, claims } = parseToken(token)
  begin('type')
  checkHeader(header, use)
  begin('issuer')
  const trusted = issuers.find(({ issuer }) => issuer === claims.iss)
  if (!trusted) throw invalid('The token is not from a trusted issuer.')
  begin('audience')
  checkAudience(claims, use.audiences(trusted))
  begin('claims')
  checkUse(claims, trusted, use)
  const verified = readClaims(claims, trusted)
  begin('times')
  checkTimes(verified, trusted, now)
  return { verified, trusted, ...(await checkSignature(token, trusted, now, begin)) }
}

function readClaims(claims: Json, trusted: Issuer): VerifiedToken {
  if (!isPlainText(claims.sub)) throw invalid('The token has no usable subject.')
  const expiresAt = timeOf(claims.exp)
  if (expiresAt === undefined) throw invalid('The token has no usable expiry.')
  return {
    issuer: 'load' in trusted ? trusted.name : trusted.issuer,
    ...sessionOf(claims, trusted),
    subject: claims.sub,
    issuedAt: timeOf(claims.iat),
    validFrom: timeOf(claims.nbf),
    expiresAt,
    ...(typeof claims.auth_time === 'number' && { signedInAt: claims.auth_time * 1000 }),
    ...(hasOpenidScope(claims) && { opensUserinfo: true }),
    ...personOf(claims),
  }
}

function sessionOf({ sid }: Json, trusted: Issuer): Pick<VerifiedToken, 'sessionId' | 'sid'> {
  if (!('load' in trusted)) return isPlainText(sid) ? { sid } : {}
  return typeof sid === 'string' ? { sessionId: sid } : {}
}

/** With a tolerance for clocks that differ. */
function checkTimes(
  { issuedAt, validFrom, expiresAt }: VerifiedToken,
  trusted: Issuer,
  now: number,
): void {
  if (expiresAt <= now - TOLERANCE_MS) throw invalid('The token has expired.')
  if (tellsEnds(trusted)) {
    if (issuedAt === undefined) throw invalid('The token does not say when it was issued.')
    if (issuedAt <= now - ENDS_KEPT_MS) throw invalid('The token was issued too long ago.')
  }
  if (issuedAt !== undefined && issuedAt > now + TOLERANCE_MS) {
    throw invalid('The token is issued in the future.')
  }
  if (validFrom !== undefined && validFrom > now + TOLERANCE_MS) {
    throw invalid('The token is not valid yet.')
  }
}

/**
 * Whether the issuer says whose sessions have ended, which tokens are compared with: by when they were
 * issued, and for as long as ends are kept.
 */
function tellsEnds(trusted: Issuer): boolean {
  const { logout, signals }: Partial<TrustedIssuer> = trusted
  return logout !== undefined || signals !== undefined
}

function checkAudience({ aud }: Json, expected: readonly string[]): void {
  const audiences: unknown[] = [aud].flat()
  const isForUs = audiences.some((each) => expected.some((audience) => each === audience))
  if (!isForUs || !audiences.every((each) => typeof each === 'string')) {
    throw invalid('The token is not meant for this audience.')
  }
}

/** Some issuers sign everything they send with one key, one `typ` and one `aud`. */
function checkUse(claims: Json, trusted: Issuer, use: Use): void {
  // A security event (RFC 8417), as which OpenID Connect Back-Channel Logout sends its logout tokens.
  const isEvent = 'events' in claims
  const isRight =
    use.kind === 'id' ? isIdToken(claims, use.audiences(trusted)) : isAccessToken(claims, trusted)
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
