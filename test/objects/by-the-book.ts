/** A slow, obvious way to count visits, which the tests compare the real one with. */
import type { VisitRule } from '../../src/objects/visit-stats.ts'

/** Counts by the book: `days` has the day number of every counted visit of one member, in any order. */
export function byTheBook(
  { metric, windowDays }: Pick<VisitRule, 'metric' | 'windowDays'>,
  days: readonly number[],
  today: number,
): number {
  const end = Math.max(today, ...days)
  const inside = days.filter((day) => windowDays === null || day > end - windowDays)
  if (metric === 'visits') return inside.length
  const distinct = new Set(inside)
  if (metric === 'visitDays') return distinct.size
  return Math.max(0, ...[...distinct].map((day) => runFrom(day, distinct)))
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
