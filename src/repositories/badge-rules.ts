/** The rules by which visits earn badges. */
import { and, asc, eq, gt, sql } from 'drizzle-orm'
import { batch, type Database, rows } from '../db/client.ts'
import type { RuleId, UserId } from '../db/ids.ts'
import { badgeAssignments, badgeRules, badges } from '../db/schema.ts'
import { type AuditRow, audited, storeAnswer, type StoredAnswer } from './audited.ts'
import { atRevision, type Revisions } from './scope.ts'
import { selectShards, shardsIn } from './site.ts'

export type BadgeRuleRow = typeof badgeRules.$inferSelect
export type BadgeRulePatch = {
  readonly [K in 'metric' | 'threshold' | 'windowDays' | 'enabled']?: BadgeRuleRow[K] | undefined
}

export function badgeRulesRepository(db: Database) {
  const select = (id: RuleId) => db.select().from(badgeRules).where(eq(badgeRules.id, id))

  return {
    async find(id: RuleId) {
      const [row] = await select(id)
      return row
    },

    /** Together with how many shards hold the visits that it measures. */
    async findWithShards(id: RuleId) {
      const { found, shards } = await batch(db, { found: select(id), shards: selectShards(db) })
      const [rule] = found
      return rule && { rule, shards: shardsIn(shards) }
    },

    /** Each with its badge. */
    async list(page: { after?: RuleId | undefined; limit: number }) {
      const found = await db
        .select({ rule: badgeRules, badge: badges })
        .from(badgeRules)
        .innerJoin(badges, eq(badges.id, badgeRules.badgeId))
        .where(page.after && gt(badgeRules.id, page.after))
        .orderBy(asc(badgeRules.id))
        .limit(page.limit)
      return found.map(({ rule, badge }) => ({ ...rule, badge }))
    },

    async enabled() {
      return db.select().from(badgeRules).where(eq(badgeRules.enabled, true))
    },

    /** Every enabled rule with its badge, and since when the member holds it, if they do. */
    async progressOf(userId: UserId) {
      return db
        .select({ rule: badgeRules, badge: badges, earnedAt: badgeAssignments.assignedAt })
        .from(badgeRules)
        .innerJoin(badges, eq(badges.id, badgeRules.badgeId))
        .leftJoin(
          badgeAssignments,
          and(
            eq(badgeAssignments.badgeId, badgeRules.badgeId),
            eq(badgeAssignments.userId, userId),
            sql`${badgeAssignments.removedAt} is null`,
          ),
        )
        .where(eq(badgeRules.enabled, true))
        .orderBy(asc(badges.position), asc(badgeRules.id))
    },

    /** @returns false if there is no such badge */
    async create(row: BadgeRuleRow, audit: AuditRow, answer: StoredAnswer | undefined) {
      const write = rows<{ id: RuleId }>(
        db,
        sql`
        insert into badge_rules
          (id, badge_id, metric, threshold, window_days, enabled, revision, created_at, updated_at)
        select ${row.id}, id, ${row.metric}, ${row.threshold}, ${row.windowDays},
          ${Number(row.enabled)}, ${row.revision}, ${row.createdAt}, ${row.updatedAt}
        from badges where id = ${row.badgeId} returning id`,
      )
      const { written } = await audited(db, audit, write, {
        stored: storeAnswer(db, audit, answer),
      })
      return written.length > 0
    },

    /** @returns the row as it is now and whether it was changed */
    async update(id: RuleId, patch: BadgeRulePatch, revisions: Revisions, audit: AuditRow) {
      const write = db
        .update(badgeRules)
        .set({ ...patch, revision: sql`${badgeRules.revision} + 1`, updatedAt: audit.at })
        .where(and(eq(badgeRules.id, id), atRevision(badgeRules.revision, revisions)))
        .returning({ id: badgeRules.id })
      const { written, found } = await audited(db, audit, write, { found: select(id) })
      return { changed: written.length > 0, row: found[0] }
    },

    /** @returns the row that was not deleted, if any */
    async delete(id: RuleId, revisions: Revisions, audit: AuditRow) {
      const write = db
        .delete(badgeRules)
        .where(and(eq(badgeRules.id, id), atRevision(badgeRules.revision, revisions)))
        .returning({ id: badgeRules.id })
      const { written, found } = await audited(db, audit, write, { found: select(id) })
      return { changed: written.length > 0, row: found[0] }
    },
  }
}
