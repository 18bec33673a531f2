/** What a member is rather than shows: status, roles, and whether they exist at all. */
import { and, type Column, eq, inArray, ne, or, sql, type SQL } from 'drizzle-orm'
import { type Database, type Statement, statement } from '../db/client.ts'
import type { UserId } from '../db/ids.ts'
import { BUILT_IN } from '../db/issuers.ts'
import {
  apiKeys,
  apiKeyUsage,
  authAccounts,
  authPasskeys,
  authPlaces,
  authSessions,
  authTickets,
  authUsers,
  authVerifications,
  badgeAssignments,
  bookings,
  calendarFeeds,
  erasures,
  events,
  idempotencyKeys,
  identities,
  refusalCounts,
  refusals,
  userRoles,
  users,
  webhooks,
} from '../db/schema.ts'
import {
  type AuditRow,
  audited,
  type StoredAnswer,
  storeAnswerWhere,
  wasWritten,
} from './audited.ts'
import { type Ceiling, ceilingOfMember } from './ceiling.ts'
import { ERASED } from './guest-data.ts'
import { type Happened, note, writeEvent } from './outbox.ts'
import { atRevision, onlyAt, type Revisions, type WriteScope } from './scope.ts'
import { selectUser, type UserRow } from './users.ts'

/** How a member will be shown, if they still have the revision it was foreseen from. */
export interface ForeseenMember {
  readonly from: number
  readonly to: UserRow
  readonly answer: StoredAnswer | undefined
}

export interface StatusChange {
  readonly status: UserRow['status']
  /** Why, if they are suspended; kept until they are reinstated. */
  readonly reason: string | null
}

