/** What the login reads from a request: forms, the session, and where to go afterwards. */
import { and, eq, gt } from 'drizzle-orm'
import type { Context } from 'hono'
import type { Database } from '../db/client.ts'
import { authSessions, authUsers } from '../db/schema.ts'
import { text } from '../api/schemas.ts'
import { identityOfSession } from '../repositories/identities.ts'
import type { IdentityName } from '../repositories/linked-identities.ts'
import { readSessionCookie } from '../security/callers/session-cookie.ts'
import { ACCOUNT_HOME } from '../settings/account-home.ts'
import { EmailAddress } from '../settings/email-address.ts'
import { FRESH_SECONDS } from './better-auth.ts'

/** Form fields as text; undefined if this is no such form. Of a field sent twice, the last counts. */
export async function readForm(c: Context): Promise<Readonly<Record<string, string>> | undefined> {
  const [type] = (c.req.header('Content-Type') ?? '').split(';')
  if (type?.trim().toLowerCase() !== 'application/x-www-form-urlencoded') return undefined
  return Object.fromEntries(
    new URLSearchParams(new TextDecoder().decode(await c.req.arrayBuffer())),
  )
}

/** The address in lower case; undefined if it is no address. */
export function emailOf(text: string | undefined): string | undefined {
  return EmailAddress.safeParse(text?.trim().toLowerCase()).data
}

const Name = text(1, 80).refine((name) => !/[\n\t]/.test(name))

/** The name on one line; undefined if it is no name. */
export function nameOf(text: string | undefined): string | undefined {
  return Name.safeParse(text?.trim()).data
}

/** A path of this site, never another one, however it is spelled. */
export function nextPath(text: string | undefined, site: string): string {
  const fallback = ACCOUNT_HOME
  if (text === undefined || !/^\/(?![/\\])/.test(text) || !URL.canParse(text, site)) return fallback
  const { origin, pathname, search } = new URL(text, site)
  return origin === site && !pathname.startsWith('//') ? `${pathname}${search}` : fallback
}

interface Session {
  readonly id: string
  readonly token: string
  /** What it is known under to the API. */
  readonly identity: IdentityName
  /** It began so short a while ago that nobody else is likely to have come to the device since. */
  readonly isFresh: boolean
}

/** Somebody with an account of this login. */
export interface SignedIn extends Session {
  readonly kind: 'account'
  readonly userId: string
  readonly name: string
  readonly email: string
}

/** Somebody whom an outside provider has signed in, who has neither password nor passkey here. */
export interface SignedInOutside extends Session {
  readonly kind: 'outside'
}

/** Whoever is signed in with the cookie in these headers. */
export async function sessionOf(
  headers: Headers,
  secret: string,
  db: Database,
  now: number,
): Promise<SignedIn | SignedInOutside | undefined> {
  const cookie = await readSessionCookie(headers, secret)
  if (!cookie || cookie === 'forged') return undefined
  const [found] = await db
    .select({
      id: authSessions.id,
      token: authSessions.token,
      createdAt: authSessions.createdAt,
      ...identityOfSession,
      userId: authUsers.id,
      name: authUsers.name,
      email: authUsers.email,
    })
    .from(authSessions)
    .leftJoin(authUsers, eq(authUsers.id, authSessions.userId))
    .where(and(eq(authSessions.token, cookie.token), gt(authSessions.expiresAt, new Date(now))))
  if (!found) return undefined
  const { id, token, createdAt, issuer, subject, userId, name, email } = found
  const isFresh = now - createdAt.getTime() < FRESH_SECONDS * 1000
  const session = { id, token, identity: { issuer, subject }, isFresh }
  return userId === null || name === null || email === null
    ? { ...session, kind: 'outside' }
    : { ...session, kind: 'account', userId, name, email }
}
