/** What every route of the login works with; made once per request. */
import type { Context, Hono } from 'hono'
import type { BlankSchema } from 'hono/types'
import { type Database, openSession } from '../db/client.ts'
import type { UserId } from '../db/ids.ts'
import { makeIdentifyDeps } from '../deps.ts'
import type { Bindings, Mail } from '../env.ts'
import type { IdentityName } from '../repositories/linked-identities.ts'
import { profileSyncRepository } from '../repositories/profile-sync.ts'
import { toldRow } from '../security/callers/first-request.ts'
import { identify } from '../security/callers/identify.ts'
import { changedFields } from '../security/callers/profile-sync.ts'
import { describeError, log } from '../log.ts'
import type { SignedInThere } from '../security/tokens/jwt.ts'
import { type Issuer, issuersOf } from '../security/tokens/own-issuers.ts'
import type { VerifiedToken } from '../security/tokens/verified-tokens.ts'
import { networkOf } from '../security/limits/ip-ranges.ts'
import { type Accounts, accountsOf } from './accounts.ts'
import type { LoginDeps } from './deps.ts'
import { type AccountLimit, type AddressLimit, type Attempt, countAttempts } from './attempts.ts'
import { type Auth, makeAuth } from './better-auth.ts'
import { type LoginAudit, loginAuditOf } from './audit.ts'
import { sendMail } from '../mail/transport.ts'
import { type NewAddress, newAddressOf } from './new-address.ts'
import { isWithoutAdmin } from './first-run.ts'
import { beginSession } from './openid.ts'
import { type OpenSessions, openSessionsOf } from './open-sessions.ts'
import { type Passkeys, passkeysOf } from './passkeys.ts'
import { type Places, placesOf } from './places.ts'
import { type Standing, standingOf } from './standing.ts'
import { sessionOf, type SignedIn, type SignedInOutside } from './requests.ts'
import type { Adding } from './storage.ts'
import type { BuiltInLogin } from '../settings/login.ts'
import { settingsOf } from '../settings/settings.ts'

export interface LoginEnv {
  readonly Bindings: Bindings & {
    readonly request: {
      readonly requestId: string
      /** Milliseconds since the epoch. */
      readonly now: number
      readonly login: BuiltInLogin
      /** Whether its time is up, and all that is left is to say so. */
      readonly isLate: boolean
      readonly waitForSender: <T>(sent: Promise<T>) => Promise<T>
    }
  }
  readonly Variables: {
    accounts: Accounts
    newAddress: NewAddress
    openSessions: OpenSessions
    passkeys: Passkeys
    /** @param adding who adds a passkey */
    auth: (adding?: Adding) => Auth
    audit: LoginAudit
    notify: LoginDeps['notify']
    places: Places
    /**
     * Seconds to wait, 0 if the attempt is within the limits: of where the request comes from, as far
     * as its sender cannot choose (of IPv6, the network), and then of the account.
     */
    attempt: (address: AddressLimit, account?: Attempt<AccountLimit>) => Promise<number>
    /** Whoever is signed in with the cookie of this request, or of other headers. */
    session: (headers?: Headers) => Promise<SignedIn | SignedInOutside | undefined>
    /** Makes whoever has just signed in a member, as their first call of the API would. */
    admit: (token: string) => Promise<unknown>
    /** The session of whom an outside provider has signed in. @returns its cookie */
    beginOutside: (signedIn: SignedInThere) => Promise<string>
    /** Makes them a member as `admit` does, and has their profile follow what the provider says. */
    admitOutside: (signedIn: SignedInThere) => Promise<unknown>
    /** How whoever this is stands here; nobody is staff where there is no console. */
    standing: (identity: IdentityName) => Promise<Standing>
    /** Whether nobody can run the site yet. */
    isWithoutAdmin: () => Promise<boolean>
    /** Whose tokens count. */
    issuers: () => readonly Issuer[]
  }
}

export type LoginContext = Context<LoginEnv>
export type LoginApp = Hono<LoginEnv, BlankSchema, '/auth'>

export function openLogin(c: LoginContext): void {
  const { login, now, requestId } = c.env.request
  const { db } = openSession(c.env.DB, 'primary')
  const send = (mail: Mail) => sendMail(mail, c.env, settingsOf(c.env).mail)
  const failed = (error: unknown) =>
    log('error', 'login failed', { requestId, ...describeError(error) })
  const notify = (mail: Mail) => send(mail).catch(failed)
  const address = networkOf(c.req.header('CF-Connecting-IP') ?? 'unknown')
  const places = placesOf(db, c.req.raw.headers, address, login.secret, now)
  const audit = loginAuditOf(db, { now, requestId })
  const loginDeps = { db, now, requestId, site: login.publicUrl, send, notify, places, audit }
  c.set('places', places)
  c.set('accounts', accountsOf(loginDeps))
  c.set('newAddress', newAddressOf(loginDeps))
  c.set('openSessions', openSessionsOf(loginDeps))
  c.set('passkeys', passkeysOf(loginDeps))
  c.set('notify', notify)
  c.set('auth', (adding) => makeAuth(db, login, adding))
  c.set('audit', audit)
  c.set('attempt', async (limit, account) => {
    const attempts: Attempt[] = [[limit, address], ...(account ? [account] : [])]
    const wait = await countAttempts(db, attempts, now, account ? await places.of(account[1]) : [])
    // After the answer, for the time it takes would tell whether there is such an account.
    if (wait > 0 && account?.[0] === 'password:account') {
      c.executionCtx.waitUntil(audit.refused(account[1]).catch(failed))
    }
    return wait
  })
  const deps = makeIdentifyDeps(c.env, db, { assumes: false })
  const moment = { now, requestId, again: false }
  c.set('admit', (token) => identify({ type: 'session', token }, deps, moment))
  c.set('issuers', () => issuersOf(settingsOf(c.env), c.env.DB))
  c.set('standing', async (identity) => {
    const { isStaff, ...standing } = await standingOf(db, identity)
    return { ...standing, isStaff: isStaff && settingsOf(c.env).console }
  })
  c.set('isWithoutAdmin', () => isWithoutAdmin(db, settingsOf(c.env)))
  c.set('beginOutside', (signedIn) =>
    beginSession(db, signedIn, { headers: c.req.raw.headers, secret: login.secret, now }),
  )
  c.set('admitOutside', async ({ verified }) => {
    const { actor } = await identify({ type: 'jwt', token: verified }, deps, moment)
    if (actor.kind !== 'member') return
    c.executionCtx.waitUntil(followSignIn(db, actor.userId, verified, moment).catch(failed))
  })
  c.set('session', (headers = c.req.raw.headers) => sessionOf(headers, login.secret, db, now))
}

/** The profile shows what the provider says of its member, by the rules for its tokens. */
async function followSignIn(
  db: Database,
  userId: UserId,
  token: VerifiedToken,
  moment: { readonly now: number; readonly requestId: string },
): Promise<void> {
  const sync = profileSyncRepository(db)
  const { issuer, subject } = token
  const identity = { issuer, subject }
  const { heard } = await sync.find(identity, userId)
  const changed = heard && changedFields(token, token.issuedAt, heard)
  if (!heard || !changed) return
  const audit = toldRow(userId, Object.keys(changed.fields), moment)
  await sync.follow({ identity, userId, seen: heard, ...changed }, audit)
}
