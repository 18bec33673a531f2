/** The keys that members are sorted and searched by, where they are still of a former form. */
import { asc, eq, gt, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/client.ts'
import type { UserId } from '../db/ids.ts'
import { site, users } from '../db/schema.ts'
import { nameKey } from './users.ts'

/** The fact that no key of a former form is left. */
const FOLDED = { key: 'name_keys', value: 'folded' } as const

export function nameKeysRepository(db: Database) {
  return {
    async areFolded() {
      const [row] = await db.select().from(site).where(eq(site.key, FOLDED.key))
      return row?.value === FOLDED.value
    },

    /**
     * Folds the keys of the members after `after`; of somebody who was renamed meanwhile, that stays.
     * @returns how many it has folded, and the last member if there may be more
     */
    async fold(after: UserId | undefined, limit: number) {
      const page = await db
        .select({ id: users.id, displayName: users.displayName, nameKey: users.nameKey })
        .from(users)
        .where(after && gt(users.id, after))
        .orderBy(asc(users.id))
        .limit(limit)
      const former = page
        .map((each) => ({ ...each, folded: nameKey(each.displayName) }))
        .filter((each) => each.nameKey !== each.folded)
      const written =
        former.length === 0
          ? []
          : await rows<{ id: UserId }>(
              db,
              sql`update users set name_key = value ->> 'folded'
                from json_each(${JSON.stringify(former)})
                where users.id = value ->> 'id' and display_name = value ->> 'displayName'
                returning users.id`,
            )
      return { folded: written.length, last: page.length < limit ? undefined : page.at(-1)?.id }
    },

    async noteFolded() {
      await db
        .insert(site)
        .values(FOLDED)
        .onConflictDoUpdate({ target: site.key, set: { value: FOLDED.value } })
    },
  }
}
