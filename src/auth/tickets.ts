/** Secrets in mailed links: each good once and for a while. The table keeps a hash, so reading it opens nothing. */
import { and, eq, exists, gt, ne, type SQL } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import { authTickets } from '../db/schema.ts'
import { sha256 } from '../crypto/digest.ts'
import { randomText } from '../crypto/random.ts'

export type Purpose = 'sign-up' | 'reset' | 'change-email'

export interface Ticket {
  readonly purpose: Purpose
  /** Where the link was sent to. */
  readonly email: string
  readonly name?: string
  readonly userId?: string
}

const LIFETIME_MS = 3_600_000

/** @returns the secret for the link */
export async function issueTicket(db: Database, ticket: Ticket, now: number): Promise<string> {
  const secret = randomText()
  await db
    .insert(authTickets)
    .values({ ...ticket, secretHash: await sha256(secret), expiresAt: new Date(now + LIFETIME_MS) })
  return secret
}

/**
 * The secret is behind the `#`, which browsers send to nobody: no log of a request has it. No form is
 * answered at such an address, where a browser would take the next link for a place on its page.
 */
export function mailedLink(site: string, to: 'verify' | 'reset' | 'email', secret: string): string {
  return `${site}/auth/mailed/${to}#${secret}`
}

/** The ticket, used or not; it stays what it is: for what has to be known before it is used. */
export async function readTicket(db: Database, purpose: Purpose, secret: string, now: number) {
  const [ticket] = await db
    .select()
    .from(authTickets)
    .where(await isKnown(purpose, secret, now))
  return ticket
}

/** The condition that there is such a ticket and nobody has used it, for the write it is good for. */
export async function isGoodTicket(db: Database, purpose: Purpose, secret: string, now: number) {
  const isGood = and(await isKnown(purpose, secret, now), eq(authTickets.isUsed, false))
  return exists(db.select({ purpose: authTickets.purpose }).from(authTickets).where(isGood))
}

/**
 * Uses the ticket up, in the transaction of what it was good for. It is kept until it would have ended:
 * whoever sends the same form again, for its answer was lost, is told that it is done.
 * @param userId whose it is from now on, so that it ends with the account
 */
export function useTicket(db: Database, secretHash: string, userId: string, isDone: SQL) {
  return db
    .update(authTickets)
    .set({ isUsed: true, userId })
    .where(and(eq(authTickets.secretHash, secretHash), isDone))
}

/** Forgets every link that was mailed to the account, but for the one that is used for this. */
export function dropTickets(db: Database, userId: string, isDone: SQL, secretHash = '') {
  const isOther = ne(authTickets.secretHash, secretHash)
  return db.delete(authTickets).where(and(eq(authTickets.userId, userId), isOther, isDone))
}

async function isKnown(purpose: Purpose, secret: string, now: number) {
  return and(
    // People who copy a code out of a mail may take a blank with it.
    eq(authTickets.secretHash, await sha256(secret.trim())),
    eq(authTickets.purpose, purpose),
    gt(authTickets.expiresAt, new Date(now)),
  )
}
