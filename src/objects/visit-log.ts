/** The counted visits of a shard's members in SQLite: a row per member and day, and what pruning folded away. */
import type { UserId } from '../db/ids.ts'
import { tally } from './visit-stats.ts'
import type { History, Tally, VisitDay } from './visit-stats.ts'

/** `days` has no second index, so that a visit writes one row. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS days (
    member TEXT NOT NULL, day INTEGER NOT NULL, visits INTEGER NOT NULL, last_at INTEGER NOT NULL,
    PRIMARY KEY (member, day)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS older (
    member TEXT PRIMARY KEY, visits INTEGER NOT NULL, days INTEGER NOT NULL,
    longest_streak INTEGER NOT NULL, last_day INTEGER NOT NULL, run INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS erased (member TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
`

/**
 * Whether members have days before a border. It steps from member to member by the primary key, so that a
 * member costs a few rows, not all of its days.
 */
const OLD_AFTER = `
  WITH RECURSIVE members (member) AS (
    SELECT min(member) FROM days WHERE member > ?1
    UNION ALL
    SELECT (SELECT min(member) FROM days WHERE days.member > members.member)
    FROM members WHERE member IS NOT NULL
  )
  SELECT member, (SELECT min(day) FROM days WHERE days.member = members.member)
    < min(?3, (SELECT max(day) FROM days WHERE days.member = members.member)) AS isOld
  FROM members WHERE member IS NOT NULL LIMIT ?2
`

/** What was folded away comes first, because its last day is before those that are left. */
const HISTORIES_AFTER = `
  SELECT member, day, visits, NULL AS days, NULL AS longestStreak, NULL AS run
  FROM days WHERE member > ?1
  UNION ALL
  SELECT member, last_day, visits, days, longest_streak, run FROM older WHERE member > ?1
  ORDER BY member, day
`

/** Whoever is only in `older` has days, too: pruning leaves the latest. */
const EVERYBODY_AFTER = `
  WITH RECURSIVE members (member) AS (
    SELECT min(member) FROM days WHERE member > ?1
    UNION ALL
    SELECT (SELECT min(member) FROM days WHERE days.member > members.member)
    FROM members WHERE member IS NOT NULL
  )
  SELECT * FROM (SELECT member, 0 AS isErased FROM members WHERE member IS NOT NULL LIMIT ?2)
  UNION ALL
  SELECT * FROM (SELECT member, 1 FROM erased WHERE member > ?1 ORDER BY member LIMIT ?2)
  ORDER BY member LIMIT ?2
`

const LOOKED_AT = 2000

/** How many days were folded away, and after whom there may be more. */
export interface Pruned {
  readonly pruned: number
  readonly next: UserId | null
  readonly more: boolean
}

type LoggedRow = { member: UserId; day: number; visits: number } & (
  | { days: null; longestStreak: null; run: null }
  | { days: number; longestStreak: number; run: number }
)

/** `lastAt` is the last counted visit of the day, in milliseconds. */
export type LoggedDay = { day: number; visits: number; lastAt: number }

/** A page of members in the order of their ids. */
export interface MembersHere {
  readonly known: UserId[]
  readonly erased: UserId[]
  /** Where the next page goes on; null after the last. */
  readonly next: UserId | null
}

