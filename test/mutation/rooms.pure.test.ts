/** The rooms of mutation testing are whole, so that a run of hours does not stop at a new file. */
import { globSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { PURE_ROOMS, roomOf, SAMPLED_ROOMS, sampledFiles } from './rooms.ts'

describe('the rooms', () => {
  it('say of every file that is mutated which tests answer for it', () => {
    const files = sampledFiles()
    expect(files.length).toBeGreaterThan(50)
    const used = new Set(files.map(roomOf))
    expect([...used].toSorted()).toEqual(Object.keys(SAMPLED_ROOMS).toSorted())
  })

  it('name files and tests that there are', () => {
    for (const { mutate, tests } of Object.values({ ...PURE_ROOMS, ...SAMPLED_ROOMS }))
      for (const glob of [...mutate, ...tests])
        expect([glob, globSync(glob)]).not.toEqual([glob, []])
  })
})
