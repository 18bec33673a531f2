/**
 * Secret addresses that calendar programs read bookings at. A feed is found together with what it shows
 * and with what its member may at that moment; whoever reads it is told by `security` whether that is enough.
 */
import { and, eq, ne, sql, type SQL } from 'drizzle-orm'
import { batch, type Database, rows } from '../db/client.ts'
import type { BookingId, ServiceId, UserId } from '../db/ids.ts'
import { type bookings, calendarFeeds, services } from '../db/schema.ts'
import { type AuditRow, audited, storeAnswer, type StoredAnswer, wasWritten } from './audited.ts'
import { heldRolesOf } from './roles.ts'

/** What somebody has at most one address for: their own bookings, or those of a service. */
export interface FeedOf {
  readonly userId: UserId
  /** Null for their own bookings. */
  readonly serviceId: ServiceId | null
}

export type FeedEntry = Pick<
  typeof bookings.$inferSelect,
  'startsAt' | 'endsAt' | 'status' | 'serviceName' | 'note' | 'revision' | 'createdAt' | 'updatedAt'
> & { readonly id: BookingId }

/** A feed that is there, and what its member may at this moment. */
export interface FoundFeed {
  readonly kind: 'member' | 'service' | 'booking'
  readonly userId: UserId | null
  readonly serviceName: string | null
  /** Null for a feed that belongs to no member. */
  readonly status: 'active' | 'suspended' | null
  readonly accessRevision: number | null
  /** As `parseHeldRoles` reads them. */
  readonly roles: string | null
  /** In the order in which they start. */
  readonly entries: readonly FeedEntry[]
}

/** How long an entry is shown after it has begun, or was canceled. */
const SHOWN_FOR_MS = 30 * 24 * 60 * 60 * 1000
/** More than a calendar program should be made to read each hour; those that start first are shown. */
const MOST_ENTRIES = 1_000

/** @param note what is shown as such */
function entryWith(note: SQL): SQL {
  return sql`bookings.id, starts_at as startsAt, ends_at as endsAt, bookings.status as status,
    bookings.service_name as serviceName, ${note} as note, bookings.revision as revision,
    bookings.created_at as createdAt, bookings.updated_at as updatedAt`
}

/** @param now RFC 3339 */
export function calendarFeedsRepository(db: Database, now: string) {
  const is = ({ userId, serviceId }: FeedOf) =>
    and(
      eq(calendarFeeds.userId, userId),
      serviceId === null
        ? eq(calendarFeeds.kind, 'member')
        : and(eq(calendarFeeds.kind, 'service'), eq(calendarFeeds.serviceId, serviceId)),
    )
  const since = new Date(Date.parse(now) - SHOWN_FOR_MS).toISOString()

  return {
    /** A new address, which ends the one before. @returns whether it was made: not for a service that is gone */
    async replace(
      feed: FeedOf,
      secretHash: string,
      audit: AuditRow,
      answer: StoredAnswer | undefined,
    ): Promise<boolean> {
      const { userId, serviceId } = feed
      const kind = serviceId === null ? 'member' : 'service'
      const isThere =
        serviceId === null
          ? sql`true`
          : sql`exists (select 1 from services where services.id = ${serviceId})`
      const write = rows(
        db,
        sql`insert into calendar_feeds (secret_hash, kind, user_id, service_id, created_at)
        select ${secretHash}, ${kind}, ${userId}, ${serviceId}, ${now} where ${isThere} returning kind`,
      )
      const { written } = await audited(db, audit, write, {
        before: db
          .delete(calendarFeeds)
          .where(and(is(feed), ne(calendarFeeds.secretHash, secretHash), wasWritten(audit))),
        stored: storeAnswer(db, audit, answer),
      })
      return written.length > 0
    },

    /** Ends it if there is one. @returns whether there is what it would be of */
    async end(feed: FeedOf, audit: AuditRow): Promise<boolean> {
      const write = db.delete(calendarFeeds).where(is(feed)).returning({ kind: calendarFeeds.kind })
      const { serviceId } = feed
      const service =
        serviceId === null
          ? undefined
          : db.select({ id: services.id }).from(services).where(eq(services.id, serviceId))
      const { service: found } = await audited(db, audit, write, { service })
      return found === undefined || found.length > 0
    },

    /**
     * A feed with what it shows, in one round trip: what has begun within 30 days or is to come, and of
     * what was canceled only what was within 30 days. One booking is shown as long as it is the same
     * person's, and as long as somebody without an account has left their contact with it.
     */
    async find(secretHash: string): Promise<FoundFeed | undefined> {
      const { found, ofMember, ofService, ofBooking } = await batch(db, {
        found: rows<Omit<FoundFeed, 'entries'>>(
          db,
          sql`select kind, user_id as userId, services.name as serviceName, users.status as status,
            users.access_revision as accessRevision, ${heldRolesOf(sql`users.id`)} as roles
          from calendar_feeds left join users on users.id = user_id
          left join services on services.id = service_id where secret_hash = ${secretHash}`,
        ),
        ofMember: entries(secretHash, 'member', sql`bookings.owner = feed.user_id`, sql`note`),
        // Calendar programs copy what they read to where their makers keep it: no word of who comes.
        ofService: entries(
          secretHash,
          'service',
          sql`bookings.service_id = feed.service_id`,
          sql`null`,
        ),
        // Nothing that somebody without an account has typed leaves by a link.
        ofBooking: rows<FeedEntry>(
          db,
          sql`select ${entryWith(sql`iif(feed.user_id is null, null, note)`)}
          from calendar_feeds feed join bookings on bookings.id = feed.booking_id
          where secret_hash = ${secretHash} and starts_at > ${since} and iif(feed.user_id is null,
            contact is not null and (is_for_guest = 1 or owner not glob 'usr_*'),
            is_for_guest = 0 and owner = feed.user_id)`,
        ),
      })
      const [feed] = found
      if (!feed || (feed.kind === 'booking' && ofBooking.length === 0)) return undefined
      const shown = { member: ofMember, service: ofService, booking: ofBooking }[feed.kind]
      return { ...feed, entries: shown }
    },
  }

  /** Merged from a page of each status, each in the order of its index. @param note what is shown as such */
  function entries(secretHash: string, kind: 'member' | 'service', is: SQL, note: SQL) {
    const ofStatus = (status: string, isRecent: SQL) =>
      sql`select * from (select ${entryWith(note)} from calendar_feeds feed
        cross join bookings on ${is} and bookings.status = ${sql.raw(`'${status}'`)} and starts_at > ${since}
        where secret_hash = ${secretHash} and kind = ${sql.raw(`'${kind}'`)} and ${isRecent}
        order by starts_at, bookings.id limit ${MOST_ENTRIES})`
    const wasChangedSince = sql`bookings.updated_at > ${since}`
    return rows<FeedEntry>(
      db,
      sql`${ofStatus('pending', sql`true`)} union all ${ofStatus('confirmed', sql`true`)}
        union all ${ofStatus('declined', wasChangedSince)}
        union all ${ofStatus('canceled', wasChangedSince)}
        order by startsAt, id limit ${MOST_ENTRIES}`,
    )
  }
}
