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
  const queries = env.TEST_MIGRATIONS.flatMap((migration) => migration.queries)
  await env.DB.batch(queries.map((query) => env.DB.prepare(query)))
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
