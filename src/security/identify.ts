/**
 * Who is calling: from a credential to an actor, in two steps. `authenticate` needs no storage, so
 * junk costs nothing; `identify` finds the member in D1 and makes one on a subject's first request.
 */
import { BUILT_IN, VISITORS } from '../db/auth-schema.ts'
import type { Deps } from '../deps.ts'
import type { Settings } from '../env.ts'
import type { KeyAnswer } from '../objects/key-gate.ts'
import type { KeyGates } from '../objects/keys.ts'
import { type KeyId, newId, type UserId } from '../db/ids.ts'
import { Problem } from '../problem.ts'
import type { IdentitiesRepository, IdentityRow } from '../repositories/identities.ts'
import type { Caller, Subject } from './actor.ts'
import { type ParsedApiKey, parseApiKey } from './api-key.ts'
import { auditRow } from './audit.ts'
import { BURST_LIMIT, type BurstGuard } from './burst-guard.ts'
import type { Exercised } from './grant.ts'
import { readCredential } from './credential.ts'
import { type VerifiedToken, verifyToken } from './jwt.ts'
import { heldRoles } from './held-roles.ts'
import { identityHashOf } from './identity-hash.ts'
import { isSameOrigin, readSessionCookie } from './session-cookie.ts'
import { type Limit, limitReached, ofAddress } from './rate-limit.ts'
import { visitorOf } from './visitors.ts'

/** What a request has proved about itself before any storage was touched. */
export type Authenticated =
  | { readonly type: 'anonymous' }
  | { readonly type: 'jwt'; readonly token: VerifiedToken }
  /** Signed by this site, from one of its own pages; whether the session is still there, D1 knows. */
  | { readonly type: 'session'; readonly token: string }
  /** Well-formed; whether it is good only its gate knows. */
  | { readonly type: 'api-key'; readonly key: ParsedApiKey; readonly address: string | undefined }
  /** Nothing: this request only shows what theirs would come to. No header makes one. */
  | { readonly type: 'rehearsed'; readonly as: Subject }

/**
 * @param now milliseconds since the epoch
 * @throws Problem `ambiguous_credentials`, `invalid_token`, `invalid_api_key`, `unavailable`
 */
export async function authenticate(
  headers: Headers,
  settings: Settings,
  now: number,
): Promise<Authenticated> {
  const credential = readCredential(headers)
  const session = await readSession(headers, settings)
  if (session && credential.type !== 'none') {
    throw new Problem('ambiguous_credentials', 'The request carries a session cookie and more.')
  }
  switch (credential.type) {
    case 'none':
      return session ?? { type: 'anonymous' }
    case 'api-key': {
      const key = await parseApiKey(credential.key)
      if (!key) throw invalidKey()
      return { type: 'api-key', key, address: headers.get('CF-Connecting-IP') ?? undefined }
    }
    case 'jwt':
      return {
        type: 'jwt',
        token: await verifyToken(credential.token, settings.trustedIssuers, now),
      }
  }
}

/** The cookie of a request from another origin is none: browsers attach it to whatever they send. */
async function readSession(
  headers: Headers,
  { builtInLogin: login }: Settings,
): Promise<Extract<Authenticated, { type: 'session' }> | undefined> {
  if (!login || !isSameOrigin(headers, login.publicUrl)) return undefined
  const cookie = await readSessionCookie(headers, login.secret)
  if (cookie === 'forged') throw sessionRevoked()
  return cookie && { type: 'session', token: cookie.token }
}

/** Whether what the caller may do is in D1: a visitor's token says all there is, a key's gate knows. */
export function readsRights(authenticated: Authenticated): boolean {
  const { type } = authenticated
  if (type === 'jwt') return authenticated.token.issuer !== VISITORS
  return type === 'session' || type === 'rehearsed'
}

export interface Identified {
  readonly actor: Caller
  /** Where the member's visits are. */
  readonly visitShard?: number
  /** Which of the member's identities the request came with. */
  readonly identity?: Pick<VerifiedToken, 'issuer' | 'subject'>
  /** What is left of a key's limits. */
  readonly limits?: readonly Limit[]
}

