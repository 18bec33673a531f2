/** Reading the audit log; rows are written only by `audited` and by awards. */
import { and, desc, eq, gte, lt, type SQL, sql } from 'drizzle-orm'
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
    /** Newest first. The ids carry the time, so a period is in a range of an index that ends with them. */
    async list(filter: AuditFilter, { after, limit }: AuditPage) {
      const { actor, action, target, since, until } = filter
      const end = until === undefined ? undefined : firstIdAt('aud', until + 2 * ID_LEAD_MS)
      // An index has any two of these in front, and no three.
      const isNarrowed = target !== undefined && actor !== undefined
      return db
        .select()
        .from(auditLog)
        .where(
          and(
            target === undefined ? undefined : eq(auditLog.target, target),
            actor === undefined ? undefined : eq(auditLog.actor, actor),
            action === undefined
              ? undefined
              : sql`${sql.raw(isNarrowed ? '+' : '')}${auditLog.action} = ${action}`,
            ...(since === undefined ? [] : isFrom(since)),
            until === undefined ? undefined : lt(auditLog.at, isoOf(until)),
            // One bound for an end: an index is searched for one, and read as far as the other.
            isBefore(after === undefined || (end !== undefined && end < after) ? end : after),
          ),
        )
        .orderBy(desc(auditLog.id))
        .limit(limit)
    },
  }
}

interface AuditPage {
  readonly after?: AuditId | undefined
  readonly limit: number
}

/** The id leads to the entries, and may be a little later than the time they say. */
function isFrom(since: number): SQL[] {
  return [gte(auditLog.id, firstIdAt('aud', since)), gte(auditLog.at, isoOf(since))]
}

function isBefore(id: AuditId | undefined): SQL | undefined {
  return id && lt(auditLog.id, id)
}

function isoOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
