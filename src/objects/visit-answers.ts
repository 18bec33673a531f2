/** Answers kept for 24 hours by Idempotency-Key, so that a repeated request is answered and not counted again. */
import type { UserId } from '../db/ids.ts'

/** An Idempotency-Key, and a digest of the request it came with. Scoped to the member. */
export interface Once {
  readonly key: string
  readonly fingerprint: string
}

const KEPT_MS = 24 * 60 * 60_000
/** More than one request adds, so that the table shrinks as it is used. */
const EXPIRED_PER_REQUEST = 10

/** Leads with the time, in units of KEPT_MS: what has expired lies at the head, without an index for it. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS answers (
    period INTEGER NOT NULL, member TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL,
    at INTEGER NOT NULL, answer TEXT NOT NULL,
    PRIMARY KEY (period, member, key)
  ) STRICT, WITHOUT ROWID;
`

/** `at` is in milliseconds throughout. `Answer` has to survive JSON. */
export class VisitAnswers<Answer> {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
    sql.exec(SCHEMA)
  }

  find(member: UserId, { key, fingerprint }: Once, at: number): Answer | 'mismatch' | undefined {
    const period = periodOf(at)
    const [kept] = this.#sql
      .exec<{ fingerprint: string; answer: string }>(
        // The period after this one too: the clock may have gone back since.
        `SELECT fingerprint, answer FROM answers
         WHERE period IN (?, ?, ?) AND member = ? AND key = ? AND at > ?`,
        period - 1,
        period,
        period + 1,
        member,
        key,
        at - KEPT_MS,
      )
      .toArray()
    if (!kept) return undefined
    return kept.fingerprint === fingerprint ? this.#parsed(kept.answer) : 'mismatch'
  }

  keep(member: UserId, { key, fingerprint }: Once, at: number, answer: Answer): void {
    const period = periodOf(at)
    this.#sql.exec(
      `DELETE FROM answers WHERE (period, member, key) IN
         (SELECT period, member, key FROM answers WHERE period < ? LIMIT ${EXPIRED_PER_REQUEST})`,
      period - 1,
    )
    this.#sql.exec(
      `INSERT INTO answers (period, member, key, fingerprint, at, answer) VALUES (?, ?, ?, ?, ?, ?)`,
      period,
      member,
      key,
      fingerprint,
      at,
      JSON.stringify(answer),
    )
  }

  erase(member: UserId): void {
    this.#sql.exec('DELETE FROM answers WHERE member = ?', member)
  }

  /** The text was written by `keep`, which took an `Answer`. */
  #parsed(answer: string): Answer {
    return JSON.parse(answer) as Answer
  }
}

function periodOf(at: number): number {
  return Math.floor(at / KEPT_MS)
}
