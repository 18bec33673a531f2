/**
 * Every eligible member gets exactly one assignment and one audit row, whatever ticks go through.
 */
import { beforeEach, expect, test, vi } from 'vitest'
import { JOBS } from '../../src/cron/job-names.ts'
import type { Bindings } from '../../src/env.ts'
import { DAY, HOUR, MINUTE } from '../objects/visit-fixtures.ts'
import { mortalStorage } from '../support/failing.ts'
import { awardsPerMember, badgeWithRule, populate, rowsOf, visit } from '../support/population.ts'
import { seeded } from '../support/seeded.ts'
import { testSite } from '../support/site.ts'
import { sized } from '../support/size.ts'

const SHARDS = 4
const MANY = sized(1000, 300)

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
})

/** A tick of a Worker that may die under way. Whatever it throws is ignored. */
async function tickOf(overrides: Partial<Bindings>, now?: number): Promise<void> {
  await testSite(overrides)
    .tick(now)
    .catch(() => undefined)
}

test.each([1, 2, 3, 4])(
  `20 ticks at once over ${MANY} eligible members, killed anywhere, award each once (seed %i)`,
  async (seed) => {
    const random = seeded(seed)
    const visitors = await populate(MANY, SHARDS)
    const { badgeId } = await badgeWithRule()
    await badgeWithRule({ badgeId, metric: 'visitDays' })
    await visit(visitors)
    // A tick alone makes about 25 calls, and every other one lives for long enough.
    const lives = Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0 ? 1 + Math.floor(random() * 24) : Infinity,
    )
    const when = () => (random() < 0.5 ? 'before' : 'after')
    await Promise.all(lives.map((calls) => tickOf(mortalStorage(calls, when()))))
    await testSite().tick()
    expect(await awardsPerMember(badgeId)).toEqual({ '1/1': MANY })
  },
)

test.each([1, 2, 3])(
  'a site that dies in the middle of 20 ticks awards the rest after its restart (seed %i)',
  async (seed) => {
    const visitors = await populate(MANY, SHARDS)
    const { badgeId } = await badgeWithRule()
    await visit(visitors)
    const dying = mortalStorage(150 * seed, 'after')
    await Promise.all(Array.from({ length: 20 }, () => tickOf(dying)))
    await testSite().tick()
    expect(await awardsPerMember(badgeId)).toEqual({ '1/1': MANY })
  },
)

test('a kill at every single call of a tick loses no award and doubles none', async () => {
  const { badgeId } = await badgeWithRule({ threshold: 1 })
  const visitors = await populate(80, 2)
  for (let calls = 1; calls <= 40; calls++) {
    await visit(visitors.slice(2 * calls - 2, 2 * calls))
    await tickOf(mortalStorage(calls, calls % 2 === 0 ? 'before' : 'after'))
  }
  await testSite().tick()
  expect(await awardsPerMember(badgeId)).toEqual({ '1/1': 80 })
})

test('100 ticks overlapped, retried, killed and by clocks an hour off miss nobody', async () => {
  const random = seeded(7)
  const start = Date.now()
  const visitors = await populate(100, SHARDS)
  const { badgeId } = await badgeWithRule({ threshold: 2 })
  for (let round = 0; round < 10; round++) {
    const at = start + round * 40 * MINUTE
    // Every member visits twice, in rounds that are five apart.
    const ticks = Array.from({ length: 10 }, () => {
      const calls = random() < 0.3 ? 1 + Math.floor(random() * 20) : Infinity
      return tickOf(mortalStorage(calls, 'after'), at + Math.floor((2 * random() - 1) * HOUR))
    })
    const here = visitors.filter((_, index) => index % 5 === round % 5)
    await Promise.all([visit(here, at), ...ticks])
  }
  await testSite().tick(start + 7 * HOUR)
  expect(await awardsPerMember(badgeId)).toEqual({ '1/1': 100 })
})

test('after a day without ticks the next one awards everybody, and the daily jobs run once', async () => {
  const start = Date.now()
  const visitors = await populate(50, SHARDS)
  const { badgeId } = await badgeWithRule({ metric: 'visits', windowDays: 1 })
  await testSite().tick(start)
  await visit(visitors, start)
  await testSite().tick(start + DAY + HOUR)
  await testSite().tick(start + DAY + HOUR + 5 * MINUTE)
  expect(await awardsPerMember(badgeId)).toEqual({ '1/1': 50 })
  const runs = await rowsOf(`select count(*) as runs from job_runs group by job order by runs`)
  // Once an hour comes to the same here.
  const [daily, everyTick] = [5, Object.keys(JOBS).length - 5]
  expect(runs).toEqual([
    ...Array.from({ length: daily }, () => ({ runs: 2 })),
    ...Array.from({ length: everyTick }, () => ({ runs: 3 })),
  ])
})
