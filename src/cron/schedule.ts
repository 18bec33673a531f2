/**
 * One trigger, an internal schedule. A tick runs what was asked for and what is due by the ledger,
 * so a tick that was missed, doubled or cut short is made up for by the next.
 */
import { openSession } from '../db/client.ts'
import { newId } from '../db/ids.ts'
import { databaseInTime } from '../db/in-time.ts'
import { makeDeps, type SystemDeps } from '../deps.ts'
import type { Bindings } from '../env.ts'
import { log, tallied } from '../log.ts'
import { objectsInTime } from '../objects/in-time.ts'
import { assertReady } from '../readiness.ts'
import type { JobRunRow } from '../repositories/job-runs.ts'
import { shareSettings } from '../settings/settings.ts'
import { awardBadges } from './award-badges.ts'
import { bindStores } from './bind-stores.ts'
import { expireHolds, finishEvents } from './bookings.ts'
import { isJobName, JOBS, type JobName } from './job-names.ts'
import { failureOf, type JobContext, type JobResult } from './job.ts'
import { reportMilestones } from './milestones.ts'
import { sealAudit } from './seal-audit.ts'
import { wakeWebhooks } from './webhooks.ts'
import { tellWaiting } from './tell-waiting.ts'
import {
  eraseMembers,
  foldNames,
  forgetBookings,
  forgetGuests,
  pruneRecords,
  pruneVisits,
} from './upkeep.ts'

/** The trigger in wrangler.toml; a test compares the two. */
export const TRIGGER = '*/5 * * * *'

const RUNNERS: Record<JobName, (context: JobContext) => Promise<JobResult>> = {
  'bind-stores': bindStores,
  'award-badges': awardBadges,
  'report-milestones': reportMilestones,
  'erase-members': eraseMembers,
  'finish-events': finishEvents,
  'expire-holds': expireHolds,
  'tell-people': tellWaiting,
  'forget-guests': forgetGuests,
  'forget-bookings': forgetBookings,
  'fold-names': foldNames,
  'prune-visits': pruneVisits,
  'prune-records': pruneRecords,
  'seal-audit': sealAudit,
  'wake-webhooks': wakeWebhooks,
}

const MINUTE = 60_000
/** The platform ends a trigger after 15 minutes: no run begins after ten, and none goes on for over three. */
const TRIGGER_LIMIT = 15 * MINUTE
const BEGIN_LIMIT = 10 * MINUTE
const RUN_LIMIT = 3 * MINUTE
/** How long one call to storage may take: what hangs fails its step, and leaves the others their time. */
const CALL_LIMIT = 5_000
/**
 * Statements of D1 that a trigger may make, each of a batch counted. Calls of objects are counted with
 * them, so that there is one number; of those it might make 10 000.
 */
const TRIGGER_CALLS = 1000
/** What the ledger takes of that: to see what stands on it, and for each run its beginning and its end. */
const STANDING_CALLS = 3
const LEDGER_CALLS = 2
/** Left for each run to come by those before it: a step of any job, so that no backlog stops the others. */
const STEP_CALLS = 30

/** Milliseconds since the epoch. */
type Clock = () => number

/**
 * @param now when the tick was due; milliseconds since the epoch
 * @param spent the calls of storage that the trigger has made already
 * @throws Error for a trigger that is not known, and after the other jobs if one failed
 */
export async function tick(
  cron: string,
  env: Bindings,
  now: number,
  clock: Clock = Date.now,
  spent = 0,
): Promise<void> {
  if (cron !== TRIGGER) throw new Error('no job is scheduled by this cron expression')
  const failed = await runDue(Object.keys(JOBS).filter(isJobName), env, now, clock, spent)
  if (failed.length > 0) throw new Error(`jobs failed: ${failed.join(', ')}`)
}

/** Runs what was asked for over HTTP; how it went is on the ledger. @param now milliseconds since the epoch */
export async function runRequested(env: Bindings, now: number): Promise<void> {
  await runDue([], env, now, Date.now)
}

