/** What lies between two tests: nothing that one has stored reaches the next. */
import { reset, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { takeAwake } from './awake.ts'

/** Leaves an empty database with the schema of all migrations, and empty objects. */
export async function emptyStores(): Promise<void> {
  // Resetting forgets what is awake and nothing else, so whatever may sleep is woken first.
  await Promise.all([env.DB.prepare('select 1').run(), ...takeAwake().map(wake)])
  takeAwake()
  await reset()
  const queries = env.TEST_MIGRATIONS.flatMap((migration) => migration.queries)
  await env.DB.batch(queries.map((query) => env.DB.prepare(query)))
}

type Awake = ReturnType<typeof takeAwake>[number]

async function wake({ namespace, id }: Awake): Promise<void> {
  const objects: DurableObjectNamespace = env[namespace]
  await runInDurableObject(objects.get(id), () => {})
}
