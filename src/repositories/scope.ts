/**
 * How far a read or write reaches, up to whose rights a write goes, and which revisions it accepts.
 * All of it becomes part of the SQL, so check and write are one statement.
 */
import { and, eq, type Placeholder, not, sql, type SQL } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'

/** Which rows, as a decision says it; plain data, which proves nothing. */
export type Scope = { readonly owner: string } | 'everyone'

/** Which rows a read sees. What is public is read with `everyone`; whoever may write rows may read them. */
export type ReadScope = Scope | WriteScope

/** Known to this module alone; `private` keeps out the compiler's callers, this everybody else. */
const KEY = Symbol('write scope')

/** A right that whoever writes does not have, and the built-in roles that give it. */
export interface MissingRight {
  readonly permission: string
  readonly reach: 'own' | 'any'
  readonly roles: readonly string[]
}

let make: (rows: Scope, missing: readonly MissingRight[]) => WriteScope

/** Which rows a write may change. It comes with an exercised grant, and in no other way. */
export class WriteScope {
  readonly #rows: Scope
  readonly #missing: readonly MissingRight[]

  private constructor(key: typeof KEY, rows: Scope, missing: readonly MissingRight[]) {
    if (key !== KEY) throw new TypeError('only a grant makes a scope for writes')
    this.#rows = rows
    this.#missing = missing
    Object.freeze(this)
  }

  static {
    make = (rows, missing) => new WriteScope(KEY, rows, missing)
  }

  get rows(): Scope {
    return this.#rows
  }

  /** Whoever has one of these loses nothing by this write; see `ceiling.ts`. */
  get missing(): readonly MissingRight[] {
    return this.#missing
  }
}

/** Only `security/grant.ts` may call this, and lint keeps it so. */
export function makeWriteScope(rows: Scope, missing: readonly MissingRight[]): WriteScope {
  return make(rows, missing)
}

/** The condition for a `where`; undefined (no condition) only for a scope that says so. */
export function within(scope: ReadScope, ownerColumn: SQLiteColumn): SQL | undefined {
  const rows = scope instanceof WriteScope ? scope.rows : scope
  return rows === 'everyone' ? undefined : eq(ownerColumn, rows.owner)
}

/** What a scope adds to the text of a statement. */
export type ScopeKind = 'everyone' | 'owner'

export function kindOf(scope: ReadScope): ScopeKind {
  const rows = scope instanceof WriteScope ? scope.rows : scope
  return rows === 'everyone' ? 'everyone' : 'owner'
}

/** The value of the placeholder `owner`; of no consequence where everyone is in scope. */
export function ownerOf(scope: ReadScope): string {
  const rows = scope instanceof WriteScope ? scope.rows : scope
  return rows === 'everyone' ? '' : rows.owner
}

/** `within` for a statement whose text is made once, with a placeholder `owner`. */
export function withinKind(kind: ScopeKind, ownerColumn: SQLiteColumn): SQL | undefined {
  return kind === 'everyone' ? undefined : eq(ownerColumn, sql.placeholder('owner'))
}

/** Which revisions of a row a change is meant for; undefined for any, there or not. */
export type Revisions =
  | {
      /** If-Match: one of these, or whichever is there. */
      readonly match?: readonly number[] | '*'
      /** If-None-Match: none of these, or only if there is none. */
      readonly noneMatch?: readonly number[] | '*'
    }
  | undefined

/** The condition that a row is at a revision they accept. */
export function atRevision(column: SQLiteColumn, revisions: Revisions): SQL | undefined {
  const { match = '*', noneMatch = [] } = revisions ?? {}
  if (noneMatch === '*') return sql`false`
  return and(
    match === '*' ? undefined : among(column, match),
    noneMatch.length > 0 ? not(among(column, noneMatch)) : undefined,
  )
}

/** What revisions add to the text of a statement. */
export type RevisionsAsked = 'any' | 'none' | 'match' | 'noneMatch' | 'both'

export function revisionsAsked(revisions: Revisions): RevisionsAsked {
  const { match = '*', noneMatch = [] } = revisions ?? {}
  if (noneMatch === '*') return 'none'
  if (match === '*') return noneMatch.length > 0 ? 'noneMatch' : 'any'
  return noneMatch.length > 0 ? 'both' : 'match'
}

/** `atRevision` for a statement whose text is made once, with placeholders `match` and `noneMatch`. */
export function atRevisionAsked(column: SQLiteColumn, asked: RevisionsAsked): SQL | undefined {
  if (asked === 'none') return sql`false`
  const isAmong = (name: string) =>
    sql`${column} in (select value from json_each(${sql.placeholder(name)}))`
  return and(
    asked === 'match' || asked === 'both' ? isAmong('match') : undefined,
    asked === 'noneMatch' || asked === 'both' ? not(isAmong('noneMatch')) : undefined,
  )
}

/** The values of these placeholders. */
export function revisionValues(revisions: Revisions) {
  const { match, noneMatch } = revisions ?? {}
  return { match: JSON.stringify(match ?? []), noneMatch: JSON.stringify(noneMatch ?? []) }
}

/** What `atRevision` asks, of a revision that was read. @param revision undefined if there is no row */
export function accepts(revisions: Revisions, revision: number | undefined): boolean {
  const { match, noneMatch = [] } = revisions ?? {}
  if (revision === undefined) return match === undefined
  const isMeant = match === undefined || match === '*' || match.includes(revision)
  return isMeant && noneMatch !== '*' && !noneMatch.includes(revision)
}

/** Only the one that was read, if they accept that. */
export function onlyAt(revision: number, revisions?: Revisions): Revisions {
  return { match: accepts(revisions, revision) ? [revision] : [] }
}

/** What sorts after a row with these values; compared as one, so that an index leads there. */
export function sortsAfter(
  columns: readonly [SQLiteColumn, SQLiteColumn],
  values: readonly [string | number | Placeholder, string | Placeholder],
): SQL {
  return sql`(${columns[0]}, ${columns[1]}) > (${values[0]}, ${values[1]})`
}

/** A list of any length, as one parameter: D1 binds at most 100. */
function among(column: SQLiteColumn, numbers: readonly number[]): SQL {
  return sql`${column} in (select value from json_each(${JSON.stringify(numbers)}))`
}
