/** What reconciling reads and changes in the database; each change with its audit row in one transaction. */
import { and, asc, desc, eq, gt, isNull, sql } from 'drizzle-orm'
import { batch, type Database, rows, statement } from '../db/client.ts'
import type { KeyId, RuleId, UserId, WebhookId } from '../db/ids.ts'
import { apiKeys, badgeRules, storeMarks, webhooks } from '../db/schema.ts'
import { occupiedIn, SELECT_OCCUPIED } from './occupied.ts'
import { actingAs, type AuditRow, audited, insertAuditWhere } from './audited.ts'

export type ReconcilingRepository = ReturnType<typeof reconcilingRepository>

/** More rules than any site has. */
const MOST_RULES = 10_000

export function reconcilingRepository(db: Database) {
  return {
    /** Which of these members there are. */
    async present(ids: readonly UserId[]) {
      const found = await rows<{ id: UserId }>(
        db,
        sql`select id from users where id in (select value from json_each(${JSON.stringify(ids)}))`,
      )
      return new Set(found.map(({ id }) => id))
    },

    async rules() {
      const { id, revision } = badgeRules
      return db.select({ id, revision }).from(badgeRules).orderBy(asc(id)).limit(MOST_RULES)
    },

    async keys(page: { readonly after: KeyId | undefined; readonly limit: number }) {
      const { id, accessRevision, revokedAt } = apiKeys
      return db
        .select({ id, accessRevision, revokedAt })
        .from(apiKeys)
        .where(page.after && gt(id, page.after))
        .orderBy(asc(id))
        .limit(page.limit)
    },

    async webhooks(page: { readonly after: WebhookId | undefined; readonly limit: number }) {
      const { id, enabled } = webhooks
      return db
        .select({ id, enabled })
        .from(webhooks)
        .where(page.after && gt(id, page.after))
        .orderBy(asc(id))
        .limit(page.limit)
    },

    /** The tables by which somebody uses the site; none if nobody does. */
    async occupied() {
      const [found] = await rows<Record<string, number>>(db, sql.raw(SELECT_OCCUPIED))
      return occupiedIn(found)
    },

    async sessions() {
      const [row] = await rows<{ open: number }>(
        db,
        sql`select count(*) as open from auth_sessions`,
      )
      return row?.open ?? 0
    },

    async latestMark() {
      const { mark, token } = storeMarks
      const [row] = await db.select({ mark, token }).from(storeMarks).orderBy(desc(mark)).limit(1)
      return row
    },

    /** Begins the generation, and ends all sessions, some of which may be over already. */
    async begin(generation: string, audit: AuditRow) {
      await batch(db, {
        acting: actingAs(db, audit),
        generation: statement(
          db,
          sql`update site set value = ${generation} where key = 'generation'`,
        ),
        audit: insertAuditWhere(db, audit, sql`true`),
        confirmed: statement(db, sql`delete from store_shards`),
        sessions: statement(db, sql`delete from auth_sessions`),
      })
    },

    /** Puts the rule at a revision, unless it is beyond that. */
    async raiseRule(id: RuleId, revision: number, audit: AuditRow) {
      const write = db
        .update(badgeRules)
        .set({ revision, updatedAt: audit.at })
        .where(and(eq(badgeRules.id, id), sql`${badgeRules.revision} < ${revision}`))
      await audited(db, audit, write, {})
    },

    /**
     * Makes a key that was changed since what it was at worst: revoked, or disabled until somebody has
     * looked at it. Its access revision is then beyond all that its gate was told.
     */
    async holdKey(id: KeyId, told: { accessRevision: number; isOver: boolean }, audit: AuditRow) {
      const write = db
        .update(apiKeys)
        .set({
          ...(told.isOver && { revokedAt: audit.at }),
          enabled: false,
          revision: sql`${apiKeys.revision} + 1`,
          accessRevision: sql`max(${apiKeys.accessRevision}, ${told.accessRevision}) + 1`,
          updatedAt: audit.at,
        })
        .where(and(eq(apiKeys.id, id), isNull(apiKeys.revokedAt)))
      await audited(db, audit, write, {})
    },
  }
}
