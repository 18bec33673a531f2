/** The background jobs: what they are, what they did, and asking for a run. */
import * as z from 'zod'
import { answerFields, nobody } from '../http/answer-fields.ts'
import { isJobName, JOBS, scheduleOf } from '../cron/job-names.ts'
import type { RunId } from '../db/ids.ts'
import { listOf, pageOfConstant, PageQuery, paginate } from '../http/pagination.ts'
import { route } from '../http/route.ts'
import { requestJobRun } from '../operations/request-job-run.ts'
import type { JobRunRow } from '../repositories/job-runs.ts'
import { idOf, NoBody, shownId, shownName, shownText, Timestamp } from './schemas.ts'

const JobParam = z
  .string()
  .refine(isJobName, { error: 'expected a job of this site' })
  .meta({
    description: 'Name of a job, as in `award-badges`',
    maxLength: 50,
    pattern: '^[a-z-]+$',
    examples: ['prune-records'],
  })
const param = z.object({ job: JobParam })

const JobRun = z
  .object({
    id: shownId('run'),
    job: shownName(50),
    status: z.enum(['requested', 'running', 'succeeded', 'failed']),
    requestedBy: shownName().meta({ description: '`cron`, or who asked for it' }),
    requestedAt: Timestamp,
    startedAt: Timestamp.nullable(),
    finishedAt: Timestamp.nullable(),
    counts: z.record(shownName(), z.number()),
    error: shownText(10_000).nullable(),
    cursor: shownText(10_000)
      .nullable()
      .meta({ description: 'Where a run that ran out of time goes on' }),
  })
  .meta({ id: 'JobRun' })
  .register(answerFields, { about: nobody })

const Job = z
  .object({
    name: shownName(50),
    description: shownText(200),
    schedule: shownText(50),
    lastRun: JobRun.nullable(),
  })
  .meta({ id: 'Job' })

export const listJobs = route({
  method: 'GET',
  path: '/v1/jobs',
  summary: 'The background jobs with their schedules and last runs',
  access: { may: 'job:run' },
  input: { query: z.object(PageQuery) },
  output: listOf(Job),
  async run({ input, deps }) {
    const latest = new Map(
      (await deps.jobRuns.latest(Object.keys(JOBS))).map((run) => [run.job, run]),
    )
    const all = Object.entries(JOBS).map(([name, { description }]) => ({
      name,
      description,
      schedule: isJobName(name) ? scheduleOf(name) : '',
      lastRun: latest.get(name) ?? null,
    }))
    return pageOfConstant({ name: 'jobs', query: input.query, all }, ({ name }) => name)
  },
})

export const listJobRuns = route({
  method: 'GET',
  path: '/v1/jobs/:job/runs',
  summary: 'The runs of a job, newest first',
  access: { may: 'job:run' },
  input: { param, query: z.object(PageQuery) },
  output: listOf(JobRun),
  async run({ input, deps }) {
    const { job } = input.param
    return paginate<JobRunRow, [RunId]>({
      name: `runs of ${job}`,
      query: input.query,
      key: z.tuple([idOf('run', 'Id of a run')]),
      keyOf: ({ id }) => [id],
      read: (after, limit) => deps.jobRuns.list(job, { after: after?.[0], limit }),
    })
  },
})

export const createJobRun = route({
  method: 'POST',
  path: '/v1/jobs/:job/run',
  summary: 'Ask for a run of a job; it acts with its own rights, not with yours',
  access: { may: 'job:run' },
  input: { param, json: NoBody },
  output: JobRun,
  statuses: [202],
  idempotent: 'd1',
  async run({ input, grant, request: { remember }, deps }) {
    return requestJobRun(
      grant,
      input.param.job,
      remember((row) => row),
      deps,
    )
  },
})
