/** Which members want mail about bookings. */
import { and, eq, sql } from 'drizzle-orm'
import { batch, type Database, statement } from '../db/client.ts'
import type { UserId } from '../db/ids.ts'
import { users } from '../db/schema.ts'
import { type AuditRow, audited, insertAuditWhere, wasWritten } from './audited.ts'
import { type ReadScope, within, type WriteScope } from './scope.ts'

export function mailPreferencesRepository(db: Database) {
  const select = (scope: ReadScope, id: UserId) =>
    db
      .select({ bookingMails: users.bookingMails, email: users.email })
      .from(users)
      .where(and(eq(users.id, id), within(scope, users.id)))

  return {
    async find(scope: ReadScope, id: UserId) {
      const [row] = await select(scope, id)
      return row
    },

    /**
     * @param addressHash of the member's own address, which gets mail again if they want some
     * @returns what is so now; undefined if there is no such member
     */
    async write(
      scope: WriteScope,
      id: UserId,
      isWanted: boolean,
      addressHash: string | undefined,
      audit: AuditRow,
    ) {
      const write = db
        .update(users)
        .set({ bookingMails: isWanted })
        .where(and(eq(users.id, id), within(scope, users.id)))
      const again =
        isWanted && addressHash !== undefined
          ? statement(
              db,
              sql`delete from mail_suppressions
              where address_hash = ${addressHash} and reason = 'ended' and ${wasWritten(audit)}`,
            )
          : undefined
      const { found } = await audited(db, audit, write, { again, found: select(scope, id) })
      return found[0]
    },

    /** By the link in a mail; doing it again changes nothing. */
    async end(id: UserId, audit: AuditRow<'own act'>) {
      await batch(db, {
        ended: statement(
          db,
          sql`update users set booking_mails = 0 where id = ${id} and booking_mails = 1`,
        ),
        audit: insertAuditWhere(db, audit, sql`changes() > 0`),
      })
    },
  }
}
