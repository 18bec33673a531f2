/** There is one trigger, an internal schedule, and a ledger that says what ran. */
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { JOBS } from '../../src/cron/job-names.ts'
import { tick, TRIGGER } from '../../src/cron/schedule.ts'
import worker from '../../src/worker.ts'
import wrangler from '../../wrangler.toml?raw'
import { DAY, HOUR, MINUTE } from '../objects/visit-fixtures.ts'
import { countingStorage } from '../support/counting.ts'
import { failingStorage, interruptedStorage, mortalStorage } from '../support/failing.ts'
import { hangingStorage, holdTimers } from '../support/hanging.ts'
import { awardsPerMember, badgeWithRule, populate, rowsOf, visit } from '../support/population.ts'
import { testSite } from '../support/site.ts'

const NOON = Date.UTC(2026, 10, 21, 12)

const runsOf = (job: string) =>
  rowsOf<{ status: string; cursor: string | null; counts: string }>(
    `select * from job_runs where job = ? order by id`,
    job,
  )

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
})

describe('the trigger', () => {
  test('is the only one in wrangler.toml', () => {
    const [, crons] = /^crons = (\[.*\])$/m.exec(wrangler) ?? []
    expect(JSON.parse(crons ?? 'null')).toEqual([TRIGGER])
  })

  test('with another expression throws, and runs nothing', async () => {
    const controller = { cron: '0 0 * * *', scheduledTime: NOON, noRetry: () => undefined }
    await expect(worker.scheduled(controller, env)).rejects.toThrow('no job is scheduled')
    expect(await rowsOf('select * from job_runs')).toEqual([])
  })
})

describe('a daily job', () => {
  test('runs once a day, however many ticks there are', async () => {
    for (const at of [0, 5 * MINUTE, HOUR, DAY - 1]) await testSite().tick(NOON + at)
    expect(await runsOf('prune-visits')).toHaveLength(1)
    await testSite().tick(NOON + DAY)
    expect(await runsOf('prune-visits')).toHaveLength(2)
  })

  test('runs once when ticks are doubled', async () => {
    await Promise.all(Array.from({ length: 10 }, () => testSite().tick(NOON)))
    expect(await runsOf('prune-visits')).toHaveLength(1)
    expect(await runsOf('prune-records')).toHaveLength(1)
  })

  test('runs once by clocks that are an hour off', async () => {
    for (const at of [0, HOUR, -HOUR, HOUR, 0]) await testSite().tick(NOON + at)
    expect(await runsOf('prune-visits')).toHaveLength(1)
  })

  test('that failed is tried again by the next tick', async () => {
    await populate(1, 1)
    const { storage, arm } = failingStorage()
    arm({ fails: (_, { text }) => text === 'prune' })
    await expect(testSite(storage).tick(NOON)).rejects.toThrow('jobs failed: prune-visits')
    await testSite().tick(NOON + 5 * MINUTE)
    await testSite().tick(NOON + 10 * MINUTE)
    expect(await runsOf('prune-visits')).toMatchObject([
      { status: 'failed', error: 'shard 0: Error' },
      { status: 'succeeded', error: null },
    ])
  })
})

