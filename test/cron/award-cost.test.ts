/**
 * The cost of awards. A round takes a page of up to 1 000 crossings from each of up to eight shards
 * (`due` and `settle`: two object calls a shard) and writes those of one rule in D1 batches of up to
 * 1 000. A shard with 1 000 members to award thus costs two object calls and one D1 call. Apart from these,
 * each run reads the rules and the ledger, and asks the shards that have nothing.
 */
import { expect, test } from 'vitest'
import { JOBS } from '../../src/cron/job-names.ts'
import { countingStorage } from '../support/counting.ts'
import { awardsPerMember, badgeWithRule, populate, visit } from '../support/population.ts'
import { testSite } from '../support/site.ts'

async function awardAll(members: number, shards: number) {
  const { storage, traced } = countingStorage()
  const site = testSite(storage)
  const visitors = await populate(members, shards)
  const { badgeId } = await badgeWithRule()
  await visit(visitors)
  const { calls } = await traced(() => site.tick())
  const { cost: atRest } = await traced(() => site.tick())
  expect(await awardsPerMember(badgeId)).toEqual({ '1/1': members })
  const callsOf = (part: string) => calls.filter(({ text }) => text.includes(part))
  const awards = callsOf('insert into badge_assignments')
  const counts = {
    awards: awards.length,
    due: calls.filter(({ text }) => text === 'due').length,
    settle: calls.filter(({ text }) => text === 'settle').length,
  }
  return { counts, rowsRead: awards.map(({ rowsRead }) => rowsRead), atRest }
}

test('full pages cost one D1 call and two object calls per 1 000 members, and read no more as the badge spreads', async () => {
  const { counts, rowsRead } = await awardAll(4000, 1)
  expect(counts).toEqual({ awards: 4, due: 4, settle: 4 })
  expect(Math.max(...rowsRead)).toBeLessThan(1.1 * Math.min(...rowsRead))
})

test('1 000 members of four shards are awarded by one D1 call', async () => {
  const { counts } = await awardAll(1000, 4)
  expect(counts).toEqual({ awards: 1, due: 4, settle: 4 })
})

test('no transaction awards more than 1 000 members, so that other requests are answered in between', async () => {
  const { counts } = await awardAll(2500, 4)
  expect(counts).toEqual({ awards: 3, due: 4, settle: 4 })
})

test('a tick with nothing to do asks each shard for crossings and milestones and marks it, and D1 for the rules and the ledger', async () => {
  const { atRest } = await awardAll(10, 4)
  // A tick looks for what the operator asks for; reads the ledger; asks of each job whether it is due, and
  // of those of every tick how it went; marks itself, tells the shards and notes that they have heard it;
  // reads the rules and, for each of two jobs, the number of shards; and looks for what to erase, finish,
  // expire, tell and forget, and for webhooks that have something to send.
  const [jobs, seldom] = [Object.keys(JOBS).length, 5]
  expect(atRest).toEqual({ d1: 1 + 1 + jobs + (jobs - seldom) + 2 + 3 + 6, objects: 3 * 4 })
})
