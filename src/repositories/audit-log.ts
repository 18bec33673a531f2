/** Reading the audit log; rows are written only by `audited` and by awards. */
import { and, desc, eq, gte, lt, type SQL, sql } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import type { Database } from '../db/client.ts'
import { type AuditId, firstIdAt, ID_LEAD_MS } from '../db/ids.ts'
import { auditLog } from '../db/schema.ts'

export interface AuditFilter {
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly target?: string | undefined
  /** Milliseconds since the epoch, inclusive. */
  readonly since?: number | undefined
  /** Milliseconds since the epoch, exclusive. */
  readonly until?: number | undefined
}

export function auditLogRepository(db: Database) {
  return {
    /** Newest first. The ids carry the time, so a period is in a range of the primary key. */
    async list(filter: AuditFilter, page: { after?: AuditId | undefined; limit: number }) {
      const { actor, action, target, since, until } = filter
      return db
        .select()
        .from(auditLog)
        .where(
          and(
            ...searchedByFirst([
              [auditLog.target, target],
              [auditLog.actor, actor],
              [auditLog.action, action],
            ]),
            since === undefined ? undefined : and(...isFrom(since)),
            until === undefined ? undefined : and(...isBefore(until)),
            page.after && lt(auditLog.id, page.after),
          ),
        )
        .orderBy(desc(auditLog.id))
        .limit(page.limit)
    },
  }
}

/** The id leads to the entries, and may be a little later than the time they say. */
function isFrom(since: number): SQL[] {
  return [gte(auditLog.id, firstIdAt('aud', since)), gte(auditLog.at, isoOf(since))]
}

function isBefore(until: number): SQL[] {
  const last = firstIdAt('aud', until + 2 * ID_LEAD_MS)
  return [lt(auditLog.id, last), lt(auditLog.at, isoOf(until))]
}

function isoOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

/**
 * SQLite does not know that a target has few rows and an action many. It is told which index to take:
 * a column with `+` is compared, but not searched for.
 */
function searchedByFirst(filters: readonly (readonly [SQLiteColumn, string | undefined])[]): SQL[] {
  return filters
    .filter(([, value]) => value !== undefined)
    .map(([column, value], index) => (index === 0 ? eq(column, value) : sql`+${column} = ${value}`))
}
