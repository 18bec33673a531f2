/**
 * Signing in with an outside OpenID provider: the authorization code flow with PKCE (RFC 7636). Whose
 * session it becomes is what the ID token says, verified as every token of that provider is, and never
 * an account that happens to have the same address.
 */
import { authorizationCodeRequest, createAuthorizationURL } from '@better-auth/core/oauth2'
import { sql } from 'drizzle-orm'
import * as z from 'zod'
import { randomText } from '../crypto/random.ts'
import { type Database, statement } from '../db/client.ts'
import { authSessions } from '../db/schema.ts'
import { describeError, log } from '../log.ts'
import { hasEnded } from '../repositories/session-ends.ts'
import {
  COOKIE_PREFIX,
  SESSION_SECONDS,
  sessionCookie,
} from '../security/callers/session-cookie.ts'
import { issuedAs } from '../security/callers/first-request.ts'
import { identityHashOf } from '../security/callers/identity-hash.ts'
import { type SignedInThere, verifySignIn } from '../security/tokens/jwt.ts'
import type { Issuer } from '../security/tokens/own-issuers.ts'
import { answerOf, metadataOf, ProviderError } from '../security/tokens/provider-answers.ts'
import { seal, unseal } from '../security/tokens/sealing.ts'
import { askUserinfo } from '../security/tokens/userinfo.ts'
import type { VerifiedToken } from '../security/tokens/verified-tokens.ts'
import type { BuiltInLogin, OpenidProvider } from '../settings/login.ts'

/** What the browser keeps while somebody is away at the provider, which nobody can read or make. */
const Away = z.object({
  provider: z.string(),
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  /** Where to go afterwards. */
  next: z.string(),
  stays: z.boolean(),
  /** Milliseconds since the epoch. */
  until: z.number(),
})
type Away = z.infer<typeof Away>

export const AWAY_COOKIE = `${COOKIE_PREFIX}.openid`
const AWAY_SECONDS = 600
const ATTRIBUTES = 'Path=/; HttpOnly; Secure; SameSite=Lax'
export const BACK = `${AWAY_COOKIE}=; Max-Age=0; ${ATTRIBUTES}`

/** For the metadata, and for the answer to the code. */
const TIMEOUT_MS = 5_000

