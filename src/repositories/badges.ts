/** The badges a site has. */
import { and, asc, eq, max, notExists, sql } from 'drizzle-orm'
import { batch, type Database } from '../db/client.ts'
import type { BadgeId } from '../db/ids.ts'
import { badgeAssignments, badgeRules, badges } from '../db/schema.ts'
import { type AuditRow, audited, storeAnswer, type StoredAnswer, wasWritten } from './audited.ts'
import { pageRulesNaming } from './page-rules.ts'
import { atRevision, type Revisions, sortsAfter } from './scope.ts'

export type BadgeRow = typeof badges.$inferSelect
export type BadgePatch = {
  readonly [K in Exclude<keyof BadgeRow, 'id' | 'revision' | 'createdAt' | 'updatedAt'>]?:
    | BadgeRow[K]
    | undefined
}

export function badgesRepository(db: Database) {
  const select = (id: BadgeId) => db.select().from(badges).where(eq(badges.id, id))

  return {
    async find(id: BadgeId) {
      const [row] = await select(id)
      return row
    },

    /** Badges are sorted by position and then by id. */
    async list(page: { after?: { position: number; id: BadgeId } | undefined; limit: number }) {
      const { after, limit } = page
      return db
        .select()
        .from(badges)
        .where(after && sortsAfter([badges.position, badges.id], [after.position, after.id]))
        .orderBy(asc(badges.position), asc(badges.id))
        .limit(limit)
    },

    /** What a new badge has to fit in with. */
    async surroundings(slug: string) {
      const { last, taken } = await batch(db, {
        last: db.select({ position: max(badges.position) }).from(badges),
        taken: db.select({ id: badges.id }).from(badges).where(eq(badges.slug, slug)),
      })
      return { lastPosition: last[0]?.position ?? 0, slugTaken: taken.length > 0 }
    },

    /** @throws what `isUniqueViolation(…, 'badges.slug')` recognises */
    async create(row: BadgeRow, audit: AuditRow, answer: StoredAnswer | undefined) {
      await audited(db, audit, db.insert(badges).values(row), {
        stored: storeAnswer(db, audit, answer),
      })
    },

    /** @returns the row as it is now and whether it was changed. @throws as `create` does */
    async update(id: BadgeId, patch: BadgePatch, revisions: Revisions, audit: AuditRow) {
      const write = db
        .update(badges)
        .set({ ...patch, revision: sql`${badges.revision} + 1`, updatedAt: audit.at })
        .where(and(eq(badges.id, id), atRevision(badges.revision, revisions)))
        .returning({ id: badges.id })
      const { written, found } = await audited(db, audit, write, { found: select(id) })
      return { changed: written.length > 0, row: found[0] }
    },

    /**
     * Deletes a badge with its assignments and rules, unless it opens a page.
     * @returns the row that was not deleted, if any, and a rule about pages that names it
     */
    async delete(id: BadgeId, revisions: Revisions, audit: AuditRow) {
      // The children go before the parent, so the write that decides only marks the badge.
      const write = db
        .update(badges)
        .set({ revision: sql`${badges.revision} + 1` })
        .where(
          and(
            eq(badges.id, id),
            atRevision(badges.revision, revisions),
            notExists(pageRulesNaming(db, id)),
          ),
        )
        .returning({ id: badges.id })
      const { written, left, naming } = await audited(db, audit, write, {
        assignments: db
          .delete(badgeAssignments)
          .where(and(eq(badgeAssignments.badgeId, id), wasWritten(audit))),
        rules: db.delete(badgeRules).where(and(eq(badgeRules.badgeId, id), wasWritten(audit))),
        badge: db.delete(badges).where(and(eq(badges.id, id), wasWritten(audit))),
        left: select(id),
        naming: pageRulesNaming(db, id),
      })
      return { changed: written.length > 0, row: left[0], pageRule: naming[0] }
    },
  }
}
