/** Rules about pages. The first by position, and then by id, that is about a path decides. */
import { and, asc, eq, sql, type SQL } from 'drizzle-orm'
import { batch, type Database, rows } from '../db/client.ts'
import type { BadgeId, PageRuleId, UserId } from '../db/ids.ts'
import { badges, type PageAccess, pageRules } from '../db/schema.ts'
import { shape } from '../db/shape.ts'
import {
  type AuditRow,
  audited,
  insertAuditWhere,
  storeAnswer,
  type StoredAnswer,
  wasWritten,
} from './audited.ts'
import { sortsAfter } from './scope.ts'

export type PageRuleRow = typeof pageRules.$inferSelect
export type { PageAccess }

/** What a page is decided by. */
export interface PageReading {
  /** In the order in which they are asked. */
  readonly rules: readonly PageRuleRow[]
  /** Those that the caller holds, of the badges that open a page. */
  readonly badges: ReadonlySet<BadgeId>
}

export function pageRulesRepository(db: Database) {
  const inOrder = () =>
    db.select().from(pageRules).orderBy(asc(pageRules.position), asc(pageRules.id))

  return {
    async find(id: PageRuleId) {
      const [row] = await db.select().from(pageRules).where(eq(pageRules.id, id))
      return row
    },

    async list(page: { after?: { position: number; id: PageRuleId } | undefined; limit: number }) {
      const { after, limit } = page
      const found = await db
        .select({ rule: pageRules, badge: badges })
        .from(pageRules)
        .leftJoin(badges, sql`${badges.id} = ${pageRules.access} ->> 'badge'`)
        .where(after && sortsAfter([pageRules.position, pageRules.id], [after.position, after.id]))
        .orderBy(asc(pageRules.position), asc(pageRules.id))
        .limit(limit)
      return found.map(({ rule, badge }) => ({ ...rule, badge }))
    },

    /** All rules in order, and whether there is the badge that one is to name. */
    async surroundings(badge: BadgeId | undefined) {
      const { rules, found } = await batch(db, {
        rules: inOrder(),
        found:
          badge && db.select({ id: badges.id }).from(badges).where(eq(badges.id, badge)).limit(1),
      })
      return { rules, isBadgeThere: found === undefined || found.length > 0 }
    },

    /** @returns whether it was made, which it is only while all rules are as they were read */
    async create(
      row: PageRuleRow,
      read: readonly PageRuleRow[],
      audit: AuditRow,
      answer: StoredAnswer | undefined,
    ) {
      const write = rows<{ id: PageRuleId }>(
        db,
        sql`insert into page_rules (id, path, path_key, access, on_unauthenticated, sign_in_path,
          forbidden_path, web_socket, position, revision, created_at, updated_at)
        select ${row.id}, ${row.path}, ${row.pathKey}, ${JSON.stringify(row.access)},
          ${row.onUnauthenticated}, ${row.signInPath}, ${row.forbiddenPath},
          ${Number(row.webSocket)}, ${row.position}, ${row.revision}, ${row.createdAt},
          ${row.updatedAt}
        where ${areStill(read)} and ${isThere(row.access)} returning id`,
      )
      const { written } = await audited(db, audit, write, {
        stored: storeAnswer(db, audit, answer),
      })
      return written.length > 0
    },

    /** @returns whether it is now what is given, under the condition of `create` */
    async replace(row: PageRuleRow, read: readonly PageRuleRow[], audit: AuditRow) {
      const { id, ...columns } = row
      const write = db
        .update(pageRules)
        .set(columns)
        .where(and(eq(pageRules.id, id), areStill(read), isThere(row.access)))
        .returning({ id: pageRules.id })
      const { written } = await audited(db, audit, write, {})
      return written.length > 0
    },

    /**
     * Gives rules other positions, all of them at once.
     * @param audit of one of them @param audits of the others
     * @returns whether they are there now, under the condition of `create`
     */
    async place(
      placed: readonly Pick<PageRuleRow, 'id' | 'position'>[],
      read: readonly PageRuleRow[],
      audit: AuditRow,
      audits: readonly AuditRow[],
    ): Promise<boolean> {
      const places = JSON.stringify(placed.map(({ id, position }) => [id, position]))
      const write = rows<{ id: PageRuleId }>(
        db,
        sql`update page_rules set
          position = (select value ->> 1 from json_each(${places}) where value ->> 0 = page_rules.id),
          revision = revision + 1, updated_at = ${audit.at}
        where id in (select value ->> 0 from json_each(${places})) and ${areStill(read)}
        returning id`,
      )
      const others = audits.map(
        (each, at) => [`audit${at}`, insertAuditWhere(db, each, wasWritten(audit))] as const,
      )
      const { written } = await audited(db, audit, write, Object.fromEntries(others))
      return written.length > 0
    },

    /** @returns whether it was deleted, under the condition of `create` */
    async delete(id: PageRuleId, read: readonly PageRuleRow[], audit: AuditRow) {
      const write = db
        .delete(pageRules)
        .where(and(eq(pageRules.id, id), areStill(read)))
        .returning({ id: pageRules.id })
      const { written } = await audited(db, audit, write, {})
      return written.length > 0
    },

    /** All rules, with what a member holds; one statement. @param userId undefined for other callers */
    async forPage(userId: UserId | undefined): Promise<PageReading> {
      const rules = await FOR_PAGE(db, { userId: userId ?? '' }).run()
      return {
        rules,
        badges: new Set(
          rules.flatMap(({ access, isHeld }) => (isHeld ? (badgeIn(access) ?? []) : [])),
        ),
      }
    },
  }
}

/** The badge that a rule names, if it names one. */
export function badgeIn(access: PageAccess): BadgeId | undefined {
  return typeof access === 'object' && 'badge' in access ? access.badge : undefined
}

/** No rule was made, changed or deleted since all of them were read. */
function areStill(read: readonly PageRuleRow[]): SQL {
  const revisions = read.map(({ id, revision }) => `${id}.${revision}`).sort()
  return sql`(select coalesce(group_concat(id || '.' || revision), '')
    from (select id, revision from page_rules order by id)) = ${revisions.join(',')}`
}

function isThere(access: PageAccess): SQL | undefined {
  const badge = badgeIn(access)
  return badge ? sql`exists (select 1 from badges where id = ${badge})` : sql`true`
}

/** A rule that opens its page to holders of the badge, if there is one. */
export function pageRulesNaming(db: Database, badge: BadgeId) {
  return db
    .select({ path: pageRules.path })
    .from(pageRules)
    .where(sql`badge_id = ${badge}`)
    .limit(1)
}

const value = sql.placeholder

const FOR_PAGE = shape<{ userId: string }, (PageRuleRow & { isHeld: boolean })[]>((db) =>
  db
    .select({
      id: pageRules.id,
      path: pageRules.path,
      pathKey: pageRules.pathKey,
      access: pageRules.access,
      onUnauthenticated: pageRules.onUnauthenticated,
      signInPath: pageRules.signInPath,
      forbiddenPath: pageRules.forbiddenPath,
      webSocket: pageRules.webSocket,
      position: pageRules.position,
      revision: pageRules.revision,
      createdAt: pageRules.createdAt,
      updatedAt: pageRules.updatedAt,
      isHeld: sql<boolean>`exists (select 1 from badge_assignments
        where user_id = ${value('userId')} and badge_id = access ->> 'badge'
          and removed_at is null)`
        .mapWith(Boolean)
        .as('is_held'),
    })
    .from(pageRules)
    .orderBy(asc(pageRules.position), asc(pageRules.id)),
)
