/** The identities a member signs in with: one from their first request, and those they linked to it. */
import { and, asc, eq, type SQL, sql } from 'drizzle-orm'
import { type Database, rows, statement } from '../db/client.ts'
import type { UserId } from '../db/ids.ts'
import { BUILT_IN } from '../db/issuers.ts'
import { identities } from '../db/schema.ts'
import { ceilingOfMember } from './ceiling.ts'
import { type AuditRow, audited, type StoredAnswer, storeAnswer, wasWritten } from './audited.ts'
import { type ReadScope, within, type WriteScope } from './scope.ts'
import { hasEnded, type Issued } from './session-ends.ts'

/** Unique, and the same for as long as it is linked to anybody. */
export interface IdentityName {
  readonly issuer: string
  readonly subject: string
}

/** An identity as a verified token proves it. */
export interface ProvedIdentity extends IdentityName {
  readonly identityHash: string
  /** A token that was ended, or issued at or before an erasure, proves nothing. */
  readonly issued: Issued
  /** The session of the built-in login, which has to be there when the link is made. */
  readonly sessionId: string | undefined
}

/**
 * Until then an identity is on probation: it does not unlink older ones. Whoever steals a token can link
 * an identity of theirs with it, and would otherwise be the only one left.
 */
const PROBATION_MS = 7 * 86_400_000

/** The list is read whole, and nobody has so many ways to sign in. */
export const MAX_IDENTITIES = 20

export function linkedIdentitiesRepository(db: Database) {
  const { issuer, subject, userId, identityHash, createdAt } = identities
  const select = (where: SQL | undefined) =>
    db
      .select({ issuer, subject, userId, identityHash, createdAt })
      .from(identities)
      .where(where)
      .orderBy(asc(createdAt), asc(identityHash))
  const is = (name: IdentityName) => and(eq(issuer, name.issuer), eq(subject, name.subject))

  return {
    /** Oldest first. */
    async list(scope: ReadScope) {
      return select(within(scope, userId))
    },

    /** Refused for one that is somebody's already; @returns what was written, and what there is now */
    async link(
      owner: UserId,
      proved: ProvedIdentity,
      audit: AuditRow,
      answer: StoredAnswer | undefined,
    ) {
      const left = sql`select 1 from erased_identities where identity_hash = ${proved.identityHash}`
      const write = rows(
        db,
        sql`insert into ${identities}
          (issuer, subject, user_id, identity_hash, bootstrapped, created_at, told_at)
        select ${proved.issuer}, ${proved.subject}, ${owner}, ${proved.identityHash},
          exists (${left} and bootstrapped = 1), ${audit.at}, null
        where not exists (${left} and erased_at >= ${proved.issued.issuedAt})
          and not ${hasEnded(proved.identityHash, proved.issued)}
          and ${sessionIsLive(proved, audit.at)}
          and (select count(*) from identities where user_id = ${owner}) < ${MAX_IDENTITIES}
        on conflict do nothing returning user_id`,
      )
      const { written, found, mine } = await audited(db, audit, write, {
        found: select(is(proved)),
        mine: select(eq(userId, owner)),
        stored: storeAnswer(db, audit, answer),
      })
      return { isNew: written.length > 0, row: found[0], count: mine.length }
    },

    /**
     * What was admitted with the identity is void from here on. Never the one in `keep`, which has to
     * be the same member's, so nobody is left without one; nor one that is older than `keep`, while that
     * is new.
     * @returns whether it was unlinked
     */
    async unlink(scope: WriteScope, name: IdentityName, keep: IdentityName, audit: AuditRow) {
      const settled = new Date(Date.parse(audit.at) - PROBATION_MS).toISOString()
      const isKept = sql`user_id in (select user_id from identities kept
        where kept.issuer = ${keep.issuer} and kept.subject = ${keep.subject}
          and (kept.created_at < identities.created_at or kept.created_at < ${settled}))
        and not (issuer = ${keep.issuer} and subject = ${keep.subject})`
      const target = and(is(name), within(scope, userId), isKept)
      const { written } = await audited(db, audit, accessChanged(target), left(name, target, audit))
      return written.length > 0
    },

    /**
     * Takes an identity from a member who has another one.
     * @returns whether it was unlinked, those the member has now, and the right in the way, if one was
     */
    async unlinkFrom(scope: WriteScope, member: UserId, name: IdentityName, audit: AuditRow) {
      const ceiling = ceilingOfMember(db, scope, member)
      const isNotTheLast = sql`exists (select 1 from identities other where other.user_id = ${member}
        and not (other.issuer = ${name.issuer} and other.subject = ${name.subject}))`
      const isTheirs = and(is(name), eq(userId, member), within(scope, userId))
      const target = and(isTheirs, isNotTheLast, ceiling.allows)
      const { written, theirs, inTheWay } = await audited(db, audit, accessChanged(target), {
        ...left(name, target, audit),
        theirs: select(eq(userId, member)),
        inTheWay: ceiling.inTheWay,
      })
      return { isUnlinked: written.length > 0, theirs, inTheWay: inTheWay?.[0] }
    },
  }

  function accessChanged(target: SQL | undefined) {
    return rows(
      db,
      sql`update users set access_revision = access_revision + 1
      where id in (select user_id from ${identities} where ${target}) returning id`,
    )
  }

  function left(name: IdentityName, target: SQL | undefined, audit: AuditRow) {
    return {
      // One who was an admin by the setting once does not become one again by coming back.
      erased: statement(
        db,
        sql`insert into erased_identities (identity_hash, erased_at, bootstrapped)
        select identity_hash, ${NEVER_ERASED}, 1 from ${identities}
        where ${target} and bootstrapped = 1 and ${wasWritten(audit)}
        on conflict (identity_hash) do update set bootstrapped = 1`,
      ),
      // Otherwise its open cookies would be those of somebody new, who has not asked to be here.
      sessions: statement(
        db,
        sql`delete from auth_sessions where issuer = ${name.issuer} and subject = ${name.subject}
          and exists (select 1 from ${identities} where ${target}) and ${wasWritten(audit)}`,
      ),
      identity: db.delete(identities).where(and(target, wasWritten(audit))),
    }
  }
}

/** Before any time a token can have been issued at. */
const NEVER_ERASED = -1

/** Looked at in the transaction, so that a session that ends meanwhile proves nothing. */
function sessionIsLive({ issuer, subject, sessionId }: ProvedIdentity, at: string): SQL {
  if (issuer !== BUILT_IN) return sql`true`
  return sql`exists (select 1 from auth_sessions
    where id = ${sessionId ?? ''} and user_id = ${subject} and expires_at > ${at})`
}
