import { describe, expect, it, vi } from 'vitest'
import {
  DAY,
  HOUR,
  MINUTE,
  inShard,
  january,
  member,
  noon,
  rule,
  visits,
} from './visit-fixtures.ts'

const ada = visits.of({ userId: member(1), shard: 0 })
const ben = visits.of({ userId: member(2), shard: 0 })

describe('a visit', () => {
  it('is counted, and answers with its day and the total of all time', async () => {
    expect(await ada.record(noon(1), january(1))).toEqual({
      counted: true,
      day: january(1),
      total: 1,
    })
    expect(await ada.record(noon(1, 30), january(1))).toEqual({
      counted: true,
      day: january(1),
      total: 2,
    })
    expect(await ada.record(noon(3), january(3))).toEqual({
      counted: true,
      day: january(3),
      total: 3,
    })
  })

  it('within 30 minutes of the last counted one is not counted', async () => {
    await ada.record(noon(1), january(1))
    expect(await ada.record(noon(1, 30) - 1, january(1))).toEqual({
      counted: false,
      day: january(1),
      total: 1,
    })
  })

  it('that was not counted does not put off the next', async () => {
    await ada.record(noon(1), january(1))
    await ada.record(noon(1, 29), january(1))
    expect(await ada.record(noon(1, 30), january(1))).toMatchObject({ counted: true, total: 2 })
  })

  it('within 30 minutes but past midnight is not counted on the new day either', async () => {
    await ada.record(noon(2) - 13 * HOUR, january(1))
    const soon = await ada.record(noon(2) - 13 * HOUR + 29 * MINUTE, january(2))
    expect(soon).toEqual({ counted: false, day: january(2), total: 1 })
    expect(await ada.read(january(2))).toMatchObject({ byDay: [{ day: january(1), visits: 1 }] })
  })

  it('by a clock that went back is not counted, however far', async () => {
    await ada.record(noon(5), january(5))
    for (const back of [1, HOUR, DAY, 400 * DAY]) {
      const again = await ada.record(noon(5) - back, january(4))
      expect(again).toEqual({ counted: false, day: january(5), total: 1 })
    }
  })

  it('never reopens a day before the latest one', async () => {
    await ada.record(noon(5), january(5))
    expect(await ada.record(noon(5, 60), january(4))).toEqual({
      counted: true,
      day: january(5),
      total: 2,
    })
    expect(await ada.read(january(5))).toMatchObject({ byDay: [{ day: january(5), visits: 2 }] })
  })

  it('of one member leaves every other member alone', async () => {
    await ada.record(noon(1), january(1))
    expect(await ben.record(noon(1), january(1))).toMatchObject({ counted: true, total: 1 })
    const elsewhere = visits.of({ userId: member(1), shard: 1 })
    expect(await elsewhere.read(january(1))).toMatchObject({ total: 0 })
  })

  it.each(['2026-02-30', 'yesterday'])('on %j is refused and changes nothing', async (day) => {
    const outcome = await inShard(0, (shard) => {
      expect(() => shard.record(member(1), noon(1), day)).toThrow(RangeError)
      return shard.read(member(1), january(1))
    })
    expect(outcome).toMatchObject({ total: 0 })
  })

  it('writes one row, and none when it is not counted', async () => {
    const written = await inShard(0, (shard, { storage }) => {
      shard.due([rule(1, { threshold: 100 })], january(1))
      const exec = vi.spyOn(storage.sql, 'exec')
      const rowsWritten = (minutes: number) => {
        exec.mockClear()
        shard.record(member(1), noon(1, minutes), january(1))
        return exec.mock.results.reduce((sum, { value }) => sum + value.rowsWritten, 0)
      }
      return [0, 40, 41].map(rowsWritten)
    })
    expect(written).toEqual([1, 1, 0])
  })
})

describe('reading visits', () => {
  it('of a member who never came gives zeros', async () => {
    expect(await ada.read(january(1))).toEqual({
      total: 0,
      days: 0,
      currentStreak: 0,
      longestStreak: 0,
      lastVisitAt: null,
      byDay: [],
    })
  })

  it('gives totals, streaks, the last instant and the days, newest first', async () => {
    for (const day of [1, 2, 3, 6, 7]) await ada.record(noon(day), january(day))
    await ada.record(noon(7, 45), january(7))
    expect(await ada.read(january(8))).toEqual({
      total: 6,
      days: 5,
      currentStreak: 2,
      longestStreak: 3,
      lastVisitAt: noon(7, 45),
      byDay: [7, 6, 3, 2, 1].map((day) => ({ day: january(day), visits: day === 7 ? 2 : 1 })),
    })
  })
})

