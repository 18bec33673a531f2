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
    for (const { name, queries } of migrations.filter(({ name }) => !applied.has(name))) {
      const entry = db.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name)
      try {
        await db.batch([...queries.map((query) => db.prepare(query)), entry])
      } catch (error) {
        throw new Refusal(`migration ${name} failed: ${String(error)}`)
      }
    }
  } finally {
    await miniflare.dispose()
  }
}
