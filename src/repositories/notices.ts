/**
 * What people are told by mail: of their bookings, and of a webhook of theirs that was disabled. What there is
 * to tell of bookings is written by triggers, with each change of one; whoever sends takes it first, so
 * that two at once, or one that is cut off, tell nobody twice.
 */
import { and, eq, sql, type SQL } from 'drizzle-orm'
import { batch, type Database, rows, statement } from '../db/client.ts'
import { type BookingId, firstIdAt, type UserId, type WebhookId } from '../db/ids.ts'
import { type bookings, type NoticeOutcome, users, webhooks } from '../db/schema.ts'

type Status = (typeof bookings.$inferSelect)['status']

/** A notice, with all that a mail says and whom it goes to. */
export interface Notice {
  readonly id: BookingId
  /** That of the booking when it was noted. */
  readonly notedRevision: number
  /** RFC 3339. */
  readonly notedAt: string
  /** How often it was tried to send it. */
  readonly attempts: number
  /** A keyed hash of the network the booking came from; null if it is not known. */
  readonly network: string | null
  /** Whether the booking is still what this says of it. */
  readonly isLatest: boolean
  readonly contactEmail: string | null
  /** Those of the member whose booking it is; null where there is none. */
  readonly memberId: UserId | null
  readonly memberEmail: string | null
  readonly isWanted: boolean
  readonly startsAt: string
  readonly endsAt: string
  readonly status: Status
  readonly serviceName: string | null
  /** That of the service; null if the service has gone. */
  readonly timeZone: string | null
  readonly note: string | null
  readonly reason: string | null
  /** Whether the slot was taken off the schedule. */
  readonly isSlotGone: boolean
  readonly revision: number
  readonly createdAt: string
  readonly updatedAt: string
}

/** Whom a notice goes to, and what is counted for it. */
export interface Sending {
  /** A keyed hash. */
  readonly addressHash: string
  /** How many mails of the day its address, and its network, may have; undefined for a member's own address. */
  readonly perDay: number | undefined
  /** UTC, `YYYY-MM-DD`. */
  readonly day: string
  /** A link to the booking that the mail has; undefined for none. */
  readonly link: { readonly secretHash: string; readonly userId: UserId | null } | undefined
}

/** What SQLite answers as 0 or 1. */
type Flag = 'isLatest' | 'isWanted' | 'isSlotGone'

type Taken = Extract<NoticeOutcome, 'sending' | 'suppressed' | 'limited'>

