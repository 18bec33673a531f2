/**
 * Accounts with a password: signing up, in, forgetting, changing. What is known about an address
 * decides only what its owner is mailed, never what is answered or how much is done.
 */
import { and, eq, exists, sql, type SQL } from 'drizzle-orm'
import { batch, rows } from '../db/client.ts'
import { authAccounts, authSessions, authUsers } from '../db/schema.ts'
import { accountOf, forgetAttempts, forgiveAttempts } from './attempts.ts'
import { MAILS } from './mail.ts'
import { accessChanged, identityOfAccount, type LoginDeps } from './deps.ts'
import { hashPassword, isOutdated, passwordFault, verifyPassword } from './passwords.ts'
import type { SignedIn } from './requests.ts'
import {
  dropTickets,
  isGoodTicket,
  issueTicket,
  mailedLink,
  readTicket,
  useTicket,
} from './tickets.ts'

export type Accounts = ReturnType<typeof accountsOf>

/** What became of a mailed link: good, good with another password, or not good. */
export type Redeemed =
  | { readonly userId: string; readonly email: string; readonly isRepeat: boolean }
  | { readonly fault: string; readonly email: string }
  | 'bad link'

/** An account whose password was right, and the hash it was held against. */
export interface Checked {
  readonly userId: string
  readonly hash: string
}

const CREDENTIAL = 'credential'

