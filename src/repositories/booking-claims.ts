/** Bookings that pass from a visitor to the member who has shown to be that visitor. */
import { eq, sql } from 'drizzle-orm'
import { batch, type Database, rows, statement } from '../db/client.ts'
import type { AuditId, BookingId, UserId, VisitorId } from '../db/ids.ts'
import { bookings } from '../db/schema.ts'
import {
  actingAs,
  type AuditColumns,
  INSERT_AUDIT,
  type StoredAnswer,
  storeAnswerWhere,
} from './audited.ts'
import { isLive, isOwnPlaceOf } from './live-bookings.ts'

/** One booking, with the id that the audit row of exactly its change of hands will have. */
interface Candidate {
  readonly bookingId: BookingId
  readonly auditId: AuditId
}

/** @param now RFC 3339 */
export function bookingClaimsRepository(db: Database, now: string) {
  return {
    async ofVisitor(visitorId: VisitorId) {
      return db.select({ id: bookings.id }).from(bookings).where(eq(bookings.owner, visitorId))
    },

    /**
     * All of them, each with an audit row of its own, in one transaction; or none, if one is no longer
     * the visitor's, or where it would give the member a second live booking of a slot to come.
     * Nor where the member has confirmed one: nobody confirms what they have booked.
     * @param answer to store if all have passed
     * @returns how many, and the visitor's bookings that stand in the way of either kind
     */
    async claim(
      visitorId: VisitorId,
      userId: UserId,
      candidates: readonly Candidate[],
      audit: AuditColumns,
      answer: StoredAnswer | undefined,
    ) {
      const list = JSON.stringify(candidates)
      const second = sql`select id from bookings
        where owner = ${visitorId} and starts_at > ${now} and ${isLive(now)} and slot_id in
          (select slot_id from bookings where ${isOwnPlaceOf({ owner: userId })} and ${isLive(now)})`
      const confirmed = sql`select id from bookings
        where owner = ${visitorId} and status = 'confirmed' and confirmed_by = ${userId}`
      const still = sql`select count(*) from bookings where owner = ${visitorId}
        and id in (select value ->> 'bookingId' from json_each(${list}))`
      const passed = sql`select target from audit_log
        where id in (select value ->> 'auditId' from json_each(${list}))`
      const { inTheWay, ownConfirmed, claimed } = await batch(db, {
        acting: actingAs(db, audit),
        inTheWay: rows<{ id: BookingId }>(db, second),
        ownConfirmed: rows<{ id: BookingId }>(db, confirmed),
        audit: statement(
          db,
          sql`${INSERT_AUDIT}
          select candidates.value ->> 'auditId', ${audit.at}, ${audit.actor}, ${audit.onBehalfOf},
            ${audit.action}, bookings.id, ${audit.reason}, ${audit.requestId},
            ${JSON.stringify(audit.changes)}
          from json_each(${list}) candidates
          cross join bookings on bookings.id = candidates.value ->> 'bookingId'
          where owner = ${visitorId} and not exists (${second})
            and not exists (${confirmed}) and (${still}) = ${candidates.length}`,
        ),
        claimed: rows(
          db,
          sql`update bookings set owner = ${userId}, revision = revision + 1, updated_at = ${now}
          where id in (${passed})
          returning id`,
        ),
        stored: storeAnswerWhere(
          db,
          answer,
          null,
          sql`(select count(*) from (${passed})) = ${candidates.length}`,
        ),
      })
      return { claimed: claimed.length, inTheWay, ownConfirmed }
    },
  }
}