describe('a run that takes too long', () => {
  /** A tick at `now` in which the first call with `slow` in its text takes `minutes`. */
  async function slowTick(now: number, slow: string, minutes: number) {
    let clock = now
    const storage = interruptedStorage(
      ({ text }) => text.includes(slow),
      async () => {
        clock += minutes * MINUTE
      },
    )
    await tick(TRIGGER, { ...env, ...storage }, now, () => clock)
  }

  test('stops at its cursor, and the next one goes on there', async () => {
    const visitors = await populate(20, 20)
    const { badgeId } = await badgeWithRule()
    await visit(visitors)
    await slowTick(NOON, 'due', 3)
    expect(await awardsPerMember(badgeId)).toEqual({ '1/1': 8, '0/0': 12 })
    await slowTick(NOON + 5 * MINUTE, 'due', 3)
    expect(await awardsPerMember(badgeId)).toEqual({ '1/1': 16, '0/0': 4 })
    await testSite().tick(NOON + 10 * MINUTE)
    expect(await awardsPerMember(badgeId)).toEqual({ '1/1': 20 })
    expect(await runsOf('award-badges')).toMatchObject([
      { status: 'succeeded', cursor: '8', finished_at: new Date(NOON + 3 * MINUTE).toISOString() },
      { status: 'succeeded', cursor: '16' },
      { status: 'succeeded', cursor: null },
    ])
  })

  test('does not keep the other jobs of its tick from running', async () => {
    await visit(await populate(20, 20))
    await badgeWithRule()
    await slowTick(NOON, 'settle', 9)
    expect(await rowsOf('select job from job_runs')).toHaveLength(Object.keys(JOBS).length)
  })

  test('leaves what has not begun after ten minutes to the next tick', async () => {
    await slowTick(NOON, 'update "job_runs"', 11)
    expect(await rowsOf('select job from job_runs')).toEqual([])
    await testSite().tick(NOON + 15 * MINUTE)
    expect(await rowsOf('select job from job_runs')).toHaveLength(Object.keys(JOBS).length)
  })

  test('of a daily job goes on at the next tick, not on the next day', async () => {
    await populate(3, 3)
    await slowTick(NOON, 'prune', 3)
    for (const later of [5, 10]) await testSite().tick(NOON + later * MINUTE)
    expect(await runsOf('prune-visits')).toMatchObject([{ cursor: '1' }, { cursor: null }])
  })

  test('of what is to be forgotten, too', async () => {
    await env.DB.prepare(
      `with recursive n(i) as (select 1 union all select i + 1 from n where i < 600)
       insert into idempotency_keys (caller, key, fingerprint, status, body, created_at) select 'c', i, 'f', 200, '{}', '2026-01-01' from n`,
    ).run()
    const left = () => rowsOf('select key from idempotency_keys')
    await slowTick(NOON, 'delete from idempotency_keys', 3)
    expect(await left()).toHaveLength(100)
    for (const later of [5, 10]) await testSite().tick(NOON + later * MINUTE)
    expect(await left()).toEqual([])
    expect(await runsOf('prune-records')).toMatchObject([{ cursor: 'keys' }, { cursor: null }])
  })
})

describe('the statements that a trigger may make', () => {
  const count = (index: number) => index.toString().padStart(25, '0')
  const seeded = (sql: string, rows: readonly unknown[]) =>
    env.DB.prepare(`${sql} from json_each(?2)`)
      .bind(new Date(NOON - HOUR).toISOString(), JSON.stringify(rows))
      .run()

  const erasures = (many: number) =>
    seeded(
      `insert into erasures (user_id, visit_shard, requested_at)
       select 'usr_0' || value, 0, ?1`,
      Array.from({ length: many }, (_, index) => count(index)),
    )

  /** More of everything than one trigger can do. */
  async function backlog() {
    await visit(await populate(400, 20))
    for (let rules = 0; rules < 30; rules++) await badgeWithRule()
    await erasures(1000)
    const many = Array.from({ length: 500 }, (_, index) => count(index))
    await seeded(
      `insert into events (id, kind, subject, created_at)
       select 'evt_0' || value, 'booking-created', 'bkg_0' || value, ?1`,
      many,
    )
    await seeded(
      `insert into bookings (id, service_id, slot_id, starts_at, ends_at, owner, booked_by, status,
         hold_until, revision, created_at, updated_at)
       select 'bkg_0' || value, 'svc', 'slt', ?1, ?1, 'usr', 'usr', 'pending', ?1, 1, ?1, ?1`,
      many,
    )
    await seeded(
      `insert into auth_attempts (subject, attempts, ends_at) select value, ?1 = '', 1`,
      Array.from({ length: 2000 }, (_, index) => count(index)),
    )
  }

  async function leftToDo() {
    const tables = ['erasures', 'events', 'auth_attempts', `bookings where status = 'pending'`]
    const counts = tables.map(async (table) => {
      const [row] = await rowsOf<{ n: number }>(`select count(*) as n from ${table}`)
      return row?.n ?? 0
    })
    const [assigned] = await rowsOf<{ n: number }>('select count(*) as n from badge_assignments')
    return [...(await Promise.all(counts)), 30 * 400 - (assigned?.n ?? 0)]
  }

  test('are enough for the end of every run, whatever there is to do, and no job waits for the others', async () => {
    await backlog()
    const { storage, traced } = countingStorage()
    const asked = ['expire-holds', 'finish-events', 'erase-members', 'award-badges']
    for (let index = 0; index < 20; index++) {
      await env.DB.prepare(
        `insert into job_runs (id, job, status, requested_by, requested_at, counts)
         values (?1, ?2, 'requested', ?4, ?3, '{}')`,
      )
        .bind(
          `run_0${count(index)}`,
          asked[index % 4],
          new Date(NOON).toISOString(),
          `usr_0${count(0)}`,
        )
        .run()
    }
    let before = await leftToDo()
    for (let at = NOON; before.some((left) => left > 0); at += 5 * MINUTE) {
      const { calls } = await traced(() => testSite(storage).tick(at))
      const statements = calls.flatMap(({ text }) => text.split(';\n'))
      expect(statements.length).toBeLessThanOrEqual(1000)
      expect(await rowsOf(`select job from job_runs where status <> 'succeeded'`)).toEqual([])
      const after = await leftToDo()
      const moved = after.map((left, index) => left === 0 || left < (before[index] ?? 0))
      expect(moved).toEqual(before.map(() => true))
      before = after
    }
  })

  test('are not used up by one run: the next tick goes on', async () => {
    await erasures(1000)
    const left = () => rowsOf('select user_id from erasures')
    await testSite().tick(NOON)
    expect(await runsOf('erase-members')).toMatchObject([
      { counts: '{"erased":600}', cursor: `usr_0${count(599)}` },
    ])
    expect(await left()).toHaveLength(400)
    await testSite().tick(NOON + 5 * MINUTE)
    expect(await left()).toEqual([])
  })
})

