/** What can be booked, and when. */
import { and, asc, eq, gt, gte, inArray, lt, sql } from 'drizzle-orm'
import { batch, type Database, rows } from '../db/client.ts'
import type { AuditId, BookingId, ServiceId, SlotId } from '../db/ids.ts'
import { bookings, calendarFeeds, services, slots } from '../db/schema.ts'
import {
  type AuditColumns,
  type AuditRow,
  audited,
  INSERT_AUDIT,
  storeAnswer,
  type StoredAnswer,
  wasWritten,
} from './audited.ts'
import { isLive, liveBookings } from './live-bookings.ts'
import type { Happened } from './outbox.ts'
import { atRevision, type Revisions, sortsAfter } from './scope.ts'

export type ServiceRow = typeof services.$inferSelect
export type SlotRow = typeof slots.$inferSelect
export type ServicePatch = {
  readonly [
    K in 'name' | 'description' | 'timeZone' | 'autoConfirm' | 'cancelUntilMinutes' | 'holdMinutes'
  ]?: ServiceRow[K] | undefined
}

export interface SlotPage {
  /** Instants, RFC 3339; slots that start in `[from, to)`. */
  readonly from: string
  readonly to?: string | undefined
  readonly after?: { readonly startsAt: string; readonly id: SlotId } | undefined
  readonly limit: number
}

/** Bookings that are canceled because their slot goes. */
export interface Canceling {
  readonly reason: string | null
  /** One booking each, with the id that its audit row will have. */
  readonly each: readonly { readonly bookingId: BookingId; readonly auditId: AuditId }[]
  readonly audit: AuditColumns
}

/**
 * @param now RFC 3339: pending bookings hold their place up to a time
 * @param happened where bookings are noted that somebody is told of
 */
