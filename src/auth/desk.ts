/** What every route of the login works with; made once per request. */
import type { Context, Hono } from 'hono'
import type { BlankSchema } from 'hono/types'
import { openSession } from '../db/client.ts'
import { makeDeps } from '../deps.ts'
import type { Bindings } from '../env.ts'
import { identify } from '../security/identify.ts'
import { type Accounts, accountsOf } from './accounts.ts'
import { type Attempt, countAttempts } from './attempts.ts'
import { type Auth, makeAuth } from './better-auth.ts'
import { sendMail } from './mail.ts'
import { sessionOf, type SignedIn } from './requests.ts'
import type { BuiltInLogin } from './settings.ts'

export interface LoginEnv {
  readonly Bindings: Bindings & {
    readonly request: {
      readonly requestId: string
      /** Milliseconds since the epoch. */
      readonly now: number
      readonly login: BuiltInLogin
    }
  }
  readonly Variables: {
    login: BuiltInLogin
    accounts: Accounts
    auth: Auth
    /** Seconds to wait, 0 if the attempts are within their limits. */
    attempt: (...attempts: Attempt[]) => Promise<number>
    address: string
    session: () => Promise<SignedIn | undefined>
    /** Makes whoever has just signed in a member, as their first call of the API would. */
    admit: (token: string) => Promise<unknown>
  }
}

export type LoginContext = Context<LoginEnv>
export type LoginApp = Hono<LoginEnv, BlankSchema, '/auth'>

export function openDesk(c: LoginContext): void {
  const { login, now, requestId } = c.env.request
  c.set('login', login)
  const { db } = openSession(c.env.DB, 'primary')
  c.set(
    'accounts',
    accountsOf({
      db,
      now,
      requestId,
      site: login.publicUrl,
      send: (mail) => sendMail(mail, login, c.env.MAIL),
    }),
  )
  c.set('auth', makeAuth(db, login))
  c.set('address', c.req.header('CF-Connecting-IP') ?? 'unknown')
  c.set('attempt', (...attempts) => countAttempts(db, attempts, now))
  const deps = makeDeps(c.env, db, now)
  const moment = { now, requestId, again: false }
  c.set('admit', (token) => identify({ type: 'session', token }, deps, moment))
  c.set('session', () => sessionOf(c.req.raw.headers, login.secret, db, now))
}
