/** Whether somebody can run the site, for the page that says what to do as long as nobody can. */
import { and, eq } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import { userRoles, users } from '../db/schema.ts'
import type { Settings } from '../settings/settings.ts'

/** Sites that had an admin once, of which the last one cannot go. */
const withAdmin = new WeakSet<Settings>()

/** False as well if that cannot be found out: nobody is kept from signing in for it. */
export async function isWithoutAdmin(db: Database, settings: Settings): Promise<boolean> {
  if (withAdmin.has(settings)) return false
  try {
    const [admin] = await db
      .select({ id: users.id })
      .from(userRoles)
      .innerJoin(users, eq(users.id, userRoles.userId))
      .where(and(eq(userRoles.role, 'admin'), eq(users.status, 'active')))
      .limit(1)
    if (admin) withAdmin.add(settings)
    return admin === undefined
  } catch {
    return false
  }
}
