/** Answers kept under the caller's Idempotency-Key; they are stored with the write they report on. */
import { and, eq, gte, inArray, sql } from 'drizzle-orm'
import { type Assumption, batch, type Database, rows } from '../db/client.ts'
import { events, idempotencyKeys } from '../db/schema.ts'
import { type Happened, note } from './outbox.ts'

/** How long answers are kept. */
export const KEPT_FOR_MS = 24 * 60 * 60 * 1000

const UNANSWERED = 'insert into unanswered (caller, key, since) values (?, ?, ?)'

/** That nothing was answered under the key since then; whatever is older is forgotten. @param since RFC 3339 */
export function unansweredSince(caller: string, key: string, since: string): Assumption {
  return { sql: UNANSWERED, values: [caller, key, since] }
}

/** @param happened where events are noted that have to be followed up before an answer is given again */
export function idempotencyRepository(db: Database, happened: Happened) {
  return {
    /**
     * Notes the events that are open about what the answer is of.
     * @param since RFC 3339; whatever is older is as good as forgotten
     * @returns the stored answer, if any
     */
    async find(caller: string, key: string, since: string) {
      const mine = and(eq(idempotencyKeys.caller, caller), eq(idempotencyKeys.key, key))
      const target = db.select({ target: idempotencyKeys.target }).from(idempotencyKeys).where(mine)
      const { found, open } = await batch(db, {
        found: db
          .select()
          .from(idempotencyKeys)
          .where(and(mine, gte(idempotencyKeys.createdAt, since))),
        open: db.select().from(events).where(inArray(events.subject, target)),
      })
      note(happened, open)
      return found[0]
    },

    /** @returns how many keys were forgotten; call again while it is `limit` */
    async prune(before: string, limit: number) {
      const forgotten = await rows(
        db,
        sql`delete from idempotency_keys where (caller, key) in
        (select caller, key from idempotency_keys where created_at < ${before} limit ${limit})
        returning 1`,
      )
      return forgotten.length
    },
  }
}