interface Moment {
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly requestId: string
  /** Whether this request was identified before, and the caller's rights have changed since. */
  readonly again: boolean
}

/**
 * The actor behind an authenticated request, with the rights they have at this moment.
 * @throws Problem `session_revoked` for a token from before the member was deleted, `invalid_api_key`,
 * `rate_limited`, `quota_exceeded`, `unavailable`
 */
export async function identify(
  authenticated: Authenticated,
  deps: Pick<Deps, 'burstGuard' | 'identities' | 'keyGates' | 'settings'>,
  moment: Moment,
): Promise<Identified> {
  switch (authenticated.type) {
    case 'anonymous':
      return { actor: { kind: 'anonymous' } }
    case 'jwt': {
      const visitor = visitorOf(authenticated.token)
      if (visitor) return { actor: visitor }
      return identifyMember(authenticated.token, deps.identities, deps.settings, moment)
    }
    case 'session':
      return identifyByCookie(authenticated.token, deps.identities, deps.settings, moment)
    case 'api-key':
      return identifyPartner(authenticated, deps, moment)
    case 'rehearsed':
      return identifySubject(authenticated.as, deps, moment)
  }
}

/** Whoever it is, without a credential of theirs; a key is spared the count of this use. */
async function identifySubject(
  as: Subject,
  { identities, keyGates }: Pick<Deps, 'identities' | 'keyGates'>,
  { again }: Moment,
): Promise<Identified> {
  if (as.kind === 'member') return identified(await identities.findMember(as.userId))
  if (as.kind !== 'partner') return { actor: as }
  return admitPartner(as.keyId, await keyGates.foresee(as.keyId, { again }).catch(gateIsSilent))
}

async function identifyMember(
  token: VerifiedToken,
  identities: IdentitiesRepository,
  settings: Settings,
  moment: Moment,
): Promise<Identified> {
  return admitMember(
    token,
    await findMember(token, identities, moment),
    identities,
    settings,
    moment,
  )
}

/** @throws Problem `session_revoked` for a token of this site whose session has ended */
async function findMember(
  { issuer, subject, sessionId }: VerifiedToken,
  identities: IdentitiesRepository,
  { now }: Moment,
): Promise<IdentityRow | undefined> {
  if (issuer !== BUILT_IN) return identities.find(issuer, subject)
  const at = new Date(now)
  const found = await identities.findWithSession(issuer, subject, sessionId ?? '', at)
  if (!found.isLive) throw sessionRevoked()
  return found.known
}

/** A session is a token that the site has kept to itself. */
async function identifyByCookie(
  cookie: string,
  identities: IdentitiesRepository,
  settings: Settings,
  moment: Moment,
): Promise<Identified> {
  const found = await identities.findByCookie(BUILT_IN, cookie, new Date(moment.now))
  if (!found) throw sessionRevoked()
  const { subject, name, email, createdAt, expiresAt } = found.session
  const token = {
    issuer: BUILT_IN,
    subject,
    issuedAt: createdAt.getTime(),
    expiresAt: expiresAt.getTime(),
    name,
    email,
  }
  return admitMember(token, found.known, identities, settings, moment)
}

function sessionRevoked(): Problem {
  return new Problem('session_revoked', 'This session has ended. Sign in again.', {
    stage: 'session',
  })
}

async function admitMember(
  token: VerifiedToken,
  known: IdentityRow | undefined,
  identities: IdentitiesRepository,
  settings: Settings,
  moment: Moment,
): Promise<Identified> {
  const { issuer, subject } = token
  const isBootstrapAdmin = settings.bootstrapAdmins.has(`${issuer}|${subject}`)
  const current = async () => {
    if (!known) return provision(token, isBootstrapAdmin, identities, settings, moment)
    if (!isBootstrapAdmin || known.bootstrapped) return known
    return identities.bootstrap(issuer, subject, known.userId, bootstrapRow(known.userId, moment))
  }
  return { ...identified(await current()), identity: { issuer, subject } }
}

