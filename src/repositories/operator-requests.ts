/** What the operator asks for by a row. Nothing here makes one: that takes write access to the database. */
import { and, asc, eq, inArray, isNull, lt, or, sql } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import { operatorRequests } from '../db/schema.ts'

export type OperatorRequest = typeof operatorRequests.$inferSelect
export type Report = OperatorRequest['report']

export function operatorRequestsRepository(db: Database) {
  const { id, status, claimedUntil } = operatorRequests

  return {
    /** The oldest that is not finished, unless another tick has it. @param at RFC 3339, as `until` */
    async claim(at: string, until: string): Promise<OperatorRequest | undefined> {
      const isOpen = inArray(status, ['requested', 'running'])
      const [oldest] = await db
        .select()
        .from(operatorRequests)
        .where(isOpen)
        .orderBy(asc(id))
        .limit(1)
      if (!oldest) return undefined
      const [claimed] = await db
        .update(operatorRequests)
        .set({ status: 'running', claimedUntil: until })
        .where(and(eq(id, oldest.id), isOpen, or(isNull(claimedUntil), lt(claimedUntil, at))))
        .returning()
      return claimed
    },

    /** Where the next tick goes on, should this one end. */
    async note(request: OperatorRequest['id'], progress: Report, report: Report) {
      await db.update(operatorRequests).set({ progress, report }).where(eq(id, request))
    },

    /** @param waitingFor what kept it from going on, if anything did */
    async release(request: OperatorRequest['id'], waitingFor?: string) {
      const report =
        waitingFor === undefined
          ? operatorRequests.report
          : sql`json_set(${operatorRequests.report}, '$.waitingFor', ${waitingFor})`
      await db
        .update(operatorRequests)
        .set({ claimedUntil: null, report: sql`${report}` })
        .where(eq(id, request))
    },

    async finish(
      request: OperatorRequest['id'],
      end: Pick<OperatorRequest, 'status' | 'report' | 'finishedAt'>,
    ) {
      await db
        .update(operatorRequests)
        .set({ ...end, claimedUntil: null })
        .where(eq(id, request))
    },
  }
}
