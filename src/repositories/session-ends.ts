/**
 * What has ended at an issuer, for tokens to be compared with: one that was issued until then is good no
 * more. It is kept of identities that were never here as well, so that such a token makes no member either.
 */
import { type Column, sql, type SQL } from 'drizzle-orm'
import { batch, type Database, rows, statement } from '../db/client.ts'
import type { AuditId, EventId } from '../db/ids.ts'
import { actingAs, type AuditColumns, INSERT_AUDIT } from './audited.ts'

/** How long ends are kept: a token of an issuer that tells them is refused at that age. */
export const ENDS_KEPT_MS = 90 * 86_400_000

/** How long it takes at most from the token of a sign-in to the session that it begins. */
const SIGN_IN_MS = 5_000

/** What decides whether a token has been ended. */
export interface Issued {
  /** Milliseconds since the epoch; 0 if nobody knows. */
  readonly issuedAt: number
  /** The session at its issuer that it says it is of; null if it does not say. */
  readonly sid: string | null
}

/** Whether a token of the identity has been ended: a session that is not named may be any. */
export function hasEnded(identityHash: Column | string, { issuedAt, sid }: Issued): SQL<boolean> {
  return sql`exists (select 1 from session_ends
    where session_ends.identity_hash = ${identityHash} and issued_until >= ${issuedAt}
      and (session_ends.sid = '' or ${sid} is null or session_ends.sid = ${sid}))`
}

export interface SessionEnd {
  readonly issuer: string
  readonly subject: string
  readonly identityHash: string
  /** Milliseconds since the epoch. */
  readonly issuedUntil: number
  /** Null for all sessions. */
  readonly sid: string | null
}

export function sessionEndsRepository(db: Database) {
  return {
    /**
     * Ends sessions because an event asks for it, which is closed with it; once it is, nothing is done. If
     * the identity is a member's, the audit row is about them, and what was admitted with the identity is
     * void from here on.
     */
    async end(
      { issuer, subject, identityHash, issuedUntil, sid }: SessionEnd,
      { signalId, eventId }: { readonly signalId: string; readonly eventId: EventId },
      audit: AuditColumns,
      auditId: AuditId,
    ): Promise<void> {
      const isOpen = sql`exists (select 1 from events where id = ${eventId})`
      const session = sid ?? ''
      const member = sql`select user_id from identities where issuer = ${issuer} and subject = ${subject}`
      await batch(db, {
        acting: actingAs(db, audit),
        end: statement(
          db,
          sql`insert into session_ends (identity_hash, issued_until, sid)
          select ${identityHash}, ${issuedUntil}, ${session} where ${isOpen} on conflict do nothing`,
        ),
        // What this end says as well need not be kept.
        covered: statement(
          db,
          sql`delete from session_ends
          where identity_hash = ${identityHash} and issued_until <= ${issuedUntil}
            and (sid = ${session} and issued_until < ${issuedUntil} or ${session} = '' and sid <> '')
            and ${isOpen}`,
        ),
        audit: statement(
          db,
          sql`${INSERT_AUDIT}
          select ${auditId}, ${audit.at}, ${audit.actor}, ${audit.onBehalfOf}, ${audit.action}, user_id,
            ${audit.reason}, ${audit.requestId}, ${JSON.stringify(audit.changes)}
          from (${member}) where ${isOpen}`,
        ),
        rights: statement(
          db,
          sql`update users set access_revision = access_revision + 1
          where id in (${member}) and ${isOpen}`,
        ),
        // A session of this site begins some seconds after the token that it is begun with.
        sessions: statement(
          db,
          sql`delete from auth_sessions where issuer = ${issuer} and subject = ${subject}
            and created_at <= ${new Date(issuedUntil + SIGN_IN_MS).toISOString()}
            and (${session} = '' or auth_sessions.sid is null or auth_sessions.sid = ${session})
            and ${isOpen}`,
        ),
        signal: statement(
          db,
          sql`update signals set subject = null, sid = null where id = ${signalId} and ${isOpen}`,
        ),
        close: statement(db, sql`delete from events where id = ${eventId}`),
      })
    },

    /**
     * Forgets ends that no token is refused by any more. @param before milliseconds since the epoch
     * @returns how many; call again while it is `limit`
     */
    async prune(before: number, limit: number): Promise<number> {
      const forgotten = await rows(
        db,
        sql`delete from session_ends where (identity_hash, issued_until, sid) in
          (select identity_hash, issued_until, sid from session_ends
            where issued_until < ${before} limit ${limit})
        returning 1`,
      )
      return forgotten.length
    },
  }
}
