/** Bookings. Every change is one guarded statement: state, capacity and time are in its predicate. */
import { and, eq, gt, inArray, sql, type SQL } from 'drizzle-orm'
import { batch, type Database, rows, statement } from '../db/client.ts'
import type { AuditId, BookingId, EventId, ServiceId, SlotId, VisitorId } from '../db/ids.ts'
import {
  apiKeys,
  bookings,
  type Contact,
  events,
  idempotencyKeys,
  services,
  slots,
  users,
} from '../db/schema.ts'
import {
  actingAs,
  type AuditColumns,
  type AuditRow,
  audited,
  INSERT_AUDIT,
  storeAnswer,
  type StoredAnswer,
  storeAnswerWhere,
  wasWritten,
} from './audited.ts'
import { shapes } from '../db/shape.ts'
import { ERASED, hasData } from './guest-data.ts'
import { eventIdOf, type Happened } from './outbox.ts'
import {
  isLive,
  isOwnPlaceOf,
  isReachedAs,
  isSamePerson,
  liveBookings,
  pendingUntil,
  type Person,
  visitorsBookings,
} from './live-bookings.ts'
import {
  atRevision,
  kindOf,
  ownerOf,
  type ReadScope,
  type Revisions,
  type ScopeKind,
  within,
  withinKind,
  type WriteScope,
} from './scope.ts'

export interface NewBooking {
  readonly id: BookingId
  readonly slotId: SlotId
  readonly owner: string
  readonly note: string | null
  readonly contact: Contact | null
  /** The contact as people are told apart by it. */
  readonly guestEmail: string | null
  readonly guestPhone: string | null
  /** Whether it is for whoever is named in the contact; otherwise it is its owner's own place. */
  readonly isForGuest: boolean
  /** What a visitor is held to; undefined for everybody else. */
  readonly visitor: VisitorTerms | undefined
  /** The revision of the service that the answer was foreseen from, if it was foreseen. */
  readonly serviceRevision?: number | undefined
}

export interface VisitorTerms {
  readonly visitorId: VisitorId
  /** A keyed hash; null if it is not known. */
  readonly network: string | null
  /** Live bookings that one visitor, and that all of a network, may have. */
  readonly perVisitor: number
  readonly perNetwork: number
  /** How long it holds its place where the service does not say. */
  readonly holdMinutes: number
}

export interface BookingFilter {
  /** Whose; nobody is found whom the scope does not reach. */
  readonly owner?: string | undefined
  readonly serviceId?: ServiceId | undefined
  readonly status?: (typeof bookings.$inferSelect)['status'] | undefined
  /** RFC 3339; bookings that start in `[from, to)`. */
  readonly from?: string | undefined
  readonly to?: string | undefined
}

/** What a page comes after. */
export interface BookingPage {
  readonly after?: { readonly id: BookingId; readonly startsAt?: string | undefined } | undefined
  readonly limit: number
}

/** Whether a list with this filter is in the order in which bookings start. */
export function isOfPeriod({ from, to }: BookingFilter): boolean {
  return from !== undefined || to !== undefined
}

/** Which change of state, and what it needs besides a live booking. */
export type Transition =
  /** `closing` ends the event that asked for it, whatever comes of it: the service may have changed. */
  | { readonly to: 'confirmed'; readonly by: string; readonly closing?: EventId }
  | { readonly to: 'declined'; readonly reason: string | null }
  | {
      readonly to: 'canceled'
      readonly reason: string | null
      /** `in time` is up to the limit before the start, and up to the start for a pending one. */
      readonly when: 'any time' | 'in time' | 'hold is over'
    }

/** A change by whoever decides about bookings. */
export type Settlement = Extract<Transition, { to: 'confirmed' | 'declined' }>

/** A booking that is to be changed, with the id of its audit row. */
export interface SettlementCandidate {
  readonly bookingId: BookingId
  readonly auditId: AuditId
}

/** What a change comes to for a booking that is there. */
export interface Settled {
  readonly bookingId: BookingId
  readonly outcome: 'done' | 'forbidden' | 'invalid_state'
}

