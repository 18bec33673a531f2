/** `npm run shards` says that shards are as many as was asked for only if they are. */
import { expect, test } from 'vitest'
import { grown } from '../../local/shard-growth.ts'

/** @param found how many shards there are, each time that somebody looks */
function site(...found: number[]) {
  const written: unknown[] = []
  const hands = {
    query: async () => found.splice(0, 1).map((value) => ({ value: String(value) })),
    write: async (groups: unknown) => void written.push(groups),
  }
  return { written, grow: async (to?: number) => grown(to, hands, 0) }
}

test('shards grow, and nothing is written where they are as many already', async () => {
  const growing = site(8, 16)
  expect(await growing.grow(16)).toBe(16)
  expect(growing.written).toHaveLength(1)
  for (const to of [8, undefined]) {
    const same = site(8)
    expect(await same.grow(to)).toBe(8)
    expect(same.written).toEqual([])
  }
})

test('fewer are refused, and so are any before the first member', async () => {
  const fewer = site(8)
  await expect(fewer.grow(4)).rejects.toThrow('they never become fewer')
  const empty = site()
  await expect(empty.grow(16)).rejects.toThrow('no member yet')
  expect([...fewer.written, ...empty.written]).toEqual([])
})

test('whoever comes second of two is told how many there are', async () => {
  await expect(site(8, 30).grow(40)).rejects.toThrow('made them 30 meanwhile')
})
