/**
 * One shard of the visits: counts them, and keeps which members have reached a badge rule until
 * their awards are committed elsewhere. It knows member ids and the times it is handed, nothing else.
 */
import { DurableObject } from 'cloudflare:workers'
import type { RuleId, UserId } from '../db/ids.ts'
import { Belonging, type Binding, type Bound, type Mark } from './belonging.ts'
import { type NotPutBack, putBack } from './point-in-time.ts'
import { RuleWatch } from './rule-watch.ts'
import { type DumpedRows, type DumpedTable, type DumpPage, TableDump } from './table-dump.ts'
import { dayNumber, dayText } from '../calendar/site-day.ts'
import { VisitAnswers } from './visit-answers.ts'
import type { Once } from './visit-answers.ts'
import { type MembersHere, type Pruned, VisitLog } from './visit-log.ts'
import { type Milestones, VisitMilestones } from './visit-milestones.ts'
import { VisitTotals } from './visit-totals.ts'
import { currentStreak, measure, tally, withVisit } from './visit-stats.ts'
import type { VisitRule } from './visit-stats.ts'

/** A visit this soon after the last counted one is the same visit. */
const SAME_VISIT_MS = 30 * 60_000

/** Rows of a page of a backup, each of a few dozen bytes. */
const ROWS_OF_A_PAGE = 10_000
const OLDER: DumpedTable = {
  name: 'older',
  columns: ['member', 'visits', 'days', 'longest_streak', 'last_day', 'run'],
  group: 1,
  order: 'member',
}
const TABLES: readonly DumpedTable[] = [
  {
    name: 'rules',
    columns: [
      'id',
      'revision',
      'metric',
      'threshold',
      'window_days',
      'arrived',
      'caught_up_to',
      'caught_up',
    ],
    group: 1,
    order: 'id',
  },
  // Pruning moves days into `older`, so of one member both are of one moment.
  {
    name: 'days',
    columns: ['member', 'day', 'visits', 'last_at'],
    group: 1,
    order: 'member, day',
    beside: [OLDER],
  },
  { name: 'erased', columns: ['member'], group: 1, order: 'member' },
  { name: 'crossings', columns: ['seq', 'rule', 'member'], group: 1, order: 'seq' },
  {
    name: 'answers',
    columns: ['period', 'member', 'key', 'fingerprint', 'at', 'answer'],
    group: 3,
    order: 'period, member, key',
  },
  { name: 'milestones', columns: ['seq', 'id', 'member', 'total', 'at'], group: 1, order: 'seq' },
]

export interface Counted {
  readonly counted: boolean
  /** The day the visit falls on; never before the member's latest. */
  readonly day: string
  /** Counted visits of all time. */
  readonly total: number
}

export type Recorded =
  | (Counted & { readonly replayed?: true })
  | { readonly erased: true }
  /** The Idempotency-Key came with another request. */
  | { readonly mismatch: true }

export interface VisitSummary {
  readonly total: number
  readonly days: number
  readonly currentStreak: number
  readonly longestStreak: number
  readonly lastVisitAt: number | null
  /** Newest first. Days that were pruned are in the figures above, not here. */
  readonly byDay: { readonly day: string; readonly visits: number }[]
}

export interface Standing {
  readonly ruleId: RuleId
  readonly have: number
}

export interface Due {
  readonly crossings: {
    readonly ruleId: RuleId
    readonly revision: number
    readonly members: UserId[]
  }[]
  /** The greatest number in this page, where the next one starts. */
  readonly upTo: number
  /** There are further crossings, or members that a rule has not been held against yet. */
  readonly more: boolean
}

export interface Eligible {
  readonly members: { readonly member: UserId; readonly have: number }[]
  readonly next: UserId | null
}

export interface ShardSize {
  readonly bytes: number
  /** Members whose badge is still to be awarded, for all rules; 1000 stands for more. */
  readonly crossings: number
}

/** Visits of all members of the shard on one day. */
export interface ShardTotal {
  readonly day: string
  readonly visits: number
}

/**
 * Days are `YYYY-MM-DD` in the site's time zone, instants milliseconds since the epoch. `generation`
 * is that of whoever asks: one of another generation is refused, and nothing is done.
 */
export class VisitShard extends DurableObject {
  readonly #belonging = new Belonging(this.ctx.storage)
  readonly #log = new VisitLog(this.ctx.storage.sql)
  readonly #totals = new VisitTotals(this.#log)
  readonly #answers = new VisitAnswers<Counted>(this.ctx.storage.sql)
  readonly #milestones = new VisitMilestones(this.ctx.storage.sql)
  readonly #watch = new RuleWatch(this.ctx.storage.sql, this.#log)
  readonly #dump = new TableDump(this.ctx.storage, TABLES)