export function servicesRepository(db: Database, now: string, happened: Happened) {
  const select = (id: ServiceId) => db.select().from(services).where(eq(services.id, id))
  /** What is over needs no place any more; its bookings stay on record. */
  const isInUse = sql`(ends_at > ${now} and (${liveBookings(now, sql`slots.id`)}) > 0)`
  const shown = {
    id: slots.id,
    serviceId: slots.serviceId,
    startsAt: slots.startsAt,
    endsAt: slots.endsAt,
    capacity: slots.capacity,
    createdAt: slots.createdAt,
    // What has begun cannot be booked.
    available: sql<number>`iif(starts_at > ${now},
      max(0, capacity - (${liveBookings(now, sql`slots.id`)})), 0)`,
  }

  const livesIn = (id: SlotId) => sql`(slot_id = ${id} and ends_at > ${now} and ${isLive(now)})`
  const recordCanceling = (id: SlotId, list: string, { audit: by }: Canceling, audit: AuditRow) =>
    rows<{ subject: BookingId }>(
      db,
      sql`${INSERT_AUDIT}
      select each.value ->> 'auditId', ${by.at}, ${by.actor}, ${by.onBehalfOf}, ${by.action},
        bookings.id, ${by.reason}, ${by.requestId}, ${JSON.stringify(by.changes)}
      from json_each(${list}) each cross join bookings on bookings.id = each.value ->> 'bookingId'
      where ${livesIn(id)} and ${wasWritten(audit)} returning target as subject`,
    )

  return {
    async find(id: ServiceId) {
      const [row] = await select(id)
      return row
    },

    /** Oldest first. */
    async list(page: { after?: ServiceId | undefined; limit: number }) {
      return db
        .select()
        .from(services)
        .where(page.after && gt(services.id, page.after))
        .orderBy(asc(services.id))
        .limit(page.limit)
    },

    async create(row: ServiceRow, audit: AuditRow, answer: StoredAnswer | undefined) {
      await audited(db, audit, db.insert(services).values(row), {
        stored: storeAnswer(db, audit, answer),
      })
    },

    /**
     * Bookings of what is to come are called what their service is called.
     * @returns the row as it is now and whether it was changed
     */
    async update(id: ServiceId, patch: ServicePatch, revisions: Revisions, audit: AuditRow) {
      const write = db
        .update(services)
        .set({ ...patch, revision: sql`${services.revision} + 1`, updatedAt: audit.at })
        .where(and(eq(services.id, id), atRevision(services.revision, revisions)))
        .returning({ id: services.id })
      const { name } = patch
      const renamed =
        name === undefined
          ? undefined
          : db
              .update(bookings)
              .set({ serviceName: name, revision: sql`revision + 1`, updatedAt: audit.at })
              .where(
                and(
                  eq(bookings.serviceId, id),
                  gt(bookings.endsAt, now),
                  inArray(bookings.status, ['pending', 'confirmed']),
                  sql`service_name is not ${name}`,
                  wasWritten(audit),
                ),
              )
      const { written, found } = await audited(db, audit, write, { renamed, found: select(id) })
      return { changed: written.length > 0, row: found[0] }
    },

    /** Deletes a service with its slots, unless bookings live. @returns the row that was not deleted, if any */
    async delete(id: ServiceId, revisions: Revisions, audit: AuditRow) {
      // The children go before the parent, so the write that decides only marks the service.
      const write = db
        .update(services)
        .set({ revision: sql`${services.revision} + 1` })
        .where(
          and(
            eq(services.id, id),
            atRevision(services.revision, revisions),
            sql`not exists (select 1 from slots where service_id = ${id} and ${isInUse})`,
          ),
        )
        .returning({ id: services.id })
      const { written, left } = await audited(db, audit, write, {
        slots: db.delete(slots).where(and(eq(slots.serviceId, id), wasWritten(audit))),
        calendars: db
          .delete(calendarFeeds)
          .where(and(eq(calendarFeeds.serviceId, id), wasWritten(audit))),
        service: db.delete(services).where(and(eq(services.id, id), wasWritten(audit))),
        left: select(id),
      })
      return { changed: written.length > 0, row: left[0] }
    },

    /** Slots in the order of time. @returns undefined if there is no such service */
    async slotsOf(id: ServiceId, { from, to, after, limit }: SlotPage) {
      const { known, found } = await batch(db, {
        known: select(id),
        found: db
          .select(shown)
          .from(slots)
          .where(
            and(
              eq(slots.serviceId, id),
              // One bound for where it begins: an index is searched for one only.
              after && after.startsAt >= from
                ? sortsAfter([slots.startsAt, slots.id], [after.startsAt, after.id])
                : gte(slots.startsAt, from),
              to === undefined ? undefined : lt(slots.startsAt, to),
            ),
          )
          .orderBy(asc(slots.startsAt), asc(slots.id))
          .limit(limit),
      })
      return known.length > 0 ? found : undefined
    },

    /** All or none: none if one of them would overlap a slot that is there. @returns whether they were made */
    async addSlots(added: readonly SlotRow[], audit: AuditRow, answer: StoredAnswer | undefined) {
      const list = JSON.stringify(added)
      // Slots of a service do not overlap, so the last one that starts before also ends last.
      const endOfSlotBefore = sql`(select ends_at from slots
        where service_id = wanted.value ->> 'serviceId' and starts_at < wanted.value ->> 'endsAt'
        order by starts_at desc limit 1)`
      const write = rows<{ id: SlotId }>(
        db,
        sql`insert into slots (id, service_id, starts_at, ends_at, capacity, created_at)
          select value ->> 'id', services.id, value ->> 'startsAt', value ->> 'endsAt',
            value ->> 'capacity', value ->> 'createdAt'
          from json_each(${list}) join services on services.id = value ->> 'serviceId'
          where not exists (select 1 from json_each(${list}) wanted
            where wanted.value ->> 'startsAt' < ${endOfSlotBefore})
          returning id`,
      )
      const { written } = await audited(db, audit, write, {
        stored: storeAnswer(db, audit, answer),
      })
      return written.length > 0
    },

    /** Bookings that live in a slot. */
    async bookingsOf(id: SlotId) {
      return db.select({ id: bookings.id }).from(bookings).where(livesIn(id))
    },

    /**
     * Unless bookings live other than those that are canceled with it, each with an audit row of its own.
     * @returns whether it was deleted, and whether it is still there
     */
    async deleteSlot(id: SlotId, audit: AuditRow, canceling?: Canceling) {
      const list = JSON.stringify(canceling?.each ?? [])
      const others = sql`exists (select 1 from bookings where ${livesIn(id)}
        and id not in (select value ->> 'bookingId' from json_each(${list})))`
      const write = db
        .delete(slots)
        .where(and(eq(slots.id, id), sql`not ${others}`))
        .returning({ id: slots.id })
      const left = db.select({ id: slots.id }).from(slots).where(eq(slots.id, id))
      const { written, canceled, found } = await audited(db, audit, write, {
        canceled: canceling && recordCanceling(id, list, canceling, audit),
        bookings:
          canceling &&
          db
            .update(bookings)
            .set({
              status: 'canceled',
              reason: canceling.reason,
              network: null,
              revision: sql`${bookings.revision} + 1`,
              updatedAt: now,
            })
            .where(and(livesIn(id), wasWritten(audit))),
        found: left,
      })
      for (const { subject } of canceled ?? []) happened.push({ kind: 'booking-changed', subject })
      return { changed: written.length > 0, row: found[0] }
    },
  }
}
