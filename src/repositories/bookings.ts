/** Bookings. Every change is one guarded statement: state, capacity and time are in its predicate. */
import { and, asc, desc, eq, gt, gte, inArray, lt, lte, sql, type SQL } from 'drizzle-orm'
import { type Database, rows, statement } from '../db/client.ts'
import type { BookingId, EventId, ServiceId, SlotId } from '../db/ids.ts'
import { apiKeys, bookings, type Contact, events, services, slots } from '../db/schema.ts'
import { type AuditRow, audited, storeAnswer, type StoredAnswer, wasWritten } from './audited.ts'
import { eventIdOf, type Happened } from './outbox.ts'
import { isLive, liveBookings } from './live-bookings.ts'
import { atRevision, type ReadScope, type Revisions, within, type WriteScope } from './scope.ts'

export interface NewBooking {
  readonly id: BookingId
  readonly slotId: SlotId
  readonly owner: string
  readonly note: string | null
  readonly contact: Contact | null
  /** The revision of the service that the answer was foreseen from, if it was foreseen. */
  readonly serviceRevision?: number | undefined
}

export interface BookingFilter {
  readonly serviceId?: ServiceId | undefined
  readonly status?: (typeof bookings.$inferSelect)['status'] | undefined
  /** RFC 3339; bookings that start in `[from, to)`. */
  readonly from?: string | undefined
  readonly to?: string | undefined
}

/** Which change of state, and what it needs besides a live booking. */
export type Transition =
  /** `closing` ends the event that asked for it, whatever comes of it: the service may have changed. */
  | { readonly to: 'confirmed'; readonly by: string; readonly closing?: EventId }
  | { readonly to: 'declined'; readonly reason: string | null }
  | {
      readonly to: 'canceled'
      readonly reason: string | null
      /** `in time` is up to the service's limit before the start. */
      readonly when: 'any time' | 'in time' | 'hold is over'
    }

const shown = {
  id: bookings.id,
  serviceId: bookings.serviceId,
  slotId: bookings.slotId,
  startsAt: bookings.startsAt,
  endsAt: bookings.endsAt,
  owner: bookings.owner,
  bookedBy: bookings.bookedBy,
  status: bookings.status,
  holdUntil: bookings.holdUntil,
  note: bookings.note,
  contact: bookings.contact,
  confirmedBy: bookings.confirmedBy,
  reason: bookings.reason,
  revision: bookings.revision,
  createdAt: bookings.createdAt,
  updatedAt: bookings.updatedAt,
  serviceName: services.name,
  cancelUntilMinutes: services.cancelUntilMinutes,
  autoConfirm: services.autoConfirm,
  /** Who created the API key that made it, if one did. */
  keyCreator: apiKeys.createdBy,
}

export type BookingsRepository = ReturnType<typeof bookingsRepository>
export type Offer = NonNullable<Awaited<ReturnType<BookingsRepository['offer']>>>
export type BookingRow = NonNullable<Awaited<ReturnType<BookingsRepository['find']>>>

/**
 * @param now RFC 3339
 * @param happened where bookings are noted that confirm by themselves
 */