export function accountsOf({ db, now, site, send, notify, places, audit }: LoginDeps) {
  const at = new Date(now)
  const { hostname } = new URL(site)

  const find = async (email: string) => {
    const [user] = await db
      .select({ id: authUsers.id, name: authUsers.name, password: authAccounts.password })
      .from(authUsers)
      .leftJoin(
        authAccounts,
        and(eq(authAccounts.userId, authUsers.id), eq(authAccounts.providerId, CREDENTIAL)),
      )
      .where(eq(authUsers.email, email))
    return user
  }

  /** @param isAllowed what has to be so at the moment it is stored */
  const storePassword = (userId: string, hash: string, isAllowed: SQL) =>
    rows(
      db,
      sql`insert into ${authAccounts}
        (id, account_id, provider_id, user_id, password, created_at, updated_at)
      select ${crypto.randomUUID()}, ${userId}, ${CREDENTIAL}, ${userId}, ${hash},
        ${at.toISOString()}, ${at.toISOString()} where ${isAllowed}
      on conflict (provider_id, account_id) do update
        set password = excluded.password, updated_at = excluded.updated_at
      returning user_id`,
    )

  /**
   * Ends every session of the account, and tells its owner.
   * @param isAllowed hashing takes its time; what allowed it has to be so when it is done
   * @param secretHash of the link it is done with, if it is one
   * @returns whether it was
   */
  async function setPassword(
    { userId, email }: { readonly userId: string; readonly email: string },
    password: string,
    isAllowed: SQL,
    secretHash?: string,
  ) {
    const member = await audit.memberOf(userId)
    const act = secretHash === undefined ? 'changed the password' : 'reset the password by mail'
    const hash = await hashPassword(password)
    // No two hashes are alike.
    const isStored = sql`exists (select 1 from auth_accounts
      where user_id = ${userId} and provider_id = ${CREDENTIAL} and password = ${hash})`
    const { stored } = await batch(db, {
      stored: storePassword(userId, hash, isAllowed),
      // A second link that was mailed would undo this.
      others: dropTickets(db, userId, isStored, secretHash),
      used: secretHash === undefined ? undefined : useTicket(db, secretHash, userId, isStored),
      sessions: db.delete(authSessions).where(and(eq(authSessions.userId, userId), isStored)),
      rights: accessChanged(db, identityOfAccount(userId)),
      audit: audit.row(act, member, isStored),
      // Whoever guessed at the old one does not keep the owner from using the new one.
      attempts: forgetAttempts(db, await accountOf(email)),
    })
    if (stored.length === 0) return false
    await notify(MAILS.passwordChanged(email, site))
    return true
  }

  return {
    /** Mails a link to whoever reads that address. */
    async signUp(email: string, name: string): Promise<void> {
      const known = await find(email)
      const secret = await issueTicket(db, { purpose: 'sign-up', email, name }, now)
      const link = mailedLink(site, 'verify', secret)
      await send(known ? MAILS.signUpKnown(email, site) : MAILS.signUp(email, link))
    },

    /** Whom a mailed link is for; undefined if it is not good. Nothing is used up. */
    async addressee(purpose: 'sign-up' | 'reset', secret: string): Promise<string | undefined> {
      const ticket = await readTicket(db, purpose, secret, now)
      return ticket?.isUsed ? undefined : ticket?.email
    },

    /**
     * The account comes into being here: by somebody who reads the mail, with a password of theirs.
     * @returns `isRepeat` if the link was used for that account already: its password is to be checked
     */
    async verify(secret: string, password: string): Promise<Redeemed> {
      const invitation = await readTicket(db, 'sign-up', secret, now)
      if (!invitation) return 'bad link'
      const { email, name } = invitation
      const fault = passwordFault(password, [email, name ?? '', hostname])
      if (fault) return { fault, email }
      const repeat = { userId: invitation.userId ?? '', email, isRepeat: true }
      if (invitation.isUsed) return repeat
      const hash = await hashPassword(password)
      const id = crypto.randomUUID()
      const [isGood, time] = [await isGoodTicket(db, 'sign-up', secret, now), at.toISOString()]
      const isMade = sql`exists (select 1 from auth_users where id = ${id})`
      const { made } = await batch(db, {
        made: rows(
          db,
          sql`insert into ${authUsers} (id, name, email, email_verified, created_at, updated_at)
          select ${id}, ${name ?? email}, ${email}, 1, ${time}, ${time} where ${isGood}
          on conflict do nothing returning id`,
        ),
        password: storePassword(id, hash, isMade),
        used: useTicket(db, invitation.secretHash, id, isMade),
      })
      if (made.length > 0) return { userId: id, email, isRepeat: false }
      // Somebody may have sent the form twice at once.
      const meanwhile = await readTicket(db, 'sign-up', secret, now)
      return meanwhile?.isUsed ? { ...repeat, userId: meanwhile.userId ?? '' } : 'bad link'
    },

    /** @returns the account if the password is its own, and what is stored of it */
    async checkPassword(email: string, password: string): Promise<Checked | undefined> {
      const user = await find(email)
      if (!(await verifyPassword(password, user?.password)) || !user?.password) return undefined
      await forgiveAttempts(db, email, now, await places.of(email))
      const { id: userId, password: hash } = user
      if (!isOutdated(hash)) return { userId, hash }
      const renewed = await hashPassword(password)
      const isStored = and(
        eq(authAccounts.userId, userId),
        eq(authAccounts.providerId, CREDENTIAL),
        eq(authAccounts.password, hash),
      )
      await db.update(authAccounts).set({ password: renewed }).where(isStored)
      return { userId, hash: renewed }
    },

    /**
     * Checking takes its time; meanwhile password or address may have been changed, and all sessions
     * ended. Another hash alone says nothing: the same password may have been hashed anew.
     */
    async isStillRight({ userId, hash }: Checked, email: string, password: string) {
      const user = await find(email)
      if (user?.id !== userId) return false
      return user.password === hash || verifyPassword(password, user.password)
    },

    async hasPassword(email: string): Promise<boolean> {
      return Boolean((await find(email))?.password)
    },

    /** Mails a link, or that there is no such account. */
    async forgot(email: string): Promise<void> {
      const known = await find(email)
      const user = known && { userId: known.id }
      const secret = await issueTicket(db, { purpose: 'reset', email, ...user }, now)
      const link = mailedLink(site, 'reset', secret)
      await send(known ? MAILS.reset(email, link) : MAILS.resetUnknown(email, site))
    },

    /**
     * Sets a new password and ends every session of the account.
     * @returns `isRepeat` if the link was used already: the password is to be checked, not set
     */
    async reset(secret: string, password: string): Promise<Redeemed> {
      const link = await readTicket(db, 'reset', secret, now)
      if (!link?.userId) return 'bad link'
      const { userId, email } = link
      const user = await find(email)
      // The account has another address by now; this one's reader has no say any more.
      if (user?.id !== userId) return 'bad link'
      const fault = passwordFault(password, [email, user.name, hostname])
      if (fault) return { fault, email }
      const account = { userId, email, isRepeat: link.isUsed }
      if (link.isUsed) return account
      const isGood = await isGoodTicket(db, 'reset', secret, now)
      const isReset = await setPassword(account, password, isGood, link.secretHash)
      return isReset ? account : 'bad link'
    },

    /**
     * Changes the password of somebody who is signed in, and ends every session of the account.
     * Their own session has to be there until that is done.
     */
    async changePassword(by: SignedIn, password: string): Promise<void> {
      const session = db.select({ id: authSessions.id }).from(authSessions)
      await setPassword(by, password, exists(session.where(eq(authSessions.id, by.id))))
    },
  }
}
