import { describe, expect, it } from 'vitest'
import type { VisitShard } from '../../src/objects/visit-shard.ts'
import type { VisitRule } from '../../src/objects/visit-stats.ts'
import { inShard, january, member, noon, rule, visits } from './visit-fixtures.ts'

function visitOn(shard: VisitShard, ofMember: number, days: readonly number[]) {
  for (const day of days) shard.record(member(ofMember), noon(day), january(day))
}

/** The crossings that `due` reports: numbers of members by the number of the rule. */
function reported(shard: VisitShard, rules: readonly VisitRule[], day: number) {
  const { crossings } = shard.due(rules, january(day))
  return Object.fromEntries(
    crossings.map(({ ruleId, members }) => [
      Number(ruleId.slice(4)),
      members.map((each) => Number(each.slice(4))).toSorted((a, b) => a - b),
    ]),
  )
}

describe('a member who reaches a rule', () => {
  it('is reported at the visit that reaches it, and no one else', async () => {
    await inShard(0, (shard) => {
      shard.due([rule(1)], january(1))
      visitOn(shard, 1, [1, 2])
      visitOn(shard, 2, [1, 2, 3])
      expect(reported(shard, [rule(1)], 3)).toEqual({ 1: [2] })
      visitOn(shard, 1, [4])
      expect(reported(shard, [rule(1)], 4)).toEqual({ 1: [1, 2] })
    })
  })

  it('is reported until it is settled, and not again by later visits', async () => {
    await inShard(0, (shard) => {
      shard.due([rule(1)], january(1))
      visitOn(shard, 1, [1, 2, 3])
      const first = shard.due([rule(1)], january(3))
      expect(shard.due([rule(1)], january(3))).toEqual(first)
      shard.settle(first.upTo)
      visitOn(shard, 1, [4, 5, 6])
      expect(shard.due([rule(1)], january(6))).toMatchObject({ crossings: [], more: false })
    })
  })

  it('is reported with the revision of the rule it was measured by', async () => {
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1, 2, 3])
      const { crossings } = shard.due([rule(1, { revision: 7 })], january(3))
      expect(crossings).toEqual([{ ruleId: rule(1).id, revision: 7, members: [member(1)] }])
    })
  })

  it('again after falling back is reported again', async () => {
    const within = rule(1, { threshold: 2, windowDays: 2 })
    await inShard(0, (shard) => {
      shard.due([within], january(1))
      visitOn(shard, 1, [1, 2])
      shard.settle(shard.due([within], january(2)).upTo)
      visitOn(shard, 1, [10])
      expect(reported(shard, [within], 10)).toEqual({})
      visitOn(shard, 1, [11])
      expect(reported(shard, [within], 11)).toEqual({ 1: [1] })
    })
  })

  it('is not lost when another page is settled meanwhile', async () => {
    await inShard(0, (shard) => {
      shard.due([rule(1)], january(1))
      visitOn(shard, 1, [1, 2, 3])
      const page = shard.due([rule(1)], january(3))
      visitOn(shard, 2, [1, 2, 3])
      shard.settle(page.upTo)
      expect(reported(shard, [rule(1)], 3)).toEqual({ 1: [2] })
    })
  })

  it('is not lost when the one crossing before it was the last to be settled', async () => {
    await inShard(0, (shard) => {
      shard.due([rule(1)], january(1))
      visitOn(shard, 1, [1, 2, 3])
      const { upTo } = shard.due([rule(1)], january(3))
      shard.settle(upTo)
      visitOn(shard, 2, [1, 2, 3])
      shard.settle(upTo)
      expect(reported(shard, [rule(1)], 3)).toEqual({ 1: [2] })
    })
  })
})

