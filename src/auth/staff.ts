/** Whether somebody signed in looks after the site, for the way from the account to the console. */
import { and, eq } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import { identities, userRoles } from '../db/schema.ts'
import type { IdentityName } from '../repositories/linked-identities.ts'

/** Whether they have a role besides that of every member, which is not stored. It decides nothing. */
export async function hasRole(db: Database, { issuer, subject }: IdentityName): Promise<boolean> {
  const [held] = await db
    .select({ role: userRoles.role })
    .from(identities)
    .innerJoin(userRoles, eq(userRoles.userId, identities.userId))
    .where(and(eq(identities.issuer, issuer), eq(identities.subject, subject)))
    .limit(1)
  return held !== undefined
}
