/** Runs that an admin asks for go through the ledger and the JobRunner's alarm, with its rights. */
import { env } from 'cloudflare:workers'
import { runDurableObjectAlarm } from 'cloudflare:test'
import { expect, test, vi } from 'vitest'
import { JOBS } from '../../src/cron/job-names.ts'
import { makeDeps } from '../../src/deps.ts'
import { openSession } from '../../src/db/client.ts'
import { newId } from '../../src/db/ids.ts'
import { assignBadges } from '../../src/operations/assign-badges.ts'
import { requestJobRun } from '../../src/operations/request-job-run.ts'
import { type Grant, GrantError, withGrant } from '../../src/security/grant.ts'
import { countingStorage } from '../support/counting.ts'
import { eventually } from '../support/eventually.ts'
import { failingStorage } from '../support/failing.ts'
import { awardsPerMember, badgeWithRule, populate, rowsOf, visit } from '../support/population.ts'
import { testSite } from '../support/site.ts'

const ring = () => runDurableObjectAlarm(env.JOBS.getByName('site'))

/** Rings the alarm at once, unless it has rung, and waits for the run it was set for. */
async function alarm(runId: string): Promise<void> {
  await ring()
  await eventually(async () => {
    const runs = await rowsOf(
      'select 1 from job_runs where id = ? and finished_at is not null',
      runId,
    )
    expect(runs).toHaveLength(1)
  })
}

test('a run that is asked for is answered 202, and done by the alarm', async () => {
  const root = await testSite().root()
  const { badgeId } = await badgeWithRule()
  await visit(await populate(6, 4))
  const asked = await root.post('/v1/jobs/award-badges/run')
  expect(asked).toMatchObject({
    status: 202,
    body: { job: 'award-badges', status: 'requested', requestedBy: root.userId },
  })

  await alarm(asked.body.id)
  expect(await awardsPerMember(badgeId)).toEqual({ '0/0': 1, '1/1': 6 })
  const { body } = await root.get('/v1/jobs/award-badges/runs')
  expect(body.items).toMatchObject([
    {
      id: asked.body.id,
      status: 'succeeded',
      counts: { rules: 1, shards: 4, considered: 6, awarded: 6 },
      error: null,
      cursor: null,
    },
  ])
  const { body: jobs } = await root.get('/v1/jobs')
  expect(jobs.items.map(({ name }: { name: string }) => name)).toEqual(Object.keys(JOBS))
  expect(jobs.items).toContainEqual(
    expect.objectContaining({
      name: 'award-badges',
      schedule: 'every 5 minutes',
      lastRun: body.items[0],
    }),
  )
  expect(jobs.items).toContainEqual(
    expect.objectContaining({ name: 'prune-visits', schedule: 'daily', lastRun: null }),
  )
})

test('the award of such a run is the elevation’s, the request the admin’s', async () => {
  const root = await testSite().root()
  await badgeWithRule()
  const [visitor] = await populate(1, 4)
  await visit(visitor ? [visitor] : [])
  const { body: run } = await root.post('/v1/jobs/award-badges/run')
  await alarm(run.id)
  const audit = await root.get('/v1/audit?limit=2')
  expect(audit.body.items).toMatchObject([
    { action: 'badge.assign', actor: 'system:badge-awarder', target: visitor?.userId },
    { action: 'job.request', actor: root.userId, target: run.id },
  ])
})

test('a grant to ask for a run is no grant to assign a badge, even an admin’s', async () => {
  const { userId } = await testSite().root()
  const deps = makeDeps(env, openSession(env.DB, 'primary'), Date.now())
  const { badgeId } = await badgeWithRule()
  const admin = {
    kind: 'member',
    userId,
    status: 'active',
    roles: ['admin'],
    accessRevision: 1,
  } as const
  const asking = withGrant(admin, 'job:run', 'site', 'request', async (grant) => {
    await requestJobRun(grant, 'award-badges', undefined, deps)
    // The grant refuses at run time what the type checker refuses.
    const asIf = grant as unknown as Grant<'badge:assign'>
    await assignBadges(asIf, { badgeId, userIds: [userId] }, undefined, deps)
  })
  await expect(asking).rejects.toThrow(GrantError)
  expect(await awardsPerMember(badgeId)).toEqual({ '0/0': 1 })
  expect(await rowsOf('select job from job_runs')).toEqual([{ job: 'award-badges' }])
})

test('a run whose alarm could not be set is done by the next tick, once', async () => {
  const { storage, arm } = failingStorage()
  const warned = vi.spyOn(console, 'warn').mockReturnValue()
  const root = await testSite(storage).root()
  arm({ fails: (_, { text }) => text === 'wake' })
  const asked = await root.post('/v1/jobs/prune-records/run')
  expect(asked.status).toBe(202)
  expect(warned).toHaveBeenCalledOnce()
  expect(await ring()).toBe(false)

  await testSite().tick()
  expect(await rowsOf(`select id, status from job_runs where job = 'prune-records'`)).toEqual([
    { id: asked.body.id, status: 'succeeded' },
  ])
})

test('a run that is asked for is claimed by one of many at once', async () => {
  const { storage, traced } = countingStorage()
  const root = await testSite().root()
  const { body: run } = await root.post('/v1/jobs/prune-visits/run')
  const { calls } = await traced(() =>
    Promise.all([alarm(run.id), ...Array.from({ length: 9 }, () => testSite(storage).tick())]),
  )
  expect(await rowsOf(`select status from job_runs where job = 'prune-visits'`)).toEqual([
    { status: 'succeeded' },
  ])
  expect(calls.filter(({ text }) => text === 'prune').length).toBeLessThanOrEqual(4)
})

test('an unknown job on the ledger is reported there, and stops nothing', async () => {
  vi.spyOn(console, 'error').mockReturnValue()
  const at = new Date().toISOString()
  await env.DB.prepare(
    `insert into job_runs (id, job, status, requested_by, requested_at, counts)
     values (?1, 'of-another-version', 'requested', 'usr', ?2, '{}')`,
  )
    .bind(newId('run', Date.now()), at)
    .run()
  await expect(testSite().tick()).rejects.toThrow('jobs failed: of-another-version')
  expect(await rowsOf(`select job, error from job_runs where status = 'failed'`)).toEqual([
    { job: 'of-another-version', error: 'no such job' },
  ])
  expect(await rowsOf(`select job from job_runs where status = 'succeeded'`)).toHaveLength(
    Object.keys(JOBS).length,
  )
})
