/**
 * The one way to change something: rights check, write and audit row in one D1 transaction. The
 * audit row exists exactly if the write changed a row, and everything after it can hang on it.
 */
import { sql, type SQL } from 'drizzle-orm'
import type { BatchItem } from 'drizzle-orm/batch'
import { type Database, statement } from '../db/client.ts'
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

type Statement = BatchItem<'sqlite'>

/**
 * Runs `write`, its audit row if it changed anything, then `after`, as one transaction.
 * `write` must be one statement; statements in `after` that write should require `wasWritten(audit)`.
 * @returns the results of `write` and `after`, in order
 * @throws what `isAccessChange` recognises when the actor's rights have changed since
 */
export async function audited<W extends Statement, A extends Statement[]>(
  db: Database,
  audit: AuditRow,
  write: W,
  ...after: A
): Promise<[W['_']['result'], ...{ [K in keyof A]: A[K]['_']['result'] }]> {
  const [, written, , ...rest] = await db.batch([
    actingAs(db, audit),
    write,
    insertAuditWhere(db, audit, sql`changes() > 0`),
    ...after,
  ])
  return resultsOf([written, ...rest])
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
  return storeAnswerWhere(db, answer, audit.target, wasWritten(audit))
}

/**
 * Stores the answer to what may succeed without a write.
 * @param target what was acted on; null for many things at once
 * @param isTrue what the answer says has come to be
 */
export function storeAnswerWhere(
  db: Database,
  answer: StoredAnswer | undefined,
  target: string | null,
  isTrue: SQL,
) {
  if (!answer) return []
  const { caller, key, fingerprint, status, body, createdAt, about } = answer
  return [
    statement(
      db,
      sql`insert into ${idempotencyKeys}
        (caller, key, fingerprint, status, body, created_at, about, target)
      select ${caller}, ${key}, ${fingerprint}, ${status}, ${body}, ${createdAt}, ${about}, ${target}
      where ${isTrue}`,
    ),
  ]
}

/** `batch` returns what each statement returns, in order; its type cannot follow a spread. */
function resultsOf<T extends unknown[]>(results: unknown[]): T {
  return results as T
}
