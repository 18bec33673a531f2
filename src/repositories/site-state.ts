/** In which state the database is: whether this code can work with it, and what waits there. */
import { sql } from 'drizzle-orm'
import { batch, type Database, rows, statement } from '../db/client.ts'
import { countCall } from '../log.ts'
import { gapsIn, missingMigrations, type SchemaObject } from '../db/needs.ts'

export interface DatabaseState {
  /** Migrations, tables, columns and guards that this code needs and that are not there. */
  readonly gaps: readonly string[]
  /** The newest migration that was applied; null if nothing says so. */
  readonly level: string | null
  /** Whose database it is; null before its first start. */
  readonly environment: string | null
  /** Which state of the stores it is; null where that is not asked. */
  readonly generation: string | null
  /** When it was first worked with, and when a tick last began a run. RFC 3339. */
  readonly firstStart: string | null
  readonly lastTick: string | null
  /** How many shards have visits; 0 before the first member. */
  readonly shards: number
  /** In which time zone days of visits are counted; null before the first member. */
  readonly timeZone: string | null
}

/** What has to be done; each figure is 1000 if it is more than that. */
export interface Backlog {
  readonly events: number
  readonly erasures: number
  readonly requestedRuns: number
}

const FACTS = ['environment', 'generation', 'first_start', 'visit_shards', 'time_zone'] as const

export function siteStateRepository(db: Database) {
  /** Without a table or a column that is to be read, nothing more is asked. */
  async function read(): Promise<DatabaseState> {
    const found = await rows<SchemaObject>(db, sql`select type, name, sql from sqlite_master`)
    const gaps = gapsIn(found)
    const nothing = {
      level: null,
      environment: null,
      generation: null,
      firstStart: null,
      lastTick: null,
      shards: 0,
      timeZone: null,
    }
    if (gaps.length > 0) return { gaps, ...nothing }
    // Wrangler's table, and the local runner's; tests have none.
    const hasLedger = found.some(({ name }) => name === 'd1_migrations')
    const { facts, ticks, applied } = await batch(db, {
      facts: rows<{ key: (typeof FACTS)[number]; value: string }>(
        db,
        sql`select key, value from site where key in ${FACTS}`,
      ),
      ticks: rows<{ startedAt: string }>(
        db,
        sql`select started_at as startedAt from job_runs
        where id = (select max(id) from job_runs where job = 'finish-events')`,
      ),
      applied: hasLedger
        ? rows<{ name: string }>(db, sql`select name from d1_migrations order by name`)
        : undefined,
    })
    const fact = new Map(facts.map(({ key, value }) => [key, value]))
    const names = applied?.map(({ name }) => name)
    return {
      gaps: names ? missingMigrations(names).map((name) => `migration ${name}`) : [],
      level: names?.at(-1)?.replace(/\.sql$/, '') ?? null,
      environment: fact.get('environment') ?? null,
      generation: fact.get('generation') ?? null,
      firstStart: fact.get('first_start') ?? null,
      lastTick: ticks[0]?.startedAt ?? null,
      shards: Number(fact.get('visit_shards') ?? 0),
      timeZone: fact.get('time_zone') ?? null,
    }
  }

  return {
    read,

    /** Says whose database this is, if nobody has. @param at RFC 3339 */
    async claim(environment: string, at: string) {
      await batch(db, {
        claimed: statement(
          db,
          sql`insert into site (key, value) values ('environment', ${environment}),
            ('first_start', ${at}) on conflict do nothing`,
        ),
      })
    },

    /** Notes in which time zone the site has counted until now, if nothing says so. */
    async noteTimeZone(zone: string) {
      await statement(
        db,
        sql`insert into site (key, value) values ('time_zone', ${zone}) on conflict do nothing`,
      )
    },

    /** What waits, and how large the database is, in bytes. */
    async backlog(): Promise<{ readonly waiting: Backlog; readonly bytes: number | null }> {
      countCall('d1')
      // drizzle keeps to itself how large the database is.
      const { results, meta } = await db.$client
        .prepare(
          `select
          (select count(*) from (select 1 from events limit 1000)) as events,
          (select count(*) from (select 1 from erasures limit 1000)) as erasures,
          (select count(*) from (select 1 from job_runs
            where status = 'requested' and finished_at is null limit 1000)) as requestedRuns`,
        )
        .all<Record<string, number>>()
      const { events = 0, erasures = 0, requestedRuns = 0 } = results[0] ?? {}
      const waiting = { events, erasures, requestedRuns }
      return { waiting, bytes: meta.size_after }
    },
  }
}
