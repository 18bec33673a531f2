/** API keys. Verification does not come here: each key's KeyGate reads its row once and remembers it. */
import { and, asc, desc, eq, getTableColumns, isNull, lt, type SQL, sql } from 'drizzle-orm'
import { batch, type Database, rows } from '../db/client.ts'
import type { KeyId } from '../db/ids.ts'
import { apiKeys, apiKeyUsage, refusalCounts, site } from '../db/schema.ts'
import { type AuditRow, audited, storeAnswer, type StoredAnswer } from './audited.ts'
import { type Ceiling, ceilingOfKey } from './ceiling.ts'
import { type Happened, note, writeEvent } from './outbox.ts'
import { heldRolesOf, parseHeldRoles, standingOf } from './roles.ts'
import { GENERATION, generationIn, selectGeneration } from './stores.ts'
import { atRevision, onlyAt, type Revisions, type WriteScope } from './scope.ts'

export type ApiKeyRow = typeof apiKeys.$inferSelect
export type ApiKeyPatch = {
  readonly [
    K in
      | 'name'
      | 'scopes'
      | 'allowedIps'
      | 'rateLimit'
      | 'rateWindowSeconds'
      | 'monthlyQuota'
      | 'enabled'
      | 'expiresAt'
  ]?: ApiKeyRow[K] | undefined
}

export interface UsageDay {
  readonly day: string
  readonly requests: number
  readonly lastUsedAt: string
}

export type ApiKeysRepository = ReturnType<typeof apiKeysRepository>
/** A key with what its creator is at this moment; null if there is none any more. */
export type CurrentApiKey = NonNullable<Awaited<ReturnType<ApiKeysRepository['find']>>>

/** Keys by whoever created them, or by their ids. */
export type KeysOf =
  | { readonly createdBy: string }
  | { readonly holdersOf: string }
  | { readonly ids: readonly KeyId[] }

/** More keys than anybody has. */
const MAX_KEYS = 10_000

export type LoadedApiKey = NonNullable<Awaited<ReturnType<ApiKeysRepository['load']>>['loaded']>

