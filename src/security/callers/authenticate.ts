/**
 * What a request proves about itself before any storage is touched, so that junk costs nothing: at
 * most one credential, well-formed, and for a token also verified.
 */
import { VISITORS } from '../../db/issuers.ts'
import type { Settings } from '../../settings/settings.ts'
import type { Issuer } from '../tokens/own-issuers.ts'
import { Problem } from '../../problem.ts'
import type { Subject } from '../actor.ts'
import type { Identified } from './identified.ts'
import { invalidKey, type KeyChecksums, type ParsedApiKey, parseApiKey } from './api-key.ts'
import { readCredential } from './credential.ts'
import { verifyToken } from '../tokens/jwt.ts'
import type { VerifiedToken } from '../tokens/verified-tokens.ts'
import { isSameOrigin, readSessionCookie, sessionRevoked } from './session-cookie.ts'

export type Authenticated =
  | { readonly type: 'anonymous' }
  | { readonly type: 'jwt'; readonly token: VerifiedToken }
  /** Signed by this site, from one of its own pages; whether the session is still there, D1 knows. */
  | { readonly type: 'session'; readonly token: string }
  /** Issued here, by its checksum; whether it is good only its gate knows. */
  | { readonly type: 'api-key'; readonly key: ParsedApiKey; readonly address: string | undefined }
  /** Nothing: this request only shows what theirs would come to. No header makes one. */
  | ({ readonly type: 'dry run' } & StandIn)

/** Whom a dry run is for. */
export interface StandIn {
  readonly as: Subject
  /** Who that is at this moment, where whoever asks is them and has only just been looked up. */
  readonly known?: Identified | undefined
}

/** Whose word counts. */
export interface Trusted {
  readonly issuers: readonly Issuer[]
  /** Asked for only if there is a key to check. */
  readonly keyChecksums: () => Promise<KeyChecksums>
}

/**
 * @param now milliseconds since the epoch
 * @param isCookieGood whether a session cookie counts, by what else the request says of itself
 * @throws Problem `ambiguous_credentials`, `invalid_token`, `invalid_api_key`, `unavailable`, and
 * `session_revoked` for a cookie that this site has not signed
 */
export async function authenticate(
  headers: Headers,
  settings: Settings,
  { issuers, keyChecksums }: Trusted,
  now: number,
  isCookieGood: typeof isSameOrigin = isSameOrigin,
): Promise<Authenticated> {
  const credential = readCredential(headers)
  const cookie = await readCookie(headers, settings, isCookieGood)
  if (cookie && credential.type !== 'none') {
    throw new Problem('ambiguous_credentials', 'The request carries a session cookie and more.')
  }
  switch (credential.type) {
    case 'none':
      if (cookie === 'forged') throw sessionRevoked()
      return cookie ? { type: 'session', token: cookie.token } : { type: 'anonymous' }
    case 'api-key': {
      const key = await parseApiKey(credential.key, keyChecksums)
      if (!key) throw invalidKey()
      return { type: 'api-key', key, address: headers.get('CF-Connecting-IP') ?? undefined }
    }
    case 'jwt':
      return {
        type: 'jwt',
        token: await verifyToken(credential.token, issuers, now),
      }
  }
}

/** The cookie of a request from another origin is none: browsers attach it to whatever they send. */
async function readCookie(
  headers: Headers,
  { builtInLogin: login }: Settings,
  isCookieGood: typeof isSameOrigin,
) {
  if (!login || !isCookieGood(headers, login.publicUrl)) return undefined
  return readSessionCookie(headers, login.secret)
}

/** Whether what the caller may do is in D1: a visitor's token says all there is, a key's gate knows. */
export function readsRights(authenticated: Authenticated): boolean {
  const { type } = authenticated
  if (type === 'jwt') return authenticated.token.issuer !== VISITORS
  return type === 'session' || type === 'dry run'
}
