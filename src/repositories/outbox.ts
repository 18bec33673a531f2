/** Events that were written with what happened, and that nobody has finished with. */
import { asc, eq, gt } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import type { EventId } from '../db/ids.ts'
import { events } from '../db/schema.ts'

export type EventRow = typeof events.$inferSelect

export function outboxRepository(db: Database) {
  return {
    /** Oldest first. */
    async open(page: { after: EventId | undefined; limit: number }) {
      return db
        .select()
        .from(events)
        .where(page.after && gt(events.id, page.after))
        .orderBy(asc(events.id))
        .limit(page.limit)
    },

    async close(id: EventId) {
      await db.delete(events).where(eq(events.id, id))
    },
  }
}
