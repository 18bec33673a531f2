import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach } from 'vitest'

beforeEach(async () => {
  // Resetting forgets only what is awake; to ask the database wakes it, and tells whether it has forgotten.
  while (await isMigrated()) await reset()
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS)
})

async function isMigrated(): Promise<boolean> {
  const table = env.DB.prepare("select 1 from sqlite_master where name = 'audit_log'")
  return (await table.first()) !== null
}
