/**
 * What issuers have told of their subjects. Each thing told is written once, by what its issuer calls it,
 * together with the event that has it followed up.
 */
import { and, eq, sql } from 'drizzle-orm'
import { batch, type Database, rows, statement } from '../db/client.ts'
import type { EventId, UserId } from '../db/ids.ts'
import { events, identities, type SignalAction, signals } from '../db/schema.ts'
import { type Happened, note } from './outbox.ts'

export interface ReceivedSignal {
  /** Stands for the issuer and for what it calls this. */
  readonly id: string
  readonly issuer: string
  readonly kind: string
  readonly action: SignalAction
  /** Null if nothing is to be done, or if the issuer has named the session alone. */
  readonly subject: string | null
  /** The one session at the issuer that it is about; null for all of them. */
  readonly sid: string | null
  /** Milliseconds since the epoch, as the next. */
  readonly happenedAt: number
  /** Tokens that were issued until then are ended. */
  readonly issuedUntil: number
}

/** For how long a signal is known again, in milliseconds; longer than an old one is taken. */
export const SIGNALS_KEPT_MS = 8 * 86_400_000

export type SignalsRepository = ReturnType<typeof signalsRepository>

/** @param happened where the event is noted */
export function signalsRepository(db: Database, happened: Happened) {
  return {
    /**
     * Writes it with an event about it, if anything is to be done. One that was received before is not
     * written again, but noted while it has not been followed up.
     * If it names a session alone, it is about whoever has signed in here with that one.
     * @param at RFC 3339
     * @returns `repeated` for one that is done with, `unmatched` for a session that nobody has
     */
    async receive(
      signal: ReceivedSignal,
      eventId: EventId,
      at: string,
    ): Promise<'taken' | 'repeated' | 'unmatched'> {
      const { id, issuer, kind, action, subject, sid, happenedAt, issuedUntil } = signal
      const known = db.select({ id: signals.id }).from(signals).where(eq(signals.id, id))
      const whom = sql`coalesce(${subject}, (select subject from auth_sessions
        where auth_sessions.issuer = ${issuer} and auth_sessions.sid = ${sid} limit 1))`
      const { written, open, stored } = await batch(db, {
        written: rows(
          db,
          sql`insert into signals
            (id, issuer, kind, action, subject, sid, happened_at, issued_until, received_at)
          select ${id}, ${issuer}, ${kind}, ${action}, whom, ${sid}, ${happenedAt}, ${issuedUntil}, ${at}
          from (select ${whom} as whom) where whom is not null or ${action} = 'nothing'
          on conflict do nothing returning id`,
        ),
        event: statement(
          db,
          sql`insert into events (id, kind, subject, created_at, key_ids)
          select ${eventId}, 'signal-received', ${id}, ${at}, '[]'
          where changes() > 0 and ${action} <> 'nothing'`,
        ),
        open: db.select().from(events).where(eq(events.subject, id)),
        stored: known,
      })
      note(happened, open)
      if (stored.length === 0) return 'unmatched'
      return written.length > 0 || open.length > 0 ? 'taken' : 'repeated'
    },

    /** What is to be followed up, and which member it is about, if it is about one. */
    async find(id: string) {
      const [found] = await db
        .select({
          issuer: signals.issuer,
          kind: signals.kind,
          action: signals.action,
          subject: signals.subject,
          sid: signals.sid,
          happenedAt: signals.happenedAt,
          issuedUntil: signals.issuedUntil,
          userId: sql<UserId | null>`${identities.userId}`,
        })
        .from(signals)
        .leftJoin(
          identities,
          and(eq(identities.issuer, signals.issuer), eq(identities.subject, signals.subject)),
        )
        .where(eq(signals.id, id))
      return found
    },

    /**
     * Forgets what has been followed up. @param before RFC 3339
     * @returns how many were forgotten; call again while it is `limit`
     */
    async prune(before: string, limit: number): Promise<number> {
      const forgotten = await rows(
        db,
        sql`delete from signals where id in
          (select id from signals where received_at < ${before} and subject is null limit ${limit})
        returning 1`,
      )
      return forgotten.length
    },
  }
}
