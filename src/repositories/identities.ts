/** Which member a verified (issuer, subject) is, and the making of a member on its first request. */
import { and, eq, gt, not, sql } from 'drizzle-orm'
import { type Assumption, batch, type Database, rows, statement } from '../db/client.ts'
import type { UserId } from '../db/ids.ts'
import { BUILT_IN } from '../db/issuers.ts'
import { authSessions, authUsers, identities, userRoles, users } from '../db/schema.ts'
import { type AuditRow, insertAuditWhere, wasWritten } from './audited.ts'
import type { IdentityName } from './linked-identities.ts'
import { hearing } from './profile-sync.ts'
import { heldRolesOf } from './roles.ts'
import { hasEnded, type Issued } from './session-ends.ts'
import { GENERATION } from './stores.ts'
import { nameKey } from './users.ts'

export interface NewMember {
  readonly userId: UserId
  readonly issuer: string
  readonly subject: string
  /** What is left of the identity after an erasure. */
  readonly identityHash: string
  /** A token that was ended, or issued at or before an erasure, makes no member. */
  readonly issued: Issued
  readonly displayName: string
  readonly email: string | null
  readonly bootstrapAdmin: boolean
  /** Taken modulo the number of shards this site was created with. */
  readonly shardHash: number
  /** Becomes the site's number of shards if this is its first member. */
  readonly initialShards: number
  /** In which time zone days of visits are counted, if this is the first member. */
  readonly initialTimeZone: string
  readonly at: string
}

const identity = {
  userId: users.id,
  status: users.status,
  accessRevision: users.accessRevision,
  visitShard: users.visitShard,
  bootstrapped: identities.bootstrapped,
  roles: heldRolesOf(users.id),
  generation: GENERATION.as('generation'),
}

/** Whose a session is: an account of the built-in login, or whom an outside provider has signed in. */
export const identityOfSession = {
  issuer: sql<string>`coalesce(${authSessions.issuer}, ${sql.raw(`'${BUILT_IN}'`)})`,
  subject: sql<string>`coalesce(${authSessions.subject}, ${authSessions.userId})`,
}

/** How a credential names its session, if it has one: a token by its id, a cookie by its secret. */
export type SessionName = { readonly id: string } | { readonly token: string }

