/**
 * Why a token would be refused, or what it would be taken for: for whoever sets up a provider. It goes by the
 * checks that a credential passes; it signs nobody in, makes nobody a member, and nothing of it is kept.
 */
import { BUILT_IN, VISITORS } from '../../db/issuers.ts'
import type { UserId } from '../../db/ids.ts'
import { Problem } from '../../problem.ts'
import type { IdentitiesRepository } from '../../repositories/identities.ts'
import { TOKEN_ALGORITHMS } from '../../settings/trusted-issuers.ts'
import { issuedAs } from '../callers/first-request.ts'
import { identityHashOf } from '../callers/identity-hash.ts'
import { keyStandingOf } from './jwks.ts'
import { type Json, parseToken, TOLERANCE_MS } from './jws.ts'
import { judgeToken } from './jwt.ts'
import type { Issuer } from './own-issuers.ts'
import {
  type CHECK_OUTCOMES,
  type CheckName,
  CHECKS,
  MOST_AUDIENCES,
  type TokenKind,
} from './token-checks.ts'
import type { VerifiedToken } from './verified-tokens.ts'

export interface CheckedToken {
  readonly good: boolean
  /** The check that failed; null if none did. */
  readonly failed: CheckName | null
  readonly checks: readonly {
    readonly check: CheckName
    readonly outcome: (typeof CHECK_OUTCOMES)[number]
    readonly detail: string
  }[]
  /** What the token says of itself, whether that is to be believed or not; null if it cannot be read. */
  readonly says: Said | null
  /** Whom a good one speaks for; null for whoever would become a member with it. */
  readonly userId: UserId | null
  /** What would have to be otherwise; null for a good one. */
  readonly change: string | null
}

type Said = Readonly<
  Record<'issuer' | 'type' | 'algorithm' | 'keyId' | 'issuedAt' | 'expiresAt', string | null>
> & { readonly audience: string[] }

export type CheckToken = (token: string, kind: TokenKind) => Promise<CheckedToken>

/** @param now milliseconds since the epoch. @returns what throws for nothing that a token can be */
export function tokenChecks(
  issuers: readonly Issuer[],
  identities: Identities,
  now: number,
): CheckToken {
  return async (text, kind) => {
    let at: CheckName = 'form'
    const begin = (check: CheckName) => {
      at = check
    }
    const failed = async (detail: string): Promise<CheckedToken> => ({
      good: false,
      failed: at,
      checks: told(text, kind, { check: at, detail }),
      says: saidBy(text),
      userId: null,
      change: await changeFor(at, text, { kind, issuers, now }),
    })
    try {
      const token = await judgeToken(text, issuers, { kind, now, begin })
      begin('session')
      const { userId, refusal } = await standingOf(token, kind, identities, now)
      if (refusal !== undefined) return await failed(refusal)
      const checks = told(text, kind, undefined)
      return { good: true, failed: null, checks, says: saidBy(text), userId, change: null }
    } catch (error) {
      if (error instanceof Problem) return failed(error.detail)
      throw error
    }
  }
}

type Identities = Pick<IdentitiesRepository, 'foresee' | 'findWithSession'>

interface Standing {
  readonly userId: UserId | null
  /** Why the token lets nobody in, as good as it is. */
  readonly refusal?: string
}

/** Whom a token lets in: what a request with it would find, without what it would do. */
async function standingOf(
  token: VerifiedToken,
  kind: TokenKind,
  identities: Identities,
  now: number,
): Promise<Standing> {
  const { issuer, subject, sessionId = '' } = token
  if (kind === 'id' || issuer === VISITORS) return { userId: null }
  const { known, isOver } =
    issuer === BUILT_IN
      ? await identities
          .findWithSession(issuer, subject, sessionId, new Date(now))
          .then((found) => ({ known: found.known, isOver: !found.isLive }))
      : await identities
          .foresee({ issuer, subject, ...(await identityHashOf(issuer, subject)) }, issuedAs(token))
          .then((found) => ({ known: found.known, isOver: found.isEnded }))
  const userId = known?.userId ?? null
  if (isOver)
    return {
      userId,
      refusal: 'Its session has ended, or its member was deleted since it was issued.',
    }
  return known?.status === 'suspended'
    ? { userId, refusal: 'The member is suspended.' }
    : { userId }
}

function told(
  text: string,
  kind: TokenKind,
  failure: { readonly check: CheckName; readonly detail: string } | undefined,
): CheckedToken['checks'] {
  const said = saidBy(text)
  const reached = failure ? CHECKS.indexOf(failure.check) : CHECKS.length
  return CHECKS.map((check, index) => {
    if (index === reached) return { check, outcome: 'failed', detail: failure?.detail ?? '' }
    if (index > reached) return { check, outcome: 'not reached', detail: 'The check ends before.' }
    return { check, outcome: 'passed', detail: PASSED[check](said, kind) }
  })
}

const PASSED: Readonly<Record<CheckName, (said: Said | null, kind: TokenKind) => string>> = {
  form: () => 'It is a signed token, and has one spelling.',
  type: (said) => (said?.type ? `It says that it is ${said.type}.` : 'It does not say what it is.'),
  issuer: (said) => `It is from ${said?.issuer ?? ''}, which this site trusts.`,
  audience: (said) => `It is for ${said?.audience.join(' and ') ?? ''}.`,
  claims: () => 'It has a subject, an expiry, and what the settings ask for besides.',
  times: (said) => `It is good until ${said?.expiresAt ?? ''}.`,
  algorithm: (said) => `${said?.algorithm ?? ''} is taken from its issuer.`,
  keys: () => 'The keys of its issuer are at hand.',
  signature: (said) =>
    said?.keyId ? `It is signed by the key ${said.keyId}.` : 'It is signed by a key of its issuer.',
  session: (_, kind) =>
    kind === 'id' ? 'An ID token lets nobody in, so none is asked for.' : 'It lets its bearer in.',
}

