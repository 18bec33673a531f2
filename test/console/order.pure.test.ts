/** Neighbours change places by one or two writes, each of which leaves an order that was meant. */
import { expect, test } from 'vitest'
import { swapping } from '../../src/console/order.ts'
import { seeded } from '../support/seeded.ts'

interface Row {
  readonly id: string
  readonly position: number
}

const inOrder = (rows: readonly Row[]) =>
  rows.toSorted((a, b) => a.position - b.position || (a.id < b.id ? -1 : 1))
const idsOf = (rows: readonly Row[]) => rows.map(({ id }) => id).join('')

test('where positions differ there is always a way, and nobody else moves at any time', () => {
  const random = seeded(3)
  for (let tried = 0; tried < 500; tried++) {
    const spread = tried % 2 === 0 ? 1 : 3
    const ids = ['a', 'b', 'c', 'd', 'e'].toSorted(() => random() - 0.5)
    const rows = inOrder(
      ids.map((id, at) => ({ id, position: Math.floor(at * (1 + spread * random())) })),
    )
    const upper = Math.floor(random() * 4)
    const [above, below] = [rows[upper], rows[upper + 1]]
    const wanted = idsOf(rows.with(upper, below ?? { id: '', position: 0 })).split('')
    wanted[upper + 1] = above?.id ?? ''
    const writes = swapping(rows, upper)
    const isDistinct = new Set(rows.map(({ position }) => position)).size === rows.length
    expect(writes.length > 0 || !isDistinct).toBe(true)
    let now: readonly Row[] = rows
    for (const write of writes) {
      now = inOrder(now.map((row) => (row.id === write.id ? write : row)))
      expect([idsOf(rows), wanted.join('')]).toContain(idsOf(now))
    }
    expect(idsOf(now)).toBe(writes.length > 0 ? wanted.join('') : idsOf(rows))
  }
})