describe('a visit with an Idempotency-Key', () => {
  const once = { key: 'k', fingerprint: 'f' }

  it('answers a repeat with the stored answer, marked as replayed, and counts once', async () => {
    const first = await ada.record(noon(1), january(1), once)
    expect(first).toEqual({ counted: true, day: january(1), total: 1 })
    await ada.record(noon(1, 31), january(1))
    const repeat = await ada.record(noon(1, 90), january(1), once)
    expect(repeat).toEqual({ counted: true, day: january(1), total: 1, replayed: true })
    expect(await ada.read(january(1))).toMatchObject({ total: 2 })
  })

  it('replays the answer of a visit that was not counted too', async () => {
    await ada.record(noon(1), january(1))
    await ada.record(noon(1, 1), january(1), once)
    const repeat = await ada.record(noon(1, 50), january(1), once)
    expect(repeat).toEqual({ counted: false, day: january(1), total: 1, replayed: true })
  })

  it('refuses the key with another request, and counts nothing', async () => {
    await ada.record(noon(1), january(1), once)
    const other = await ada.record(noon(1, 40), january(1), { key: 'k', fingerprint: 'g' })
    expect(other).toEqual({ mismatch: true })
    expect(await ada.read(january(1))).toMatchObject({ total: 1 })
  })

  it('knows nothing of the keys of other members', async () => {
    await ada.record(noon(1), january(1), once)
    const other = await ben.record(noon(1), january(1), { key: 'k', fingerprint: 'g' })
    expect(other).toEqual({ counted: true, day: january(1), total: 1 })
    await ben.record(noon(1), january(1), { key: 'l', fingerprint: 'g' })
    const own = await ada.record(noon(1), january(1), { key: 'l', fingerprint: 'f' })
    expect(own).toEqual({ counted: false, day: january(1), total: 1 })
  })

  // The times are noon and midnight UTC, because answers are stored by periods from midnight UTC.
  it.each([noon(1), noon(1) + 12 * HOUR, noon(1) + 12 * HOUR - 1])(
    'is replayed for 24 hours and not a millisecond longer, from %i',
    async (start) => {
      await ada.record(start, january(1), once)
      const last = await ada.record(start + DAY - 1, january(2), once)
      expect(last).toMatchObject({ replayed: true, total: 1 })
      const next = await ada.record(start + DAY, january(2), once)
      expect(next).toEqual({ counted: true, day: january(2), total: 2 })
      expect(await ada.record(start + DAY, january(2), once)).toMatchObject({
        replayed: true,
        total: 2,
      })
    },
  )

  it('is replayed when the clock has gone back past midnight since', async () => {
    await ada.record(noon(2) - 12 * HOUR, january(2), once)
    const repeat = await ada.record(noon(2) - 12 * HOUR - 1, january(1), once)
    expect(repeat).toMatchObject({ counted: true, replayed: true })
  })

  it('leaves no answers behind for ever', async () => {
    const kept = await inShard(0, (shard, { storage }) => {
      const rows = () =>
        storage.sql.exec<{ n: number }>('SELECT count(*) AS n FROM answers').one().n
      for (let day = 0; day < 300; day++) {
        const key = `key-${day}`
        shard.record(member(day), noon(1) + day * 6 * HOUR, january(1), { key, fingerprint: 'f' })
      }
      return rows()
    })
    expect(kept).toBeLessThanOrEqual(12)
  })
})

describe('erasing a member', () => {
  const once = { key: 'k', fingerprint: 'f' }

  it('removes visits, pruned days, answers and crossings, and leaves nothing but the id', async () => {
    const left = await inShard(0, (shard, { storage }) => {
      for (const day of [1, 2, 3]) shard.record(member(1), noon(day), january(day), once)
      for (const day of [4, 5, 6]) shard.record(member(1), noon(day), january(day))
      shard.due([rule(1)], january(6))
      shard.prune(january(5))
      const tables = ['days', 'older', 'answers', 'crossings', 'erased']
      const rows = () =>
        tables.map((table) => storage.sql.exec(`SELECT * FROM ${table}`).toArray().length)
      const before = rows()
      shard.erase(member(1))
      return { before, after: rows() }
    })
    expect(left.before.every((count, table) => (table === 4 ? count === 0 : count > 0))).toBe(true)
    expect(left.after).toEqual([0, 0, 0, 0, 1])
  })

  it('refuses a visit that was still on its way, with a key or without', async () => {
    await ada.record(noon(1), january(1), once)
    await ada.erase()
    expect(await ada.record(noon(1, 60), january(1))).toEqual({ erased: true })
    expect(await ada.record(noon(1, 60), january(1), once)).toEqual({ erased: true })
    expect(await ada.read(january(1))).toMatchObject({ total: 0, lastVisitAt: null, byDay: [] })
  })

  it('can be repeated, and works for a member who never came', async () => {
    await ada.erase()
    await ada.erase()
    expect(await ada.record(noon(1), january(1))).toEqual({ erased: true })
  })

  it('leaves the others alone', async () => {
    await ada.record(noon(1), january(1))
    await ben.record(noon(1), january(1))
    await ada.erase()
    expect(await ben.read(january(1))).toMatchObject({ total: 1 })
  })
})
