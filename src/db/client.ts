/**
 * One D1 session per request or trigger, as drizzle. The start of a session decides what its first
 * read may see: `primary` reads the newest state and is for everything that decides about access.
 */
import type { SQL } from 'drizzle-orm'
import type { BatchItem } from 'drizzle-orm/batch'
import { drizzle } from 'drizzle-orm/d1'
import { countCall } from '../log.ts'
import { countingCommits } from './commits.ts'
import { carrying } from './first-call.ts'
import { Bound, preparedBy } from './shape.ts'

export type Database = ReturnType<typeof drizzle>

export interface Session {
  readonly db: Database
  /** The point a later session can continue from; null until something was read or written. */
  readonly bookmark: () => string | null
  /**
   * Makes sure that what it was opened with is so; one trip if nothing was asked of it so far.
   * @throws what `isAccessChange` or `isAnswered` recognises
   */
  readonly confirm: () => Promise<void>
}

/** What a request goes by without having read it, as the statement that raises an error if it is wrong. */
export interface Assumption {
  readonly sql: string
  readonly values: readonly unknown[]
}

const BOOKMARK = /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/

/**
 * @param start `primary`, or the caller's bookmark; anything that is not one reads the nearest replica
 * @param assumptions checked by the first call, which is void if one of them is wrong
 */
export function openSession(
  d1: D1Database,
  start: 'primary' | (string & {}) | undefined,
  assumptions: readonly Assumption[] = [],
): Session {
  const native = d1.withSession(startOf(start))
  const bookmark = () => native.getBookmark()
  const counted = countingCommits(native)
  if (assumptions.length === 0)
    return { db: drizzle(asDatabase(counted), COUNTED), bookmark, confirm: async () => {} }
  const conditions = assumptions.map((each) => native.prepare(each.sql).bind(...each.values))
  const { session, confirm } = carrying(counted, conditions)
  return { db: drizzle(asDatabase(session), COUNTED), bookmark, confirm }
}

/** drizzle says so of each statement that it runs by itself, and of none in a batch. */
const COUNTED = { logger: { logQuery: () => countCall('d1') } }

function startOf(start: string | undefined): D1SessionBookmark {
  if (start === 'primary') return 'first-primary'
  return start !== undefined && BOOKMARK.test(start) ? start : 'first-unconstrained'
}

/** drizzle's D1 driver calls only `prepare` and `batch`, which a session has with the same meaning. */
function asDatabase(session: Pick<D1Database, 'prepare' | 'batch'>): D1Database {
  return session as D1Database
}

/** One statement of a batch. */
export type Statement = BatchItem<'sqlite'> | Bound<unknown>

/** The statements of a batch in the order they run, by name; one that is undefined is left out. */
export type Statements = Readonly<Record<string, Statement | undefined>>

export type Results<S extends Statements> = { readonly [Name in keyof S]: ResultOf<S[Name]> }

type ResultOf<S> =
  S extends Bound<infer Result>
    ? Result
    : S extends BatchItem<'sqlite'>
      ? S['_']['result']
      : undefined

/**
 * Runs the statements as one transaction and one round trip, in the order they are written. A name is
 * a word: an object lists names that are whole numbers before all others.
 * @returns what each of them returns, by its name
 */
export async function batch<S extends Statements>(
  db: Database,
  statements: S,
): Promise<Results<S>> {
  const names: string[] = []
  const bound: Bound<unknown>[] = []
  for (const [name, statement] of Object.entries(statements)) {
    if (!statement) continue
    names.push(name)
    bound.push(statement instanceof Bound ? statement : boundOf(statement))
  }
  const results: Record<string, unknown> = {}
  if (bound.length === 0) return asResults(results)
  countCall('d1')
  const answers = await db.$client.batch<Record<string, unknown>>(bound.map(({ native }) => native))
  answers.forEach((answer, index) => {
    results[names[index] ?? ''] = bound[index]?.read(answer)
  })
  return asResults(results)
}

/** What drizzle's own `batch` makes of a statement of its own. */
function boundOf(statement: BatchItem<'sqlite'>): Bound<unknown> {
  const prepared = preparedBy(statement)
  const { params } = prepared.getQuery()
  return new Bound(prepared.stmt.bind(...params), (result) => prepared.mapResult(result, true))
}

/** drizzle answers statements in the order it was given them; its types follow no list made at run time. */
function asResults<S extends Statements>(results: Readonly<Record<string, unknown>>): Results<S> {
  return results as Results<S>
}

/** A statement written as SQL, for a batch or by itself; `rows` for one whose rows matter. */
export function statement(db: Database, query: SQL) {
  return preparedForBatch(db, db.run(query))
}

export function rows<Row>(db: Database, query: SQL) {
  return preparedForBatch(db, db.all<Row>(query))
}

/** drizzle's `batch` binds parameters to `stmt`, which it forgets to make for statements written as SQL. */
function preparedForBatch<Q extends { getQuery(): { sql: string } }>(db: Database, query: Q): Q {
  return Object.assign(query, { stmt: db.$client.prepare(query.getQuery().sql) })
}
