/**
 * What a trusted issuer tells this site of its subjects, as a signed statement: logout tokens (OpenID Connect
 * Back-Channel Logout 1.0) and security events (RFC 8417) of the Shared Signals Framework. Their `typ` keeps
 * them apart from each other and from tokens that let somebody in. Nothing is fetched or stored before all
 * that they say is right, but the keys of their issuer.
 */
import * as z from 'zod'
import { sha256 } from '../../crypto/digest.ts'
import type { SignalAction } from '../../db/schema.ts'
import { Problem } from '../../problem.ts'
import type { ReceivedSignal } from '../../repositories/signals.ts'
import { ACTED_ON, type ActedOn, type TrustedIssuer } from '../../settings/trusted-issuers.ts'
import {
  checkHeader,
  checkSignature,
  type Json,
  parseToken,
  timeOf,
  TOLERANCE_MS,
  type TokenType,
} from './jws.ts'
import { isPlainText } from './person.ts'
import { isJsonObject } from './strict-json.ts'

/** Codes of the registry "Security Event Token Error Codes"; there are no others. */
type SignalErrorCode = 'invalid_request' | 'invalid_key' | 'invalid_issuer' | 'invalid_audience'

/** A statement that is not taken. The message is for its sender, and quotes nothing of it. */
export class SignalError extends Error {
  override readonly name = 'SignalError'
  readonly code: SignalErrorCode