  size(): ShardSize {
    return { bytes: this.ctx.storage.sql.databaseSize, crossings: this.#watch.backlog() }
  }

  /**
   * Counts a visit unless it is less than 30 minutes after the last counted one, or before it: while a
   * clock that went back catches up nothing is counted twice, and a day that is over stays as it is.
   */
  record(member: UserId, at: number, day: string, once?: Once, generation?: string): Recorded {
    this.#belonging.assert(generation)
    const recorded = this.ctx.storage.transactionSync((): Recorded => {
      if (this.#log.isErased(member)) return { erased: true }
      if (!once) return this.#count(member, at, day)
      const earlier = this.#answers.find(member, once, at)
      if (earlier === 'mismatch') return { mismatch: true }
      if (earlier) return { ...earlier, replayed: true }
      const counted = this.#count(member, at, day)
      this.#answers.keep(member, once, at, counted)
      return counted
    })
    if ('counted' in recorded && recorded.counted && !recorded.replayed) {
      this.#totals.add(dayNumber(recorded.day))
    }
    return recorded
  }

  /** What `record` would answer; nothing is recorded. */
  foresee(...visit: Parameters<VisitShard['record']>): Recorded {
    // Told in the transaction, the object would know it in its memory alone.
    this.#belonging.assert(visit[4])
    try {
      return this.ctx.storage.transactionSync(() => {
        throw new Foreseen(this.record(...visit))
      })
    } catch (error) {
      if (error instanceof Foreseen) return error.recorded
      throw error
    } finally {
      this.#totals.forget()
    }
  }

  read(member: UserId, today: string, generation?: string): VisitSummary {
    this.#belonging.assert(generation)
    const { older, days } = this.#log.history(member)
    const all = tally(older, days)
    return {
      total: all.visits,
      days: all.days,
      currentStreak: currentStreak(all, dayNumber(today)),
      longestStreak: all.longestStreak,
      lastVisitAt: days.at(-1)?.lastAt ?? null,
      byDay: days.map(({ day, visits }) => ({ day: dayText(day), visits })).toReversed(),
    }
  }

  /** What the member has towards each rule, whether this shard knows the rule or not. */
  standing(
    member: UserId,
    rules: readonly VisitRule[],
    today: string,
    generation?: string,
  ): Standing[] {
    this.#belonging.assert(generation)
    const history = this.#log.history(member)
    const asOf = dayNumber(today)
    return rules.map((rule) => ({ ruleId: rule.id, have: measure(rule, history, asOf) }))
  }

  /**
   * Takes over `rules` as the ones to watch, holds those that are new or changed against the next
   * members (twice `limit`), and returns up to `limit` crossings, oldest first. Nothing is forgotten
   * before `settle`: a caller that died is told again, and one that goes on `after` the last page can
   * pass by a rule whose awards fail.
   */
  due(
    rules: readonly VisitRule[],
    today: string,
    limit = 1000,
    after = 0,
    generation?: string,
  ): Due {
    this.#belonging.assert(generation)
    return this.ctx.storage.transactionSync(() => {
      this.#watch.sync(rules, dayNumber(today))
      this.#watch.catchUp(limit * 2)
      const found = this.#watch.crossings(after, limit + 1)
      const page = found.slice(0, limit)
      return {
        crossings: [...Map.groupBy(page, ({ ruleId }) => ruleId)].map(([ruleId, of]) => ({
          ruleId,
          revision: of[0]?.revision ?? 0,
          members: of.map(({ member }) => member),
        })),
        upTo: page.at(-1)?.seq ?? after,
        more: found.length > limit || !this.#watch.isCaughtUp(),
      }
    })
  }

  /**
   * Forgets one page of `due`, given by its `upTo` and the `after` it was asked with, once the awards
   * are committed: of `ruleIds`, or of every rule. What was reached since `due` stays.
   */
  settle(upTo: number, ruleIds?: readonly RuleId[], after = 0, generation?: string): void {
    this.#belonging.assert(generation)
    this.#watch.settle(after, upTo, ruleIds)
  }

  /** Reports the member again for each rule reached as of today: for after a time without awards. */
  recheck(member: UserId, today: string, generation?: string): void {
    this.#belonging.assert(generation)
    this.ctx.storage.transactionSync(() => this.#watch.recheck(member, dayNumber(today)))
  }

  /**
   * The members beyond `cursor` who reach the rule as of today. `limit` bounds the members looked at,
   * so a page can be empty and have a next one all the same.
   */
  eligible(
    rule: VisitRule,
    today: string,
    cursor: UserId | null,
    limit: number,
    generation?: string,
  ): Eligible {
    this.#belonging.assert(generation)
    const dated = { ...rule, arrived: dayNumber(today) }
    const { reached, next } = this.#watch.page([dated], cursor, limit)
    return { members: reached.map(({ member, have }) => ({ member, have })), next }
  }

  /**
   * Folds up to `limit` days before `before` into one row per member. Only windowed measures can tell,
   * so `before` has to leave the longest window whole, and nothing is folded while a rule is still
   * being held against old visits. A member's latest day stays whatever its age, since the next visit
   * is held against it.
   * @param after the member it goes on after, as the page before says in `next`
   */
  prune(before: string, limit = 1000, generation?: string, after: UserId | null = null): Pruned {
    this.#belonging.assert(generation)
    return this.ctx.storage.transactionSync(() => {
      if (!this.#watch.isCaughtUp()) return { pruned: 0, next: after, more: false }
      return this.#log.prune(dayNumber(before), limit, after)
    })
  }

  /** How many visits each day from `since` on had, of the members there are. */
  totals(since: string, generation?: string): ShardTotal[] {
    this.#belonging.assert(generation)
    return this.#totals
      .since(dayNumber(since))
      .map(({ day, visits }) => ({ day: dayText(day), visits }))
  }

  /** Up to `limit` milestones that `reported` has not been called for, oldest first. */
  milestones(limit: number, generation?: string): Milestones {
    this.#belonging.assert(generation)
    return this.#milestones.page(limit)
  }

  /** Forgets one page of `milestones`, once it is stored elsewhere. */
  reported(upTo: number, generation?: string): void {
    this.#belonging.assert(generation)
    this.#milestones.settle(upTo)
  }

  /** Removes all there is about the member but the id, by which a visit still on its way is refused. */
  erase(member: UserId, generation?: string): void {
    this.#belonging.assert(generation)
    this.#erase([member])
  }

  /** Tells of the tick that is going on, for which nothing but the generation has to fit. */
  bind(binding: Binding): Bound {
    return this.#belonging.bind(binding)
  }

  /** What reconciling goes by; whatever generation it is. The revisions are those of the rules known here. */
  survey(): { readonly rules: readonly { readonly id: RuleId; readonly revision: number }[] } {
    return { rules: this.#watch.revisions() }
  }

  /** Members beyond `cursor` about whom there is anything, and those of them that were erased. */
  members(cursor: UserId | null, limit: number): MembersHere {
    return this.#log.members(cursor, limit)
  }

  /** Erases whom the database does not know. */
  eraseUnknown(members: readonly UserId[]): void {
    this.#erase(members)
  }

  /** Starts anew as it was then; milliseconds since the epoch. @returns why not, where it cannot */
  async putBack(at: number): Promise<NotPutBack | undefined> {
    return putBack(this.ctx, at)
  }

  /** Makes this shard one of the generation, once it fits the database. */
  adopt(generation: string, at: Mark | null): void {
    this.#dump.end()
    this.#belonging.adopt(generation, at)
  }

  /** A page of all there is here, for a backup. */
  dump(cursor: string | null, generation: string): DumpPage {
    this.#belonging.assert(generation)
    return this.#dump.page(cursor, ROWS_OF_A_PAGE)
  }

  /** Empties what a backup began to load, and holds until it is adopted. @returns false if the shard is in use */
  beginLoading(backup: string): boolean {
    this.#totals.forget()
    return this.#dump.begin(backup, this.#belonging)
  }

  /** Takes a page of `dump`; may be repeated. */
  load(backup: string, tables: readonly DumpedRows[]): void {
    this.#dump.load(backup, tables)
    this.#totals.forget()
  }

  #erase(members: readonly UserId[]): void {
    this.ctx.storage.transactionSync(() => {
      for (const member of members) {
        this.#log.erase(member)
        this.#answers.erase(member)
        this.#milestones.erase(member)
        this.#watch.erase(member)
      }
    })
    this.#totals.forget()
  }

  #count(member: UserId, at: number, day: string): Counted {
    const before = this.#log.history(member)
    const total = tally(before.older, before.days).visits
    const last = before.days.at(-1)
    const today = Math.max(dayNumber(day), last?.day ?? -Infinity)
    if (last && at < last.lastAt + SAME_VISIT_MS) {
      return { counted: false, day: dayText(today), total }
    }
    this.#log.add(member, today, at)
    this.#milestones.note(member, total + 1, at)
    this.#watch.visited(member, before, withVisit(before, today), today)
    return { counted: true, day: dayText(today), total: total + 1 }
  }
}

/** Carries what was recorded out of the transaction that it rolls back. */
class Foreseen extends Error {
  readonly recorded: Recorded

  constructor(recorded: Recorded) {
    super('foreseen')
    this.recorded = recorded
  }
}