/** @returns the jobs that failed */
async function runDue(
  scheduled: readonly JobName[],
  env: Bindings,
  now: number,
  clock: Clock,
  spent = 0,
): Promise<string[]> {
  await assertReady(env)
  const deps = systemDeps(env, now)
  const began = clock()
  const { requested, cursors } = await deps.jobRuns.standing(Object.keys(JOBS), {
    at: new Date(now).toISOString(),
    lostBefore: new Date(now - TRIGGER_LIMIT).toISOString(),
  })
  const runs = [...requested, ...scheduled.map((job) => scheduledRun(job, now))]
  const budget = { left: TRIGGER_CALLS - spent - STANDING_CALLS - LEDGER_CALLS * runs.length }
  const failed: string[] = []
  for (const [index, run] of runs.entries()) {
    if (clock() - began > BEGIN_LIMIT) break
    try {
      if (!(await begin(run, deps))) continue
      const affords = allowance(clock, budget, STEP_CALLS * (runs.length - 1 - index))
      const context = { deps, cursor: cursors.get(run.job) ?? null, affords }
      if (!(await perform(run, context, clock))) failed.push(run.job)
    } catch (error) {
      failed.push(`${run.job} (${failureOf(error)})`)
    }
  }
  return failed
}

/** None of the calls to storage that the ledger and the jobs make waits longer than `CALL_LIMIT`. */
function systemDeps(env: Bindings, now: number): SystemDeps {
  const limited = {
    ...env,
    DB: databaseInTime(env.DB, CALL_LIMIT),
    VISITS: objectsInTime(env.VISITS, CALL_LIMIT),
    JOBS: objectsInTime(env.JOBS, CALL_LIMIT),
    KEYS: objectsInTime(env.KEYS, CALL_LIMIT),
    WEBHOOKS: objectsInTime(env.WEBHOOKS, CALL_LIMIT),
  }
  shareSettings(env, limited)
  return makeDeps(limited, openSession(limited.DB, 'primary'), now)
}

/** @returns false if somebody else has it, or it is not due yet */
async function begin(run: JobRunRow, { jobRuns, now }: SystemDeps): Promise<boolean> {
  if (run.status === 'requested') return jobRuns.claim(run.id, new Date(now).toISOString())
  const period = isJobName(run.job) ? JOBS[run.job].everyMinutes * MINUTE : 0
  return jobRuns.start(run, period > 0 ? new Date(now - period).toISOString() : null)
}

/** One run of one job, onto the ledger. @returns whether all of it succeeded */
async function perform(run: JobRunRow, context: JobContext, clock: Clock): Promise<boolean> {
  const { deps } = context
  const began = clock()
  const calls = { d1: 0, objects: 0 }
  const { counts, failures, cursor } = await tallied(calls, () => attempt(run.job, context))
  const succeeded = failures.length === 0
  const status = succeeded ? 'succeeded' : 'failed'
  const error = succeeded ? null : [...new Set(failures)].join('; ')
  await deps.jobRuns.finish(run.id, {
    status,
    finishedAt: new Date(deps.now + clock() - began).toISOString(),
    counts,
    error,
    cursor,
  })
  const { id: runId, job, requestedBy } = run
  const milliseconds = clock() - began
  const about = { runId, job, requestedBy, status, counts, error: error ?? undefined }
  log(succeeded ? 'info' : 'error', 'job', { ...about, ...calls, milliseconds })
  return succeeded
}

async function attempt(job: string, context: JobContext): Promise<JobResult> {
  try {
    if (!isJobName(job)) return { counts: {}, cursor: null, failures: ['no such job'] }
    return await RUNNERS[job](context)
  } catch (error) {
    return { counts: {}, cursor: context.cursor, failures: [failureOf(error)] }
  }
}

/**
 * The allowance of one run, from now on.
 * @param budget what all runs of the trigger share
 * @param kept what has to be left of it
 */
function allowance(clock: Clock, budget: { left: number }, kept: number): JobContext['affords'] {
  const until = clock() + RUN_LIMIT
  return (calls) => {
    if (budget.left - calls < kept || clock() >= until) return false
    budget.left -= calls
    return true
  }
}

function scheduledRun(job: JobName, now: number): JobRunRow {
  const at = new Date(now).toISOString()
  return {
    id: newId('run', now),
    job,
    status: 'running',
    requestedBy: 'cron',
    requestedAt: at,
    startedAt: at,
    finishedAt: null,
    counts: {},
    error: null,
    cursor: null,
  }
}
