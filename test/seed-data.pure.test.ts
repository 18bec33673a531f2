/** The people of a seeded site: the same for the same seed, and in the order they join. */
import { expect, test } from 'vitest'
import { peopleOf } from '../local/seed-data.ts'

const GIVEN = { count: 500, weeks: 8, seed: 1, now: Date.UTC(2026, 10, 1) }

test('people come in the order they join, so that a big site is filled by appending', () => {
  const joined = [...peopleOf(GIVEN)].map(({ joinedAt }) => joinedAt)
  expect(joined).toHaveLength(GIVEN.count)
  expect(joined).toEqual(joined.toSorted((one, other) => one - other))
  expect(new Set(joined).size).toBeGreaterThan(GIVEN.count / 2)
})

test('nobody comes before they have joined, and the same seed gives the same people', () => {
  const people = [...peopleOf(GIVEN)]
  for (const { joinedAt, visits } of people) {
    expect(visits.every((at) => at > joinedAt && at < GIVEN.now)).toBe(true)
    expect(visits).toEqual(visits.toSorted((one, other) => one - other))
  }
  expect([...peopleOf(GIVEN)]).toEqual(people)
  expect([...peopleOf({ ...GIVEN, seed: 2 })]).not.toEqual(people)
})
