/** Rules about pages. The first by position, and then by id, that is about a path decides. */
import { asc, sql } from 'drizzle-orm'
import type { Database } from '../db/client.ts'
import type { BadgeId, UserId } from '../db/ids.ts'
import { pageRules } from '../db/schema.ts'
import { shape } from '../db/shape.ts'

export type PageRuleRow = typeof pageRules.$inferSelect

/** What a page is decided by. */
export interface PageReading {
  /** In the order in which they are asked. */
  readonly rules: readonly PageRuleRow[]
  /** Those that the caller holds, of the badges that open a page. */
  readonly badges: ReadonlySet<BadgeId>
}

export function pageRulesRepository(db: Database) {
  return {
    /** All rules, with what a member holds; one statement. @param userId undefined for other callers */
    async forPage(userId: UserId | undefined): Promise<PageReading> {
      const rows = await FOR_PAGE(db, { userId: userId ?? '' }).run()
      return {
        rules: rows,
        badges: new Set(
          rows.flatMap(({ access, isHeld }) =>
            isHeld && typeof access === 'object' && 'badge' in access ? access.badge : [],
          ),
        ),
      }
    },
  }
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