async function identifyPartner(
  { key, address }: Extract<Authenticated, { type: 'api-key' }>,
  { burstGuard, keyGates }: { burstGuard: BurstGuard; keyGates: KeyGates },
  { now, again }: Moment,
): Promise<Identified> {
  const { keyId, secretHash } = key
  const wait = burstGuard.wait(address, secretHash, now)
  if (wait > 0) throw tooManyUnknownKeys(wait)
  const answer = await keyGates.verify(keyId, { secretHash, address, again }).catch(gateIsSilent)
  if (answer.good || answer.because !== 'invalid') burstGuard.passed(secretHash)
  else await burstGuard.failed(address, secretHash, now)
  return admitPartner(keyId, answer)
}

function admitPartner(keyId: KeyId, answer: KeyAnswer): Identified {
  if (answer.good) {
    const { scopes, accessRevision, limits } = answer
    return { actor: { kind: 'partner', keyId, scopes, accessRevision }, limits }
  }
  switch (answer.because) {
    case 'invalid':
      throw invalidKey()
    case 'address':
      throw invalidKey('The API key may not be used from this address.')
    case 'rate_limited':
    case 'quota_exceeded':
      throw limitReached(answer.because, LIMITED[answer.because], answer.retryAfter, answer.limits)
  }
}

const LIMITED = {
  rate_limited: 'The limit of this API key is reached for now.',
  quota_exceeded: 'The quota of this API key is used up for this month.',
} as const

function tooManyUnknownKeys(wait: number): Problem {
  const detail = 'Too many unknown API keys came from this address.'
  return limitReached('rate_limited', detail, wait, [ofAddress(BURST_LIMIT, wait)])
}

function gateIsSilent(cause: unknown): never {
  throw new Problem('unavailable', 'Whether the API key is good cannot be told just now.', {
    headers: { 'Retry-After': '1' },
    cause,
  })
}

function invalidKey(detail = 'The API key is not known, or no longer good.'): Problem {
  return new Problem('invalid_api_key', detail, { stage: 'credential' })
}

async function provision(
  token: VerifiedToken,
  isBootstrapAdmin: boolean,
  identities: IdentitiesRepository,
  settings: Settings,
  moment: Moment,
) {
  const { now } = moment
  const userId = newId('usr', now)
  return identities.provision(
    {
      userId,
      issuer: token.issuer,
      subject: token.subject,
      ...(await identityHashOf(token.issuer, token.subject)),
      tokenIssuedAt: token.issuedAt ?? 0,
      displayName: displayNameOf(token.name),
      email: token.email ?? null,
      bootstrapAdmin: isBootstrapAdmin,
      initialShards: settings.visitShards,
      at: new Date(now).toISOString(),
    },
    auditRow(asThemselves(userId, moment, 'first valid request'), now, {
      action: 'user.create',
      target: userId,
    }),
    bootstrapRow(userId, moment),
  )
}

function bootstrapRow(userId: UserId, moment: Moment) {
  return auditRow(asThemselves(userId, moment, 'listed in BOOTSTRAP_ADMINS'), moment.now, {
    action: 'role.assign',
    target: userId,
    changes: { role: 'admin' },
  })
}

/** Nobody else has a hand in a first request, so its audit rows name the member. */
function asThemselves(userId: UserId, { requestId }: Moment, reason: string): Exercised {
  return {
    actor: { kind: 'member', userId, status: 'active', roles: [], accessRevision: 1 },
    scope: { owner: userId },
    requestId,
    elevation: { reason, bound: {} },
  }
}

/** A member as storage knows them. @throws Problem `session_revoked` for one who was deleted */
export function identified(row: IdentityRow | undefined): Identified {
  if (!row) {
    throw new Problem('session_revoked', 'This token was issued before its member was deleted.', {
      stage: 'session',
    })
  }
  const { userId, status, accessRevision, roles, visitShard } = row
  return {
    actor: { kind: 'member', userId, status, accessRevision, ...heldRoles(roles) },
    visitShard,
  }
}

/** The provider's name for the member, made to fit the rules for display names. */
export function displayNameOf(name: string | undefined): string {
  const clean = (name ?? '')
    .toWellFormed()
    .normalize('NFC')
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
  return Array.from(clean).slice(0, 80).join('') || 'New member'
}
