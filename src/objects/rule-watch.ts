/**
 * Which members have reached a badge rule and are not settled yet. None is missed: a rule is held
 * against every visit while it is known, and against every member once, as they stood when it came.
 */
import type { RuleId, UserId } from '../db/ids.ts'
import type { VisitLog } from './visit-log.ts'
import { measure } from './visit-stats.ts'
import type { History, VisitRule } from './visit-stats.ts'

/**
 * `arrived` is the day a rule came, `caught_up_to` the last member it has been held against.
 * AUTOINCREMENT, because the number of a settled crossing must never be given to a later one.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS rules (
    id TEXT PRIMARY KEY, revision INTEGER NOT NULL, metric TEXT NOT NULL,
    threshold INTEGER NOT NULL, window_days INTEGER, arrived INTEGER NOT NULL,
    caught_up_to TEXT, caught_up INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS crossings (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL, member TEXT NOT NULL,
    UNIQUE (rule, member)
  ) STRICT;
`

/** A rule is never measured as of a day before `arrived`: one machine's midnight is not another's. */
type DatedRule = VisitRule & { readonly arrived: number }
type KnownRule = DatedRule & { readonly caughtUpTo: UserId | null; readonly caughtUp: number }

export type Crossing = { seq: number; ruleId: RuleId; revision: number; member: UserId }

export interface Reached {
  readonly ruleId: RuleId
  readonly member: UserId
  readonly have: number
}

export class RuleWatch {
  readonly #sql: SqlStorage
  readonly #log: VisitLog

  constructor(sql: SqlStorage, log: VisitLog) {
    this.#sql = sql
    this.#log = log
    sql.exec(SCHEMA)
  }

  /** Takes over `rules`: those that are gone are dropped, the new and the changed start from scratch. */
  sync(rules: readonly VisitRule[], today: number): void {
    const known = new Map(this.#rules().map((rule) => [rule.id, rule]))
    const wanted = new Set(rules.map(({ id }) => id))
    for (const id of known.keys()) if (!wanted.has(id)) this.#drop(id)
    for (const rule of rules) {
      const { revision = -Infinity } = known.get(rule.id) ?? {}
      // A lower revision is a list that was read before the one this shard has seen.
      if (rule.revision <= revision) continue
      this.#drop(rule.id)
      this.#sql.exec(
        `INSERT INTO rules (id, revision, metric, threshold, window_days, arrived)
         VALUES (?, ?, ?, ?, ?, ?)`,
        rule.id,
        rule.revision,
        rule.metric,
        rule.threshold,
        rule.windowDays,
        today,
      )
    }
  }

  /** Holds rules that are not caught up against the next `limit` members; those that came together go together. */
  catchUp(limit: number): void {
    const behind = this.#rules().filter(({ caughtUp }) => !caughtUp)
    const [first] = behind
    if (!first) return
    const group = behind.filter(({ caughtUpTo }) => caughtUpTo === first.caughtUpTo)
    const { reached, next } = this.page(group, first.caughtUpTo, limit)
    for (const { ruleId, member } of reached) this.#cross(ruleId, member)
    for (const { id } of group) {
      this.#sql.exec(
        'UPDATE rules SET caught_up_to = ?, caught_up = ? WHERE id = ?',
        next,
        next === null ? 1 : 0,
        id,
      )
    }
  }

  revisions(): { id: RuleId; revision: number }[] {
    return this.#rules().map(({ id, revision }) => ({ id, revision }))
  }

  isCaughtUp(): boolean {
    return this.#rules().every(({ caughtUp }) => caughtUp)
  }

  /** Who of the next `limit` members reaches a rule as of the day it arrived. */
  page(rules: readonly DatedRule[], cursor: UserId | null, limit: number) {
    const reached: Reached[] = []
    let [seen, last] = [0, cursor]
    for (const { member, history } of this.#log.histories(cursor)) {
      for (const rule of rules) {
        const have = measure(rule, history, rule.arrived)
        if (have >= rule.threshold) reached.push({ ruleId: rule.id, member, have })
      }
      ;[seen, last] = [seen + 1, member]
      if (seen === limit) break
    }
    return { reached, next: seen < limit ? null : last }
  }

  /** Notes what a counted visit on `day` reached that was not reached without it. */
  visited(member: UserId, before: History, after: History, day: number): void {
    for (const rule of this.#rules()) {
      const asOf = Math.max(day, rule.arrived)
      const crossed = reaches(rule, after, asOf) && !reaches(rule, before, asOf)
      // Once this visit is counted, it can no longer be seen how the member stood when the rule came.
      const unseen = !rule.caughtUp && reaches(rule, before, rule.arrived)
      if (crossed || unseen) this.#cross(rule.id, member)
    }
  }

  /** Notes every known rule that the member reaches as of today, noted before or not. */
  recheck(member: UserId, today: number): void {
    const history = this.#log.history(member)
    for (const rule of this.#rules()) {
      if (reaches(rule, history, Math.max(today, rule.arrived))) this.#cross(rule.id, member)
    }
  }

  /** How many crossings are to be settled; 1000 stands for more. */
  backlog(): number {
    const counted = this.#sql.exec<{ n: number }>(
      'SELECT count(*) AS n FROM (SELECT 1 FROM crossings LIMIT 1000)',
    )
    return counted.one().n
  }

  /** Oldest first, numbered above `after`. */
  crossings(after: number, limit: number): Crossing[] {
    return this.#sql
      .exec<Crossing>(
        `SELECT seq, rule AS ruleId, revision, member FROM crossings JOIN rules ON id = rule
         WHERE seq > ? ORDER BY seq LIMIT ?`,
        after,
        limit,
      )
      .toArray()
  }

  settle(after: number, upTo: number, ruleIds: readonly RuleId[] | undefined): void {
    this.#sql.exec(
      `DELETE FROM crossings WHERE seq > ?1 AND seq <= ?2
       AND (?3 IS NULL OR rule IN (SELECT value FROM json_each(?3)))`,
      after,
      upTo,
      ruleIds ? JSON.stringify(ruleIds) : null,
    )
  }

  erase(member: UserId): void {
    this.#sql.exec('DELETE FROM crossings WHERE member = ?', member)
  }

  /** A crossing noted again takes a new number, so that settling the older one cannot swallow it. */
  #cross(rule: RuleId, member: UserId): void {
    this.#sql.exec('INSERT OR REPLACE INTO crossings (rule, member) VALUES (?, ?)', rule, member)
  }

  #drop(rule: RuleId): void {
    this.#sql.exec('DELETE FROM crossings WHERE rule = ?', rule)
    this.#sql.exec('DELETE FROM rules WHERE id = ?', rule)
  }

  #rules(): KnownRule[] {
    return this.#sql
      .exec<KnownRule>(
        `SELECT id, revision, metric, threshold, window_days AS windowDays, arrived,
           caught_up_to AS caughtUpTo, caught_up AS caughtUp FROM rules`,
      )
      .toArray()
  }
}

function reaches(rule: VisitRule, history: History, asOf: number): boolean {
  return measure(rule, history, asOf) >= rule.threshold
}