export class VisitLog {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
    sql.exec(SCHEMA)
  }

  history(member: UserId): History<LoggedDay> {
    const [older = null] = this.#sql
      .exec<Tally>(
        `SELECT visits, days, longest_streak AS longestStreak, last_day AS lastDay, run
         FROM older WHERE member = ?`,
        member,
      )
      .toArray()
    const days = this.#sql
      .exec<LoggedDay>(
        'SELECT day, visits, last_at AS lastAt FROM days WHERE member = ? ORDER BY day',
        member,
      )
      .toArray()
    return { older, days }
  }

  /** Visits of each day from `since` on, of all members: reads every row. */
  totals(since: number): VisitDay[] {
    return this.#sql
      .exec<{ day: number; visits: number }>(
        'SELECT day, sum(visits) AS visits FROM days WHERE day >= ? GROUP BY day',
        since,
      )
      .toArray()
  }

  /** `day` must not be before the member's latest. */
  add(member: UserId, day: number, at: number): void {
    this.#sql.exec(
      `INSERT INTO days (member, day, visits, last_at) VALUES (?, ?, 1, ?)
       ON CONFLICT DO UPDATE SET visits = visits + 1, last_at = excluded.last_at`,
      member,
      day,
      at,
    )
  }

  /** The members after `cursor` in the order of their ids, each read as it is asked for. */
  *histories(cursor: UserId | null): Generator<{ member: UserId; history: History }> {
    const rows = this.#sql.exec<LoggedRow>(HISTORIES_AFTER, cursor ?? '')
    let [member, older, days]: [UserId | undefined, Tally | null, VisitDay[]] = [
      undefined,
      null,
      [],
    ]
    for (const { day, visits, run, longestStreak, days: count, member: next } of rows) {
      if (member !== undefined && next !== member) {
        yield { member, history: { older, days } }
        ;[older, days] = [null, []]
      }
      member = next
      if (run === null) days.push({ day, visits })
      else older = { visits, days: count, longestStreak, lastDay: day, run }
    }
    if (member !== undefined) yield { member, history: { older, days } }
  }

  /**
   * Folds up to `limit` days before `before` of the members after `cursor`, oldest first, but never a
   * member's latest. It looks at no more than a few thousand members.
   */
  prune(before: number, limit: number, cursor: UserId | null): Pruned {
    let pruned = 0
    let after = cursor
    const members = this.#membersAndWhetherOld(before, cursor)
    for (const { member, isOld } of members) {
      if (isOld) {
        const { older, days } = this.history(member)
        const old = days.slice(0, -1).filter(({ day }) => day < before)
        const taken = old.slice(0, limit - pruned)
        this.#fold(member, tally(older, taken))
        pruned += taken.length
        // The member has more old days, or nobody knows whether somebody else has.
        if (taken.length < old.length) return { pruned, next: after, more: true }
      }
      after = member
      if (pruned === limit) break
    }
    const isLast = members.length < LOOKED_AT && after === (members.at(-1)?.member ?? cursor)
    return { pruned, next: after, more: !isLast }
  }

  /** Everybody about whom there is a row. */
  members(cursor: UserId | null, limit: number): MembersHere {
    const rows = this.#sql
      .exec<{ member: UserId; isErased: number }>(EVERYBODY_AFTER, cursor ?? '', limit)
      .toArray()
    const those = (isErased: number) =>
      rows.filter((row) => row.isErased === isErased).map(({ member }) => member)
    const next = rows.length < limit ? null : (rows.at(-1)?.member ?? null)
    return { known: those(0), erased: those(1), next }
  }

  isErased(member: UserId): boolean {
    return this.#sql.exec('SELECT 1 FROM erased WHERE member = ?', member).toArray().length > 0
  }

  /** Leaves the id alone behind, for `isErased`. */
  erase(member: UserId): void {
    this.#sql.exec('DELETE FROM days WHERE member = ?', member)
    this.#sql.exec('DELETE FROM older WHERE member = ?', member)
    this.#sql.exec('INSERT INTO erased (member) VALUES (?) ON CONFLICT DO NOTHING', member)
  }

  #membersAndWhetherOld(before: number, cursor: UserId | null) {
    return this.#sql
      .exec<{ member: UserId; isOld: number }>(OLD_AFTER, cursor ?? '', LOOKED_AT, before)
      .toArray()
  }

  #fold(member: UserId, { visits, days, longestStreak, lastDay, run }: Tally): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO older (member, visits, days, longest_streak, last_day, run)
       VALUES (?, ?, ?, ?, ?, ?)`,
      member,
      visits,
      days,
      longestStreak,
      lastDay,
      run,
    )
    this.#sql.exec('DELETE FROM days WHERE member = ? AND day <= ?', member, lastDay)
  }
}