/** @param happened where it is noted what has to follow from a change */
export function membersRepository(db: Database, happened: Happened) {
  return {
    /**
     * Never suspends the last admin. Unchanged if it was refused, or is so already.
     * @param unlessReinstatedSince RFC 3339
     */
    async setStatus(
      scope: WriteScope,
      id: UserId,
      { status, reason }: StatusChange,
      audit: AuditRow,
      {
        foreseen,
        unlessReinstatedSince,
      }: {
        readonly foreseen?: ForeseenMember | undefined
        readonly unlessReinstatedSince?: string
      },
    ) {
      const ceiling = ceilingOfMember(db, scope, id)
      const write = db
        .update(users)
        .set({ status, suspensionReason: reason })
        .where(
          and(
            eq(users.id, id),
            ne(users.status, status),
            foreseen && atRevision(users.revision, onlyAt(foreseen.from)),
            status === 'suspended' ? anotherAdminBesides(id) : undefined,
            unlessReinstatedSince === undefined
              ? undefined
              : notReinstatedSince(id, unlessReinstatedSince),
            ceiling.allows,
          ),
        )
      const isForeseen = sql`exists (select 1 from users where id = ${id} and status = ${status}
        and revision = ${foreseen?.to.revision ?? null}
        and updated_at = ${foreseen?.to.updatedAt ?? null}) and ${ceiling.allows ?? sql`true`}`
      const kind = status === 'active' ? 'member-reinstated' : 'keys-changed'
      const stored = storeAnswerWhere(db, foreseen?.answer, id, isForeseen)
      return changeOfRights(id, audit, write, kind, { ceiling, stored })
    },

    /**
     * A role that is held already changes nothing.
     * @param revision of a custom role; if it is another by now, nothing is given
     */
    async addRole(id: UserId, role: string, revision: number | undefined, audit: AuditRow) {
      const asJudged =
        revision === undefined
          ? sql`true`
          : sql`exists (select 1 from roles where name = ${role} and revision = ${revision})`
      const write = statement(
        db,
        sql`insert into ${userRoles} (user_id, role, assigned_at, assigned_by)
        select id, ${role}, ${audit.at}, ${audit.actor} from users where id = ${id} and ${asJudged}
        on conflict do nothing`,
      )
      const { row } = await changeOfRights(id, audit, write, 'keys-changed')
      return row
    },

    /** Never takes `admin` from the last admin. Unchanged if it was refused, or is not held. */
    async removeRole(scope: WriteScope, id: UserId, role: string, audit: AuditRow) {
      const ceiling = ceilingOfMember(db, scope, id)
      const write = db
        .delete(userRoles)
        .where(
          and(
            eq(userRoles.userId, id),
            eq(userRoles.role, role),
            role === 'admin' ? anotherAdminBesides(id) : undefined,
            ceiling.allows,
          ),
        )
      return changeOfRights(id, audit, write, 'keys-changed', { ceiling })
    },

    /**
     * Deletes a member with all that hangs on them; never the last admin. Hashes of their identities
     * stay, so that old tokens stay refused; their visits and keys are noted for erasure.
     * @param erasedAt milliseconds since the epoch
     * @returns whether it was deleted, now or before and not erased yet, or the row that was not deleted
     */
    async delete(
      scope: WriteScope,
      id: UserId,
      revisions: Revisions,
      audit: AuditRow,
      erasedAt: number,
    ) {
      const gone = wasWritten(audit)
      const ceiling = ceilingOfMember(db, scope, id)
      const isMeant = and(
        eq(users.id, id),
        atRevision(users.revision, revisions),
        anotherAdminBesides(id),
        ceiling.allows,
      )
      const write = statement(
        db,
        sql`
        insert into ${erasures} (user_id, visit_shard, requested_at, key_ids)
        select id, visit_shard, ${audit.at},
          (select json_group_array(api_keys.id) from api_keys where created_by = ${id})
        from users where ${isMeant}`,
      )
      const keys = selectKeys(id)
      const { visitShard, keyIds } = erasures
      const login = loginOf(id, gone)
      const addresses = db
        .select({ email: authUsers.email })
        .from(authUsers)
        .where(login(authUsers.id))
      const registering = sql`iif(json_valid(value), value ->> '$.userData.id', null)`
      const { left, remains, inTheWay } = await audited(db, audit, write, {
        erased: statement(
          db,
          sql`insert into erased_identities (identity_hash, erased_at, bootstrapped)
          select identity_hash, ${erasedAt}, bootstrapped from ${identities}
          where user_id = ${id} and ${gone}
          on conflict (identity_hash) do update
            set erased_at = excluded.erased_at, bootstrapped = excluded.bootstrapped`,
        ),
        tickets: db
          .delete(authTickets)
          .where(or(login(authTickets.userId), inArray(authTickets.email, addresses))),
        verifications: db.delete(authVerifications).where(login(registering)),
        sessions: db.delete(authSessions).where(login(authSessions.userId)),
        outsideSessions: db.delete(authSessions).where(
          sql`(${authSessions.issuer}, ${authSessions.subject}) in
            (select issuer, subject from ${identities} where ${eq(identities.userId, id)}) and ${gone}`,
        ),
        passkeys: db.delete(authPasskeys).where(login(authPasskeys.userId)),
        places: db.delete(authPlaces).where(login(authPlaces.userId)),
        accounts: db.delete(authAccounts).where(login(authAccounts.userId)),
        logins: db.delete(authUsers).where(login(authUsers.id)),
        identities: db.delete(identities).where(and(eq(identities.userId, id), gone)),
        roles: db.delete(userRoles).where(and(eq(userRoles.userId, id), gone)),
        badges: db.delete(badgeAssignments).where(and(eq(badgeAssignments.userId, id), gone)),
        answers: db
          .delete(idempotencyKeys)
          .where(and(or(eq(idempotencyKeys.caller, id), eq(idempotencyKeys.about, id)), gone)),
        bookings: anonymizedBookings(id, audit.at, gone),
        calendars: db.delete(calendarFeeds).where(and(eq(calendarFeeds.userId, id), gone)),
        keyUsage: db.delete(apiKeyUsage).where(and(inArray(apiKeyUsage.keyId, keys), gone)),
        refusals: db
          .delete(refusals)
          .where(and(or(eq(refusals.caller, id), inArray(refusals.caller, keys)), gone)),
        refusalCounts: db
          .delete(refusalCounts)
          .where(and(inArray(refusalCounts.keyId, keys), gone)),
        keys: db.delete(apiKeys).where(and(eq(apiKeys.createdBy, id), gone)),
        webhooks: db.delete(webhooks).where(and(eq(webhooks.createdBy, id), gone)),
        member: db.delete(users).where(and(eq(users.id, id), gone)),
        left: selectUser(db, 'everyone', id),
        inTheWay: ceiling.inTheWay,
        remains: db.select({ visitShard, keyIds }).from(erasures).where(eq(erasures.userId, id)),
        // What remains says all that has to follow from now on.
        events: db.delete(events).where(and(eq(events.subject, id), gone)),
      })
      const [erasure] = remains
      if (erasure) happened.push({ kind: 'member-deleted', subject: id, ...erasure })
      return { isGone: erasure !== undefined, left: left[0], inTheWay: inTheWay?.[0] }
    },
  }

  /**
   * What was booked stays on record without the person; places they held become free. What they booked
   * for guests is the guests'.
   */
  function anonymizedBookings(id: UserId, at: string, gone: SQL) {
    return db
      .update(bookings)
      .set({
        ...ERASED,
        network: null,
        status: sql`iif(status in ('pending', 'confirmed'), 'canceled', status)`,
        revision: sql`revision + 1`,
        updatedAt: at,
      })
      .where(and(eq(bookings.owner, id), eq(bookings.isForGuest, false), gone))
  }

  /**
   * A write after which the member's rights are others: what was allowed with the former ones, to
   * them or to a key of theirs, is void from here on.
   * @returns the row as it is now, and the right that was in the way, if one was
   */
  async function changeOfRights(
    id: UserId,
    audit: AuditRow,
    write: Statement,
    kind: 'keys-changed' | 'member-reinstated',
    {
      ceiling,
      stored,
    }: { readonly ceiling?: Ceiling; readonly stored?: Statement | undefined } = {},
  ) {
    const next = { accessRevision: sql`access_revision + 1`, revision: sql`revision + 1` }
    const {
      found: [row],
      inTheWay,
      open,
    } = await audited(db, audit, write, {
      rights: db
        .update(users)
        .set({ ...next, updatedAt: audit.at })
        .where(and(eq(users.id, id), wasWritten(audit))),
      keyRights: db
        .update(apiKeys)
        .set({ accessRevision: next.accessRevision })
        .where(and(eq(apiKeys.createdBy, id), wasWritten(audit))),
      found: selectUser(db, 'everyone', id),
      inTheWay: ceiling?.inTheWay,
      ...writeEvent(
        db,
        audit,
        kind,
        sql`select id from api_keys where created_by = ${id}`,
        kind === 'member-reinstated' ? sql`true` : undefined,
      ),
      stored,
    })
    note(happened, open, row && { visitShard: row.visitShard })
    return { row, inTheWay: inTheWay?.[0] }
  }

  function selectKeys(createdBy: UserId) {
    return db.select({ id: apiKeys.id }).from(apiKeys).where(eq(apiKeys.createdBy, createdBy))
  }
}

/** Rows of the built-in login that are this member's, by the column that names the account. */
function loginOf(id: UserId, gone: SQL) {
  const isTheirs = and(eq(identities.userId, id), eq(identities.issuer, BUILT_IN))
  return (account: Column | SQL) =>
    sql`${account} in (select subject from ${identities} where ${isTheirs}) and ${gone}`
}

/** Whether nobody has reinstated the member then or later. @param at RFC 3339 */
function notReinstatedSince(id: UserId, at: string) {
  return sql`not exists (select 1 from audit_log
    where target = ${id} and action = 'user.reinstate' and at >= ${at})`
}

/** True unless the member is the only active admin there is. */
function anotherAdminBesides(id: UserId) {
  return sql`(
    not exists (select 1 from user_roles where user_id = ${id} and role = 'admin')
    or exists (
      select 1 from user_roles admins join users on users.id = admins.user_id
      where admins.role = 'admin' and admins.user_id <> ${id} and users.status = 'active'))`
}
