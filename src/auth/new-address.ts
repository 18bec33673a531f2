/** An account's change of address: asked for by its owner, done once the new mailbox has been read. */
import { and, eq, ne, sql } from 'drizzle-orm'
import { batch, statement } from '../db/client.ts'
import { authSessions, authUsers, users } from '../db/schema.ts'
import { accessChanged, identityOfAccount, type LoginDeps } from './deps.ts'
import { MAILS } from './mail.ts'
import {
  dropTickets,
  isGoodTicket,
  issueTicket,
  mailedLink,
  readTicket,
  useTicket,
} from './tickets.ts'

export type NewAddress = ReturnType<typeof newAddressOf>

export function newAddressOf({ db, now, site, send, notify, audit }: LoginDeps) {
  const at = new Date(now)

  return {
    /** Mails a link to the new address; until it is used, nothing changes. */
    async ask(userId: string, email: string): Promise<void> {
      const [taken] = await db
        .select({ id: authUsers.id })
        .from(authUsers)
        .where(eq(authUsers.email, email))
      const secret = await issueTicket(db, { purpose: 'change-email', email, userId }, now)
      const link = mailedLink(site, 'email', secret)
      await send(taken ? MAILS.changeEmailTaken(email, site) : MAILS.changeEmail(email, link))
    },

    /**
     * Account and member get the new address; every session ends. Only for the account that asked:
     * whoever gets such a mail out of the blue must not be able to lend their address to a stranger.
     * @returns false if the link is not good; true once more to whoever had it done with this link
     */
    async confirm(userId: string, secret: string): Promise<boolean> {
      const asked = await readTicket(db, 'change-email', secret, now)
      if (asked?.userId !== userId) return false
      const { email } = asked
      const [before] = await db.select().from(authUsers).where(eq(authUsers.id, userId))
      if (asked.isUsed) return before?.email === email
      const member = await audit.memberOf(userId)
      const isFree = sql`not exists (select 1 from ${authUsers} where email = ${email})`
      const isGood = await isGoodTicket(db, 'change-email', secret, now)
      const isDone = sql`${isGood} and
        exists (select 1 from ${authUsers} where id = ${userId} and email = ${email})`
      const { updated } = await batch(db, {
        updated: db
          .update(authUsers)
          .set({ email, updatedAt: at })
          .where(and(eq(authUsers.id, userId), ne(authUsers.email, email), isFree, isGood))
          .returning({ id: authUsers.id }),
        sessions: db.delete(authSessions).where(and(eq(authSessions.userId, userId), isDone)),
        // Links that went to the old address are its former owner's no longer.
        others: dropTickets(db, userId, isDone, asked.secretHash),
        rights: accessChanged(db, identityOfAccount(userId)),
        member: statement(
          db,
          sql`update ${users} set email = ${email}, own_email = 1, revision = revision + 1,
            updated_at = ${at.toISOString()} where id = ${member ?? ''} and ${isDone}`,
        ),
        audit: audit.row('confirmed a new address', member, isDone),
        used: useTicket(db, asked.secretHash, userId, isDone),
      })
      if (updated.length === 0) return false
      if (before) await notify(MAILS.addressChanged(before.email, site))
      return true
    },
  }
}