/** Whether only its member's profile says how to reach whoever has it. */
const isReachedByProfile = sql`(${users.id} is not null and ${bookings.contact} is null
  and ${bookings.isForGuest} = 0)`

/** What `json_object` makes of the columns of a contact; drizzle does not call it for null. */
function contactIn(json: string): Contact | null {
  const contact: Contact = JSON.parse(json)
  return contact
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
  serviceName: bookings.serviceName,
  cancelUntilMinutes: bookings.cancelUntilMinutes,
  /** How to reach the member whose it is, for whoever may know, if the booking does not say. */
  profile: sql`iif(${isReachedByProfile}, json_object('name', ${users.displayName},
    'email', ${users.email}, 'phone', ${users.phone}), null)`
    .mapWith(contactIn)
    .as('reached_by'),
  /** Who created the API key that made it, if one did. */
  keyCreator: apiKeys.createdBy,
}

export type BookingsRepository = ReturnType<typeof bookingsRepository>
export type Offer = NonNullable<Awaited<ReturnType<BookingsRepository['offer']>>>
export type BookingRow = NonNullable<Awaited<ReturnType<BookingsRepository['find']>>>

/**
 * @param now RFC 3339
 * @param happened where bookings are noted that confirm by themselves, or that somebody is told of
 */
export function bookingsRepository(db: Database, now: string, happened: Happened) {
  const select = (where: SQL | undefined) =>
    db
      .select(shown)
      .from(bookings)
      .leftJoin(users, eq(users.id, bookings.owner))
      .leftJoin(apiKeys, eq(apiKeys.id, bookings.bookedBy))
      .where(where)
      .$dynamic()

  return {
    async find(scope: ReadScope, id: BookingId) {
      const [row] = await select(and(eq(bookings.id, id), within(scope, bookings.owner)))
      return row
    },

    /**
     * A booking for somebody who is shown how its member is reached, which goes on record: by their
     * ids only, and unless they are the same or there is nothing to show.
     */
    async findOnRecord(scope: ReadScope, id: BookingId, auditId: AuditId, audit: AuditColumns) {
      const inScope = and(eq(bookings.id, id), within(scope, bookings.owner))
      const { found } = await batch(db, {
        acting: actingAs(db, audit),
        record: statement(
          db,
          sql`${INSERT_AUDIT}
          select ${auditId}, ${audit.at}, ${audit.actor}, ${audit.onBehalfOf}, ${audit.action},
            ${bookings.owner}, ${audit.reason}, ${audit.requestId}, ${JSON.stringify(audit.changes)}
          from ${bookings} join ${users} on ${users.id} = ${bookings.owner}
          where ${inScope} and ${isReachedByProfile} and ${bookings.owner} <> ${audit.actor}`,
        ),
        found: select(inScope),
      })
      return found[0]
    },

    /** When the last live booking of a visitor ends; null if they have none. */
    async lastEnd(visitorId: VisitorId) {
      const [row] = await db
        .select({ endsAt: sql<string | null>`max(${bookings.endsAt})` })
        .from(bookings)
        .where(and(eq(bookings.owner, visitorId), isLive(now), gt(bookings.endsAt, now)))
      return row?.endsAt ?? null
    },

    /** Newest first; those of a period in the order in which they start. */
    async list(scope: ReadScope, filter: BookingFilter, { after, limit }: BookingPage) {
      const { owner = ownerOf(scope), serviceId, status, from = '', to = LAST } = filter
      if (kindOf(scope) === 'owner' && owner !== ownerOf(scope)) return []
      const kind = filter.owner === undefined ? kindOf(scope) : 'owner'
      const isByStart = isOfPeriod(filter)
      const statement = LIST(kind, serviceId !== undefined, status, isByStart)
      // One bound for each end: an index is searched for one, and read as far as the other.
      const { id, startsAt = '' } = after ?? {}
      const isLater = id !== undefined && startsAt >= from
      return statement(db, {
        owner,
        serviceId: serviceId ?? '',
        from: isLater ? startsAt : from,
        fromId: isLater ? id : '',
        to,
        before: id ?? LAST,
        limit,
      }).run()
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
     * @returns the booking, or what stands in its way
     */
    async create(booking: NewBooking, audit: AuditRow, answer: StoredAnswer | undefined) {
      const { id, slotId, owner, note, contact, isForGuest, visitor, serviceRevision } = booking
      const person = {
        owner: isForGuest ? null : owner,
        email: booking.guestEmail,
        phone: booking.guestPhone,
      }
      const eventId = eventIdOf(audit)
      const isAsOffered =
        serviceRevision === undefined ? sql`true` : eq(services.revision, serviceRevision)
      const isHeldBy = (is: SQL) =>
        sql`exists (select 1 from bookings where slot_id = ${slotId} and ${is} and ${isLive(now)})`
      const held = sql`(${liveBookings(now, sql`slots.id`)})`
      const holdFor = sql`coalesce(hold_minutes, ${visitor?.holdMinutes ?? null})`
      const holdEnds = sql`strftime('%Y-%m-%dT%H:%M:%fZ', ${now}, '+' || ${holdFor} || ' minutes')`
      const hasTooMany = visitor ? isAtLimit(visitor, now) : sql`false`
      const write = statement(
        db,
        sql`insert into bookings (id, service_id, slot_id, starts_at, ends_at, owner, booked_by,
            status, hold_until, note, contact, guest_email, guest_phone, is_for_guest, network,
            service_name, cancel_until_minutes, revision, created_at, updated_at)
          select ${id}, service_id, slots.id, starts_at, ends_at, ${owner}, ${audit.actor}, 'pending',
            iif(${holdFor} is null, null, min(${holdEnds}, starts_at)),
            ${note}, ${contact && JSON.stringify(contact)}, ${person.email}, ${person.phone},
            ${Number(isForGuest)}, ${visitor?.network ?? null},
            services.name, cancel_until_minutes, 1, ${now}, ${now}
          from slots join services on services.id = service_id
          where slots.id = ${slotId} and starts_at > ${now} and ${isAsOffered}
            and not ${isHeldBy(isSamePerson(person))} and ${held} < capacity and not ${hasTooMany}`,
      )
      const { found, slot, event } = await audited(db, audit, write, {
        event: rows<{ id: EventId }>(
          db,
          sql`insert into events (id, kind, subject, created_at)
            select ${eventId}, 'booking-created', ${id}, ${now}
            from bookings join services on services.id = bookings.service_id
            where bookings.id = ${id} and auto_confirm = 1 and ${wasWritten(audit)}
            returning id`,
        ),
        found: select(eq(bookings.id, id)),
        slot: rows<{
          isPast: number
          isFull: number
          isMine: number
          isTheirs: number
          isTooMany: number
        }>(
          db,
          sql`select starts_at <= ${now} as isPast, ${held} >= capacity as isFull,
            ${isHeldBy(isOwnPlaceOf(person))} as isMine, ${isHeldBy(isReachedAs(person))} as isTheirs,
            ${hasTooMany} as isTooMany from slots where id = ${slotId}`,
        ),
        stored: storeAnswer(db, audit, answer),
      })
      const [row] = found
      if (row && event.length > 0) {
        const about = { id: eventId, subject: id, keyIds: [], booking: row }
        happened.push({ kind: 'booking-created', ...about })
      }
      if (row) happened.push({ kind: 'booking-changed', subject: id })
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
      const changed = written.length > 0
      if (changed) happened.push({ kind: 'booking-changed', subject: id })
      return { changed, row: found[0] }
    },

    /** What a change of these bookings by this actor would come to. */
    async foreseeAll(
      scope: ReadScope,
      ids: readonly BookingId[],
      to: Settlement,
      actor: string,
    ): Promise<Settled[]> {
      const list = JSON.stringify(ids.map((bookingId) => ({ bookingId })))
      return rows<Settled>(db, outcomes(scope, list, to, actor, now))
    },

    /**
     * Changes those of many bookings that `transition` would change, each with an audit row of its own, in
     * one transaction. None needs the place of another: whatever may be confirmed has its place already.
     * @returns the bookings that were changed, and what of the others there is in scope; undefined if
     * something else would have come of it than was foreseen
     */
    async transitionAll(
      scope: WriteScope,
      candidates: readonly SettlementCandidate[],
      to: Settlement,
      audit: AuditColumns,
      foreseen?: { readonly settled: readonly Settled[]; readonly answer: StoredAnswer },
    ): Promise<Settled[] | undefined> {
      const list = JSON.stringify(candidates)
      const before = outcomes(scope, list, to, audit.actor, now)
      const isAsForeseen = foreseen
        ? sql`(select json_group_array(json_array(bookingId, outcome)) from
            (${before} order by bookingId)) = ${textOfSettled(foreseen.settled)}`
        : sql`true`
      const audits = sql`select value ->> 'auditId' from json_each(${list})`
      const count = foreseen?.settled.filter(({ outcome }) => outcome === 'done').length ?? 0
      const { changed, found } = await batch(db, {
        acting: actingAs(db, audit),
        audit: statement(
          db,
          sql`${INSERT_AUDIT}
          select candidates.value ->> 'auditId', ${audit.at}, ${audit.actor}, ${audit.onBehalfOf},
            ${audit.action}, bookings.id, ${audit.reason}, ${audit.requestId},
            ${JSON.stringify(audit.changes)}
          from json_each(${list}) candidates
          cross join bookings on bookings.id = candidates.value ->> 'bookingId'
          where ${and(within(scope, bookings.owner), allows(to, audit.actor, now))} and ${isAsForeseen}`,
        ),
        changed: db
          .update(bookings)
          .set({ ...columnsOf(to), revision: sql`${bookings.revision} + 1`, updatedAt: now })
          .where(sql`id in (select target from audit_log where id in (${audits}))`)
          .returning({ id: bookings.id }),
        found: rows<Settled>(db, outcomes(scope, list, to, audit.actor, now)),
        stored: storeAnswerWhere(
          db,
          foreseen?.answer,
          null,
          // Nothing is as it was once they are changed; that all of them are says the rest.
          count > 0
            ? sql`(select count(*) from audit_log where id in (${audits})) = ${count}`
            : isAsForeseen,
        ),
      })
      const done = new Set(changed.map(({ id }) => id))
      const settled = found.map(({ bookingId, outcome }): Settled => {
        return { bookingId, outcome: done.has(bookingId) ? 'done' : outcome }
      })
      const isRight = !foreseen || textOfSettled(settled) === textOfSettled(foreseen.settled)
      return isRight ? settled : undefined
    },

    /**
     * Erases what was written on it about a person, and the answers that show it.
     * @returns the row as it is now, in scope, and whether there was anything
     */
    async erase(scope: WriteScope, id: BookingId, revisions: Revisions, audit: AuditRow) {
      const inScope = and(eq(bookings.id, id), within(scope, bookings.owner))
      const write = db
        .update(bookings)
        .set({ ...ERASED, revision: sql`${bookings.revision} + 1`, updatedAt: now })
        .where(and(inScope, atRevision(bookings.revision, revisions), hasData))
        .returning({ id: bookings.id })
      const { written, found } = await audited(db, audit, write, {
        answers: db
          .delete(idempotencyKeys)
          .where(and(eq(idempotencyKeys.target, id), wasWritten(audit))),
        found: select(inScope),
      })
      return { changed: written.length > 0, row: found[0] }
    },

    /** Pending bookings that nobody has answered in time, oldest first. */
    async expiredHolds(page: { after: BookingId | undefined; limit: number }) {
      return (
        db
          .select({ id: bookings.id })
          .from(bookings)
          .where(
            and(
              // The conditions are written as the index has them, for most of those pending have time.
              sql`status = 'pending' and ${pendingUntil} <= ${now}`,
              page.after && sql`+${bookings.id} > ${page.after}`,
            ),
          )
          // The plus keeps SQLite from reading all pending ones in the order of their ids.
          .orderBy(sql`+${bookings.id}`)
          .limit(page.limit)
      )
    },
  }
}

const value = sql.placeholder

/** It sorts after every id and every time. */
const LAST = '\u{10FFFF}'

/**
 * A page is found first, by an index alone, and then read. One in any status is merged from a page of
 * each, for the indexes have the status in front of the order.
 */
const LIST = shapes<
  [scope: ScopeKind, hasService: boolean, status: BookingFilter['status'], isByStart: boolean],
  Record<'owner' | 'serviceId' | 'from' | 'fromId' | 'to' | 'before', string> & { limit: number },
  BookingRow[]
>((db, kind, hasService, status, isByStart) => {
  const found = (each: string) =>
    sql`select id, starts_at from bookings where ${and(
      withinKind(kind, bookings.owner),
      hasService ? eq(bookings.serviceId, value('serviceId')) : undefined,
      sql`status = ${sql.raw(`'${each}'`)}`,
      isByStart
        ? sql`(starts_at, id) > (${value('from')}, ${value('fromId')}) and starts_at < ${value('to')}`
        : sql`id < ${value('before')}`,
    )}`
  const arms = (status === undefined ? bookings.status.enumValues : [status]).map(found)
  const order = isByStart ? sql`starts_at, id` : sql`id desc`
  const page = sql`(${sql.join(arms, sql` union all `)} order by ${order} limit ${value('limit')})`
  return db
    .select(shown)
    .from(sql`${page} page`)
    .innerJoin(bookings, sql`${bookings.id} = page.id`)
    .leftJoin(users, eq(users.id, bookings.owner))
    .leftJoin(apiKeys, eq(apiKeys.id, bookings.bookedBy))
    .orderBy(isByStart ? sql`page.starts_at, page.id` : sql`page.id desc`)
})

export function columnsOf(to: Transition) {
  if (to.to === 'confirmed') return { status: to.to, confirmedBy: to.by, holdUntil: null }
  return { status: to.to, reason: to.reason, network: null }
}

function isAtLimit(
  { visitorId: visitor, network, perVisitor, perNetwork }: VisitorTerms,
  now: string,
): SQL {
  const ofVisitor = sql`(${visitorsBookings(now, { visitor })}) >= ${perVisitor}`
  if (network === null) return sql`(${ofVisitor})`
  return sql`(${ofVisitor} or (${visitorsBookings(now, { network })}) >= ${perNetwork})`
}

const stillConfirmsByItself = sql`exists (select 1 from services
  where services.id = bookings.service_id and auto_confirm = 1)`

/**
 * Whether it still fits, and is its person's only one: requests take their time, so a hold that has not
 * run out for whoever confirms may have run out for somebody who has taken the place since.
 */
function hasRoom(now: string): SQL {
  const others = sql`from bookings other
    where other.slot_id = bookings.slot_id and other.id <> bookings.id and ${isLive(now)}`
  return sql`(select count(*) ${others}) <
      (select capacity from slots where slots.id = bookings.slot_id)
    and not exists (select 1 ${others} and ${isSamePerson(SAME)})`
}

/** Whoever has the booking that is changed. */
const SAME: Person = {
  owner: sql`iif(bookings.is_for_guest, null, bookings.owner)`,
  email: sql`bookings.guest_email`,
  phone: sql`bookings.guest_phone`,
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

/** What would come of a change, for each of the candidates that is in scope. */
function outcomes(
  scope: ReadScope,
  candidates: string,
  to: Settlement,
  actor: string,
  now: string,
): SQL {
  return sql`select bookings.id as bookingId, case when ${allows(to, actor, now)} then 'done'
      when ${isOfSomebodyElse(actor)} then 'invalid_state' else 'forbidden' end as outcome
    from json_each(${candidates}) candidates
    cross join bookings on bookings.id = candidates.value ->> 'bookingId'
    where ${within(scope, bookings.owner) ?? sql`true`}`
}

/** The text is equal for equal outcomes, in whatever order they were asked for. */
function textOfSettled(settled: readonly Settled[]): string {
  const sorted = settled.toSorted((a, b) => (a.bookingId < b.bookingId ? -1 : 1))
  return JSON.stringify(sorted.map(({ bookingId, outcome }) => [bookingId, outcome]))
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
      return and(eq(bookings.status, 'pending'), sql`${pendingUntil} <= ${now}`)
    case 'in time':
      return sql`starts_at > strftime('%Y-%m-%dT%H:%M:%fZ', ${now},
        '+' || iif(status = 'pending', 0, coalesce(cancel_until_minutes, 0)) || ' minutes')`
  }
}
