/** The open sessions of an account: listed for their owner, and ended one by one or all at once. */
import { and, eq, gt, sql } from 'drizzle-orm'
import { type Database, statement } from '../db/client.ts'
import { authSessions, BUILT_IN, identities, users } from '../db/schema.ts'
import type { Desk } from './accounts.ts'

export type OpenSessions = ReturnType<typeof openSessionsOf>

export function openSessionsOf({ db, now }: Pick<Desk, 'db' | 'now'>) {
  return {
    list(userId: string) {
      return db
        .select({
          id: authSessions.id,
          userAgent: authSessions.userAgent,
          ipAddress: authSessions.ipAddress,
          createdAt: authSessions.createdAt,
        })
        .from(authSessions)
        .where(and(eq(authSessions.userId, userId), gt(authSessions.expiresAt, new Date(now))))
        .orderBy(authSessions.createdAt)
    },

    async end(userId: string, sessionId: string): Promise<void> {
      await db.batch([
        db
          .delete(authSessions)
          .where(and(eq(authSessions.id, sessionId), eq(authSessions.userId, userId))),
        accessChanged(db, userId),
      ])
    },

    async endAll(userId: string): Promise<void> {
      await db.batch([
        db.delete(authSessions).where(eq(authSessions.userId, userId)),
        accessChanged(db, userId),
      ])
    },
  }
}

/** What was allowed with a session that is gone must not commit: see `acting` in the migrations. */
export function accessChanged(db: Database, userId: string) {
  return statement(
    db,
    sql`update ${users} set access_revision = access_revision + 1 where id in
      (select user_id from ${identities} where issuer = ${BUILT_IN} and subject = ${userId})`,
  )
}
