/** The open sessions of somebody: listed for their owner, and ended one by one or all at once. */
import { and, eq, gt, or, type SQL, sql } from 'drizzle-orm'
import { batch } from '../db/client.ts'
import { BUILT_IN } from '../db/issuers.ts'
import { authSessions, identities } from '../db/schema.ts'
import type { IdentityName } from '../repositories/linked-identities.ts'
import { accessChanged, type LoginDeps } from './deps.ts'

export type OpenSessions = ReturnType<typeof openSessionsOf>

export function openSessionsOf({ db, now, audit }: Pick<LoginDeps, 'db' | 'now' | 'audit'>) {
  return {
    /** Those of the member, whichever of their identities they have begun with. */
    list(identity: IdentityName) {
      return db
        .select({
          id: authSessions.id,
          userAgent: authSessions.userAgent,
          ipAddress: authSessions.ipAddress,
          createdAt: authSessions.createdAt,
        })
        .from(authSessions)
        .where(and(ofMember(identity), gt(authSessions.expiresAt, new Date(now))))
        .orderBy(authSessions.createdAt)
    },

    async shorten(sessionId: string, seconds: number): Promise<void> {
      await db
        .update(authSessions)
        .set({ expiresAt: new Date(now + seconds * 1000) })
        .where(eq(authSessions.id, sessionId))
    },

    async end(identity: IdentityName, sessionId: string): Promise<void> {
      const member = await audit.memberWith(identity)
      await batch(db, {
        session: db
          .delete(authSessions)
          .where(and(eq(authSessions.id, sessionId), ofMember(identity))),
        audit: audit.row('ended a session', member, sql`changes() > 0`),
        rights: accessChanged(db, identity),
      })
    },

    async endAll(identity: IdentityName): Promise<void> {
      const member = await audit.memberWith(identity)
      await batch(db, {
        sessions: db.delete(authSessions).where(ofMember(identity)),
        audit: audit.row('ended all sessions', member, sql`changes() > 0`),
        rights: accessChanged(db, identity),
      })
    },
  }
}

/** Whoever has never called the API has one identity and no member. */
function ofMember({ issuer, subject }: IdentityName): SQL | undefined {
  const theirs = sql`user_id = (select user_id from ${identities} own
    where own.issuer = ${issuer} and own.subject = ${subject})`
  const own =
    issuer === BUILT_IN
      ? eq(authSessions.userId, subject)
      : and(eq(authSessions.issuer, issuer), eq(authSessions.subject, subject))
  return or(
    own,
    sql`${authSessions.userId} in (select subject from ${identities} where issuer = ${BUILT_IN} and ${theirs})`,
    sql`(${authSessions.issuer}, ${authSessions.subject}) in
      (select issuer, subject from ${identities} where ${theirs})`,
  )
}
