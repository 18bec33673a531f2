/** Facts about the site that were fixed when it was created. */
import { eq } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import { site } from '../db/schema.ts'

export function siteRepository(db: Database) {
  return {
    /** How many shards hold the visits; 0 while the site has had no member. */
    async visitShards() {
      return shardsIn(await selectShards(db))
    },

    /** What networks are hashed with. */
    async networkKey() {
      const [row] = await db.select().from(site).where(eq(site.key, 'network_key'))
      if (!row) throw new Error('the site has no key for networks')
      return row.value
    },
  }
}

export function selectShards(db: Database) {
  return db.select().from(site).where(eq(site.key, 'visit_shards'))
}

export function shardsIn([row]: Awaited<ReturnType<typeof selectShards>>): number {
  return row ? Number(row.value) : 0
}