  constructor(code: SignalErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

const LOGOUT: TokenType = {
  type: /^(application\/)?logout\+jwt$/i,
  wrong: 'The token is not a logout token: its typ has to be logout+jwt.',
  isTyped: true,
}
const EVENT: TokenType = {
  type: /^(application\/)?secevent\+jwt$/i,
  wrong: 'The token is not a security event: its typ has to be secevent+jwt.',
  isTyped: true,
}

const LOGGED_OUT = 'http://schemas.openid.net/event/backchannel-logout'

/** Older statements are refused, so that it is enough to know for so long which ones were taken. */
const OLDEST_MS = 7 * 86_400_000
/**
 * A provider tells of a logout before it revokes its grants, and waits some 2.5 s for the answer. A token
 * that is renewed meanwhile is younger than the logout.
 */
const LOGOUT_MARGIN_MS = 3_000

/**
 * @param now milliseconds since the epoch
 * @throws SignalError for every token that cannot be taken
 * @throws Problem `unavailable` if the keys of its issuer cannot be had
 */
export async function verifyLogoutToken(
  token: string,
  issuers: readonly TrustedIssuer[],
  now: number,
): Promise<ReceivedSignal> {
  const { claims, trusted } = read(token, LOGOUT, issuers)
  const { logout, issuer } = trusted
  if (!logout)
    throw new SignalError('invalid_issuer', 'Logout tokens of this issuer are not taken.')
  checkAudience(claims, logout.clientIds)
  const { issuedAt, jti } = readRequired(claims, now)
  if (claims.exp === undefined) throw invalidRequest('The token has no expiry.')
  if ('nonce' in claims) throw invalidRequest('A logout token has no nonce.')
  if (!isJsonObject(eventsOf(claims)[LOGGED_OUT])) {
    throw invalidRequest('The token does not tell of a logout.')
  }
  const { sub, sid } = claims
  if (sid !== undefined && !isPlainText(sid)) throw invalidRequest('The session is not usable.')
  const isBySession = sub === undefined && sid !== undefined
  if (!isBySession && !isPlainText(sub)) throw invalidRequest('The token has no usable subject.')
  await checkSigned(token, trusted, now)
  return {
    id: await idOf(issuer, jti),
    issuer,
    kind: 'logout',
    action: 'end-sessions',
    subject: isPlainText(sub) ? sub : null,
    sid: sid ?? null,
    happenedAt: issuedAt,
    issuedUntil: endOfSecond(issuedAt + LOGOUT_MARGIN_MS),
  }
}

const EVENT_TYPE = /^https:\/\/schemas\.openid\.net\/secevent\/([a-z]+)\/event-type\/([a-z-]+)$/
/** Whose events they are, for a word may be another one elsewhere. */
const PROFILE: Readonly<Record<ActedOn, string>> = {
  'session-revoked': 'caep',
  'credential-change': 'caep',
  'account-disabled': 'risc',
  'account-purged': 'risc',
}
/** What a transmitter says of its stream; there is nothing to be done, but it is known. */
const OF_STREAMS: ReadonlySet<string> = new Set(['verification', 'stream-updated'])

/** From the mildest on. */
const ACTIONS: readonly SignalAction[] = ['nothing', 'end-sessions', 'suspend']

/**
 * @param now milliseconds since the epoch
 * @returns what is to be done; for events that are not acted on, nothing
 * @throws as `verifyLogoutToken` does
 */
export async function verifySecurityEvent(
  token: string,
  issuers: readonly TrustedIssuer[],
  now: number,
): Promise<ReceivedSignal> {
  const { claims, trusted } = read(token, EVENT, issuers)
  const { signals, issuer } = trusted
  if (!signals) throw new SignalError('invalid_issuer', 'Events of this issuer are not taken.')
  checkAudience(claims, [signals.audience])
  const { issuedAt, jti } = readRequired(claims, now)
  const events = Object.entries(eventsOf(claims)).map(([type, event]) => {
    if (!isJsonObject(event)) throw invalidRequest('An event is not an object.')
    const kind = kindOf(type)
    return {
      kind,
      event,
      action: isActedOn(kind) ? (signals.events[kind] ?? 'nothing') : 'nothing',
    }
  })
  const [most] = events.toSorted((a, b) => ACTIONS.indexOf(b.action) - ACTIONS.indexOf(a.action))
  if (!most) throw invalidRequest('The token tells of no event.')
  const { kind, action } = most
  const acted = events.filter((each) => each.action !== 'nothing')
  const subjects = new Set(acted.map(({ event }) => subjectOf(claims, event, issuer)))
  if (subjects.size > 1) throw invalidRequest('The token is about more than one subject.')
  const [subject = null] = subjects
  const happenedAt = timeOfEvent(claims, most.event, { issuedAt, now })
  await checkSigned(token, trusted, now)
  return {
    id: await idOf(issuer, jti),
    issuer,
    kind,
    action,
    subject,
    sid: null,
    happenedAt,
    issuedUntil: endOfSecond(happenedAt),
  }
}

function read(token: string, type: TokenType, issuers: readonly TrustedIssuer[]) {
  const { header, claims } = asInvalid('invalid_request', () => {
    const parts = parseToken(token)
    checkHeader(parts.header, type)
    return parts
  })
  const trusted = issuers.find(({ issuer }) => issuer === claims.iss)
  if (!trusted) throw new SignalError('invalid_issuer', 'The token is not from a trusted issuer.')
  return { header, claims, trusted }
}

function checkAudience({ aud }: Json, expected: readonly string[]): void {
  const audiences: unknown[] = [aud].flat()
  const isForUs = audiences.some((each) => expected.some((audience) => each === audience))
  if (!isForUs || !audiences.every((each) => typeof each === 'string')) {
    throw new SignalError('invalid_audience', 'The token is not meant for this audience.')
  }
}

/** What every statement has to say, and the times that it may. Times are milliseconds since the epoch. */
function readRequired({ iat, exp, nbf, jti }: Json, now: number) {
  const [issuedAt, expiresAt, validFrom] = [iat, exp, nbf].map(timeIn)
  if (issuedAt === undefined) throw invalidRequest('The token does not say when it was issued.')
  if (issuedAt > now + TOLERANCE_MS) throw invalidRequest('The token is issued in the future.')
  if (issuedAt < now - OLDEST_MS) throw invalidRequest('The token is older than 7 days.')
  if (expiresAt !== undefined && expiresAt <= now - TOLERANCE_MS) {
    throw invalidRequest('The token has expired.')
  }
  if (validFrom !== undefined && validFrom > now + TOLERANCE_MS) {
    throw invalidRequest('The token is not valid yet.')
  }
  if (!isPlainText(jti)) throw invalidRequest('The token has no usable jti.')
  return { issuedAt, jti }
}

function eventsOf({ events }: Json): Json {
  if (!isJsonObject(events)) throw invalidRequest('The token tells of no event.')
  return events
}

/** As in `session-revoked`; the whole type of one that is not known would be the sender's text. */
function kindOf(type: string): string {
  const [, profile = '', name = ''] = EVENT_TYPE.exec(type) ?? []
  if (isActedOn(name) && PROFILE[name] === profile) return name
  return OF_STREAMS.has(name) ? name : 'unknown'
}

function isActedOn(kind: string): kind is ActedOn {
  return ACTED_ON.some((each) => each === kind)
}

/** `iss_sub` of RFC 9493; the RISC profile of 2018 has other names for it. */
const IssSub = z.union([
  z.object({ format: z.literal('iss_sub'), iss: z.string(), sub: z.string() }),
  z.object({ subject_type: z.enum(['iss_sub', 'iss-sub']), iss: z.string(), sub: z.string() }),
])
/** A subject by itself, or the user of a complex one, which says `complex` or nothing. */
const SubjectId = z.union([
  IssSub,
  z.object({ format: z.literal('complex').optional(), user: IssSub }).transform(({ user }) => user),
])

/** Of the token as a whole, or, as drafts have it, of the event. */
function subjectOf({ sub_id: ofToken }: Json, { subject: ofEvent }: Json, issuer: string): string {
  const { success, data } = SubjectId.safeParse(ofToken ?? ofEvent)
  if (!success) {
    throw invalidRequest(
      'The subject has to be in the format iss_sub, or complex with such a user.',
    )
  }
  if (data.iss !== issuer) throw invalidRequest('The subject is one of another issuer.')
  if (!isPlainText(data.sub)) throw invalidRequest('The subject is not usable.')
  return data.sub
}

/** Later numbers are milliseconds, as some write them against the profile. */
const LATEST_SECONDS = 100_000_000_000

/** When it happened; at most now, by the clock of the issuer if that is a little ahead. */
function timeOfEvent(
  { toe }: Json,
  { event_timestamp: stamp }: Json,
  { issuedAt, now }: { readonly issuedAt: number; readonly now: number },
): number {
  const isLong = typeof stamp === 'number' && stamp > LATEST_SECONDS
  const said = timeIn(isLong ? stamp / 1000 : stamp) ?? timeIn(toe) ?? issuedAt
  if (said < now - OLDEST_MS) throw invalidRequest('The event is older than 7 days.')
  return Math.min(said, Math.max(now, issuedAt))
}

/** Times in tokens are whole seconds, so that whatever is of this one may be from before. */
function endOfSecond(at: number): number {
  return Math.floor(at / 1000) * 1000 + 999
}

function timeIn(claim: unknown): number | undefined {
  return asInvalid('invalid_request', () => timeOf(claim))
}

async function checkSigned(token: string, trusted: TrustedIssuer, now: number): Promise<void> {
  try {
    await checkSignature(token, trusted, now)
  } catch (error) {
    throw refusalOf('invalid_key', error)
  }
}

function asInvalid<T>(code: SignalErrorCode, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw refusalOf(code, error)
  }
}

/** What is wrong with a statement is no 401: nobody wants to come in with it. */
function refusalOf(code: SignalErrorCode, error: unknown): unknown {
  return error instanceof Problem && error.status === 401
    ? new SignalError(code, error.detail, { cause: error })
    : error
}

/** Of one size, whatever the issuer calls its statements. */
async function idOf(issuer: string, jti: string): Promise<string> {
  return sha256(`${issuer}\n${jti}`)
}

function invalidRequest(message: string): SignalError {
  return new SignalError('invalid_request', message)
}