describe('settling', () => {
  it('some rules leaves the crossings of those whose awards failed', async () => {
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1, 2, 3])
      const rules = [rule(1), rule(2)]
      shard.settle(shard.due(rules, january(3)).upTo, [rule(1).id])
      expect(reported(shard, rules, 3)).toEqual({ 2: [1] })
      shard.settle(shard.due(rules, january(3)).upTo, [])
      expect(reported(shard, rules, 3)).toEqual({ 2: [1] })
    })
  })

  it('a later page leaves what failed in the one before, and a failing rule bars no other', async () => {
    await inShard(0, (shard) => {
      const rules = [rule(1)]
      for (const each of [1, 2, 3, 4]) visitOn(shard, each, [1, 2, 3])
      const first = shard.due(rules, january(3), 2)
      const second = shard.due(rules, january(3), 2, first.upTo)
      expect(first.crossings[0]?.members).toEqual([member(1), member(2)])
      expect(second.crossings[0]?.members).toEqual([member(3), member(4)])
      expect(shard.due(rules, january(3), 2, second.upTo)).toEqual({
        crossings: [],
        upTo: second.upTo,
        more: false,
      })
      shard.settle(second.upTo, [rule(1).id], first.upTo)
      expect(reported(shard, rules, 3)).toEqual({ 1: [1, 2] })
    })
  })
})

describe('a rule that arrives later', () => {
  it('catches up on old visits, pruned ones too, as of the day it arrives', async () => {
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1, 2, 3, 20])
      visitOn(shard, 2, [20])
      shard.prune(january(10))
      const lately = rule(2, { threshold: 1, windowDays: 3 })
      expect(reported(shard, [rule(1), lately], 23)).toEqual({ 1: [1] })
    })
  })

  it('is held against a bounded number of members at a time, and says so until it is done', async () => {
    await inShard(0, (shard) => {
      const always = rule(1, { threshold: 1 })
      for (let each = 1; each <= 9; each++) visitOn(shard, each, [1])
      const seen = new Set<string>()
      for (const more of [true, true, true, true, false]) {
        const page = shard.due([always], january(1), 2)
        for (const { members } of page.crossings) for (const each of members) seen.add(each)
        shard.settle(page.upTo)
        expect(page.more).toBe(more)
      }
      expect(seen.size).toBe(9)
    })
  })

  it('does not miss a member who falls back before it gets to them', async () => {
    const today = rule(1, { threshold: 2, windowDays: 1 })
    await inShard(0, (shard) => {
      for (const each of [1, 2, 3, 4]) visitOn(shard, each, [1])
      shard.record(member(3), noon(1, 60), january(1))
      shard.record(member(4), noon(1, 60), january(1))
      shard.due([today], january(1), 1)
      visitOn(shard, 4, [2])
      expect(reported(shard, [today], 2)).toEqual({ 1: [3, 4] })
    })
  })

  it('does not miss a member whose latest visit is on a day the tick has not reached', async () => {
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1, 2, 3])
      expect(reported(shard, [rule(1)], 2)).toEqual({ 1: [1] })
    })
  })

  it('does not miss a member whose visit is on a day the tick has left', async () => {
    const today = rule(1, { threshold: 2, windowDays: 2 })
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1])
      shard.due([today], january(3))
      shard.record(member(1), noon(2), january(2))
      shard.record(member(1), noon(2, 60), january(3))
      expect(reported(shard, [today], 3)).toEqual({ 1: [1] })
    })
  })
})

describe('a rule that changes', () => {
  it('drops what it had reported and is held against everybody again', async () => {
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1, 2, 3])
      visitOn(shard, 2, [1, 2, 3, 4])
      expect(reported(shard, [rule(1)], 4)).toEqual({ 1: [1, 2] })
      expect(reported(shard, [rule(1, { revision: 2, threshold: 4 })], 4)).toEqual({ 1: [2] })
    })
  })

  it('is not taken back by a list that was read before the change', async () => {
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1, 2, 3])
      shard.due([rule(1, { revision: 2, threshold: 4 })], january(3))
      expect(reported(shard, [rule(1)], 3)).toEqual({})
      visitOn(shard, 1, [4])
      expect(shard.due([rule(1)], january(4)).crossings).toMatchObject([{ revision: 2 }])
    })
  })

  it('or leaves takes its crossings with it, and starts afresh when it is back', async () => {
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1, 2, 3])
      expect(reported(shard, [rule(1), rule(2)], 3)).toEqual({ 1: [1], 2: [1] })
      expect(reported(shard, [rule(2)], 3)).toEqual({ 2: [1] })
      shard.settle(shard.due([rule(2)], january(3)).upTo)
      expect(reported(shard, [rule(1), rule(2)], 3)).toEqual({ 1: [1] })
    })
  })
})