const ASSUMED = `insert into assumed (issuer, subject, user_id, status, access_revision, visit_shard,
  bootstrapped, told_at, roles, session_id, session_token, now, generation, issued_at, sid)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/**
 * That the identity is still of this member, who still is what the row says, by a session that is live or a
 * token that was not ended.
 */
export function assumptionOf(
  row: IdentityRow,
  { issuer, subject }: IdentityName,
  by: SessionName | Issued,
  now: Date,
): Assumption {
  const { userId, status, accessRevision, visitShard, bootstrapped, toldAt, roles } = row
  const [id, token] = ['id' in by ? by.id : null, 'token' in by ? by.token : null]
  const issued = 'issuedAt' in by ? [by.issuedAt, by.sid] : [null, null]
  const is = [userId, status, accessRevision, visitShard, Number(bootstrapped), toldAt, roles]
  const at = [id, token, now.toISOString(), row.generation]
  const values = [issuer, subject, ...is, ...at, ...issued]
  return { sql: ASSUMED, values }
}

export type IdentitiesRepository = ReturnType<typeof identitiesRepository>
export type IdentityRow = NonNullable<Awaited<ReturnType<IdentitiesRepository['find']>>['known']>
export type MemberRow = NonNullable<Awaited<ReturnType<IdentitiesRepository['findMember']>>>

/** Members get one of the shards that were added last, for those before have members already. */
const SHARDS_FROM = sql.raw(
  `coalesce((select cast(value as integer) from site where key = 'visit_shards_from'), 0)`,
)

export function identitiesRepository(db: Database) {
  const select = (issuer: string, subject: string, issued?: Issued) =>
    db
      .select({ ...identity, ...hearing })
      .from(identities)
      .innerJoin(users, eq(users.id, identities.userId))
      .where(
        and(
          eq(identities.issuer, issuer),
          eq(identities.subject, subject),
          issued && not(hasEnded(identities.identityHash, issued)),
        ),
      )

  return {
    /** Which member it is, and whether the token at hand was ended; one round trip. */
    async find(issuer: string, subject: string, issued: Issued) {
      const isEnded = hasEnded(identities.identityHash, issued).mapWith(Boolean)
      const [row] = await db
        .select({ ...identity, ...hearing, isEnded })
        .from(identities)
        .innerJoin(users, eq(users.id, identities.userId))
        .where(and(eq(identities.issuer, issuer), eq(identities.subject, subject)))
      if (!row) return { known: undefined, isEnded: false }
      const { isEnded: isOver, ...known } = row
      return { known, isEnded: isOver }
    },

    /**
     * Which member the subject of a token is, and whether the token would be refused as one that was ended,
     * or is from before an erasure; makes nobody. One round trip.
     */
    async foresee(
      { issuer, subject, identityHash }: IdentityName & { readonly identityHash: string },
      issued: Issued,
    ) {
      const { known, ends } = await batch(db, {
        known: select(issuer, subject),
        ends: rows<{ ended: number; erased: number }>(
          db,
          sql`select ${hasEnded(identityHash, issued)} as ended,
            exists (select 1 from erased_identities
              where identity_hash = ${identityHash} and erased_at >= ${issued.issuedAt}) as erased`,
        ),
      })
      const [{ ended, erased } = { ended: 0, erased: 0 }] = ends
      return { known: known[0], isEnded: ended === 1 || (erased === 1 && known.length === 0) }
    },

    /** Whoever it is, by whatever identity. */
    async findMember(id: UserId) {
      const [row] = await db
        .select({ ...identity, bootstrapped: sql`true`.mapWith(Boolean) })
        .from(users)
        .where(eq(users.id, id))
      return row
    },

    /** The identity together with the session that a token names, if that is still there; one round trip. */
    async findWithSession(issuer: string, subject: string, sessionId: string, now: Date) {
      const { known, sessions } = await batch(db, {
        known: select(issuer, subject),
        sessions: db
          .select({ id: authSessions.id })
          .from(authSessions)
          .where(
            and(
              eq(authSessions.id, sessionId),
              eq(authSessions.userId, subject),
              gt(authSessions.expiresAt, now),
            ),
          ),
      })
      return { known: known[0], isLive: sessions.length > 0 }
    },

    /** The session behind a cookie, whose it is, and which member that is; one round trip. */
    async findByCookie(token: string, now: Date) {
      const { issuer, subject } = identityOfSession
      const isSession = and(eq(authSessions.token, token), gt(authSessions.expiresAt, now))
      const {
        sessions: [session],
        known: [known],
      } = await batch(db, {
        sessions: db
          // drizzle loses one of two columns with the same name in a batch, so no two ids are selected here.
          .select({
            createdAt: authSessions.createdAt,
            expiresAt: authSessions.expiresAt,
            issuer,
            subject,
            name: authUsers.name,
            email: authUsers.email,
          })
          .from(authSessions)
          .leftJoin(authUsers, eq(authUsers.id, authSessions.userId))
          .where(isSession),
        known: db
          .select({ ...identity, ...hearing })
          .from(authSessions)
          .innerJoin(
            identities,
            and(eq(identities.issuer, issuer), eq(identities.subject, subject)),
          )
          .innerJoin(users, eq(users.id, identities.userId))
          .where(isSession),
      })
      return session && { session, known }
    },

    /**
     * Makes the member unless there is one; two at once make one.
     * @returns undefined if it was erased, or the token was ended
     */
    async provision(
      member: NewMember,
      created: AuditRow<'own act'>,
      promoted: AuditRow<'own act'>,
    ) {
      const { userId, issuer, subject, issued, at } = member
      const isNew = sql`exists (select 1 from users where id = ${userId})`
      const wasAdmin = sql`exists (select 1 from erased_identities
        where identity_hash = ${member.identityHash} and bootstrapped = 1)`
      const isListed = Number(member.bootstrapAdmin)
      const isPromoted = sql`${isNew} and ${isListed} = 1 and not ${wasAdmin}`
      const { found } = await batch(db, {
        shards: statement(
          db,
          sql`insert into site (key, value)
          values ('visit_shards', ${String(member.initialShards)}),
            ('time_zone', ${member.initialTimeZone}) on conflict do nothing`,
        ),
        member: statement(
          db,
          sql`insert into users (id, display_name, name_key, email, status, access_revision,
            visit_shard, revision, created_at, updated_at)
          select ${userId}, ${member.displayName}, ${nameKey(member.displayName)}, ${member.email},
            'active', 1, ${SHARDS_FROM} + cast(${member.shardHash} as integer) %
              ((select cast(value as integer) from site where key = 'visit_shards')
                - ${SHARDS_FROM}), 1, ${at}, ${at}
          where not exists (select 1 from identities where issuer = ${issuer} and subject = ${subject})
            and not exists (select 1 from erased_identities
              where identity_hash = ${member.identityHash} and erased_at >= ${issued.issuedAt})
            and not ${hasEnded(member.identityHash, issued)}`,
        ),
        identity: statement(
          db,
          sql`insert into identities
            (issuer, subject, user_id, identity_hash, bootstrapped, created_at, told_at)
          select ${issuer}, ${subject}, ${userId}, ${member.identityHash},
            ${isListed} = 1 or ${wasAdmin}, ${at}, ${issued.issuedAt} where ${isNew}`,
        ),
        created: insertAuditWhere(db, created, isNew),
        admin: statement(
          db,
          sql`insert into ${userRoles} (user_id, role, assigned_at, assigned_by)
          select ${userId}, 'admin', ${at}, ${promoted.actor} where ${isPromoted}`,
        ),
        promoted: insertAuditWhere(db, promoted, isPromoted),
        found: select(issuer, subject, issued),
      })
      return found[0]
    },

    /** Honours BOOTSTRAP_ADMINS for a member who was there before the setting; once. */
    async bootstrap(issuer: string, subject: string, userId: UserId, audit: AuditRow<'own act'>) {
      const { found } = await batch(db, {
        identity: statement(
          db,
          sql`update identities set bootstrapped = 1
          where issuer = ${issuer} and subject = ${subject} and bootstrapped = 0`,
        ),
        audit: insertAuditWhere(db, audit, sql`changes() > 0`),
        admin: statement(
          db,
          sql`insert into ${userRoles} (user_id, role, assigned_at, assigned_by)
          select ${userId}, 'admin', ${audit.at}, ${audit.actor} where ${wasWritten(audit)}
          on conflict do nothing`,
        ),
        rights: statement(
          db,
          sql`update users set access_revision = access_revision + 1, revision = revision + 1,
            updated_at = ${audit.at}
          where id = ${userId} and ${wasWritten(audit)}`,
        ),
        found: select(issuer, subject),
      })
      return found[0]
    },
  }
}