export function bookingsRepository(db: Database, now: string, happened: Happened) {
  const select = (where: SQL | undefined) =>
    db
      .select(shown)
      .from(bookings)
      .leftJoin(services, eq(services.id, bookings.serviceId))
      .leftJoin(apiKeys, eq(apiKeys.id, bookings.bookedBy))
      .where(where)
      .$dynamic()

  return {
    async find(scope: ReadScope, id: BookingId) {
      const [row] = await select(and(eq(bookings.id, id), within(scope, bookings.owner)))
      return row
    },

    /** Newest first. */
    async list(
      scope: ReadScope,
      filter: BookingFilter,
      page: { after?: BookingId | undefined; limit: number },
    ) {
      const { serviceId, status, from, to } = filter
      return select(
        and(
          within(scope, bookings.owner),
          serviceId && eq(bookings.serviceId, serviceId),
          status && eq(bookings.status, status),
          from === undefined ? undefined : gte(bookings.startsAt, from),
          to === undefined ? undefined : lt(bookings.startsAt, to),
          page.after && lt(bookings.id, page.after),
        ),
      )
        .orderBy(desc(bookings.id))
        .limit(page.limit)
    },

    /** A slot with its service, to say beforehand what a booking of it will look like. */
    async offer(slotId: SlotId) {
      const [row] = await db
        .select({ slot: slots, service: services })
        .from(slots)
        .innerJoin(services, eq(services.id, slots.serviceId))
        .where(eq(slots.id, slotId))
      return row
    },

    /**
     * Takes a place, if one is free, together with the event that says so.
     * @returns the booking and whether its service confirms by itself; or what stands in its way
     */
    async create(booking: NewBooking, audit: AuditRow, answer: StoredAnswer | undefined) {
      const { id, slotId, owner, note, contact, serviceRevision } = booking
      const eventId = eventIdOf(audit)
      const isAsOffered =
        serviceRevision === undefined ? sql`true` : eq(services.revision, serviceRevision)
      const mine = sql`select 1 from bookings
        where slot_id = ${slotId} and owner = ${owner} and ${isLive(now)}`
      const held = sql`(${liveBookings(now, sql`slots.id`)})`
      const holdEnds = sql`strftime('%Y-%m-%dT%H:%M:%fZ', ${now}, '+' || hold_minutes || ' minutes')`
      const write = statement(
        db,
        sql`insert into bookings (id, service_id, slot_id, starts_at, ends_at, owner, booked_by,
            status, hold_until, note, contact, revision, created_at, updated_at)
          select ${id}, service_id, slots.id, starts_at, ends_at, ${owner}, ${audit.actor}, 'pending',
            iif(hold_minutes is null, null, min(${holdEnds}, starts_at)),
            ${note}, ${contact && JSON.stringify(contact)}, 1, ${now}, ${now}
          from slots join services on services.id = service_id
          where slots.id = ${slotId} and starts_at > ${now} and ${isAsOffered}
            and not exists (${mine}) and ${held} < capacity`,
      )
      const { found, slot } = await audited(db, audit, write, {
        event: statement(
          db,
          sql`insert into events (id, kind, subject, created_at)
            select ${eventId}, 'booking-created', ${id}, ${now}
            from bookings join services on services.id = bookings.service_id
            where bookings.id = ${id} and auto_confirm = 1 and ${wasWritten(audit)}`,
        ),
        found: select(eq(bookings.id, id)),
        slot: rows<{ isPast: number; isFull: number; isMine: number }>(
          db,
          sql`select starts_at <= ${now} as isPast, ${held} >= capacity as isFull,
            exists (${mine}) as isMine from slots where id = ${slotId}`,
        ),
        stored: storeAnswer(db, audit, answer),
      })
      const [row] = found
      if (row?.autoConfirm) {
        const about = { id: eventId, subject: id, keyIds: [], booking: row }
        happened.push({ kind: 'booking-created', ...about })
      }
      return { row, slot: slot[0] }
    },

    /** @returns the row as it is now, in scope, and whether it was changed */
    async transition(
      scope: WriteScope,
      id: BookingId,
      to: Transition,
      revisions: Revisions,
      audit: AuditRow,
      answer?: StoredAnswer,
    ) {
      const write = db
        .update(bookings)
        .set({ ...columnsOf(to), revision: sql`${bookings.revision} + 1`, updatedAt: now })
        .where(
          and(
            eq(bookings.id, id),
            within(scope, bookings.owner),
            atRevision(bookings.revision, revisions),
            allows(to, audit.actor, now),
          ),
        )
        .returning({ id: bookings.id })
      const inScope = and(eq(bookings.id, id), within(scope, bookings.owner))
      const closing =
        'closing' in to && to.closing
          ? db.delete(events).where(eq(events.id, to.closing))
          : undefined
      const { written, found } = await audited(db, audit, write, {
        found: select(inScope),
        closing,
        stored: storeAnswer(db, audit, answer),
      })
      return { changed: written.length > 0, row: found[0] }
    },

    /** Pending bookings whose hold has run out, oldest first. */
    async expiredHolds(page: { after: BookingId | undefined; limit: number }) {
      return db
        .select({ id: bookings.id })
        .from(bookings)
        .where(
          and(
            // The condition is written as the index has it, because held bookings are few while the
            // others pile up.
            sql`status = 'pending' and hold_until is not null`,
            lte(bookings.holdUntil, now),
            page.after && gt(bookings.id, page.after),
          ),
        )
        .orderBy(asc(bookings.id))
        .limit(page.limit)
    },
  }
}

export function columnsOf(to: Transition) {
  if (to.to === 'confirmed') return { status: to.to, confirmedBy: to.by, holdUntil: null }
  return { status: to.to, reason: to.reason }
}

const stillConfirmsByItself = sql`exists (select 1 from services
  where services.id = bookings.service_id and auto_confirm = 1)`

/**
 * Whether it still fits, and is its owner's only one: requests take their time, so a hold that has not
 * run out for whoever confirms may have run out for somebody who has taken the place since.
 */
function hasRoom(now: string): SQL {
  const others = sql`from bookings other
    where other.slot_id = bookings.slot_id and other.id <> bookings.id and ${isLive(now)}`
  return sql`(select count(*) ${others}) <
      (select capacity from slots where slots.id = bookings.slot_id)
    and not exists (select 1 ${others} and other.owner = bookings.owner)`
}

/** Whether they have it, made it, or created the API key that made it: nobody settles such a booking. */
export function isOf(actor: string, { owner, bookedBy, keyCreator }: BookingRow): boolean {
  return [owner, bookedBy, keyCreator].includes(actor)
}

/** The opposite of `isOf`, in the statement that decides. */
function isOfSomebodyElse(actor: string): SQL {
  const theirs = sql`(select ${actor} union all select id from api_keys where created_by = ${actor})`
  return sql`booked_by not in ${theirs} and owner not in ${theirs}`
}

/** The states and times a change starts from. */
function allows(to: Transition, actor: string, now: string): SQL | undefined {
  switch (to.to) {
    case 'confirmed':
      return and(
        eq(bookings.status, 'pending'),
        isLive(now),
        hasRoom(now),
        isOfSomebodyElse(actor),
        to.closing && stillConfirmsByItself,
      )
    case 'declined':
      return and(eq(bookings.status, 'pending'), isOfSomebodyElse(actor))
    case 'canceled':
      return and(inArray(bookings.status, ['pending', 'confirmed']), inTime(to, now))
  }
}

function inTime(to: Extract<Transition, { to: 'canceled' }>, now: string): SQL | undefined {
  switch (to.when) {
    case 'any time':
      return undefined
    case 'hold is over':
      return and(eq(bookings.status, 'pending'), lte(bookings.holdUntil, now))
    case 'in time':
      return sql`starts_at > strftime('%Y-%m-%dT%H:%M:%fZ', ${now}, '+' || coalesce(
        (select cancel_until_minutes from services where services.id = bookings.service_id), 0) || ' minutes')`
  }
}