describe('rechecking a member', () => {
  it('reports again what was settled, for every rule reached now', async () => {
    const rules = [rule(1), rule(2, { threshold: 4 }), rule(3, { windowDays: 3 })]
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1, 2, 3])
      shard.settle(shard.due(rules, january(3)).upTo)
      shard.recheck(member(1), january(4))
      expect(reported(shard, rules, 4)).toEqual({ 1: [1] })
    })
  })

  it('measures no rule as of a day before it came', async () => {
    const lately = rule(1, { windowDays: 3 })
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1, 2, 3])
      shard.due([lately], january(4))
      shard.recheck(member(1), january(3))
      expect(reported(shard, [lately], 4)).toEqual({})
    })
  })

  it('between due and settle is not swallowed by the settle', async () => {
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1, 2, 3])
      const page = shard.due([rule(1)], january(3))
      shard.recheck(member(1), january(3))
      shard.settle(page.upTo)
      expect(reported(shard, [rule(1)], 3)).toEqual({ 1: [1] })
    })
  })

  it('who was erased reports nothing', async () => {
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1, 2, 3])
      shard.due([rule(1)], january(3))
      shard.erase(member(1))
      shard.recheck(member(1), january(3))
      expect(reported(shard, [rule(1)], 3)).toEqual({})
    })
  })
})

describe('the members eligible for a rule', () => {
  it('are paged through whole, with what they have, and nothing is changed', async () => {
    await inShard(0, (shard, { storage }) => {
      for (let each = 1; each <= 7; each++) visitOn(shard, each, each % 2 ? [1, 2, 3, 4] : [1])
      const found: unknown[] = []
      const sizes: number[] = []
      let cursor: ReturnType<typeof member> | null = null
      do {
        const page = shard.eligible(rule(1), january(4), cursor, 2)
        found.push(...page.members)
        sizes.push(page.members.length)
        cursor = page.next
      } while (cursor)
      expect(found).toEqual([1, 3, 5, 7].map((each) => ({ member: member(each), have: 4 })))
      expect(sizes).toEqual([1, 1, 1, 1])
      const rows = ['rules', 'crossings'].flatMap((table) =>
        storage.sql.exec(`SELECT * FROM ${table}`).toArray(),
      )
      expect(rows).toEqual([])
    })
  })

  it('are measured as of the day asked about', async () => {
    const lately = rule(1, { threshold: 1, windowDays: 2 })
    await inShard(0, (shard) => {
      visitOn(shard, 1, [1, 2])
      expect(shard.eligible(lately, january(3), null, 10).members).toHaveLength(1)
      expect(shard.eligible(lately, january(4), null, 10).members).toHaveLength(0)
    })
  })
})

it('every call reaches its shard through the client', async () => {
  const ada = visits.of({ userId: member(1), shard: 3 })
  const shard = visits.in(3)
  for (const day of [1, 2, 3]) await ada.record(noon(day), january(day))
  expect(await ada.standing([rule(1)], january(3))).toEqual([{ ruleId: rule(1).id, have: 3 }])
  const page = await shard.due([rule(1)], january(3), 10)
  expect(page).toEqual({
    crossings: [{ ruleId: rule(1).id, revision: 1, members: [member(1)] }],
    upTo: 1,
    more: false,
  })
  await shard.settle(page.upTo, [rule(1).id])
  expect(await shard.due([rule(1)], january(3))).toMatchObject({ crossings: [], upTo: 0 })
  await ada.recheck(january(3))
  expect(await shard.due([rule(1)], january(3))).toMatchObject({ upTo: 2 })
  expect(await shard.eligible(rule(1), january(3), null, 10)).toEqual({
    members: [{ member: member(1), have: 3 }],
    next: null,
  })
  expect(await shard.prune(january(3), 10)).toMatchObject({ pruned: 2, more: false })
  expect(await ada.read(january(3))).toMatchObject({ total: 3, longestStreak: 3 })
  await ada.erase()
  expect(await visits.in(4).due([rule(1)], january(3))).toMatchObject({ crossings: [] })
  expect(await ada.record(noon(4), january(4))).toEqual({ erased: true })
})
