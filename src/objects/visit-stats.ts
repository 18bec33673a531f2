/**
 * What a member's visits amount to: totals, streaks, and the measure of a badge rule. Pure; days are
 * day numbers (see site-day.ts). Recording, awards, progress and previews all count with `measure`.
 */
import type { RuleId } from '../db/ids.ts'

export type VisitRule = {
  readonly id: RuleId
  /** The revision only ever goes up; a shard ignores one below the one it knows. */
  readonly revision: number
  readonly metric: 'visits' | 'visitDays' | 'streakDays'
  readonly threshold: number
  /** Counted back from the day asked about, that day included; `null` is all time. */
  readonly windowDays: number | null
}

export interface VisitDay {
  readonly day: number
  readonly visits: number
}

/** A stretch of a member's days, summed up so that the days that follow can be added to it. */
export type Tally = {
  readonly visits: number
  readonly days: number
  readonly longestStreak: number
  readonly lastDay: number
  /** Consecutive visited days that end with `lastDay`. */
  readonly run: number
}

export interface History<Day extends VisitDay = VisitDay> {
  /** What pruning has folded away: all of it before the first of `days`. */
  readonly older: Tally | null
  /** Ascending. A day is there only if it has a visit. */
  readonly days: readonly Day[]
}

const NOTHING: Tally = { visits: 0, days: 0, longestStreak: 0, lastDay: -Infinity, run: 0 }

/** `base` with `days` added: ascending, and all of them after `base`. */
export function tally(base: Tally | null, days: readonly VisitDay[]): Tally {
  let { visits, longestStreak, lastDay, run } = base ?? NOTHING
  for (const each of days) {
    run = each.day === lastDay + 1 ? run + 1 : 1
    lastDay = each.day
    visits += each.visits
    longestStreak = Math.max(longestStreak, run)
  }
  return { visits, days: (base?.days ?? 0) + days.length, longestStreak, lastDay, run }
}

/**
 * What counts towards a rule's threshold as of `today`, or as of the latest visit where that is
 * later: a member's calendar does not go back, however the clocks of two machines differ.
 * Without a new visit the measure never grows from one day to the next.
 */
export function measure(
  { metric, windowDays }: Pick<VisitRule, 'metric' | 'windowDays'>,
  { older, days }: History,
  today: number,
): number {
  const counted =
    windowDays === null ? tally(older, days) : tally(null, lastDays(days, windowDays, today))
  switch (metric) {
    case 'visits':
      return counted.visits
    case 'visitDays':
      return counted.days
    case 'streakDays':
      return counted.longestStreak
  }
}

/** `history` with one more visit, on its last day or a later one. */
export function withVisit({ older, days }: History, day: number): History {
  const last = days.at(-1)
  if (last?.day !== day) return { older, days: [...days, { day, visits: 1 }] }
  return { older, days: [...days.slice(0, -1), { day, visits: last.visits + 1 }] }
}

/** Consecutive days that end today, or yesterday while today has no visit yet. */
export function currentStreak(counted: Tally, today: number): number {
  return counted.lastDay >= today - 1 ? counted.run : 0
}

function lastDays(
  days: readonly VisitDay[],
  windowDays: number,
  today: number,
): readonly VisitDay[] {
  const end = Math.max(today, days.at(-1)?.day ?? today)
  return days.slice(days.findLastIndex((each) => each.day <= end - windowDays) + 1)
}
