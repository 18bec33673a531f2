/** Who holds which badge. One row for each member and badge, for good. */
import { and, asc, eq, isNull, sql, type SQL } from 'drizzle-orm'
import { batch, type Database, rows, statement } from '../db/client.ts'
import type { AuditId, BadgeId, RuleId, UserId } from '../db/ids.ts'
import { badgeAssignments, badges, users } from '../db/schema.ts'
import {
  actingAs,
  type AuditColumns,
  type AuditRow,
  audited,
  INSERT_AUDIT,
  type StoredAnswer,
  storeAnswerWhere,
} from './audited.ts'
import { sortsAfter } from './scope.ts'

export type AssignedBy = (typeof badgeAssignments.$inferSelect)['assignedBy']

/** One member who is to get a badge, with the id that the audit row of exactly that act will have. */
export interface Candidate {
  readonly userId: UserId
  readonly auditId: AuditId
}

export interface Award {
  readonly badgeId: BadgeId
  readonly assignedBy: AssignedBy
  /** The day of the site, `YYYY-MM-DD`, that it counts for. */
  readonly day: string
  /** The rule that awards, at the revision the candidates were measured by; a changed rule awards nobody. */
  readonly rule?: { readonly id: RuleId; readonly revision: number } | undefined
}

/** What an award comes to for a member. */
export interface Given {
  readonly userId: UserId
  /** Members who got the badge by this award and did not have it before. */
  readonly created: boolean
  /** It would be theirs by their own hand, or by an API key of theirs: nobody gives themselves one. */
  readonly isSelf: boolean
}

/** What will come of an award, and the answer that says so; if anything else would, nothing does. */
export interface ForeseenAward {
  readonly given: readonly Given[]
  readonly answer: StoredAnswer | undefined
}

const assignment = {
  badge: badges,
  userId: badgeAssignments.userId,
  assignedAt: badgeAssignments.assignedAt,
  assignedBy: badgeAssignments.assignedBy,
}

export function badgeAssignmentsRepository(db: Database) {
  return {
    /** Assignments in the order of the badges. @returns undefined if there is no such member */
    async ofUser(
      userId: UserId,
      page: { after?: { position: number; id: BadgeId } | undefined; limit: number },
    ) {
      const { after, limit } = page
      const { known, held } = await batch(db, {
        known: db.select({ id: users.id }).from(users).where(eq(users.id, userId)),
        held: db
          .select(assignment)
          .from(badgeAssignments)
          .innerJoin(badges, eq(badges.id, badgeAssignments.badgeId))
          .where(
            and(
              eq(badgeAssignments.userId, userId),
              isNull(badgeAssignments.removedAt),
              after && sortsAfter([badges.position, badges.id], [after.position, after.id]),
            ),
          )
          .orderBy(asc(badges.position), asc(badges.id))
          .limit(limit),
      })
      return known.length > 0 ? held : undefined
    },

    /**
     * Gives the badge to those candidates who do not hold it, each with an audit row of its own, in
     * one transaction. A rule gives only to active members, and never what was once taken away.
     * Repeating it changes nothing.
     * @returns what is known of the badge and of each candidate afterwards
     */
    async award(
      award: Award,
      candidates: readonly Candidate[],
      audit: AuditColumns,
      foreseen?: ForeseenAward,
    ) {
      const list = JSON.stringify(candidates.toSorted((a, b) => (a.userId < b.userId ? -1 : 1)))
      const fresh = sql`candidates.value ->> 'auditId'`
      const asForeseen = foreseen
        ? sql`exists (select 1 from badges where id = ${award.badgeId})
          and (select json_group_array(json_array(userId, created, isSelf)) from
            (${outcome(award.badgeId, list, audit.actor)} order by userId)) = ${textOf(foreseen.given)}`
        : sql`true`
      const { badge, holders } = await batch(db, {
        acting: actingAs(db, audit),
        given: statement(
          db,
          sql`
          insert into badge_assignments (user_id, badge_id, assigned_at, assigned_by, audit_id)
          select users.id, ${award.badgeId}, ${audit.at}, ${award.assignedBy}, ${fresh}
          ${eligible(award, list)} and not ${isSelf(audit.actor)} and ${asForeseen}
          on conflict (user_id, badge_id) do update set
            assigned_at = excluded.assigned_at, assigned_by = excluded.assigned_by,
            audit_id = excluded.audit_id, removed_at = null
          where removed_at is not null and excluded.assigned_by <> 'rule'`,
        ),
        audit: statement(
          db,
          sql`${INSERT_AUDIT}
          select audit_id, ${audit.at}, ${audit.actor}, ${audit.onBehalfOf}, ${audit.action}, user_id,
            ${audit.reason}, ${audit.requestId}, ${JSON.stringify(audit.changes)}
          from json_each(${list}) candidates cross join badge_assignments
            on user_id = candidates.value ->> 'userId' and badge_id = ${award.badgeId}
            and audit_id = ${fresh}`,
        ),
        counted: statement(
          db,
          sql`
          insert into awards_by_day (day, count)
          select ${award.day}, count(*)
          from json_each(${list}) candidates cross join badge_assignments
            on user_id = candidates.value ->> 'userId' and badge_id = ${award.badgeId}
            and audit_id = ${fresh}
          having count(*) > 0
          on conflict (day) do update set count = count + excluded.count`,
        ),
        badge: db.select().from(badges).where(eq(badges.id, award.badgeId)),
        holders: rows<Holder>(
          db,
          sql`
          select users.id as userId, assigned_at as assignedAt, assigned_by as assignedBy,
            audit_id = ${fresh} as created, ${isSelf(audit.actor)} as isSelf
          from json_each(${list}) candidates
          cross join users on users.id = candidates.value ->> 'userId'
          left join badge_assignments held on held.user_id = users.id
            and held.badge_id = ${award.badgeId} and held.removed_at is null`,
        ),
        stored: storeAnswerWhere(db, foreseen?.answer, null, asForeseen),
      })
      return { badge: badge[0], holders }
    },

    /** What would come of an award by this actor to these members. */
    async foresee(badgeId: BadgeId, userIds: readonly UserId[], actor: string): Promise<Given[]> {
      const list = JSON.stringify(userIds.map((userId) => ({ userId })))
      const known = await rows<{ userId: UserId; created: number; isSelf: number }>(
        db,
        outcome(badgeId, list, actor),
      )
      return known.map(({ userId, created, isSelf }) => ({
        userId,
        created: created === 1,
        isSelf: isSelf === 1,
      }))
    },

    /** How many of these members the award would give the badge to, through the award's own condition. */
    async wouldGain(award: Omit<Award, 'day'>, userIds: readonly UserId[]) {
      const list = JSON.stringify(userIds.map((userId) => ({ userId })))
      return rows<{ userId: UserId; displayName: string }>(
        db,
        sql`
        select users.id as userId, users.display_name as displayName ${eligible(award, list)}
          and not exists (select 1 from badge_assignments held
            where held.user_id = users.id and held.badge_id = ${award.badgeId})
        order by users.id`,
      )
    },

    /** @returns whether the badge was held until now */
    async remove(userId: UserId, badgeId: BadgeId, audit: AuditRow) {
      const write = db
        .update(badgeAssignments)
        .set({ removedAt: audit.at })
        .where(
          and(
            eq(badgeAssignments.userId, userId),
            eq(badgeAssignments.badgeId, badgeId),
            isNull(badgeAssignments.removedAt),
          ),
        )
        .returning({ userId: badgeAssignments.userId })
      const { written } = await audited(db, audit, write, {})
      return written.length > 0
    },
  }
}

