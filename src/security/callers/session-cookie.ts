/**
 * The session cookie of the built-in login, read without loading the login: `<token>.<HMAC>`, signed
 * with `AUTH_SECRET`. A browser attaches cookies by itself, so a request has to show that it was made
 * by a page of this site before its cookie counts.
 */
import { Problem } from '../../problem.ts'
import { cookiesNamed } from './cookies.ts'

/** A browser takes a `__Host-` cookie only over a secure connection, from this host, for all paths. */
export const COOKIE_PREFIX = '__Host-guildhall'
export const SESSION_COOKIE = `${COOKIE_PREFIX}.session_token`
export const SESSION_SECONDS = 14 * 86_400

/** Has a browser forget the session. */
export const NO_SESSION = `${SESSION_COOKIE}=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax`

/** As `readSessionCookie` reads it, for a session that nothing else has begun. */
export async function sessionCookie(token: string, secret: string): Promise<string> {
  const key = await keyOf(secret, 'sign')
  const signature = await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(token))
  const value = encodeURIComponent(`${token}.${Buffer.from(signature).toString('base64')}`)
  return `${SESSION_COOKIE}=${value}; Max-Age=${SESSION_SECONDS}; Path=/; HttpOnly; Secure; SameSite=Lax`
}

/**
 * Whether a page of this site made the request: by `Sec-Fetch-Site` (W3C Fetch Metadata) and `Origin`.
 * Without either there is nothing to go by, and the answer is no.
 */
export function isSameOrigin(headers: Headers, publicUrl: string): boolean {
  const site = headers.get('Sec-Fetch-Site')
  const origin = headers.get('Origin')
  if (site === null && origin === null) return false
  return (site ?? 'same-origin') === 'same-origin' && (origin ?? publicUrl) === publicUrl
}

/** @returns the token if the signature is right, `forged` if not, undefined if there is no cookie */
export async function readSessionCookie(
  headers: Headers,
  secret: string,
): Promise<{ readonly token: string } | 'forged' | undefined> {
  const [sent, ...others] = cookiesNamed(headers, SESSION_COOKIE)
  if (sent === undefined) return undefined
  const value = uriDecoded(sent)
  const at = value.lastIndexOf('.')
  const [token, signature] = [value.slice(0, at), base64Decoded(value.slice(at + 1))]
  // There is one, and it cannot be read: bad is not the same as absent. No browser sends two.
  if (others.length > 0 || at < 1 || !signature) return 'forged'
  const key = await keyOf(secret, 'verify')
  const isGood = await crypto.subtle.verify('HMAC', key, signature, new TextEncoder().encode(token))
  return isGood ? { token } : 'forged'
}

function keyOf(secret: string, use: 'sign' | 'verify'): Promise<CryptoKey> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  return crypto.subtle.importKey('raw', new TextEncoder().encode(secret), algorithm, false, [use])
}

function uriDecoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

function base64Decoded(base64: string) {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  } catch {
    return undefined
  }
}

export function sessionRevoked(): Problem {
  return new Problem('session_revoked', 'This session has ended. Sign in again.', {
    stage: 'session',
  })
}
