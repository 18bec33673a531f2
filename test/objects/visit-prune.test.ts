import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dayText } from '../../src/calendar/site-day.ts'
import type { VisitShard } from '../../src/objects/visit-shard.ts'
import { sized } from '../support/size.ts'
import { byTheBook, currentByTheBook } from './by-the-book.ts'
import { DAY, inShard, january, member, noon, rule } from './visit-fixtures.ts'

function visitOn(shard: VisitShard, ofMember: number, days: readonly number[]) {
  for (const day of days) shard.record(member(ofMember), noon(day), january(day))
}

describe('pruning', () => {
  it('removes the days before the border and no figure changes', async () => {
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1, 2, 3, 4, 7, 8, 9])
      const before = shard.read(member(1), january(9))
      expect(shard.prune(january(8), 100)).toMatchObject({ pruned: 5, more: false })
      const after = shard.read(member(1), january(9))
      expect(after).toEqual({ ...before, byDay: before.byDay.slice(0, 2) })
    })
  })

  it('in the middle of a streak leaves it whole, and it goes on', async () => {
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1, 2, 3, 4, 5])
      shard.prune(january(3), 100)
      visitOn(shard, 1, [6])
      expect(shard.read(member(1), january(6))).toMatchObject({
        currentStreak: 6,
        longestStreak: 6,
        total: 6,
        days: 6,
      })
    })
  })

  it('keeps the latest day, so that the same visit is not counted twice', async () => {
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1, 2])
      expect(shard.prune(january(31), 100)).toMatchObject({ pruned: 1, more: false })
      expect(shard.record(member(1), noon(2, 29), january(2))).toMatchObject({ counted: false })
      expect(shard.record(member(1), noon(2, 30), january(2))).toMatchObject({ total: 3 })
      expect(shard.read(member(1), january(2))).toMatchObject({ days: 2, total: 3 })
    })
  })

  it('takes no more than the limit at a time, oldest first, and says whether there is more', async () => {
    await inShard(0, (shard) => {
      for (const each of [1, 2, 3]) visitOn(shard, each, [1, 2, 3, 20])
      const [first, second] = [member(1), member(2)]
      expect(shard.prune(january(10), 4)).toEqual({ pruned: 4, next: first, more: true })
      expect(shard.prune(january(10), 4, undefined, first)).toEqual({
        pruned: 4,
        next: second,
        more: true,
      })
      expect(shard.prune(january(10), 4, undefined, second)).toEqual({
        pruned: 1,
        next: member(3),
        more: false,
      })
      for (const each of [1, 2, 3]) {
        expect(shard.read(member(each), january(20))).toMatchObject({
          total: 4,
          days: 4,
          longestStreak: 3,
          byDay: [{ day: january(20), visits: 1 }],
        })
      }
    })
  })

  it('waits until a rule that is new has been held against the days it would take', async () => {
    await inShard(0, (shard) => {
      const lately = rule(1, { windowDays: 3 })
      for (const each of [1, 2, 3]) visitOn(shard, each, [1, 2, 3, 9])
      shard.settle(shard.due([lately], january(3), 1).upTo)
      expect(shard.prune(january(8), 100)).toMatchObject({ pruned: 0, more: false })
      shard.due([lately], january(9), 1)
      expect(shard.prune(january(8), 100)).toMatchObject({ pruned: 9, more: false })
    })
  })

  it('leaves a rule of all time at the same measure', async () => {
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1, 2, 3, 4, 9])
      const rules = [
        rule(1),
        rule(2, { metric: 'visitDays' }),
        rule(3, { metric: 'streakDays' }),
        rule(4, { windowDays: 2 }),
      ]
      const before = shard.standing(member(1), rules, january(9))
      expect(before.map(({ have }) => have)).toEqual([5, 5, 4, 1])
      shard.prune(january(4), 100)
      expect(shard.standing(member(1), rules, january(9))).toEqual(before)
    })
  })

  it('never shows in any figure or answer, whenever and wherever it happens', async () => {
    const firstDay = 20_000
    const step = fc.record({
      who: fc.nat(1),
      days: fc.constantFrom(0, 0.3, 1, 1, 1, 2, 5),
      prune: fc.option(
        fc.record({ back: fc.integer({ min: -2, max: 9 }), limit: fc.integer({ min: 1, max: 6 }) }),
      ),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), (steps) =>
        inShard(0, (shard, { storage }) => {
          storage.sql.exec('DELETE FROM days; DELETE FROM older')
          const counted: [number[], number[]] = [[], []]
          let at = firstDay * DAY
          for (const { who, days, prune } of steps) {
            at += days * DAY
            const today = Math.floor(at / DAY)
            const last = counted[who]?.at(-1) ?? 0
            if (at > last) counted[who]?.push(at)
            const total = counted[who]?.length
            const answer = shard.record(member(who), at, dayText(today))
            expect(answer).toEqual({ counted: at > last, day: dayText(today), total })
            if (prune) shard.prune(dayText(today - prune.back), prune.limit)
            for (const [each, instants] of counted.entries()) {
              const book = instants.map((instant) => Math.floor(instant / DAY))
              const all = { windowDays: null }
              expect(shard.read(member(each), dayText(today))).toMatchObject({
                total: byTheBook({ ...all, metric: 'visits' }, book, today),
                days: byTheBook({ ...all, metric: 'visitDays' }, book, today),
                longestStreak: byTheBook({ ...all, metric: 'streakDays' }, book, today),
                currentStreak: book.length ? currentByTheBook(book, today) : 0,
                lastVisitAt: instants.at(-1) ?? null,
              })
            }
          }
          const kept = shard.prune(dayText(firstDay + 1000), 1000)
          expect(kept.more).toBe(false)
          const rows = storage.sql.exec<{ n: number }>('SELECT count(*) AS n FROM days').one().n
          expect(rows).toBe(counted.filter(({ length }) => length > 0).length)
        }),
      ),
      { numRuns: sized(150, 40) },
    )
  })
})
