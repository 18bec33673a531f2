/**
 * Audited changes: rights check, write and audit row in one D1 transaction. After `audited` there is
 * an audit row exactly if its one write changed something. Its parts are for changes that give each
 * of many rows an audit row of its own, or that nobody's rights have to allow.
 */
import { sql, type SQL } from 'drizzle-orm'
import {
  type Assumption,
  batch,
  type Database,
  type Results,
  type Statement,
  type Statements,
  statement,
} from '../db/client.ts'
import type { AuditId } from '../db/ids.ts'
import { text } from '../db/shape.ts'
import { idempotencyKeys } from '../db/schema.ts'

/** What every audit row of one act says, whatever it is about. */
interface Columns {
  /** RFC 3339. */
  readonly at: string
  readonly actor: string
  /** The actor's access revision when the act was allowed; null for actors that have none. */
  readonly accessRevision: number | null
  readonly onBehalfOf: string | null
  readonly action: string
  readonly reason: string | null
  readonly requestId: string | null
  readonly changes: Readonly<Record<string, unknown>>
}

/** Why the act could happen: somebody was granted it, or it is one of `security/own-acts.ts`. */
type Basis = 'grant' | 'own act'

/** Known to this module alone; `private` keeps out the compiler's callers, this everybody else. */
const KEY = Symbol('audit row')

let makeColumns: (columns: Columns) => AuditColumns
let makeRow: <B extends Basis>(basis: B, row: Row) => AuditRow<B>
let basisOf: (audit: AuditColumns<Basis>) => Basis | undefined

/**
 * The proof of an act on many targets at once, each of which gets a row of its own. Every write
 * takes one, or an `AuditRow`, and only the audit of an exercised grant has any to give.
 */
export class AuditColumns<B extends Basis = 'grant'> implements Columns {
  readonly #basis: B
  readonly at: string
  readonly actor: string
  readonly accessRevision: number | null
  readonly onBehalfOf: string | null
  readonly action: string
  readonly reason: string | null
  readonly requestId: string | null
  readonly changes: Columns['changes']

  protected constructor(key: typeof KEY, basis: B, columns: Columns) {
    if (key !== KEY) throw new TypeError('only security/audit.ts makes audit rows')
    this.#basis = basis
    this.at = columns.at
    this.actor = columns.actor
    this.accessRevision = columns.accessRevision
    this.onBehalfOf = columns.onBehalfOf
    this.action = columns.action
    this.reason = columns.reason
    this.requestId = columns.requestId
    this.changes = columns.changes
    if (new.target === AuditColumns) Object.freeze(this)
  }

  static {
    makeColumns = (columns) => new AuditColumns(KEY, 'grant', columns)
    basisOf = (audit) => (#basis in audit ? audit.#basis : undefined)
  }
}

type Row = Columns & Pick<AuditRow, 'id' | 'target'>

/** The proof of an act on one target. One of an own act is none of a granted one, and the reverse. */
export class AuditRow<B extends Basis = 'grant'> extends AuditColumns<B> {
  readonly id: AuditId
  readonly target: string

  private constructor(key: typeof KEY, basis: B, row: Row) {
    super(key, basis, row)
    this.id = row.id
    this.target = row.target
    Object.freeze(this)
  }

  static {
    makeRow = (basis, row) => new AuditRow(KEY, basis, row)
  }
}

/** Only `security/audit.ts` may call this, and lint keeps it so. */
export function makeAuditRow<B extends Basis>(basis: B, row: Row): AuditRow<B> {
  return makeRow(basis, row)
}

/** Only `security/audit.ts` may call this, and lint keeps it so. */
export function makeAuditColumns(columns: Columns): AuditColumns {
  return makeColumns(columns)
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
    audit: insertAuditIfWritten(db, audit),
    ...after,
  })
}

export const INSERT_AUDIT = sql`insert into audit_log
  (id, at, actor, on_behalf_of, action, target, reason, request_id, changes)`

export function insertAuditWhere(db: Database, audit: AuditRow<Basis>, condition: SQL) {
  assertBasis(audit, ['grant', 'own act'])
  return statement(
    db,
    sql`${INSERT_AUDIT}
    select ${audit.id}, ${audit.at}, ${audit.actor}, ${audit.onBehalfOf}, ${audit.action},
      ${audit.target}, ${audit.reason}, ${audit.requestId}, ${JSON.stringify(audit.changes)}
    where ${condition}`,
  )
}

const AUDIT_IF_WRITTEN = text(`insert into audit_log
  (id, at, actor, on_behalf_of, action, target, reason, request_id, changes)
  select ?, ?, ?, ?, ?, ?, ?, ?, ? where changes() > 0`)

/** To follow the one write that it is about. */
function insertAuditIfWritten(db: Database, audit: AuditRow) {
  assertBasis(audit, ['grant', 'own act'])
  const { id, at, actor, onBehalfOf, action, target, reason, requestId, changes } = audit
  const described = [action, target, reason, requestId, JSON.stringify(changes)]
  return AUDIT_IF_WRITTEN(db, id, at, actor, onBehalfOf, ...described)
}

/** Voids the transaction it opens if the actor's rights are no longer those it was allowed with. */
export function actingAs(db: Database, by: AuditColumns) {
  assertBasis(by, ['grant'])
  return INSERT_ACTING(db, by.actor, by.accessRevision)
}

const ACTING = 'insert into acting (actor, access_revision) values (?, ?)'
const INSERT_ACTING = text(ACTING)

/** That somebody's rights are those of this revision, for a request that has not read them. */
export function actingStill(actor: string, accessRevision: number): Assumption {
  return { sql: ACTING, values: [actor, accessRevision] }
}

/** What came as `any`, or by a cast, has none. @throws TypeError */
function assertBasis(audit: AuditColumns<Basis>, enough: readonly Basis[]): void {
  const basis = basisOf(audit)
  if (basis === undefined || !enough.includes(basis)) {
    throw new TypeError('nothing was granted for this audit row')
  }
}

/** The condition, in statements after the audit row, that the write changed something. */
export function wasWritten(audit: Pick<AuditRow, 'id'>): SQL {
  return sql`exists (select 1 from audit_log where id = ${audit.id})`
}

/** Stores the answer if the write happened. A key that is already there voids the whole transaction. */
export function storeAnswer(db: Database, audit: AuditRow, answer: StoredAnswer | undefined) {
  return storeAnswerWhere(db, answer, audit.target, wasWritten(audit))
}

/**
 * Stores an answer that may be right without a write.
 * @param target what was acted on: events about it are followed up before the answer is given again;
 * null for many things at once
 * @param isTrue whether what it says is so
 */
export function storeAnswerWhere(
  db: Database,
  answer: StoredAnswer | undefined,
  target: string | null,
  isTrue: SQL,
) {
  if (!answer) return undefined
  const { caller, key, fingerprint, status, body, createdAt, about } = answer
  return statement(
    db,
    sql`insert into ${idempotencyKeys}
      (caller, key, fingerprint, status, body, created_at, about, target)
    select ${caller}, ${key}, ${fingerprint}, ${status}, ${body}, ${createdAt}, ${about}, ${target}
    where ${isTrue}`,
  )
}
