/** The passkeys of an account, for their owner to see, to use and to remove. */
import { and, eq, sql } from 'drizzle-orm'
import { batch } from '../db/client.ts'
import { authPasskeys } from '../db/schema.ts'
import type { LoginDeps } from './deps.ts'

export type Passkeys = ReturnType<typeof passkeysOf>

export function passkeysOf({ db, audit }: Pick<LoginDeps, 'db' | 'audit'>) {
  return {
    list(userId: string) {
      return db
        .select({
          id: authPasskeys.id,
          name: authPasskeys.name,
          createdAt: authPasskeys.createdAt,
          aaguid: authPasskeys.aaguid,
        })
        .from(authPasskeys)
        .where(eq(authPasskeys.userId, userId))
    },

    async has(userId: string, credentialID: string): Promise<boolean> {
      const found = await db
        .select({ id: authPasskeys.id })
        .from(authPasskeys)
        .where(and(eq(authPasskeys.userId, userId), eq(authPasskeys.credentialID, credentialID)))
      return found.length > 0
    },

    async rename(userId: string, id: string, name: string): Promise<void> {
      await db
        .update(authPasskeys)
        .set({ name })
        .where(and(eq(authPasskeys.id, id), eq(authPasskeys.userId, userId)))
    },

    /** @returns false if there is none */
    async remove(userId: string, id: string): Promise<boolean> {
      const member = await audit.memberOf(userId)
      const { removed } = await batch(db, {
        removed: db
          .delete(authPasskeys)
          .where(and(eq(authPasskeys.id, id), eq(authPasskeys.userId, userId)))
          .returning({ id: authPasskeys.id }),
        audit: audit.row('removed a passkey', member, sql`changes() > 0`),
      })
      return removed.length > 0
    },
  }
}
