/**
 * Accounts with a password: signing up, in and out, forgetting, changing. What is known about an
 * address decides only what its owner is mailed, never what is answered or how much is done.
 */
import { and, eq, ne, sql } from 'drizzle-orm'
import { type Database, statement } from '../db/client.ts'
import { newId } from '../db/ids.ts'
import {
  authAccounts,
  authPasskeys,
  authSessions,
  authTickets,
  authUsers,
  BUILT_IN,
  identities,
  users,
} from '../db/schema.ts'
import { insertAuditWhere } from '../repositories/audited.ts'
import { forgetAttempts, subjectOf } from './attempts.ts'
import { type Mail, MAILS } from './mail.ts'
import { hashPassword, isOutdated, verifyPassword } from './passwords.ts'
import { issueTicket, redeemTicket } from './tickets.ts'

export interface Desk {
  readonly db: Database
  /** Milliseconds since the epoch. */
  readonly now: number
  readonly requestId: string
  /** The origin that links in mail begin with. */
  readonly site: string
  readonly send: (mail: Mail) => Promise<void>
}

export type Accounts = ReturnType<typeof accountsOf>

const CREDENTIAL = 'credential'

export function accountsOf({ db, now, requestId, site, send }: Desk) {
  const at = new Date(now)

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

  /** What was allowed with a session that is gone must not commit: see `acting` in the migrations. */
  const accessChanged = (userId: string) =>
    statement(
      db,
      sql`update ${users} set access_revision = access_revision + 1 where id in
        (select user_id from ${identities} where issuer = ${BUILT_IN} and subject = ${userId})`,
    )

  const storePassword = (userId: string, password: string) => {
    const row = { accountId: userId, providerId: CREDENTIAL, userId, createdAt: at, updatedAt: at }
    return db
      .insert(authAccounts)
      .values({ ...row, id: crypto.randomUUID(), password })
      .onConflictDoUpdate({
        target: [authAccounts.providerId, authAccounts.accountId],
        set: { password, updatedAt: at },
      })
  }

  return {
    /** Mails a link to whoever reads that address. */
    async signUp(email: string, name: string): Promise<void> {
      const known = await find(email)
      const secret = await issueTicket(db, { purpose: 'sign-up', email, name }, now)
      const link = `${site}/auth/verify?token=${secret}`
      await send(known ? MAILS.signUpKnown(email, site) : MAILS.signUp(email, link))
    },

    /**
     * The account comes into being here: by somebody who reads the mail, with a password of theirs.
     * @returns its id, or undefined if the link is not good
     */
    async verify(secret: string, password: string): Promise<string | undefined> {
      const ticket = await redeemTicket(db, 'sign-up', secret, now)
      if (!ticket) return undefined
      const { email, name } = ticket
      const hash = await hashPassword(password)
      const id = crypto.randomUUID()
      const times = { createdAt: at, updatedAt: at }
      const [made] = await db
        .insert(authUsers)
        .values({ id, name: name ?? email, email, emailVerified: true, ...times })
        .onConflictDoNothing()
        .returning({ id: authUsers.id })
      if (made) await storePassword(made.id, hash)
      return made?.id
    },

    /** @returns the account's id if the password is its own */
    async checkPassword(email: string, password: string): Promise<string | undefined> {
      const user = await find(email)
      if (!(await verifyPassword(password, user?.password)) || !user?.password) return undefined
      await forgetAttempts(db, await subjectOf('password:account', email))
      if (isOutdated(user.password)) await storePassword(user.id, await hashPassword(password))
      return user.id
    },

    async hasPassword(email: string): Promise<boolean> {
      return Boolean((await find(email))?.password)
    },

    /** Mails a link, or that there is no such account. */
    async forgot(email: string): Promise<void> {
      const known = await find(email)
      const user = known && { userId: known.id }
      const secret = await issueTicket(db, { purpose: 'reset', email, ...user }, now)
      const link = `${site}/auth/reset?token=${secret}`
      await send(known ? MAILS.reset(email, link) : MAILS.resetUnknown(email, site))
    },

    /** Ends every session of the account. @returns its address, or undefined if the link is not good */
    async reset(secret: string, password: string): Promise<string | undefined> {
      const ticket = await redeemTicket(db, 'reset', secret, now)
      if (!ticket?.userId) return undefined
      const { userId, email } = ticket
      await this.setPassword(userId, password)
      await send(MAILS.changed(email, 'The password', site))
      return email
    },

    /** Ends every session of the account. */
    async setPassword(userId: string, password: string): Promise<void> {
      const hash = await hashPassword(password)
      await db.batch([
        storePassword(userId, hash),
        // A second link that was mailed would undo this.
        db.delete(authTickets).where(eq(authTickets.userId, userId)),
        db.delete(authSessions).where(eq(authSessions.userId, userId)),
        accessChanged(userId),
      ])
    },

    async signOut(userId: string, sessionId: string): Promise<void> {
      await db.batch([
        db
          .delete(authSessions)
          .where(and(eq(authSessions.id, sessionId), eq(authSessions.userId, userId))),
        accessChanged(userId),
      ])
    },

    async signOutEverywhere(userId: string): Promise<void> {
      await db.batch([
        db.delete(authSessions).where(eq(authSessions.userId, userId)),
        accessChanged(userId),
      ])
    },

    sessions(userId: string) {
      return db
        .select({
          id: authSessions.id,
          userAgent: authSessions.userAgent,
          ipAddress: authSessions.ipAddress,
          createdAt: authSessions.createdAt,
        })
        .from(authSessions)
        .where(
          and(
            eq(authSessions.userId, userId),
            sql`${authSessions.expiresAt} > ${at.toISOString()}`,
          ),
        )
        .orderBy(authSessions.createdAt)
    },

    passkeys(userId: string) {
      return db
        .select({
          id: authPasskeys.id,
          name: authPasskeys.name,
          createdAt: authPasskeys.createdAt,
        })
        .from(authPasskeys)
        .where(eq(authPasskeys.userId, userId))
    },

    async removePasskey(userId: string, id: string): Promise<void> {
      await db
        .delete(authPasskeys)
        .where(and(eq(authPasskeys.id, id), eq(authPasskeys.userId, userId)))
    },

    /** Mails a link to the new address; until it is used, nothing changes. */
    async changeEmail(userId: string, email: string): Promise<void> {
      const taken = await find(email)
      const secret = await issueTicket(db, { purpose: 'change-email', email, userId }, now)
      const link = `${site}/auth/email?token=${secret}`
      await send(taken ? MAILS.changeEmailTaken(email, site) : MAILS.changeEmail(email, link))
    },

    /** Account and member get the new address; every session ends. @returns false if the link is not good */
    async confirmEmail(secret: string): Promise<boolean> {
      const ticket = await redeemTicket(db, 'change-email', secret, now)
      if (!ticket?.userId) return false
      const { userId, email } = ticket
      const [before] = await db.select().from(authUsers).where(eq(authUsers.id, userId))
      const [member] = await db
        .select({ id: identities.userId })
        .from(identities)
        .where(and(eq(identities.issuer, BUILT_IN), eq(identities.subject, userId)))
      const isFree = sql`not exists (select 1 from ${authUsers} where email = ${email})`
      const isDone = sql`exists (select 1 from ${authUsers} where id = ${userId} and email = ${email})`
      const [updated] = await db.batch([
        db
          .update(authUsers)
          .set({ email, updatedAt: at })
          .where(and(eq(authUsers.id, userId), ne(authUsers.email, email), isFree))
          .returning({ id: authUsers.id }),
        db.delete(authSessions).where(and(eq(authSessions.userId, userId), isDone)),
        // Links that went to the old address are its former owner's no longer.
        db.delete(authTickets).where(and(eq(authTickets.userId, userId), isDone)),
        accessChanged(userId),
        statement(
          db,
          sql`update ${users} set email = ${email}, revision = revision + 1,
            updated_at = ${at.toISOString()} where id = ${member?.id ?? ''} and ${isDone}`,
        ),
        insertAuditWhere(
          db,
          {
            id: newId('aud', now),
            at: at.toISOString(),
            actor: member?.id ?? '',
            accessRevision: null,
            onBehalfOf: null,
            action: 'user.update',
            target: member?.id ?? '',
            reason: 'confirmed a new address',
            requestId,
            changes: { fields: ['email'] },
          },
          sql`${isDone} and ${member ? 1 : 0} = 1`,
        ),
      ])
      if (updated.length === 0) return false
      if (before) await send(MAILS.changed(before.email, 'The address', site))
      return true
    },
  }
}