interface Asking {
  readonly login: BuiltInLogin
  /** Its name in the settings. */
  readonly name: string
  readonly provider: OpenidProvider
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Where the provider sends people back to, which is to be registered there. */
function redirectUri({ login, name }: Pick<Asking, 'login' | 'name'>): string {
  return `${login.publicUrl}/auth/callback/${name}`
}

/** @returns where to send the browser, and the cookie it comes back with. @throws ProviderError */
export async function leaveFor(asking: Asking, { next, stays }: Pick<Away, 'next' | 'stays'>) {
  const { login, name, provider, now } = asking
  const away: Away = {
    provider: name,
    state: randomText(),
    nonce: randomText(),
    verifier: randomText(),
    next,
    stays,
    until: now + AWAY_SECONDS * 1000,
  }
  const { authorization_endpoint: authorizationEndpoint } = await metadata(provider)
  if (typeof authorizationEndpoint !== 'string' || !URL.canParse(authorizationEndpoint)) {
    throw new ProviderError('Its metadata names no authorization endpoint.')
  }
  const url = await createAuthorizationURL({
    id: name,
    options: { clientId: provider.clientId },
    authorizationEndpoint,
    redirectURI: redirectUri(asking),
    state: away.state,
    nonce: away.nonce,
    codeVerifier: away.verifier,
    scopes: ['openid', 'profile', 'email'],
  })
  const sealed = await seal(JSON.stringify(away), login.secret, AWAY_COOKIE)
  return {
    url: url.href,
    cookie: `${AWAY_COOKIE}=${sealed}; Max-Age=${AWAY_SECONDS}; ${ATTRIBUTES}`,
  }
}

/** What a browser has left with; undefined for another one's, and for one that took too long. */
export async function readAway(
  sealed: string,
  { login, name, now }: Omit<Asking, 'provider'>,
): Promise<Away | undefined> {
  const text = await unseal(sealed, login.secret, AWAY_COOKIE).catch(() => undefined)
  const away = text === undefined ? undefined : Away.parse(JSON.parse(text))
  return away && away.provider === name && away.until > now ? away : undefined
}

/**
 * Whom the provider has signed in; undefined if the answer is not one to this browser, or a refusal.
 * @param answer the query that the browser came back with
 * @param issuers of the settings
 * @throws ProviderError, Problem `invalid_token` and `unavailable`
 */
export async function comeBack(
  asking: Asking,
  { state, nonce, verifier }: Away,
  answer: URLSearchParams,
  issuers: readonly Issuer[],
): Promise<SignedInThere | undefined> {
  const { provider, now } = asking
  const { clientId, clientSecret, claims, issuer } = provider
  const [code, ...codes] = answer.getAll('code')
  if (code === undefined || codes.length > 0 || answer.getAll('state').join(' ') !== state) {
    return undefined
  }
  const described = await metadata(provider)
  // RFC 9207: the code of one provider is not handed to another.
  const isNamed = described.authorization_response_iss_parameter_supported === true
  const from = answer.get('iss') ?? (isNamed ? undefined : issuer)
  if (from !== issuer) return undefined
  const { token_endpoint: tokenEndpoint } = described
  if (typeof tokenEndpoint !== 'string') {
    throw new ProviderError('Its metadata names no token endpoint.')
  }
  const { body, headers } = await authorizationCodeRequest({
    code,
    codeVerifier: verifier,
    redirectURI: redirectUri(asking),
    options: { clientId, ...(clientSecret !== undefined && { clientSecret }) },
    authentication: takesSecretInBody(described) ? 'post' : 'basic',
    ...(clientSecret === undefined && { tokenEndpointAuth: { method: 'none' } }),
    tokenEndpoint,
  })
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const tokens = await answerOf(tokenEndpoint, { method: 'POST', body, headers, signal })
  const trusted = issuers.find((each) => each.issuer === issuer)
  if (typeof tokens?.id_token !== 'string' || !trusted) return undefined
  const asked = { clientId, nonce, claims }
  const signedIn = await verifySignIn(tokens.id_token, trusted, asked, now)
  return { ...signedIn, verified: await named(signedIn.verified, tokens.access_token) }
}

/** Many providers say what somebody is called at their userinfo endpoint alone; nobody is kept out for want of it. */
async function named(verified: VerifiedToken, accessToken: unknown): Promise<VerifiedToken> {
  if (verified.name !== undefined || typeof accessToken !== 'string') return verified
  try {
    return { ...verified, ...(await askUserinfo(verified, accessToken)) }
  } catch (error) {
    log('warn', 'profile sync postponed', describeError(error))
    return verified
  }
}

/** OpenID Connect Discovery, section 3: without a word about it, the secret goes into a header. */
function takesSecretInBody(described: Readonly<Record<string, unknown>>): boolean {
  const { token_endpoint_auth_methods_supported: methods } = described
  return Array.isArray(methods) && !methods.includes('client_secret_basic')
}

async function metadata({ issuer }: OpenidProvider) {
  const described = await metadataOf(issuer, AbortSignal.timeout(TIMEOUT_MS))
  if (!described) throw new ProviderError('It has no metadata for this issuer.')
  return described
}

/**
 * Begins the session of an identity, unless that has ended at the provider meanwhile: then there is none.
 * @param headers of the request that it begins with
 * @returns its cookie
 */
export async function beginSession(
  db: Database,
  { verified, sid }: SignedInThere,
  { headers, secret, now }: { headers: Headers; secret: string; now: number },
): Promise<string> {
  const [token, at] = [randomText(), new Date(now).toISOString()]
  const until = new Date(now + SESSION_SECONDS * 1000).toISOString()
  const { issuer, subject } = verified
  const { identityHash } = await identityHashOf(issuer, subject)
  await statement(
    db,
    sql`insert into ${authSessions} (id, token, user_id, expires_at, ip_address, user_agent,
      created_at, updated_at, issuer, subject, sid)
    select ${crypto.randomUUID()}, ${token}, null, ${until}, ${headers.get('CF-Connecting-IP')},
      ${headers.get('User-Agent')}, ${at}, ${at}, ${issuer}, ${subject}, ${sid ?? null}
    where not ${hasEnded(identityHash, issuedAs(verified))}`,
  )
  return sessionCookie(token, secret)
}
