/** Webhooks: where the site tells what happens. What was delivered is in the object of each. */
import { and, asc, eq, getTableColumns, gt, sql } from 'drizzle-orm'
import { batch, type Database, rows } from '../db/client.ts'
import type { WebhookId } from '../db/ids.ts'
import { webhooks } from '../db/schema.ts'
import {
  actingAs,
  type AuditRow,
  audited,
  insertAuditWhere,
  storeAnswer,
  type StoredAnswer,
} from './audited.ts'
import { eventsAfter, feedState, stateOf } from './feed.ts'
import { standingOf } from './roles.ts'
import { atRevision, onlyAt, type Revisions } from './scope.ts'

export type WebhookRow = typeof webhooks.$inferSelect
/** A webhook with what its creator is at this moment; null if there is none any more. */
export type CurrentWebhook = NonNullable<
  Awaited<ReturnType<ReturnType<typeof webhooksRepository>['find']>>
>
export type DisabledBecause = NonNullable<WebhookRow['disabledBecause']>
export type WebhookChange = Partial<
  Pick<
    WebhookRow,
    'url' | 'types' | 'siteHost' | 'enabled' | 'disabledBecause' | 'disabledAt' | 'disabledTold'
  >
>

export function webhooksRepository(db: Database) {
  const selectCurrent = () =>
    db
      .select({ ...getTableColumns(webhooks), creator: standingOf(sql`webhooks.created_by`) })
      .from(webhooks)
  const select = (id: WebhookId) => selectCurrent().where(eq(webhooks.id, id))
  const isThere = (id: WebhookId) => sql`exists (select 1 from webhooks where id = ${id})`

  async function write(
    id: WebhookId,
    change: WebhookChange,
    revisions: Revisions,
    audit: AuditRow,
  ) {
    const update = db
      .update(webhooks)
      .set({ ...change, ...moved(audit) })
      .where(and(eq(webhooks.id, id), atRevision(webhooks.revision, revisions)))
      .returning({ id: webhooks.id })
    const { written, found } = await audited(db, audit, update, { found: select(id) })
    return { changed: written.length > 0, row: found[0] }
  }

  return {
    async find(id: WebhookId) {
      const [row] = await select(id)
      return row
    },

    /** In the order in which they were made. */
    async list(page: { after?: WebhookId | undefined; limit: number }) {
      return selectCurrent()
        .where(page.after && gt(webhooks.id, page.after))
        .orderBy(asc(webhooks.id))
        .limit(page.limit)
    },

    /** The ids of those that want to be told, in their order. */
    async enabled(page: { after?: WebhookId | undefined; limit: number }) {
      return db
        .select({ id: webhooks.id })
        .from(webhooks)
        .where(and(eq(webhooks.enabled, true), page.after && gt(webhooks.id, page.after)))
        .orderBy(asc(webhooks.id))
        .limit(page.limit)
    },

    /**
     * From the next event on. @param max how many there may be
     * @returns false if there are as many
     */
    async create(
      row: Omit<WebhookRow, 'since'>,
      max: number,
      audit: AuditRow,
      answer: StoredAnswer | undefined,
    ) {
      const insert = rows<{ id: WebhookId }>(
        db,
        sql`insert into webhooks (id, url, types, created_by, enabled, secrets, site_host, since,
          revision, created_at, updated_at)
        select ${row.id}, ${row.url}, ${row.types && JSON.stringify(row.types)}, ${row.createdBy}, 1,
          ${JSON.stringify(row.secrets)}, ${row.siteHost},
          (select coalesce(max(position), 0) from feed), ${row.revision}, ${row.createdAt},
          ${row.updatedAt}
        where (select count(*) from webhooks) < ${max} returning id`,
      )
      const stored = storeAnswer(db, audit, answer)
      const { written } = await audited(db, audit, insert, { stored })
      return written.length > 0
    },

    /** @returns the row as it is now, and whether it was changed */
    update: write,

    /** New secrets for one that is still as it was read. @returns as `update` does */
    async rotate(
      { id, revision }: Pick<WebhookRow, 'id' | 'revision'>,
      secrets: WebhookRow['secrets'],
      audit: AuditRow,
      answer: StoredAnswer | undefined,
    ) {
      const update = db
        .update(webhooks)
        .set({ secrets, ...moved(audit) })
        .where(and(eq(webhooks.id, id), atRevision(webhooks.revision, onlyAt(revision))))
        .returning({ id: webhooks.id })
      const stored = storeAnswer(db, audit, answer)
      const { written } = await audited(db, audit, update, { stored })
      return written.length > 0
    },

    async delete(id: WebhookId, revisions: Revisions, audit: AuditRow) {
      const remove = db
        .delete(webhooks)
        .where(and(eq(webhooks.id, id), atRevision(webhooks.revision, revisions)))
        .returning({ id: webhooks.id })
      const { written, left } = await audited(db, audit, remove, { left: select(id) })
      return { changed: written.length > 0, row: left[0] }
    },

    /** Puts on record what is then done in the object of a webhook. @returns the webhook, if it is there */
    async record(id: WebhookId, audit: AuditRow) {
      const { found } = await batch(db, {
        acting: actingAs(db, audit),
        record: insertAuditWhere(db, audit, isThere(id)),
        found: select(id),
      })
      return found[0]
    },

    /** The webhook as it is now, what the feed is at, and up to `limit` events behind a position. */
    async forSending(id: WebhookId, position: number, limit: number) {
      const { found, marks, newest, events } = await batch(db, {
        found: select(id),
        ...feedState(db),
        events: eventsAfter(db, position, limit),
      })
      return { webhook: found[0], state: stateOf(marks, newest), events }
    },
  }
}

function moved(audit: AuditRow) {
  return { revision: sql`${webhooks.revision} + 1`, updatedAt: audit.at }
}
