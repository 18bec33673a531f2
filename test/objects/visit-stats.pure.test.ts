import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { currentStreak, measure, tally, withVisit } from '../../src/objects/visit-stats.ts'
import type { History, VisitDay, VisitRule } from '../../src/objects/visit-stats.ts'
import { byTheBook, currentByTheBook, METRICS } from './by-the-book.ts'

/** The names of all metrics, because `METRICS` is a record of all of them. */
const METRIC_NAMES = Object.keys(METRICS) as VisitRule['metric'][]

function grouped(days: readonly number[]): VisitDay[] {
  return [
    ...Map.groupBy(
      days.toSorted((a, b) => a - b),
      (day) => day,
    ),
  ].map(([day, visits]) => ({
    day,
    visits: visits.length,
  }))
}

/** Days of visits that are close enough together for streaks, one entry per visit. */
const someDays = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 60 })

describe('the measure of a rule', () => {
  const days = [
    { day: 10, visits: 1 },
    { day: 11, visits: 4 },
    { day: 12, visits: 1 },
    { day: 14, visits: 2 },
  ]
  const history: History = { older: null, days }

  it.each([
    ['visits', null, 14, 8],
    ['visits', 3, 14, 3],
    ['visits', 4, 14, 7],
    ['visitDays', null, 14, 4],
    ['visitDays', 3, 14, 2],
    ['visitDays', 3, 16, 1],
    ['streakDays', null, 14, 3],
    ['streakDays', 4, 14, 2],
    ['streakDays', 4, 20, 0],
  ] as const)('for %s within %s days as of day %i is %i', (metric, windowDays, today, have) => {
    expect(measure({ metric, windowDays }, history, today)).toBe(have)
  })

  it('does not go back behind the latest visit when it is asked as of an earlier day', () => {
    expect(measure({ metric: 'visits', windowDays: 1 }, history, 12)).toBe(2)
  })

  it('counts all time with what pruning folded away, and a streak across the border as one', () => {
    const older = tally(null, [
      { day: 7, visits: 9 },
      { day: 8, visits: 1 },
      { day: 9, visits: 1 },
    ])
    const across = { older, days }
    expect(measure({ metric: 'visits', windowDays: null }, across, 14)).toBe(19)
    expect(measure({ metric: 'visitDays', windowDays: null }, across, 14)).toBe(7)
    expect(measure({ metric: 'streakDays', windowDays: null }, across, 14)).toBe(6)
  })

  it('is what counting by the book gives, for any visits, window and day, folded anywhere', () => {
    fc.assert(
      fc.property(
        someDays,
        fc.constantFrom(...METRIC_NAMES),
        fc.option(fc.integer({ min: 1, max: 20 })),
        fc.integer({ min: 0, max: 45 }),
        fc.nat(60),
        (visited, metric, windowDays, today, border) => {
          const all = grouped(visited)
          const cut = windowDays === null ? Math.min(border, all.length) : 0
          const split = { older: cut ? tally(null, all.slice(0, cut)) : null, days: all.slice(cut) }
          expect(measure({ metric, windowDays }, split, today)).toBe(
            byTheBook({ metric, windowDays }, visited, today),
          )
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('never grows from one day to the next without a visit', () => {
    fc.assert(
      fc.property(
        someDays,
        fc.constantFrom(...METRIC_NAMES),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 45 }),
        (visited, metric, windowDays, today) => {
          const of = { older: null, days: grouped(visited) }
          expect(measure({ metric, windowDays }, of, today + 1)).toBeLessThanOrEqual(
            measure({ metric, windowDays }, of, today),
          )
        },
      ),
      { numRuns: 1000 },
    )
  })
})

describe('the current streak', () => {
  it.each([
    ['with a visit today', 12, 3],
    ['while today has no visit yet', 13, 3],
    ['after a day without a visit', 14, 0],
  ])('%s', (_, today, streak) => {
    const visited = [10, 11, 12].map((day) => ({ day, visits: 1 }))
    expect(currentStreak(tally(null, visited), today)).toBe(streak)
  })

  it('is nothing for a member without visits', () => {
    expect(currentStreak(tally(null, []), 0)).toBe(0)
  })

  it('is what counting by the book gives', () => {
    fc.assert(
      fc.property(someDays, fc.integer({ min: 0, max: 40 }), (visited, today) => {
        const counted = tally(null, grouped(visited))
        expect(currentStreak(counted, today)).toBe(currentByTheBook(visited, today))
      }),
      { numRuns: 1000 },
    )
  })
})

it('one more visit is the history that the same visits in one go would have made', () => {
  fc.assert(
    fc.property(someDays, fc.nat(3), (visited, later) => {
      const day = Math.max(0, ...visited) + later
      const before = { older: null, days: grouped(visited) }
      expect(withVisit(before, day).days).toEqual(grouped([...visited, day]))
      expect(before.days).toEqual(grouped(visited))
    }),
  )
})