/** The text is equal for equal members, in whatever order they were named. */
export function textOf(given: readonly Given[]): string {
  const sorted = given.toSorted((a, b) => (a.userId < b.userId ? -1 : 1))
  return JSON.stringify(
    sorted.map(({ userId, created, isSelf }) => [userId, Number(created), Number(isSelf)]),
  )
}

/** The answer is equal before the award and after it, unless somebody else comes between. */
function outcome(badgeId: BadgeId, candidates: string, actor: string) {
  return sql`select users.id as userId, ${isSelf(actor)} as isSelf,
      not ${isSelf(actor)} and not exists (select 1 from badge_assignments
        where user_id = users.id and badge_id = ${badgeId} and removed_at is null
          and audit_id is not candidates.value ->> 'auditId') as created
    from json_each(${candidates}) candidates
    cross join users on users.id = candidates.value ->> 'userId'`
}

/** Whether the member is who acts, or created the API key that does. */
function isSelf(actor: string): SQL {
  return sql`(users.id = ${actor}
    or users.id in (select created_by from api_keys where id = ${actor}))`
}

interface Holder {
  readonly userId: UserId
  /** Null for a member who does not hold the badge. */
  readonly assignedAt: string | null
  readonly assignedBy: AssignedBy | null
  /** 1 if this very act created the assignment. */
  readonly created: number | null
  readonly isSelf: number
}

/**
 * Who may get it: shared by the award and its preview, so that they cannot disagree. A `cross join`
 * fixes the order, from the candidates to what is known of each, whatever the sizes.
 */
function eligible(award: Omit<Award, 'day'>, candidates: string) {
  const byRule = sql`users.status = 'active'`
  const ruleUnchanged =
    award.rule &&
    sql`and exists (select 1 from badge_rules where id = ${award.rule.id}
      and revision = ${award.rule.revision} and badge_id = ${award.badgeId} and enabled = 1)`
  return sql`from json_each(${candidates}) candidates
    cross join users on users.id = candidates.value ->> 'userId'
    where exists (select 1 from badges where id = ${award.badgeId})
      and (${award.assignedBy} <> 'rule' or ${byRule}) ${ruleUnchanged ?? sql``}`
}