/** As far as it can be read: somebody looks for what is wrong with it. */
function saidBy(text: string): Said | null {
  const { header, claims } = partsOf(text) ?? {}
  if (!header || !claims) return null
  return {
    issuer: shown(claims.iss),
    audience: [claims.aud].flat().slice(0, MOST_AUDIENCES).map(shown).filter(isText),
    type: shown(header.typ),
    algorithm: shown(header.alg),
    keyId: shown(header.kid),
    issuedAt: timeIn(claims.iat),
    expiresAt: timeIn(claims.exp),
  }
}

function partsOf(text: string): { header: Json; claims: Json } | undefined {
  try {
    return parseToken(text)
  } catch {
    return undefined
  }
}

const LONGEST = 200

/** Text of the token, which may be anything; null for what is no text. */
function shown(value: unknown): string | null {
  if (typeof value !== 'string') return null
  const printable = value.toWellFormed().replaceAll(/\p{Cc}/gv, '\u{fffd}')
  const points = Array.from(printable)
  return points.length > LONGEST ? `${points.slice(0, LONGEST - 1).join('')}…` : printable
}

function isText(value: string | null): value is string {
  return value !== null
}

function timeIn(claim: unknown): string | null {
  const at = typeof claim === 'number' ? new Date(claim * 1000) : undefined
  const year = at?.getUTCFullYear() ?? Number.NaN
  return at && year >= 0 && year <= 9999 ? at.toISOString() : null
}

interface Asked {
  readonly kind: TokenKind
  readonly issuers: readonly Issuer[]
  readonly now: number
}

async function changeFor(check: CheckName, text: string, asked: Asked): Promise<string> {
  const { header = {}, claims = {} } = partsOf(text) ?? {}
  const trusted = asked.issuers.find(({ issuer }) => issuer === claims.iss)
  switch (check) {
    case 'form':
      return 'Paste the token alone, which is three parts with dots between them. A provider that sends anything else sends opaque or encrypted tokens: ask it for a signed one, often by naming the audience.'
    case 'type':
      return asked.kind === 'id'
        ? 'Send the ID token, and not the access token.'
        : 'Send the access token that the provider makes for this API.'
    case 'issuer':
      return nearest(asked.issuers, claims.iss)
    case 'audience':
      return audienceFor(trusted, claims, asked.kind)
    case 'claims':
      return trusted?.claims
        ? `Its issuer signs it with ${JSON.stringify(trusted.claims)}, or the entry in TRUSTED_ISSUERS asks for something else.`
        : 'Send the token that the provider makes for this use, with a subject and an expiry.'
    case 'times':
      return timesFor(claims, asked.now)
    case 'algorithm':
      return algorithmFor(header)
    case 'keys':
    case 'signature':
      return keysFor(check, trusted, header, asked.now)
    case 'session':
      return 'Whoever it speaks for signs in again, or is reinstated by somebody with user:suspend.'
  }
}

function nearest(issuers: readonly Issuer[], said: unknown): string {
  const plain = (name: string) =>
    name
      .toLowerCase()
      .replace(/^https?:\/\//, '')
      .replace(/\/+$/, '')
  const near = issuers.find(
    (each) => !('load' in each) && typeof said === 'string' && plain(each.issuer) === plain(said),
  )
  return near
    ? `TRUSTED_ISSUERS has “${near.issuer}”: write it as the token does, to the letter.`
    : 'An entry in TRUSTED_ISSUERS whose issuer is what the token says, to the letter.'
}

function audienceFor(trusted: Issuer | undefined, { aud }: Json, kind: TokenKind): string {
  if (!trusted) return ''
  const isForClient =
    'clientIds' in trusted && trusted.clientIds?.some((id) => [aud].flat().includes(id))
  if (kind === 'access' && isForClient)
    return 'It is an ID token, for a client of the provider: send the access token.'
  if (kind === 'id')
    return 'The entry in TRUSTED_ISSUERS names the client that the token is for in clientIds.'
  return `The provider makes it for the audience “${trusted.audience}”, or TRUSTED_ISSUERS names the one that the token is for.`
}

function timesFor({ iat, nbf }: Json, now: number): string {
  const ahead = [iat, nbf]
    .map((time) => (typeof time === 'number' ? time * 1000 - now : 0))
    .reduce((most, ms) => Math.max(most, ms))
  if (ahead <= TOLERANCE_MS) return 'A new token, with the time of its issue.'
  return `The clock of the provider is ${Math.round(ahead / 1000)} s ahead of that of this site; ${TOLERANCE_MS / 1000} s are forgiven.`
}

function algorithmFor({ alg }: Json): string {
  return TOKEN_ALGORITHMS.some((each) => each === alg)
    ? 'The algorithms in the entry in TRUSTED_ISSUERS, where they are named, include it.'
    : `The provider signs with a key pair: ${TOKEN_ALGORITHMS.join(', ')}.`
}

async function keysFor(
  check: 'keys' | 'signature',
  trusted: Issuer | undefined,
  { kid }: Json,
  now: number,
): Promise<string> {
  if (!trusted || 'load' in trusted) return 'A token that this site has signed, and not another.'
  const { keys, fault } = await keyStandingOf(trusted, now)
  if (check === 'keys') return `The address of its keys answers. ${fault ?? ''}`.trim()
  const isThere = keys.some((key) => key.kid === kid)
  if (kid === undefined || isThere)
    return 'The provider publishes the key that it signs with. That the token was altered on its way is as likely.'
  return 'The provider publishes the key that the token names: it is not in its key set now.'
}
