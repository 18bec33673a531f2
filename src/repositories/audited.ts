/**
 * Audited changes: rights check, write and audit row in one D1 transaction. After `audited` there is
 * an audit row exactly if its one write changed something. Its parts are for changes that give each
 * of many rows an audit row of its own, or that nobody's rights have to allow.
 */
import { sql, type SQL } from 'drizzle-orm'
import {
  batch,
  type Database,
  type Results,
  type Statement,
  type Statements,
  statement,
} from '../db/client.ts'
import type { AuditId } from '../db/ids.ts'
import { idempotencyKeys } from '../db/schema.ts'

export interface AuditRow {
  readonly id: AuditId
  readonly at: string
  readonly actor: string
  /** The actor's access revision when the act was allowed; null for actors that have none. */
  readonly accessRevision: number | null
  readonly onBehalfOf: string | null
  readonly action: string
  readonly target: string
  readonly reason: string | null
  readonly requestId: string | null
  readonly changes: Readonly<Record<string, unknown>>
}

/** The answer to store under the caller's Idempotency-Key, in the transaction it reports on. */
export interface StoredAnswer {
  readonly caller: string
  readonly key: string
  readonly fingerprint: string
  readonly status: number
  readonly body: string
  readonly createdAt: string
  /** Whose data it shows, if that is somebody else than the caller. */
  readonly about: string | null
}

/** Statements that follow a write; the names of those before them are taken. */
type After = Statements & { readonly [Taken in 'acting' | 'written' | 'audit']?: never }

/**
 * Runs `write`, its audit row if it changed anything, then `after`, as one transaction.
 * `write` must be one statement; statements in `after` that write should require `wasWritten(audit)`.
 * @returns the result of `write` as `written`, and those of `after` by their names
 * @throws what `isAccessChange` recognises when the actor's rights have changed since
 */
export async function audited<W extends Statement, A extends After>(
  db: Database,
  audit: AuditRow,
  write: W,
  after: A,
): Promise<Results<{ written: W } & A>> {
  return batch(db, {
    acting: actingAs(db, audit),
    written: write,
    audit: insertAuditWhere(db, audit, sql`changes() > 0`),
    ...after,
  })
}

export const INSERT_AUDIT = sql`insert into audit_log
  (id, at, actor, on_behalf_of, action, target, reason, request_id, changes)`

export function insertAuditWhere(db: Database, audit: AuditRow, condition: SQL) {
  return statement(
    db,
    sql`${INSERT_AUDIT}
    select ${audit.id}, ${audit.at}, ${audit.actor}, ${audit.onBehalfOf}, ${audit.action},
      ${audit.target}, ${audit.reason}, ${audit.requestId}, ${JSON.stringify(audit.changes)}
    where ${condition}`,
  )
}

/** Voids the transaction it opens if the actor's rights are no longer those it was allowed with. */
export function actingAs(db: Database, by: Pick<AuditRow, 'actor' | 'accessRevision'>) {
  return statement(
    db,
    sql`insert into acting (actor, access_revision) values (${by.actor}, ${by.accessRevision})`,
  )
}

/** For statements after the audit row: true exactly if the write changed something. */
export function wasWritten(audit: Pick<AuditRow, 'id'>): SQL {
  return sql`exists (select 1 from audit_log where id = ${audit.id})`
}

/** Stores the answer if the write happened. A key that is already there voids the whole transaction. */
export function storeAnswer(db: Database, audit: AuditRow, answer: StoredAnswer | undefined) {
  return storeAnswerWhere(db, answer, wasWritten(audit))
}

/** Stores an answer that may be right without a write. @param isTrue whether what it says is so */
export function storeAnswerWhere(db: Database, answer: StoredAnswer | undefined, isTrue: SQL) {
  if (!answer) return undefined
  const { caller, key, fingerprint, status, body, createdAt, about } = answer
  return statement(
    db,
    sql`insert into ${idempotencyKeys}
      (caller, key, fingerprint, status, body, created_at, about)
    select ${caller}, ${key}, ${fingerprint}, ${status}, ${body}, ${createdAt}, ${about}
    where ${isTrue}`,
  )
}
