/**
 * Events: what has happened and has to be followed up, in objects or with rights that no caller has.
 * An event is written in the transaction of what happened. Whatever writes one, or finds one that is
 * open about what it has changed, notes it for the request under way; a tick finds all of them.
 */
import { asc, eq, gt, inArray, sql, type SQL } from 'drizzle-orm'
import { type Database, statement } from '../db/client.ts'
import {
  type BookingId,
  type EventId,
  isId,
  type KeyId,
  type RunId,
  type ServiceId,
  type UserId,
} from '../db/ids.ts'
import { erasures, events } from '../db/schema.ts'
import { type AuditRow, wasWritten } from './audited.ts'

export type EventRow = typeof events.$inferSelect

interface Stored<Kind extends string, Subject extends string> {
  readonly id: EventId
  readonly kind: Kind
  readonly subject: Subject
  /** API keys whose gates have to be told. */
  readonly keyIds: readonly KeyId[]
}

interface BookingCreated extends Stored<'booking-created', BookingId> {
  /** What is known of the booking in the request that has made it. */
  readonly booking?: { readonly serviceId: ServiceId; readonly bookedBy: string }
}

interface MemberReinstated extends Stored<'member-reinstated', UserId> {
  /** Where the member's visits are, if whoever noted the event has read it. */
  readonly visitShard?: number
}

/** The rights of keys are others: their own, or those of a member or a role. */
type KeysChanged = Stored<'keys-changed', string>
/** Nobody holds it any more; `keyIds` are those of its former holders. */
type RoleDeleted = Stored<'role-deleted', string>

/** An issuer has told something of one of its subjects; the row of `signals` says what. */
type SignalReceived = Stored<'signal-received', string>

/** An event that is a row of `events`. */
export type StoredEvent =
  | BookingCreated
  | MemberReinstated
  | KeysChanged
  | RoleDeleted
  | SignalReceived

/** The row of `erasures` says that it has happened. */
interface MemberDeleted {
  readonly kind: 'member-deleted'
  readonly subject: UserId
  readonly visitShard: number
  readonly keyIds: readonly KeyId[]
}

/** The row of `job_runs` says that it has happened. */
interface RunRequested {
  readonly kind: 'run-requested'
  readonly subject: RunId
}

/** The row of `booking_notices` says that it has happened. */
interface BookingChanged {
  readonly kind: 'booking-changed'
  readonly subject: BookingId
}

export type OpenEvent = StoredEvent | MemberDeleted | RunRequested | BookingChanged

/** Events to be followed up before the request is answered. */
export type Happened = OpenEvent[]

type StoredKind = StoredEvent['kind']

/** How a row of each kind reads; undefined for a row that is about something else than its kind says. */
const READERS: {
  readonly [K in StoredKind]: (
    row: EventRow,
  ) => Extract<StoredEvent, { readonly kind: K }> | undefined
} = {
  'booking-created': ({ id, subject, keyIds }) =>
    isId('bkg', subject) ? { id, kind: 'booking-created', subject, keyIds } : undefined,
  'member-reinstated': ({ id, subject, keyIds }) =>
    isId('usr', subject) ? { id, kind: 'member-reinstated', subject, keyIds } : undefined,
  'keys-changed': ({ id, subject, keyIds }) => ({ id, kind: 'keys-changed', subject, keyIds }),
  'role-deleted': ({ id, subject, keyIds }) => ({ id, kind: 'role-deleted', subject, keyIds }),
  'signal-received': ({ id, subject, keyIds }) => ({
    id,
    kind: 'signal-received',
    subject,
    keyIds,
  }),
}

/** @returns undefined for a kind that only another version of this site knows */
export function eventOf(row: EventRow): StoredEvent | undefined {
  const { kind } = row
  return isStoredKind(kind) ? READERS[kind](row) : undefined
}

function isStoredKind(kind: string): kind is StoredKind {
  return Object.hasOwn(READERS, kind)
}

/**
 * An event has the id of the audit row of its act, under a prefix of its own: an act has one at most. One that
 * no act of this site has led to has an id of its own.
 */
export function eventIdOf({ id }: Pick<AuditRow, 'id'>): EventId {
  return `evt_${id.slice('aud_'.length)}`
}

/**
 * Statements that write an event about the target of an act, if that was done. An earlier event of
 * this kind about it is made part of this one. What is then `open` about it is to be noted.
 * @param keys selects the `id` of each key whose gate has to be told
 * @param isNeeded whether it is an event, by the number of these `keys`
 */
export function writeEvent(
  db: Database,
  audit: AuditRow,
  kind: StoredKind,
  keys: SQL,
  isNeeded = sql`keys > 0`,
) {
  const [id, subject] = [eventIdOf(audit), audit.target]
  const alike = sql`events.subject = ${subject} and events.kind = ${kind}`
  return {
    event: statement(
      db,
      sql`insert into events (id, kind, subject, created_at, key_ids)
      select ${id}, ${kind}, ${subject}, ${audit.at}, key_ids from (
        select json_group_array(id) as key_ids, count(*) as keys from (
          ${keys} union select value from events, json_each(events.key_ids) where ${alike}))
      where ${isNeeded} and ${wasWritten(audit)}`,
    ),
    earlier: statement(
      db,
      sql`delete from events where ${alike} and id <> ${id} and ${wasWritten(audit)}`,
    ),
    open: openAbout(db, subject),
  }
}

/** What is to be followed up about something. */
export function openAbout(db: Database, subject: string) {
  return db.select().from(events).where(eq(events.subject, subject))
}

/**
 * Notes what was read by `openAbout`.
 * @param about what the batch has read anyway of what the events are about
 */
export function note(
  happened: Happened,
  rows: readonly EventRow[],
  about: Pick<MemberReinstated, 'visitShard'> = {},
): void {
  const known = rows.flatMap((row) => eventOf(row) ?? [])
  happened.push(...known.map((event) => ({ ...event, ...about })))
}

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

    /** Deletions of members whose visits and keys are still to be erased from objects. */
    async openDeletions(page: { after: UserId | undefined; limit: number }) {
      const rows = await db
        .select()
        .from(erasures)
        .where(page.after && gt(erasures.userId, page.after))
        .orderBy(asc(erasures.userId))
        .limit(page.limit)
      return rows.map(({ userId, visitShard, keyIds }): MemberDeleted => ({
        kind: 'member-deleted',
        subject: userId,
        visitShard,
        keyIds,
      }))
    },

    /** Keeps of an event what is left to do. @param left the keys whose gates have not been told */
    async narrow({ id }: StoredEvent, left: readonly KeyId[]) {
      await db.update(events).set({ keyIds: left }).where(eq(events.id, id))
    },

    /** One statement for events of one table. */
    async close(done: readonly OpenEvent[]) {
      const ids = done.flatMap((event) => ('id' in event ? event.id : []))
      const deletions = done.flatMap((event) =>
        event.kind === 'member-deleted' ? event.subject : [],
      )
      if (ids.length > 0) await db.delete(events).where(inArray(events.id, ids))
      if (deletions.length > 0) await db.delete(erasures).where(inArray(erasures.userId, deletions))
    },
  }
}
