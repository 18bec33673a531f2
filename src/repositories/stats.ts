/** What a site has of each kind, from counters that triggers keep in the transaction of each change. */
import { and, asc, eq, gte, inArray, or, sql } from 'drizzle-orm'
import { batch, type Database } from '../db/client.ts'
import { awardsByDay, counters, refusalCounts } from '../db/schema.ts'
import { selectLatestRuns } from './job-runs.ts'
import { selectShards, shardsIn } from './site.ts'

export function statsRepository(db: Database) {
  return {
    /**
     * The counters, and the newest run of each of the jobs that has one; one round trip.
     * @param since YYYY-MM-DD, from when days are told, which are those of UTC but for awards
     */
    async read(since: string, jobs: readonly string[]) {
      const { counted, awarded, refused, shards, runs } = await batch(db, {
        counted: db
          .select()
          .from(counters)
          .where(
            or(
              inArray(counters.kind, ['members', 'bookings', 'awards']),
              and(eq(counters.kind, 'joined'), gte(counters.key, since)),
            ),
          )
          .orderBy(asc(counters.kind), asc(counters.key)),
        awarded: db
          .select()
          .from(awardsByDay)
          .where(gte(awardsByDay.day, since))
          .orderBy(asc(awardsByDay.day)),
        refused: db
          .select({
            day: refusalCounts.day,
            count: sql`sum(${refusalCounts.count})`.mapWith(Number).as('refused'),
          })
          .from(refusalCounts)
          .where(gte(refusalCounts.day, since))
          .groupBy(refusalCounts.day)
          .orderBy(asc(refusalCounts.day)),
        shards: selectShards(db),
        runs: selectLatestRuns(db, jobs),
      })
      const countOf = (kind: (typeof counted)[number]['kind'], key: string) =>
        counted.find((each) => each.kind === kind && each.key === key)?.count ?? 0
      const joined = counted.filter(({ kind }) => kind === 'joined')
      return { countOf, joined, awarded, refused, shards: shardsIn(shards), runs }
    },
  }
}
