/** Round numbers of visits that members have reached, kept until the feed of events has been told. */
import { type EventId, newId, type UserId } from '../db/ids.ts'

/** The round numbers below a thousand; above, each thousand is one. */
const ROUND = new Set([10, 25, 50, 100, 250, 500])

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS milestones (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, member TEXT NOT NULL,
    total INTEGER NOT NULL, at INTEGER NOT NULL
  ) STRICT;
`

/** `at` is in milliseconds since the epoch. */
type Row = { seq: number; id: EventId; member: UserId; total: number; at: number }

export interface Milestones {
  readonly found: Omit<Row, 'seq'>[]
  /** The greatest number in this page, for `reported`. */
  readonly upTo: number
}

export class VisitMilestones {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
    sql.exec(SCHEMA)
  }

  /** Notes a total that is a milestone, and no other. */
  note(member: UserId, total: number, at: number): void {
    if (!ROUND.has(total) && (total === 0 || total % 1000 !== 0)) return
    this.#sql.exec(
      'INSERT INTO milestones (id, member, total, at) VALUES (?, ?, ?, ?)',
      newId('evt', at),
      member,
      total,
      at,
    )
  }

  /** Up to `limit`, oldest first. */
  page(limit: number): Milestones {
    const rows = this.#sql
      .exec<Row>('SELECT seq, id, member, total, at FROM milestones ORDER BY seq LIMIT ?', limit)
      .toArray()
    const found = rows.map(({ id, member, total, at }) => ({ id, member, total, at }))
    return { found, upTo: rows.at(-1)?.seq ?? 0 }
  }

  settle(upTo: number): void {
    this.#sql.exec('DELETE FROM milestones WHERE seq <= ?', upTo)
  }

  erase(member: UserId): void {
    this.#sql.exec('DELETE FROM milestones WHERE member = ?', member)
  }
}
