/** What was refused to whoever is known, for as long as somebody may ask; and how much, by day. */
import { eq, sql } from 'drizzle-orm'
import { batch, type Database, rows, statement } from '../db/client.ts'
import { refusals } from '../db/schema.ts'

export type RefusalRow = typeof refusals.$inferSelect

export interface RefusalCount {
  /** Empty if no key of this site was sent. */
  readonly keyId: string
  /** UTC, `YYYY-MM-DD`. */
  readonly day: string
  readonly code: string
  /** Empty if it has none. */
  readonly stage: string
  readonly count: number
}

/** So many of one caller are kept, the newest. */
const KEPT_OF_ONE = 200

export function refusalsRepository(db: Database) {
  return {
    async find(requestId: string) {
      const [row] = await db.select().from(refusals).where(eq(refusals.requestId, requestId))
      return row
    },

    /** Adds to what is there, in one batch. Nothing is written of a member or a key that has gone meanwhile. */
    async write(written: readonly RefusalRow[], counts: readonly RefusalCount[]) {
      const callers = JSON.stringify([...new Set(written.map(({ caller }) => caller))])
      await batch(db, {
        rows: statement(
          db,
          sql`insert into refusals
            (request_id, at, caller, method, route, status, code, stage, required, reach)
          select value ->> 'requestId', value ->> 'at', value ->> 'caller', value ->> 'method',
            value ->> 'route', value ->> 'status', value ->> 'code', value ->> 'stage',
            value ->> 'required', value ->> 'reach'
          from json_each(${JSON.stringify(written)})
          where exists (select 1 from users where id = value ->> 'caller')
            or exists (select 1 from api_keys where id = value ->> 'caller')
          on conflict do nothing`,
        ),
        oldest: statement(
          db,
          sql`delete from refusals where request_id in (
            select request_id from (
              select request_id, row_number() over (partition by caller order by at desc) as nth
              from refusals where caller in (select value from json_each(${callers})))
            where nth > ${KEPT_OF_ONE})`,
        ),
        counts: statement(
          db,
          sql`insert into refusal_counts (key_id, day, code, stage, count)
          select value ->> 'keyId', value ->> 'day', value ->> 'code', value ->> 'stage',
            value ->> 'count'
          from json_each(${JSON.stringify(counts)})
          where value ->> 'keyId' = ''
            or exists (select 1 from api_keys where id = value ->> 'keyId')
          on conflict do update set count = count + excluded.count`,
        ),
      })
    },

    /**
     * Forgets refusals before one time and counts before a day.
     * @returns how many of each; call again while one of them is `limit`
     */
    async prune(before: string, day: string, limit: number) {
      const { old, counts } = await batch(db, {
        old: rows(
          db,
          sql`delete from refusals where request_id in (
            select request_id from refusals where at < ${before} limit ${limit}) returning 1`,
        ),
        counts: rows(
          db,
          sql`delete from refusal_counts where (key_id, day, code, stage) in (
            select key_id, day, code, stage from refusal_counts where day < ${day} limit ${limit})
          returning 1`,
        ),
      })
      return [old.length, counts.length]
    },
  }
}
