import { describe, expect, it, vi } from 'vitest'
import type { VisitShard } from '../../src/objects/visit-shard.ts'
import { inShard, january, member, noon, rule } from './visit-fixtures.ts'

const TABLES = ['days', 'older', 'erased', 'answers', 'rules', 'crossings']
const once = { key: 'k', fingerprint: 'f' }

/** One member has a crossing, days to prune and an answer; the other lacks one visit for a rule. */
function prepare(shard: VisitShard): void {
  for (const day of [1, 2, 3]) shard.record(member(1), noon(day), january(day), once)
  for (const day of [4, 5, 6]) shard.record(member(1), noon(day), january(day))
  for (const day of [5, 6]) shard.record(member(2), noon(day), january(day))
  shard.due([rule(1), rule(2)], january(6))
  shard.prune(january(3))
}

describe('when the storage fails half way', () => {
  it.each<[string, (shard: VisitShard) => unknown]>([
    ['record', (shard) => shard.record(member(2), noon(7), january(7), once)],
    ['due', (shard) => shard.due([rule(1, { revision: 2 }), rule(3)], january(7))],
    ['recheck', (shard) => shard.recheck(member(1), january(7))],
    ['prune', (shard) => shard.prune(january(7))],
    ['erase', (shard) => shard.erase(member(1))],
  ])('%s leaves everything as it was, whichever statement it is', async (_, act) => {
    const outcomes = await inShard(0, (shard, { storage }) => {
      const state = () =>
        JSON.stringify(TABLES.map((table) => storage.sql.exec(`SELECT * FROM ${table}`).toArray()))
      prepare(shard)
      const before = state()
      const real = storage.sql.exec.bind(storage.sql)
      const failing = (nth: number) => {
        let calls = 0
        const exec = vi.spyOn(storage.sql, 'exec').mockImplementation((...statement) => {
          if (calls++ === nth) throw new Error('storage failed')
          return real(...statement)
        })
        try {
          act(shard)
          return 'done'
        } catch {
          return 'failed'
        } finally {
          exec.mockRestore()
        }
      }
      const found: { outcome: string; unchanged: boolean }[] = []
      do found.push({ outcome: failing(found.length), unchanged: state() === before })
      while (found.at(-1)?.outcome === 'failed')
      return found
    })
    expect(outcomes.length).toBeGreaterThan(2)
    expect(outcomes.pop()).toEqual({ outcome: 'done', unchanged: false })
    for (const each of outcomes) expect(each).toEqual({ outcome: 'failed', unchanged: true })
  })
})
