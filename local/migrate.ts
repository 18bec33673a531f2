/**
 * Brings the local database up to date before anything serves from it, and keeps the same books as
 * `wrangler d1 migrations`, so that either may go on where the other stopped.
 */
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { keepingSignals } from './processes.ts'
import { project } from './project.ts'
import { Refusal } from './refusal.ts'

const LEDGER = `CREATE TABLE IF NOT EXISTS d1_migrations(
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`

/** Applies what is missing, each file whole or not at all. @throws Refusal naming the bad file */
export async function migrate(persistTo: string): Promise<void> {
  const { database, migrations } = await project()
  const options = convertV4MiniflareOptions({
    cf: false,
    modules: true,
    script: 'export default {}',
    d1Databases: { DB: { id: database } },
  })
  const miniflare = keepingSignals(
    () => new Miniflare({ ...options, resourcePersistencePath: persistTo }),
  )
  try {
    const db = await miniflare.getD1Database('DB')
    await db.prepare(LEDGER).run()
    const { results } = await db.prepare('SELECT name FROM d1_migrations').all<{ name: string }>()
    const applied = new Set(results.map(({ name }) => name))
    const missing = migrations
      .filter(({ name }) => !applied.has(name))
      .map(({ name, queries }) => ({
        name,
        // The file is one text: to hand over a statement takes the runtime longer than to run it.
        statements: [
          db.prepare(queries.join('\n;\n')),
          db.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name),
        ],
      }))
    if (missing.length === 0 || (await isApplied(db, missing))) return
    for (const { name, statements } of missing) {
      try {
        await db.batch(statements)
      } catch (error) {
        throw new Refusal(`migration ${name} failed: ${String(error)}`)
      }
    }
  } finally {
    await miniflare.dispose()
  }
}

type Migration = Readonly<{ statements: Parameters<Db['batch']>[0] }>
type Db = Awaited<ReturnType<Miniflare['getD1Database']>>

/** All in one call, which is half the time of a first start; false if one fails, and then nothing is applied. */
async function isApplied(db: Db, missing: readonly Migration[]): Promise<boolean> {
  try {
    await db.batch(missing.flatMap(({ statements }) => statements))
    return true
  } catch {
    // Which of them it is, is seen as they are applied one by one.
    return false
  }
}
