/** How somebody signed in stands at the site, for what is around the pages of their account. It decides nothing. */
import { and, eq } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import { identities, userRoles, users } from '../db/schema.ts'
import type { IdentityName } from '../repositories/linked-identities.ts'

export interface Standing {
  /** Whether they have a role besides that of every member, which is not stored. */
  readonly isStaff: boolean
  /** Only of whoever is suspended: why, if somebody said. */
  readonly suspension?: { readonly reason: string | null }
}

export async function standingOf(
  db: Database,
  { issuer, subject }: IdentityName,
): Promise<Standing> {
  const [found] = await db
    .select({ role: userRoles.role, status: users.status, reason: users.suspensionReason })
    .from(identities)
    .innerJoin(users, eq(users.id, identities.userId))
    .leftJoin(userRoles, eq(userRoles.userId, users.id))
    .where(and(eq(identities.issuer, issuer), eq(identities.subject, subject)))
    .limit(1)
  if (found?.status === 'suspended') return { isStaff: false, suspension: { reason: found.reason } }
  return { isStaff: typeof found?.role === 'string' }
}
