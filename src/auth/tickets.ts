/** Secrets in mailed links: each good once and for a while. The table keeps a hash, so reading it opens nothing. */
import { and, eq, exists, gt } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import { authTickets } from '../db/schema.ts'
import { sha256 } from '../crypto/digest.ts'

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
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
  await db
    .insert(authTickets)
    .values({ ...ticket, secretHash: await sha256(secret), expiresAt: new Date(now + LIFETIME_MS) })
  return secret
}

/** The ticket, which stays good: for what has to be known before it is used. */
export async function readTicket(db: Database, purpose: Purpose, secret: string, now: number) {
  const [ticket] = await db
    .select()
    .from(authTickets)
    .where(await isGood(purpose, secret, now))
  return ticket
}

/** The condition that there is such a ticket, for a write that uses it up. */
export async function isGoodTicket(db: Database, purpose: Purpose, secret: string, now: number) {
  return exists(
    db
      .select({ purpose: authTickets.purpose })
      .from(authTickets)
      .where(await isGood(purpose, secret, now)),
  )
}

/** The ticket, which is used up by this. Two at once: one gets it. */
export async function redeemTicket(db: Database, purpose: Purpose, secret: string, now: number) {
  const [ticket] = await db
    .delete(authTickets)
    .where(await isGood(purpose, secret, now))
    .returning()
  return ticket
}

async function isGood(purpose: Purpose, secret: string, now: number) {
  return and(
    eq(authTickets.secretHash, await sha256(secret)),
    eq(authTickets.purpose, purpose),
    gt(authTickets.expiresAt, new Date(now)),
  )
}
