import type { Deps } from '../deps.ts'
import { newId } from '../db/ids.ts'
import type { JobRunRow } from '../repositories/job-runs.ts'
import { actorRef } from '../security/actor.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import type { Remember } from './foreseen.ts'

/**
 * Puts a run on the ledger; that the runner is woken follows from it. The job acts with its own
 * elevation, if it has one, and not with the rights of whoever asked.
 */
export async function requestJobRun(
  grant: Grant<'job:run'>,
  job: string,
  remember: Remember<JobRunRow>,
  { jobRuns, now }: Deps,
): Promise<JobRunRow> {
  const exercised = grant.exercise('job:run')
  const run: JobRunRow = {
    id: newId('run', now),
    job,
    status: 'requested',
    requestedBy: actorRef(exercised.actor),
    requestedAt: new Date(now).toISOString(),
    startedAt: null,
    finishedAt: null,
    counts: {},
    error: null,
    cursor: null,
  }
  const audit = auditRow(exercised, now, {
    action: 'job.request',
    target: run.id,
    changes: { job },
  })
  await jobRuns.request(run, audit, await remember?.(run))
  return run
}
