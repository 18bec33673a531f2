import { runDurableObjectAlarm } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import operations from '../../docs/operations.md?raw'
import { JOBS } from '../../src/cron/job-names.ts'
import { assertComplete } from '../support/complete.ts'
import { eventually } from '../support/eventually.ts'
import { idOf, TIME } from '../support/shapes.ts'
import { type Client, type Site, testSite } from '../support/site.ts'

const FINISHED = {
  id: idOf('run'),
  status: 'succeeded',
  requestedAt: TIME,
  startedAt: TIME,
  finishedAt: TIME,
  error: null,
  cursor: null,
}

async function runsOf(client: Client, job: string) {
  const { body } = await client.get(`/v1/jobs/${job}/runs`)
  return body.items
}

/** Waits until the newest run of a job has ended, after the request that asked for it. */
async function finished(site: Site, client: Client, job: string) {
  await runDurableObjectAlarm(site.env.JOBS.getByName('site'))
  return eventually(async () => {
    const [run] = await runsOf(client, job)
    expect(run.finishedAt).not.toBeNull()
    return run
  })
}

describe('GET /v1/jobs', () => {
  it('answers every job with its schedule, and that it has not run yet: nothing is left out', async () => {
    const { status, body } = await (await testSite().root()).get('/v1/jobs')
    expect(status).toBe(200)
    const jobs = [
      ['bind-stores', /every/],
      ['award-badges', /every/],
      ['report-milestones', /every/],
      ['erase-members', /every/],
      ['finish-events', /every/],
      ['expire-holds', /every/],
      ['tell-people', /every/],
      ['forget-guests', /every/],
      ['forget-bookings', /daily/],
      ['fold-names', /daily/],
      ['prune-visits', /daily/],
      ['prune-records', /daily/],
      ['seal-audit', /hourly/],
      ['wake-webhooks', /every/],
    ] as const
    assertComplete(
      jobs.map(([name]) => name),
      Object.keys(JOBS),
      { list: 'GET /v1/jobs in test/api/jobs.test.ts', of: 'job', recipe: 'A job' },
    )
    expect(body).toEqual({
      items: jobs.map(([name, schedule]) => ({
        name,
        description: expect.stringMatching(/.{20}/),
        schedule: expect.stringMatching(schedule),
        lastRun: null,
      })),
      nextCursor: null,
    })
  })

  it('lists the jobs that docs/operations.md explains: nothing is left out', () => {
    const rows = [...operations.matchAll(/^\| `([\w-]+)` \| (?:every tick|hourly|daily) /gm)]
    assertComplete(
      rows.map(([, name = '']) => name),
      Object.keys(JOBS),
      { list: 'the table of jobs in docs/operations.md', of: 'job', recipe: 'A job' },
    )
  })

  it('answers the last run of each with its counts', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const { body: badge } = await root.post('/v1/badges', { title: 'Regular' })
    await root.post('/v1/badge-rules', { badgeId: badge.id, metric: 'visits', threshold: 1 })
    await ada.post('/v1/me/visits')
    await site.tick()
    const { body } = await root.get('/v1/jobs')
    const items: { name: string; lastRun: unknown }[] = body.items
    const award = items.find(({ name }) => name === 'award-badges')
    expect(award?.lastRun).toEqual({
      ...FINISHED,
      job: 'award-badges',
      requestedBy: 'cron',
      counts: expect.objectContaining({ rules: 1, awarded: 1 }),
    })
    for (const { name, lastRun } of items) {
      expect(lastRun).toMatchObject({ job: name, requestedBy: 'cron', status: 'succeeded' })
    }
  })
})

describe('GET /v1/jobs/{job}/runs', () => {
  it('lists the runs of that job, newest first, page by page', async () => {
    const site = testSite()
    const root = await site.root()
    const start = Date.now()
    for (const minutes of [0, 5, 10]) await site.tick(start + minutes * 60_000)
    const runs = await runsOf(root, 'award-badges')
    expect(runs.map(({ startedAt }: { startedAt: string }) => Date.parse(startedAt))).toEqual([
      start + 600_000,
      start + 300_000,
      start,
    ])
    const path = '/v1/jobs/award-badges/runs?limit=2'
    const first = (await root.get(path)).body
    const rest = (await root.get(`${path}&cursor=${first.nextCursor}`)).body
    expect([...first.items, ...rest.items]).toEqual(runs)
    expect(await runsOf(root, 'prune-visits')).toHaveLength(1)
  })
})

describe('POST /v1/jobs/{job}/run', () => {
  it('answers 202 with the run that was asked for, which then happens with the job’s own rights', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const { body: badge } = await root.post('/v1/badges', { title: 'Regular' })
    await root.post('/v1/badge-rules', { badgeId: badge.id, metric: 'visits', threshold: 1 })
    await ada.post('/v1/me/visits')
    const { status, headers, body } = await root.post('/v1/jobs/award-badges/run')
    expect(status).toBe(202)
    expect(body).toEqual({
      ...FINISHED,
      job: 'award-badges',
      requestedBy: root.userId,
      status: 'requested',
      startedAt: null,
      finishedAt: null,
      counts: {},
    })
    expect(await finished(site, root, 'award-badges')).toEqual({
      ...FINISHED,
      id: body.id,
      job: 'award-badges',
      requestedBy: root.userId,
      counts: expect.objectContaining({ awarded: 1 }),
    })
    const log = (await root.get('/v1/audit?limit=2')).body.items
    expect(log).toMatchObject([
      { action: 'badge.assign', actor: 'system:badge-awarder', target: ada.userId },
      {
        action: 'job.request',
        actor: root.userId,
        target: body.id,
        requestId: headers.get('Request-Id'),
        changes: { job: 'award-badges' },
      },
    ])
    expect(log[0]).not.toHaveProperty('requestId')
  })

  it('asks once, however often it is repeated with one Idempotency-Key', async () => {
    const site = testSite()
    const root = await site.root()
    const once = { headers: { 'Idempotency-Key': 'nightly' } }
    const first = await root.post('/v1/jobs/prune-records/run', {}, once)
    const again = await root.post('/v1/jobs/prune-records/run', {}, once)
    expect([again.status, again.body]).toEqual([202, first.body])
    expect(again.headers.get('Idempotency-Replayed')).toBe('true')
    await finished(site, root, 'prune-records')
    expect(await runsOf(root, 'prune-records')).toHaveLength(1)
  })

  it.each(['everything', 'constructor', 'Award-Badges'])('has no job %s', async (job) => {
    const root = await testSite().root()
    expect((await root.post(`/v1/jobs/${job}/run`)).status).toBe(404)
    expect((await root.get(`/v1/jobs/${job}/runs`)).status).toBe(404)
  })

  it('takes no arguments', async () => {
    const root = await testSite().root()
    expect((await root.post('/v1/jobs/prune-visits/run', { before: 'now' })).status).toBe(422)
    expect(await runsOf(root, 'prune-visits')).toEqual([])
  })
})
