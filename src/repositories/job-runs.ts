/** The ledger of background jobs: what ran, when, with which result, and what was asked for. */
import { and, asc, desc, eq, inArray, isNotNull, isNull, lt, sql, type SQL } from 'drizzle-orm'
import { batch, type Database, rows } from '../db/client.ts'
import type { RunId } from '../db/ids.ts'
import { jobRuns } from '../db/schema.ts'
import { type AuditRow, audited, storeAnswer, type StoredAnswer } from './audited.ts'
import type { Happened } from './outbox.ts'

export type JobRunRow = typeof jobRuns.$inferSelect

export interface RunResult {
  readonly status: 'succeeded' | 'failed'
  readonly finishedAt: string
  readonly counts: Readonly<Record<string, number>>
  readonly error: string | null
  readonly cursor: string | null
}

/** @param happened where a run is noted that was asked for */
export function jobRunsRepository(db: Database, happened: Happened) {
  return {
    async list(job: string, page: { after?: RunId | undefined; limit: number }) {
      return db
        .select()
        .from(jobRuns)
        .where(and(eq(jobRuns.job, job), page.after && lt(jobRuns.id, page.after)))
        .orderBy(desc(jobRuns.id))
        .limit(page.limit)
    },

    /** The newest run of each of the jobs that has one. */
    async latest(jobs: readonly string[]) {
      return selectLatestRuns(db, jobs)
    },

    /**
     * What the ledger says a trigger has to know: the runs that were asked for, and where the newest
     * run of each job stopped. First it closes the runs that began before `lostBefore` and were never
     * heard of again; one that is alive after all reports its own result over this.
     */
    async standing(jobs: readonly string[], { at, lostBefore }: Moment) {
      const unfinished = isNull(jobRuns.finishedAt)
      const { requested, cursors } = await batch(db, {
        lost: db
          .update(jobRuns)
          .set({ status: 'failed', finishedAt: at, error: 'interrupted' })
          .where(and(unfinished, eq(jobRuns.status, 'running'), lt(jobRuns.startedAt, lostBefore))),
        requested: db
          .select()
          .from(jobRuns)
          .where(and(unfinished, eq(jobRuns.status, 'requested')))
          .orderBy(asc(jobRuns.id))
          .limit(20),
        cursors: db
          .select({ job: jobRuns.job, cursor: jobRuns.cursor })
          .from(jobRuns)
          .where(inArray(jobRuns.id, newestOf(jobs, sql`and finished_at is not null`))),
      })
      return { requested, cursors: new Map(cursors.map(({ job, cursor }) => [job, cursor])) }
    },

    async request(run: JobRunRow, audit: AuditRow, answer: StoredAnswer | undefined) {
      await audited(db, audit, db.insert(jobRuns).values(run), {
        stored: storeAnswer(db, audit, answer),
      })
      happened.push({ kind: 'run-requested', subject: run.id })
    },

    /**
     * Puts a scheduled run on the ledger, unless one that began after `since` (null: no matter when)
     * is at it or has done all there was to do. @returns whether it did
     */
    async start(run: JobRunRow, since: string | null) {
      const started = await rows(
        db,
        sql`insert into job_runs (id, job, status, requested_by, requested_at, started_at, counts)
        select ${run.id}, ${run.job}, ${run.status}, ${run.requestedBy}, ${run.requestedAt},
          ${run.startedAt}, ${JSON.stringify(run.counts)}
        where ${since} is null or not exists (
          select 1 from job_runs where job = ${run.job} and started_at > ${since}
            and (status = 'running' or status = 'succeeded' and cursor is null))
        returning 1`,
      )
      return started.length > 0
    },

    /** Takes a requested run. @returns false if somebody else has taken it */
    async claim(id: RunId, startedAt: string) {
      const rows = await db
        .update(jobRuns)
        .set({ status: 'running', startedAt })
        .where(and(eq(jobRuns.id, id), eq(jobRuns.status, 'requested')))
        .returning({ id: jobRuns.id })
      return rows.length > 0
    },

    async finish(id: RunId, result: RunResult) {
      await db.update(jobRuns).set(result).where(eq(jobRuns.id, id))
    },

    /** Forgets finished runs older than `before`. @returns how many; call again while it is `limit` */
    async prune(before: RunId, limit: number) {
      const old = db
        .select({ id: jobRuns.id })
        .from(jobRuns)
        .where(and(lt(jobRuns.id, before), isNotNull(jobRuns.finishedAt)))
        .limit(limit)
      const rows = await db
        .delete(jobRuns)
        .where(inArray(jobRuns.id, old))
        .returning({ id: jobRuns.id })
      return rows.length
    },
  }
}

export function selectLatestRuns(db: Database, jobs: readonly string[]) {
  return db
    .select()
    .from(jobRuns)
    .where(inArray(jobRuns.id, newestOf(jobs)))
}

interface Moment {
  readonly at: string
  readonly lostBefore: string
}

/** Steps to the end of the index of each job, however long the ledger is. */
function newestOf(jobs: readonly string[], condition: SQL = sql``) {
  return sql`(select (select max(id) from job_runs where job = names.value ${condition})
    from json_each(${JSON.stringify(jobs)}) names)`
}
