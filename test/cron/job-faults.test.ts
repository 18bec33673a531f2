/**
 * Storage fails under the jobs: the n-th call of a tick that has work for every job fails, for
 * every n. No member is left with an award but no audit row, or the other way round; nothing that
 * is to be erased is forgotten; and the next tick does all that is left.
 */
import { env } from 'cloudflare:workers'
import { beforeEach, expect, test, vi } from 'vitest'
import { DAY, inShard, MINUTE } from '../objects/visit-fixtures.ts'
import { CONNECTION_LOST, failingStorage, INTERNALS } from '../support/failing.ts'
import { awardsPerMember, badgeWithRule, populate, rowsOf, visit } from '../support/population.ts'
import { testSite } from '../support/site.ts'
import { sized } from '../support/size.ts'

const SHARDS = 2
/** Every call with `npm run test:full`; each job makes several of a kind. */
const STEP = sized(1, 2)

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
})

/** Something for each of the jobs to do at `now`. */
async function makeWork(now: number) {
  await visit(await populate(2, SHARDS), now)
  const [gone] = await populate(1, 1)
  await visit(gone ? [gone] : [], now)
  const [old] = await populate(1, 1)
  await visit(old ? [old] : [], now - 500 * DAY)
  await visit(old ? [old] : [], now)
  const yesterday = new Date(now - DAY - 1).toISOString()
  await env.DB.batch([
    env.DB.prepare(
      `insert into erasures (user_id, visit_shard, requested_at) values (?, 0, ?)`,
    ).bind(gone?.userId, yesterday),
    env.DB.prepare(`delete from users where id = ?`).bind(gone?.userId),
    env.DB.prepare(
      `insert into idempotency_keys (caller, key, fingerprint, status, body, created_at) values ('c', ?, 'f', 200, '{}', ?)`,
    ).bind(crypto.randomUUID(), yesterday),
  ])
}

async function leftToDo(now: number) {
  const before = new Date(now - DAY).toISOString()
  const oldDays = await inShard(0, (_, { storage }) =>
    storage.sql.exec('select * from days where day < ?', (now - 400 * DAY) / DAY).toArray(),
  )
  return {
    erasures: (await rowsOf('select user_id from erasures')).length,
    oldDays: oldDays.length,
    oldKeys: (await rowsOf('select key from idempotency_keys where created_at < ?', before)).length,
    running: (await rowsOf(`select id from job_runs where status = 'running'`)).length,
  }
}

test.each([
  ['before it is made', 'before', INTERNALS],
  ['on its way back', 'after', CONNECTION_LOST],
] as const)('a call that fails %s leaves nothing undone for long', async (_, when, text) => {
  const { badgeId } = await badgeWithRule()
  const { storage, arm, disarm } = failingStorage()
  // Whether the storage is looked at first is for the tests of health.
  await testSite(storage).anonymous.get('/v1/badges')
  let now = Date.now()
  for (let n = 1, failed = true; failed; n += STEP) {
    now += DAY
    await makeWork(now)
    arm({ fails: (number) => number === n, when, text })
    const succeeded = await testSite(storage)
      .tick(now)
      .then(
        () => true,
        () => false,
      )
    failed = disarm() >= n
    expect(succeeded, `call ${n}`).toBe(!failed)
    for (const tally of Object.keys(await awardsPerMember(badgeId))) {
      expect(['0/0', '1/1']).toContain(tally)
    }

    await testSite().tick(now + 16 * MINUTE)
    expect(Object.keys(await awardsPerMember(badgeId))).toEqual(['1/1'])
    expect(await leftToDo(now), `after failing at call ${n}`).toEqual({
      erasures: 0,
      oldDays: 0,
      oldKeys: 0,
      running: 0,
    })
  }
  const errors = await rowsOf<{ error: string }>(
    `select distinct error from job_runs where error is not null`,
  )
  expect(errors.length).toBeGreaterThan(3)
  for (const { error } of errors) {
    expect(error).toMatch(/^(interrupted|((shard \d+|rule rul_\w{26}): )?\w*Error)$/)
  }
})
