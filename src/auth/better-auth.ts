/**
 * better-auth, as far as it is used: sessions and their cookie, passkeys, social providers. Accounts
 * with a password are in `accounts.ts`. One instance for each request, because an instance holds on
 * to I/O of the request it was made in.
 */
import { createAuthEndpoint } from '@better-auth/core/api'
import { passkey } from '@better-auth/passkey'
import { setSessionCookie } from 'better-auth/cookies'
import { betterAuth } from 'better-auth/minimal'
import { APIError } from 'better-auth/api'
import * as z from 'zod'
import type { Database } from '../db/client.ts'
import { isRetryable } from '../db/errors.ts'
import { describeError, log } from '../log.ts'
import { displayNameOf } from '../security/callers/display-name.ts'
import { COOKIE_PREFIX, SESSION_SECONDS } from '../security/callers/session-cookie.ts'
import type { BuiltInLogin } from '../settings/login.ts'
import { type Adding, storageOf } from './storage.ts'

/**
 * How long after signing in somebody may add a passkey without signing in again, and, if they have no
 * password to give again, remove one and change the rest of the account.
 */
export const FRESH_SECONDS = 900

/** A provider is asked who somebody is, once; what else its tokens would open is not ours to keep. */
const NO_TOKENS = { accessToken: null, refreshToken: null, idToken: null }

export type Auth = ReturnType<typeof makeAuth>

/** @param adding who adds a passkey, if somebody does */
export function makeAuth(
  db: Database,
  { publicUrl, secret, socialProviders }: BuiltInLogin,
  adding?: Adding,
) {
  return betterAuth({
    appName: 'Guildhall',
    baseURL: publicUrl,
    basePath: '/auth',
    secret,
    database: storageOf(db, adding),
    socialProviders,
    account: {
      // Two ways in become one account by an act of somebody signed in, never by an address.
      accountLinking: { enabled: true, disableImplicitLinking: true },
    },
    databaseHooks: {
      account: {
        create: { before: async () => ({ data: NO_TOKENS }) },
        update: { before: async () => ({ data: NO_TOKENS }) },
      },
      user: {
        create: {
          // What a provider has not verified would wait under the address of somebody else.
          before: async ({ emailVerified, name }) => {
            if (!emailVerified) throw new APIError('FORBIDDEN', { message: 'address not verified' })
            return { data: { name: displayNameOf(name) } }
          },
        },
      },
    },
    session: {
      expiresIn: SESSION_SECONDS,
      disableSessionRefresh: true,
      freshAge: FRESH_SECONDS,
      cookieCache: { enabled: false },
    },
    // Counted in `attempts.ts`, exactly.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    // Its texts may name an address; what it was is said by the error alone.
    logger: { level: 'error', log: (_, __, ...details) => details.forEach(logged) },
    trustedOrigins: [publicUrl],
    onAPIError: { errorURL: `${publicUrl}/auth/sign-in`, onError: failed },
    advanced: {
      cookiePrefix: COOKIE_PREFIX,
      // Its own prefix would be `__Secure-`; ours promises more.
      useSecureCookies: false,
      defaultCookieAttributes: { secure: true, httpOnly: true, sameSite: 'lax', path: '/' },
      ipAddress: { ipAddressHeaders: ['cf-connecting-ip'] },
    },
    plugins: [passkeys(publicUrl), { id: 'guildhall', endpoints: { startSession } }],
  })
}

/** What may succeed a moment later is said by the pages, not by better-auth. @throws it */
function failed(error: unknown): void {
  if (isRetryable(error)) throw error
  const isRefusal = error instanceof APIError && error.status !== 'INTERNAL_SERVER_ERROR'
  if (!isRefusal) logged(error)
}

function logged(detail: unknown): void {
  if (!(detail instanceof Error)) return
  const { stack: _, ...described } = describeError(detail)
  log('warn', 'sign-in failed', described)
}

function passkeys(publicUrl: string) {
  return passkey({
    rpID: new URL(publicUrl).hostname,
    rpName: 'Guildhall',
    origin: publicUrl,
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    registration: {
      afterVerification: ({ verification }) => {
        if (!verification.registrationInfo?.userVerified) throw notVerified()
      },
    },
    authentication: {
      afterVerification: ({ verification }) => {
        // A passkey replaces the password, so it has to be more than something one holds.
        if (!verification.authenticationInfo.userVerified) throw notVerified()
      },
    },
    advanced: { webAuthnChallengeCookie: 'passkey_challenge' },
  })
}

function notVerified(): APIError {
  return new APIError('UNAUTHORIZED', { message: 'the authenticator did not verify its user' })
}

/** A session for somebody whose password was right. Not reachable over HTTP. */
const startSession = createAuthEndpoint.serverOnly(
  { method: 'POST', body: z.object({ userId: z.string() }), requireHeaders: true },
  async (c) => {
    const { internalAdapter } = c.context
    const user = await internalAdapter.findUserById(c.body.userId)
    if (!user) throw new APIError('UNAUTHORIZED')
    const session = await internalAdapter.createSession(user.id)
    await setSessionCookie(c, { session, user })
    return c.json({})
  },
)
