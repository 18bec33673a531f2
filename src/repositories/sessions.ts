/** Open sessions at the login of this site, by the member they are of. */
import { and, asc, eq, gt, sql, type SQL } from 'drizzle-orm'
import { batch, type Database } from '../db/client.ts'
import type { UserId } from '../db/ids.ts'
import { BUILT_IN } from '../db/issuers.ts'
import { authSessions, identities, users } from '../db/schema.ts'
import { type AuditRow, audited, wasWritten } from './audited.ts'
import { ceilingOfMember } from './ceiling.ts'
import { type ReadScope, within, type WriteScope } from './scope.ts'

const shown = {
  id: authSessions.id,
  userAgent: authSessions.userAgent,
  createdAt: authSessions.createdAt,
  expiresAt: authSessions.expiresAt,
}

/** By the `sid` of a token, or by what a cookie carries. */
interface SessionName {
  readonly id?: string | undefined
  readonly token?: string | undefined
}

export type SessionRow = NonNullable<
  Awaited<ReturnType<ReturnType<typeof sessionsRepository>['list']>>
>[number]

/** @param now milliseconds since the epoch */
export function sessionsRepository(db: Database, now: number) {
  const isOpen = gt(authSessions.expiresAt, new Date(now))
  const selectMember = (scope: ReadScope, id: UserId) =>
    db
      .select({ id: users.id })
      .from(users)
      .where(and(eq(users.id, id), within(scope, users.id)))

  return {
    /**
     * Those of a member, oldest first.
     * @param current what the request came with
     * @returns undefined if there is no such member in scope
     */
    async list(scope: ReadScope, id: UserId, current: SessionName) {
      const isCurrent = sql`(${authSessions.id} is ${current.id ?? null}
        or ${authSessions.token} is ${current.token ?? null})`
      const { known, open } = await batch(db, {
        known: selectMember(scope, id),
        open: db
          .select({ ...shown, current: isCurrent.mapWith(Boolean).as('is_current') })
          .from(authSessions)
          .where(and(isOf(scope, id), isOpen))
          .orderBy(asc(authSessions.createdAt), asc(authSessions.id)),
      })
      return known.length > 0 ? open : undefined
    },

    /**
     * Ends one of a member, or all; what was admitted with one of them is void from here on.
     * @returns whether there was any, whether the member is in scope, and the right in the way, if one was
     */
    async end(scope: WriteScope, id: UserId, sessionId: string | undefined, audit: AuditRow) {
      const ceiling = ceilingOfMember(db, scope, id)
      const which = sessionId === undefined ? undefined : eq(authSessions.id, sessionId)
      const write = db
        .delete(authSessions)
        .where(and(isOf(scope, id), isOpen, which, ceiling.allows))
        .returning({ id: authSessions.id })
      const { written, known, inTheWay } = await audited(db, audit, write, {
        rights: db
          .update(users)
          .set({ accessRevision: sql`access_revision + 1` })
          .where(and(eq(users.id, id), wasWritten(audit))),
        known: selectMember(scope, id),
        inTheWay: ceiling.inTheWay,
      })
      return {
        ended: written.length > 0,
        isKnown: known.length > 0,
        inTheWay: inTheWay?.[0],
      }
    },
  }
}

/** Whether it is of an identity of this member, who is in scope: of an account, or of an outside provider. */
function isOf(scope: ReadScope, id: UserId): SQL {
  const theirs = and(eq(identities.userId, id), within(scope, identities.userId))
  return sql`(${authSessions.userId} in
      (select subject from ${identities} where ${theirs} and issuer = ${BUILT_IN})
    or (${authSessions.issuer}, ${authSessions.subject}) in
      (select issuer, subject from ${identities} where ${theirs}))`
}
