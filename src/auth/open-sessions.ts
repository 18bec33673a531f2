/** The open sessions of an account: listed for their owner, and ended one by one or all at once. */
import { and, eq, gt, sql } from 'drizzle-orm'
import { batch } from '../db/client.ts'
import { authSessions } from '../db/schema.ts'
import { accessChanged, type LoginDeps } from './deps.ts'

export type OpenSessions = ReturnType<typeof openSessionsOf>

export function openSessionsOf({ db, now, audit }: Pick<LoginDeps, 'db' | 'now' | 'audit'>) {
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
      const member = await audit.memberOf(userId)
      await batch(db, {
        session: db
          .delete(authSessions)
          .where(and(eq(authSessions.id, sessionId), eq(authSessions.userId, userId))),
        audit: audit.row('ended a session', member, sql`changes() > 0`),
        rights: accessChanged(db, userId),
      })
    },

    async endAll(userId: string): Promise<void> {
      const member = await audit.memberOf(userId)
      await batch(db, {
        sessions: db.delete(authSessions).where(eq(authSessions.userId, userId)),
        audit: audit.row('ended all sessions', member, sql`changes() > 0`),
        rights: accessChanged(db, userId),
      })
    },
  }
}
