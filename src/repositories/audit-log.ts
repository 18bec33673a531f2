/** Reading the audit log; rows are written only by `audited` and by awards. */
import { and, desc, eq, gte, lt } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import { type AuditId, firstIdAt } from '../db/ids.ts'
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
    /** Newest first. The ids carry the time, so a period is a range of the primary key. */
    async list(filter: AuditFilter, page: { after?: AuditId | undefined; limit: number }) {
      const { actor, action, target, since, until } = filter
      return db
        .select()
        .from(auditLog)
        .where(
          and(
            actor === undefined ? undefined : eq(auditLog.actor, actor),
            action === undefined ? undefined : eq(auditLog.action, action),
            target === undefined ? undefined : eq(auditLog.target, target),
            since === undefined ? undefined : gte(auditLog.id, firstIdAt('aud', since)),
            until === undefined ? undefined : lt(auditLog.id, firstIdAt('aud', until)),
            page.after && lt(auditLog.id, page.after),
          ),
        )
        .orderBy(desc(auditLog.id))
        .limit(page.limit)
    },
  }
}
