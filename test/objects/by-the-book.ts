/** A slow, obvious way to count visits, which the tests compare the real one with. */
import type { VisitRule } from '../../src/objects/visit-stats.ts'

/** Each metric, counted over the days that are inside the window. */
export const METRICS: Record<VisitRule['metric'], (days: readonly number[]) => number> = {
  visits: (days) => days.length,
  visitDays: (days) => new Set(days).size,
  streakDays: (days) => Math.max(0, ...days.map((day) => runFrom(day, new Set(days)))),
}

/** Counts by the book. `days` has the day number of each counted visit of a member, unordered. */
export function byTheBook(
  { metric, windowDays }: Pick<VisitRule, 'metric' | 'windowDays'>,
  days: readonly number[],
  today: number,
): number {
  const end = Math.max(today, ...days)
  const inside = days.filter((day) => windowDays === null || day > end - windowDays)
  return METRICS[metric](inside)
}

export function currentByTheBook(days: readonly number[], today: number): number {
  const distinct = new Set(days)
  const last = Math.max(...days)
  if (last < today - 1) return 0
  let first = last
  while (distinct.has(first - 1)) first -= 1
  return runFrom(first, distinct)
}

function runFrom(day: number, distinct: ReadonlySet<number>): number {
  let length = 0
  while (distinct.has(day + length)) length += 1
  return length
}