/** @param now RFC 3339 */
export function noticesRepository(db: Database, now: string) {
  const select = (where: SQL, limit: number) =>
    rows<Omit<Notice, Flag> & Readonly<Record<Flag, number>>>(
      db,
      sql`select bookings.id, notice.revision as notedRevision, notice.created_at as notedAt,
        notice.attempts, notice.network,
        notice.status = bookings.status and not exists (select 1 from booking_notices later
          where later.booking_id = notice.booking_id and later.revision > notice.revision) as isLatest,
        contact ->> '$.email' as contactEmail,
        users.id as memberId, users.email as memberEmail, coalesce(booking_mails, 1) as isWanted,
        starts_at as startsAt, ends_at as endsAt, bookings.status, service_name as serviceName,
        services.time_zone as timeZone, note, reason,
        not exists (select 1 from slots where slots.id = bookings.slot_id) as isSlotGone,
        bookings.revision, bookings.created_at as createdAt, bookings.updated_at as updatedAt
      from booking_notices notice join bookings on bookings.id = notice.booking_id
      left join users on users.id = bookings.owner and is_for_guest = 0
      left join services on services.id = bookings.service_id
      where ${where} order by due_at limit ${limit}`,
    )
  const read = async (where: SQL, limit: number): Promise<Notice[]> => {
    const found = await select(where, limit)
    return found.map((row) => ({
      ...row,
      isLatest: row.isLatest === 1,
      isWanted: row.isWanted === 1,
      isSlotGone: row.isSlotGone === 1,
    }))
  }
  const isSuppressed = (addressHash: string) =>
    sql`exists (select 1 from mail_suppressions where address_hash = ${addressHash})`
  const mails = (day: string, subject: string) =>
    sql`coalesce((select mails from mail_counts where day = ${day} and subject = ${subject}), 0)`
  const count = (day: string, subject: string) =>
    statement(
      db,
      sql`insert into mail_counts (day, subject, mails) select ${day}, ${subject}, 1
      where changes() > 0 on conflict (day, subject) do update set mails = mails + 1`,
    )

  return {
    /** Those that may be sent by now, the longest due first. */
    async due(limit: number) {
      return read(sql`due_at <= ${now}`, limit)
    },

    /** What there is to tell of one booking, whenever it is due for the first time. */
    async about(bookingId: BookingId) {
      return read(sql`notice.booking_id = ${bookingId} and due_at is not null and attempts = 0`, 10)
    },

    /**
     * Takes a notice to send it, and counts the mail, unless its address gets none.
     * @returns what has become of it; undefined if somebody else has it
     */
    async take(
      { id, notedRevision, attempts, network }: Notice,
      { addressHash, perDay, day, link }: Sending,
    ): Promise<Taken | undefined> {
      const subjects = [
        `address ${addressHash}`,
        ...(network === null ? [] : [`network ${network}`]),
      ]
      // What was counted once is not counted again when it is tried again.
      const counted = perDay === undefined || attempts > 0 ? [] : subjects
      const [byAddress, byNetwork] = counted
      const isWithin = counted.map((subject) => sql`and ${mails(day, subject)} < ${perDay}`)
      const isThis = sql`booking_id = ${id} and revision = ${notedRevision}
        and attempts = ${attempts} and due_at is not null`
      const { taken, closed } = await batch(db, {
        taken: rows(
          db,
          sql`update booking_notices set due_at = null, network = null, outcome = 'sending',
            attempts = attempts + 1
          where ${isThis} and not ${isSuppressed(addressHash)} ${sql.join(isWithin, sql` `)}
          returning 1`,
        ),
        byAddress: byAddress === undefined ? undefined : count(day, byAddress),
        byNetwork: byNetwork === undefined ? undefined : count(day, byNetwork),
        link:
          link &&
          statement(
            db,
            sql`insert into calendar_feeds (secret_hash, kind, user_id, booking_id, created_at)
            select ${link.secretHash}, 'booking', ${link.userId}, ${id}, ${now} where changes() > 0`,
          ),
        closed: rows<{ outcome: 'suppressed' | 'limited' }>(
          db,
          sql`update booking_notices set due_at = null, network = null,
            outcome = iif(${isSuppressed(addressHash)}, 'suppressed', 'limited')
          where ${isThis} returning outcome`,
        ),
      })
      return taken.length > 0 ? 'sending' : closed[0]?.outcome
    },

    /** Notes what came of a notice. @param dueAt RFC 3339, when it may be tried again; null for never */
    async note({ id, notedRevision }: Notice, outcome: NoticeOutcome, dueAt: string | null) {
      await statement(
        db,
        sql`update booking_notices set outcome = ${outcome}, due_at = ${dueAt},
          network = iif(${dueAt} is null, null, network)
        where booking_id = ${id} and revision = ${notedRevision}`,
      )
    },

    /** Gives up on what could not be sent in time. @param before RFC 3339 @returns how many, `limit` at most */
    async giveUp(before: string, limit: number) {
      const late = await rows(
        db,
        sql`update booking_notices set due_at = null, network = null, outcome = 'late'
        where (booking_id, revision) in (select booking_id, revision from booking_notices
          where due_at is not null and created_at < ${before} limit ${limit}) returning 1`,
      )
      return late.length
    },

    /** A webhook that is disabled, with the address of its creator if they have one. */
    async disabledWebhook(id: WebhookId) {
      const [row] = await db
        .select({
          url: webhooks.url,
          disabledAt: webhooks.disabledAt,
          creatorEmail: users.email,
        })
        .from(webhooks)
        .innerJoin(users, eq(users.id, webhooks.createdBy))
        .where(and(eq(webhooks.id, id), eq(webhooks.enabled, false)))
      return row
    },

    /** Its creator was told that it is disabled since then; RFC 3339. */
    async noteDisabled(id: WebhookId, disabledAt: string) {
      await db
        .update(webhooks)
        .set({ disabledTold: sql`created_by` })
        .where(and(eq(webhooks.id, id), eq(webhooks.disabledAt, disabledAt)))
    },

    /** From now on the address gets no mail about bookings; doing it again changes nothing. */
    async suppress(addressHash: string, reason: 'ended' | 'refused') {
      await statement(
        db,
        sql`insert into mail_suppressions (address_hash, reason, created_at)
        values (${addressHash}, ${reason}, ${now}) on conflict do nothing`,
      )
    },

    /**
     * Forgets notices, counts, and links to bookings that are over, up to `limit` of each.
     * @param before RFC 3339
     * @returns how many of each; call again while one of them is `limit`
     */
    async prune(before: string, limit: number): Promise<readonly number[]> {
      const today = now.slice(0, 'YYYY-MM-DD'.length)
      // Nothing is booked after it has ended, so links to what was booked since need not be looked at.
      const bound = firstIdAt('bkg', Date.parse(before))
      const gone = await batch(db, {
        notices: rows(
          db,
          sql`delete from booking_notices where (booking_id, revision) in
            (select booking_id, revision from booking_notices where created_at < ${before}
            limit ${limit}) returning 1`,
        ),
        counts: rows(
          db,
          sql`delete from mail_counts where (day, subject) in
            (select day, subject from mail_counts where day < ${today} limit ${limit}) returning 1`,
        ),
        links: rows(
          db,
          sql`delete from calendar_feeds where secret_hash in
            (select secret_hash from calendar_feeds join bookings on bookings.id = booking_id
            where booking_id < ${bound} and ends_at < ${before} limit ${limit}) returning 1`,
        ),
      })
      return Object.values(gone).map((each) => each.length)
    },
  }
}
