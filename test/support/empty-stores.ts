/** Empties all stores between two tests, so that nothing that one has stored reaches the next. */
import { reset, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { takeAwake } from './awake.ts'

/** Leaves an empty database with the schema of all migrations, and empty objects. */
export async function emptyStores(): Promise<void> {
  // A reset clears only objects that are awake, so those that may sleep are woken first. The query
  // wakes the database and shows whether the reset has cleared it.
  do {
    await Promise.all(takeAwake().map(wake))
    takeAwake()
    await reset()
  } while (await isMigrated())
  if (schema !== undefined) {
    await env.DB.prepare(schema).run()
  } else {
    const queries = env.TEST_MIGRATIONS.flatMap((migration) => migration.queries)
    await env.DB.batch(queries.map((query) => env.DB.prepare(query)))
    schema = await currentSchema()
  }
}

/**
 * What makes the database that all migrations leave, in half the statements: most of a migration makes
 * and moves what a later one makes anew. It is one text, which takes half the time of a batch. Read once
 * in each runtime.
 */
let schema: string | undefined

/** The schema and its first rows. The rows come before the triggers that would see them. */
async function currentSchema(): Promise<string> {
  const { results } = await env.DB.prepare(
    `select type, name, sql from sqlite_master
      where sql is not null and name not glob 'sqlite_*' and name not glob '_cf_*' order by rowid`,
  ).all<{ type: string; name: string; sql: string }>()
  const tables = results.filter(({ type }) => type === 'table')
  const rows = await Promise.all(tables.map(({ name }) => insertsInto(name)))
  const others = results.filter(({ type }) => type !== 'table')
  const made = (them: typeof results) => them.map(({ sql }) => sql)
  return [...made(tables), ...rows.flat(), ...made(others)].map((sql) => `${sql};`).join('\n')
}

/** @throws Error for a value that is neither a text, a number nor null */
async function insertsInto(table: string): Promise<string[]> {
  const { results } = await env.DB.prepare(`select * from "${table}"`).all()
  return results.map((row) => {
    const columns = Object.keys(row).map((name) => `"${name}"`)
    return `insert into "${table}" (${columns.join()}) values (${Object.values(row).map(literal).join()})`
  })
}

function literal(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return `'${value.replaceAll("'", "''")}'`
  throw new Error(`a migration leaves ${typeof value}, which has no literal here`)
}

type Awake = ReturnType<typeof takeAwake>[number]

async function wake({ namespace, id }: Awake): Promise<void> {
  const objects: DurableObjectNamespace = env[namespace]
  await runInDurableObject(objects.get(id), () => {})
}

async function isMigrated(): Promise<boolean> {
  const table = env.DB.prepare("select 1 from sqlite_master where name = 'audit_log'")
  return (await table.first()) !== null
}
