/**
 * What one webhook has still to be told and was told, in the storage of its object. An event is here once,
 * whatever happens; the place in the feed moves in the transaction that takes events in.
 */
import type { EventId, WebhookId } from '../db/ids.ts'
import type { DumpedTable } from '../objects/table-dump.ts'
import type { Delivery, DeliveryFilter, DeliveryState, Failure } from '../objects/webhooks.ts'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS deliveries (
    id TEXT PRIMARY KEY, seq INTEGER NOT NULL, type TEXT NOT NULL, subject TEXT NOT NULL,
    body TEXT NOT NULL, status TEXT NOT NULL, attempts INTEGER NOT NULL,
    first_at INTEGER, last_at INTEGER, next_at INTEGER, last_status INTEGER, last_failure TEXT,
    under_way INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX IF NOT EXISTS deliveries_in_order ON deliveries (seq);
  CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (subject, seq) WHERE status = 'waiting';
  CREATE INDEX IF NOT EXISTS deliveries_by_status ON deliveries (status, seq);
  CREATE TABLE IF NOT EXISTS endpoint (
    one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, generation TEXT, position INTEGER,
    failures INTEGER NOT NULL, failing_since INTEGER, open_until INTEGER
  ) STRICT;
`

/** All of it, for a backup. */
export const DELIVERY_TABLES: readonly DumpedTable[] = [
  {
    name: 'endpoint',
    columns: ['one', 'id', 'generation', 'position', 'failures', 'failing_since', 'open_until'],
    group: 1,
    order: 'one',
  },
  {
    name: 'deliveries',
    columns: [
      'id',
      'seq',
      'type',
      'subject',
      'body',
      'status',
      'attempts',
      'first_at',
      'last_at',
      'next_at',
      'last_status',
      'last_failure',
      'under_way',
    ],
    group: 1,
    order: 'id',
  },
]

const DELIVERY = `id, type, subject, status, attempts, last_status AS lastStatus,
  last_failure AS lastFailure, last_at AS lastAttemptAt, next_at AS nextAttemptAt, seq AS position`

/** How many of those that are done stay to be looked at, of each kind. */
const KEPT = 1000

/** What is to be sent next. */
export type Due = {
  id: EventId
  body: string
  attempts: number
  firstAt: number | null
}

export interface Taken {
  readonly id: EventId
  readonly type: string
  readonly subject: string
  readonly body: string
}

type Endpoint = {
  id: WebhookId
  generation: string | null
  position: number | null
  failures: number
  failingSince: number | null
  openUntil: number | null
}

/** Times are milliseconds since the epoch. */
export class DeliveryLog {
  readonly #storage: DurableObjectStorage

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
    storage.sql.exec(SCHEMA)
  }

  get #sql() {
    return this.#storage.sql
  }

  /** Which webhook this is about, as whoever called the object has said. */
  begin(id: WebhookId): void {
    this.#sql.exec('INSERT OR IGNORE INTO endpoint (one, id, failures) VALUES (1, ?, 0)', id)
  }

  endpoint(): Endpoint | undefined {
    return this.#sql
      .exec<Endpoint>(
        `SELECT id, generation, position, failures, failing_since AS failingSince,
          open_until AS openUntil FROM endpoint`,
      )
      .toArray()[0]
  }

  /** Takes events in, and moves on in the feed. One that is waiting stays as it is. */
  take(events: readonly Taken[], generation: string, position: number, now: number): void {
    this.#storage.transactionSync(() => {
      for (const event of events) this.#add(event, now)
      this.goTo(generation, position)
    })
  }

  goTo(generation: string | null, position: number): void {
    this.#sql.exec('UPDATE endpoint SET generation = ?, position = ?', generation, position)
  }

  /** One event by itself, which has no place in the feed. */
  #add({ id, type, subject, body }: Taken, now: number): void {
    this.#sql.exec(
      `INSERT INTO deliveries (id, seq, type, subject, body, status, attempts, next_at, under_way)
       VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM deliveries), ?, ?, ?, 'waiting', 0, ?, 0)
       ON CONFLICT (id) DO UPDATE SET
         status = 'waiting', seq = excluded.seq, attempts = 0, first_at = NULL,
         next_at = excluded.next_at
       WHERE status <> 'waiting'`,
      id,
      type,
      subject,
      body,
      now,
    )
  }

  add(event: Taken, now: number): void {
    this.#add(event, now)
  }

  /** Sends one that is done once more. @returns false if it is not here */
  repeat(id: EventId, now: number): boolean {
    const { rowsWritten } = this.#sql.exec(
      `UPDATE deliveries SET status = 'waiting', attempts = 0, first_at = NULL, next_at = ?
       WHERE id = ?`,
      now,
      id,
    )
    return rowsWritten > 0
  }

  isKnown(id: EventId): boolean {
    return this.#sql.exec('SELECT 1 FROM deliveries WHERE id = ?', id).toArray().length > 0
  }

  /**
   * The first that may be sent now: nothing is sent about a subject while something earlier about it
   * is waiting.
   */
  due(now: number): Due | undefined {
    return this.#sql
      .exec<Due>(
        `SELECT id, body, attempts, first_at AS firstAt FROM deliveries each
         WHERE status = 'waiting' AND next_at <= ? AND NOT EXISTS (
           SELECT 1 FROM deliveries earlier WHERE earlier.status = 'waiting'
             AND earlier.subject = each.subject AND earlier.seq < each.seq)
         ORDER BY seq LIMIT 1`,
        now,
      )
      .toArray()[0]
  }

  /** When the next may be sent; undefined if none is waiting. */
  nextAt(): number | undefined {
    const { next } = this.#sql
      .exec<{ next: number | null }>(
        `SELECT min(next_at) AS next FROM deliveries each
         WHERE status = 'waiting' AND NOT EXISTS (
           SELECT 1 FROM deliveries earlier WHERE earlier.status = 'waiting'
             AND earlier.subject = each.subject AND earlier.seq < each.seq)`,
      )
      .one()
    return next ?? undefined
  }

  waiting(): number {
    return this.#count('waiting')
  }

  #count(status: Delivery['status']): number {
    return this.#sql
      .exec<{ count: number }>('SELECT count(*) AS count FROM deliveries WHERE status = ?', status)
      .one().count
  }

  /** Notes an attempt before it is made, so that one that is cut off is known to have begun. */
  attempt(id: EventId, now: number): void {
    this.#sql.exec(
      `UPDATE deliveries SET attempts = attempts + 1, first_at = coalesce(first_at, ?),
        last_at = ?, under_way = 1 WHERE id = ?`,
      now,
      now,
      id,
    )
  }

  /** Attempts that were under way when the object was ended: whether they arrived, nobody knows. */
  interrupted(now: number): void {
    this.#sql.exec(
      `UPDATE deliveries SET under_way = 0, last_status = NULL, last_failure = 'interrupted',
        next_at = ? WHERE under_way = 1`,
      now,
    )
  }

  delivered(id: EventId, status: number): void {
    this.#storage.transactionSync(() => {
      this.#end(id, 'delivered', { status, failure: null }, null)
      this.#sql.exec('UPDATE endpoint SET failures = 0, failing_since = NULL, open_until = NULL')
    })
  }

  /** @param next when it is tried again; null for never. @param openUntil before when nothing is */
  failed(
    id: EventId,
    outcome: { readonly status: number | null; readonly failure: Failure | null },
    { next, openUntil, now }: { next: number | null; openUntil: number | null; now: number },
  ): void {
    this.#storage.transactionSync(() => {
      this.#end(id, next === null ? 'dead' : 'waiting', outcome, next)
      this.#sql.exec(
        `UPDATE endpoint SET failures = failures + 1, failing_since = coalesce(failing_since, ?),
          open_until = ?`,
        now,
        openUntil,
      )
    })
  }

  #end(
    id: EventId,
    to: Delivery['status'],
    { status, failure }: { readonly status: number | null; readonly failure: Failure | null },
    next: number | null,
  ): void {
    this.#sql.exec(
      `UPDATE deliveries SET status = ?, last_status = ?, last_failure = ?, next_at = ?,
        under_way = 0 WHERE id = ?`,
      to,
      status,
      failure,
      next,
      id,
    )
  }

  /** Takes up again what waits, as if nothing had failed so far. */
  afresh(now: number): void {
    this.#storage.transactionSync(() => {
      this.#sql.exec('UPDATE endpoint SET failures = 0, failing_since = NULL, open_until = NULL')
      this.#sql.exec(
        `UPDATE deliveries SET attempts = 0, first_at = NULL, next_at = ?
         WHERE status = 'waiting'`,
        now,
      )
    })
  }

  /** Forgets the oldest of those that are done. */
  prune(): void {
    for (const status of ['delivered', 'dead'])
      this.#sql.exec(
        `DELETE FROM deliveries WHERE status = ?1 AND seq <= (
           SELECT seq FROM deliveries WHERE status = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ${KEPT})`,
        status,
      )
  }

  list({ status, before, limit }: DeliveryFilter): Delivery[] {
    const values = [before ?? Number.MAX_SAFE_INTEGER, limit]
    return status === undefined
      ? this.#sql
          .exec<DeliveryColumns>(
            `SELECT ${DELIVERY} FROM deliveries WHERE seq < ? ORDER BY seq DESC LIMIT ?`,
            ...values,
          )
          .toArray()
      : this.#sql
          .exec<DeliveryColumns>(
            `SELECT ${DELIVERY} FROM deliveries WHERE status = ? AND seq < ?
             ORDER BY seq DESC LIMIT ?`,
            status,
            ...values,
          )
          .toArray()
  }

  state(now: number): DeliveryState {
    const { failures = 0, openUntil = null } = this.endpoint() ?? {}
    return {
      circuit: openUntil === null ? 'closed' : openUntil > now ? 'open' : 'half-open',
      openUntil,
      failuresInARow: failures,
      waiting: this.waiting(),
      dead: this.#count('dead'),
    }
  }
}

type DeliveryColumns = { -readonly [K in keyof Delivery]: Delivery[K] }
