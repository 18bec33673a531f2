import { applyD1Migrations, reset } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach } from 'vitest'

beforeEach(async () => {
  // Resetting forgets only what is awake, and between two files the database may have gone to sleep.
  await env.DB.prepare('select 1').run()
  await reset()
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS)
})
