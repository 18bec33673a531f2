/** When somebody has signed in, for what takes more than an open session. */
import { and, eq, gt } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import { authSessions } from '../db/schema.ts'
import type { SessionName } from './identities.ts'

/** @param now milliseconds since the epoch */
export function sessionAgeRepository(db: Database, now: number) {
  return {
    /** Milliseconds since the epoch; undefined if the session is over. */
    async begunAt(session: SessionName): Promise<number | undefined> {
      const isIt =
        'id' in session ? eq(authSessions.id, session.id) : eq(authSessions.token, session.token)
      const [found] = await db
        .select({ createdAt: authSessions.createdAt })
        .from(authSessions)
        .where(and(isIt, gt(authSessions.expiresAt, new Date(now))))
      return found?.createdAt.getTime()
    },
  }
}
