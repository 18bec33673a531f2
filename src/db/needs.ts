/** What this code needs of a database: which migrations made it, and what has to be in it. */
import { is } from 'drizzle-orm'
import { getTableConfig, SQLiteTable } from 'drizzle-orm/sqlite-core'
import * as schema from './schema.ts'

/** Every file of `migrations/`, for a Worker cannot look there; a test compares the two. */
export const MIGRATIONS = [
  '0001_init',
  '0002_api_keys',
  '0003_bookings',
  '0004_auth',
  '0005_roles',
  '0006_token_keys',
  '0007_rehearsal',
  '0008_linked_identities',
  '0009_indexes',
  '0010_answers_about',
  '0011_dry_run',
  '0012_outbox',
  '0013_login',
  '0014_keys',
  '0015_guests',
  '0016_time_zones',
  '0017_tokens_and_answers',
  '0018_folded_names',
  '0022_assumed',
  '0023_profile_sync',
  '0024_pages_of_lists',
  '0025_pages_of_the_log',
  '0026_page_rules',
  '0027_page_keys',
  '0028_signals',
  '0030_feed',
  '0031_webhooks',
  '0032_told',
  '0033_calendar_feeds',
  '0034_finding_members',
  '0035_counters',
  '0036_outside_sessions',
  '0038_refusals',
  '0040_stores',
  '0042_assumed_tokens',
  '0044_webhook_told',
  '0045_awards_by_day',
  '0047_sealed_audit',
  '0048_shards_grow',
  '0049_pages_of_jobs',
  '0050_removed_late',
] as const

/** A row of `sqlite_master`. */
export interface SchemaObject {
  readonly type: string
  readonly name: string
  readonly sql: string | null
}

/** Views and triggers without which a guard would be missing; a test compares them with the migrations. */
export const GUARDS = [
  'acting',
  'acting_with_current_rights',
  'assumed',
  'assumed_is_still_so',
  'audit_late_is_noted',
  'audit_log_is_never_changed',
  'audit_log_is_never_cleared',
  'audit_removed_is_removed',
  'audit_seals_are_cleared',
  'audit_seals_are_kept',
  'audit_seals_are_never_changed',
  'awards_counted',
  'awards_counted_anew',
  'awards_not_counted',
  'bookings_changed_are_told',
  'bookings_counted',
  'bookings_counted_anew',
  'bookings_have_terms',
  'bookings_made_are_told',
  'bookings_not_counted',
  'dry_run_ends',
  'feed_follows_the_ledger',
  'feed_follows_the_log',
  'feed_keeps_its_newest',
  'unanswered',
  'unanswered_so_far',
  'user_roles_begin',
  'user_roles_follow',
  'users_counted',
  'users_counted_anew',
  'users_not_counted',
  'visit_shards_never_go',
  'visit_shards_never_shrink',
] as const

/** What is missing, in words: `table users`, `column users.bio`, `trigger x`. */
export function gapsIn(found: readonly SchemaObject[]): string[] {
  const texts = new Map(found.map(({ name, sql }) => [name, sql ?? '']))
  return [
    ...TABLES.flatMap(({ name, columns }) => {
      const text = texts.get(name)
      if (text === undefined) return [`table ${name}`]
      const words = new Set(text.match(/\w+/g))
      return columns
        .filter((column) => !words.has(column))
        .map((column) => `column ${name}.${column}`)
    }),
    ...GUARDS.filter((name) => !texts.has(name)).map((name) => `guard ${name}`),
  ]
}

/** The tables that this code knows. */
export const TABLES = Object.values(schema)
  .filter((value) => is(value, SQLiteTable))
  .map(getTableConfig)
  .map(({ name, columns }) => ({ name, columns: columns.map((column) => column.name) }))

/** Those of this code that the database has not been through. */
export function missingMigrations(applied: readonly string[]): string[] {
  const names = new Set(applied.map((name) => name.replace(/\.sql$/, '')))
  return MIGRATIONS.filter((name) => !names.has(name))
}