test('a run whose end cannot be written does not keep the other jobs from running', async () => {
  const { storage, arm } = failingStorage()
  let ends = 0
  arm({ fails: (_, { text }) => /^update "job_runs".*"counts"/.test(text) && ++ends === 1 })
  await expect(testSite(storage).tick(NOON)).rejects.toThrow('jobs failed: bind-stores (Error)')
  const others = Object.keys(JOBS).filter((job) => job !== 'bind-stores')
  expect(await rowsOf(`select job from job_runs where status = 'succeeded' order by job`)).toEqual(
    others.toSorted().map((job) => ({ job })),
  )
})

describe('a run that was killed', () => {
  async function kill(at: number) {
    // An isolate looks at its storage first, in three calls, then for what the operator asks for. The Worker
    // dies when the first job is over and the second has begun.
    const storage = mortalStorage(3 + 1 + 7, 'after')
    await testSite(storage)
      .tick(at)
      .catch(() => undefined)
  }

  test('does not keep the next tick from doing the work', async () => {
    const visitors = await populate(5, 1)
    const { badgeId } = await badgeWithRule()
    await visit(visitors)
    await kill(NOON)
    expect(await runsOf('award-badges')).toMatchObject([{ status: 'running' }])
    await testSite().tick(NOON + 5 * MINUTE)
    expect(await awardsPerMember(badgeId)).toEqual({ '1/1': 5 })
  })

  test('is on the ledger as interrupted after 15 minutes, and not before', async () => {
    await kill(NOON)
    await testSite().tick(NOON + 15 * MINUTE)
    expect((await runsOf('award-badges'))[0]).toMatchObject({ status: 'running' })
    await testSite().tick(NOON + 15 * MINUTE + 1)
    expect((await runsOf('award-badges'))[0]).toMatchObject({
      status: 'failed',
      error: 'interrupted',
      finished_at: new Date(NOON + 15 * MINUTE + 1).toISOString(),
    })
  })

  test('of a daily job is made up for on the same day', async () => {
    await populate(1, 1)
    const { storage, hang } = hangingStorage()
    const { reached } = hang({ isIt: (_, { text }) => text === 'prune' })
    // Its time would be up after five seconds, but the Worker is no longer there to notice.
    holdTimers()
    void testSite(storage).tick(NOON)
    await reached
    vi.useRealTimers()
    expect(await runsOf('prune-visits')).toMatchObject([{ status: 'running' }])
    await testSite().tick(NOON + 5 * MINUTE)
    expect(await runsOf('prune-visits')).toHaveLength(1)
    await testSite().tick(NOON + 20 * MINUTE)
    expect(await runsOf('prune-visits')).toMatchObject([
      { status: 'failed', error: 'interrupted' },
      { status: 'succeeded' },
    ])
  })
})