/** @param happened where it is noted that gates have to be told */
export function apiKeysRepository(db: Database, happened: Happened = []) {
  const selectCurrent = () =>
    db
      .select({ ...getTableColumns(apiKeys), creator: standingOf(sql`api_keys.created_by`) })
      .from(apiKeys)
  const select = (id: KeyId) => selectCurrent().where(eq(apiKeys.id, id))
  const isUnrevoked = (id: KeyId, revisions: Revisions, { allows }: Ceiling) =>
    and(
      eq(apiKeys.id, id),
      isNull(apiKeys.revokedAt),
      atRevision(apiKeys.revision, revisions),
      allows,
    )

  const changed = (id: KeyId, audit: AuditRow) =>
    writeEvent(db, audit, 'keys-changed', sql`select id from api_keys where id = ${id}`)

  return {
    async find(id: KeyId) {
      const [row] = await select(id)
      return row
    },

    /**
     * What issued keys are told from made-up ones by: what their checksum is computed with, and the ids
     * of those that have none. Revoked ones are left out, for nothing is lost by not knowing them.
     */
    async checksums() {
      const {
        secrets: [secret],
        unkeyed,
      } = await batch(db, {
        secrets: db.select().from(site).where(eq(site.key, 'key_checksums')),
        unkeyed: rows<{ id: KeyId }>(
          db,
          sql`select id from api_keys where is_keyed = 0 and revoked_at is null`,
        ),
      })
      if (!secret) throw new Error('site lacks key_checksums, which migration 0014 makes')
      return { secret: secret.value, unkeyed: new Set(unkeyed.map(({ id }) => id)) }
    },

    /** Everything a KeyGate has to know: the key, what its creator is at this moment, and of which state that is. */
    async load(id: KeyId) {
      const {
        found: [key],
        creators: [creator],
        generation,
      } = await batch(db, {
        generation: selectGeneration(db),
        found: select(id),
        creators: rows<{ status: 'active' | 'suspended'; roles: string }>(
          db,
          sql`select status, ${heldRolesOf(sql`users.id`)} as roles
            from users where id = (select created_by from api_keys where id = ${id})`,
        ),
      })
      const loaded = key &&
        creator && { key, creator: { ...creator, roles: parseHeldRoles(creator.roles) } }
      return { loaded, generation: generationIn(generation) }
    },

    /** Newest first. */
    async list(page: { after?: KeyId | undefined; limit: number }) {
      return selectCurrent()
        .where(page.after && lt(apiKeys.id, page.after))
        .orderBy(desc(apiKeys.id))
        .limit(page.limit)
    },

    /** Revoked ones are left out. */
    async ofCreators(whose: KeysOf) {
      return selectCurrent()
        .where(and(isNull(apiKeys.revokedAt), isOf(whose)))
        .orderBy(asc(apiKeys.id))
        .limit(MAX_KEYS)
    },

    async create(row: ApiKeyRow, audit: AuditRow, answer: StoredAnswer | undefined) {
      await audited(db, audit, db.insert(apiKeys).values(row), {
        stored: storeAnswer(db, audit, answer),
      })
    },

    /** @returns the row as it is now, whether it was changed, and the right in the way, if one was */
    async update(
      scope: WriteScope,
      id: KeyId,
      patch: ApiKeyPatch,
      revisions: Revisions,
      audit: AuditRow,
    ) {
      const ceiling = ceilingOfKey(db, scope, id)
      const write = db
        .update(apiKeys)
        .set({ ...patch, ...moved(audit) })
        .where(isUnrevoked(id, revisions, ceiling))
        .returning({ id: apiKeys.id })
      const { written, found, inTheWay, open } = await audited(db, audit, write, {
        found: select(id),
        inTheWay: ceiling.inTheWay,
        ...changed(id, audit),
      })
      note(happened, open)
      return { changed: written.length > 0, row: found[0], inTheWay: inTheWay?.[0] }
    },

    /** Replaces the secret of a key that is still as it was read. @returns as `update` does */
    async rotate(
      scope: WriteScope,
      { id, revision }: ApiKeyRow,
      { secretHash, previousSecrets }: Pick<ApiKeyRow, 'secretHash' | 'previousSecrets'>,
      audit: AuditRow,
      answer: StoredAnswer | undefined,
    ) {
      const ceiling = ceilingOfKey(db, scope, id)
      const write = db
        .update(apiKeys)
        .set({ secretHash, previousSecrets, ...moved(audit) })
        .where(isUnrevoked(id, onlyAt(revision), ceiling))
        .returning({ id: apiKeys.id })
      const { written, found, inTheWay, open } = await audited(db, audit, write, {
        found: select(id),
        inTheWay: ceiling.inTheWay,
        ...changed(id, audit),
        stored: storeAnswer(db, audit, answer),
      })
      note(happened, open)
      return { changed: written.length > 0, row: found[0], inTheWay: inTheWay?.[0] }
    },

    /**
     * Revokes the key for good; the row stays for the record. Its creator may, whatever its scopes.
     * @returns as `update` does
     */
    async revoke(scope: WriteScope, id: KeyId, revisions: Revisions, audit: AuditRow) {
      const ceiling = ceilingOfKey(db, scope, id, audit.actor)
      const write = db
        .update(apiKeys)
        .set({ revokedAt: audit.at, enabled: false, ...moved(audit) })
        .where(isUnrevoked(id, revisions, ceiling))
        .returning({ id: apiKeys.id })
      const { written, found, inTheWay, open } = await audited(db, audit, write, {
        found: select(id),
        inTheWay: ceiling.inTheWay,
        ...changed(id, audit),
      })
      note(happened, open)
      return { changed: written.length > 0, row: found[0], inTheWay: inTheWay?.[0] }
    },

    /** The uses and the refused uses of each day, newest first. @returns undefined if there is no such key */
    async usage(id: KeyId, limit: number) {
      const { known, days, refused } = await batch(db, {
        known: select(id),
        days: db
          .select()
          .from(apiKeyUsage)
          .where(eq(apiKeyUsage.keyId, id))
          .orderBy(desc(apiKeyUsage.day))
          .limit(limit),
        refused: db
          .select({ day: refusalCounts.day, count: sql<number>`sum(count)`.as('total') })
          .from(refusalCounts)
          .where(eq(refusalCounts.keyId, id))
          .groupBy(refusalCounts.day)
          .orderBy(desc(refusalCounts.day))
          .limit(limit),
      })
      if (known.length === 0) return undefined
      const byDay = new Map(days.map(({ day, requests }) => [day, { day, requests, refused: 0 }]))
      for (const { day, count } of refused)
        byDay.set(day, { day, requests: byDay.get(day)?.requests ?? 0, refused: count })
      const all = [...byDay.values()].toSorted((a, b) => (a.day < b.day ? 1 : -1))
      return { lastUsedAt: days[0]?.lastUsedAt ?? null, byDay: all.slice(0, limit) }
    },

    /**
     * Absolute figures, so that writing them twice counts nothing twice.
     * @returns whether the database is of this generation; otherwise nothing is written
     */
    async recordUsage(id: KeyId, days: readonly UsageDay[], generation: string) {
      const { found } = await batch(db, {
        found: selectGeneration(db),
        recorded: rows(
          db,
          sql`insert into api_key_usage (key_id, day, requests, last_used_at)
            select ${id}, value ->> 'day', value ->> 'requests', value ->> 'lastUsedAt'
            from json_each(${JSON.stringify(days)})
            where exists (select 1 from api_keys where id = ${id})
              and ${generation} = ${GENERATION}
            on conflict (key_id, day) do update set
              requests = max(requests, excluded.requests),
              last_used_at = max(last_used_at, excluded.last_used_at)`,
        ),
      })
      return generationIn(found) === generation
    },
  }
}

function isOf(whose: KeysOf): SQL {
  if ('createdBy' in whose) return sql`created_by = ${whose.createdBy}`
  if ('ids' in whose) return sql`id in (select value from json_each(${JSON.stringify(whose.ids)}))`
  return sql`created_by in (select user_id from user_roles where role = ${whose.holdersOf})`
}

function moved(audit: AuditRow) {
  return {
    revision: sql`${apiKeys.revision} + 1`,
    accessRevision: sql`${apiKeys.accessRevision} + 1`,
    updatedAt: audit.at,
  }
}
