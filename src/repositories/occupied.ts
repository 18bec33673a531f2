/** Whether anybody uses the site yet: a backup is restored into an empty one only. */
import { getTableName } from 'drizzle-orm'
import { TABLES } from '../db/needs.ts'
import * as schema from '../db/schema.ts'

/** What migrations, the first start, ticks and refused strangers leave in a site that nobody uses. */
const OF_AN_EMPTY_SITE = new Set<string>(
  [
    schema.site,
    schema.storeMarks,
    schema.storeShards,
    schema.operatorRequests,
    schema.jobRuns,
    schema.counters,
    schema.feed,
    schema.tokenKeys,
    schema.refusals,
    schema.refusalCounts,
    schema.authAttempts,
    schema.authVerifications,
    schema.authTickets,
  ].map(getTableName),
)

const OTHERS = TABLES.map(({ name }) => name).filter((name) => !OF_AN_EMPTY_SITE.has(name))

const HAS_ROWS = OTHERS.map((name) => `exists (select 1 from "${name}")`)

/** In SQL, whether any of those tables has a row. */
export const IS_OCCUPIED = HAS_ROWS.join(' or ')

/** One row, with a column for each table that has rows in a site that is used: 1 if it has any. */
export const SELECT_OCCUPIED = `select ${HAS_ROWS.map((has, at) => `${has} as "${OTHERS[at]}"`).join()}`

/** What `SELECT_OCCUPIED` has found, as names of tables. */
export function occupiedIn(found: Readonly<Record<string, unknown>> | undefined): string[] {
  return Object.entries(found ?? {}).flatMap(([name, isUsed]) => (isUsed === 1 ? [name] : []))
}
