/** Everything that a site has stored: the rows of all tables of D1 and of the visit objects. */
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { allAwake } from './awake.ts'

/** Rows by table; the name of a table in an object begins with the id of the object. */
export type Dump = Readonly<Record<string, readonly unknown[]>>

const TABLES = `select name from sqlite_master where type = 'table' and name <> 'd1_migrations'
  and name not like 'sqlite|_%' escape '|' and name not like '|_cf|_%' escape '|' order by name`

/** Rows come in the order of their primary keys, for no table has a rowid. */
export async function dump(): Promise<Dump> {
  return { ...(await dumpD1()), ...(await dumpVisits()) }
}

export async function dumpD1(): Promise<Dump> {
  const { results: tables } = await env.DB.prepare(TABLES).all<{ name: string }>()
  const rows = await env.DB.batch(
    tables.map(({ name }) => env.DB.prepare(`select * from "${name}"`)),
  )
  return Object.fromEntries(tables.map(({ name }, index) => [name, rows[index]?.results ?? []]))
}

/** Dumps the objects that were called, without empty tables: waking an object stores no row. */
async function dumpVisits(): Promise<Dump> {
  const dumps: Record<string, readonly unknown[]> = {}
  const objects = allAwake().filter(({ namespace }) => namespace === 'VISITS')
  for (const { id } of objects) {
    await runInDurableObject(env.VISITS.get(id), (_, { storage: { sql } }) => {
      for (const { name } of sql.exec<{ name: string }>(TABLES).toArray()) {
        const rows = sql.exec(`select * from "${name}"`).toArray()
        if (rows.length > 0) dumps[`${id.toString()}.${name}`] = rows
      }
    })
  }
  return dumps
}
