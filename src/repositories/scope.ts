/**
 * How far a read or write reaches, and which revisions it accepts. Both become part of the SQL, so
 * check and write are one statement.
 */
import { eq, sql, type SQL } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'

export type Scope = { readonly owner: string } | 'everyone'

/** The condition for a `where`; undefined (no condition) only for a scope that says so. */
export function within(scope: Scope, ownerColumn: SQLiteColumn): SQL | undefined {
  return scope === 'everyone' ? undefined : eq(ownerColumn, scope.owner)
}

/** Revisions the caller accepts, from If-Match; undefined for any. */
export type Revisions = readonly number[] | undefined

/** The condition that a row is still at one of them. */
export function atRevision(column: SQLiteColumn, revisions: Revisions): SQL | undefined {
  return revisions && among(column, revisions)
}

/** What sorts after a row with these values; compared as one, so that an index leads there. */
export function sortsAfter(
  columns: readonly [SQLiteColumn, SQLiteColumn],
  values: readonly [string | number, string],
): SQL {
  return sql`(${columns[0]}, ${columns[1]}) > (${values[0]}, ${values[1]})`
}

/** A list of any length, as one parameter: D1 binds at most 100. */
function among(column: SQLiteColumn, numbers: readonly number[]): SQL {
  return sql`${column} in (select value from json_each(${JSON.stringify(numbers)}))`
}
