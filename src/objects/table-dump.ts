/**
 * How the tables of an object leave it for a backup, in pages, and come into an empty one. What is about
 * one group, as all days of a member, is in one page, and so of one moment.
 */
import type { Belonging } from './belonging.ts'

export type DumpValue = string | number | null

/** Rows of one table, each with its columns in the order in which the object names them. */
export interface DumpedRows {
  readonly table: string
  readonly rows: DumpValue[][]
}

export interface DumpPage {
  readonly tables: DumpedRows[]
  /** Where the next page goes on; null after the last. */
  readonly next: string | null
}

export interface DumpedTable {
  readonly name: string
  /** Those of the group come first. */
  readonly columns: readonly string[]
  /** How many of the columns make the group, in the order of which pages go. */
  readonly group: number
  /** The primary key. */
  readonly order: string
  /** Tables of the same groups, whose rows go with these. Every group has rows here. */
  readonly beside?: readonly DumpedTable[]
}

interface Place {
  readonly table: number
  readonly after: DumpValue[] | null
}

/** Which backup is being loaded; it is gone once the object has been adopted. */
const LOADING = 'loading'

export class TableDump {
  readonly #storage: DurableObjectStorage
  readonly #tables: readonly DumpedTable[]

  constructor(storage: DurableObjectStorage, tables: readonly DumpedTable[]) {
    this.#storage = storage
    this.#tables = tables
  }

  get #sql() {
    return this.#storage.sql
  }

  get #all() {
    return this.#tables.flatMap((table) => [table, ...(table.beside ?? [])])
  }

  /** About `limit` rows; more only of a group that has more by itself. */
  page(cursor: string | null, limit: number): DumpPage {
    const tables: DumpedRows[] = []
    let place: Place = cursor === null ? { table: 0, after: null } : JSON.parse(cursor)
    let left = limit
    for (;;) {
      const table = this.#tables[place.table]
      if (!table) return { tables, next: null }
      const { rows, isLast } = this.#groups(table, place.after, left)
      const last = isLast ? null : (rows.at(-1)?.slice(0, table.group) ?? null)
      if (rows.length > 0) tables.push({ table: table.name, rows })
      for (const other of table.beside ?? []) {
        const those = this.#between(other, place.after, last)
        if (those.length > 0) tables.push({ table: other.name, rows: those })
      }
      left -= rows.length
      place = last ? { table: place.table, after: last } : { table: place.table + 1, after: null }
      if (last || (left <= 0 && this.#tables[place.table]))
        return { tables, next: JSON.stringify(place) }
    }
  }

  /** Makes the object ready to be loaded; it does nothing else until it is adopted. @returns false if it is in use */
  begin(backup: string, belonging: Belonging): boolean {
    if (this.#storage.kv.get(LOADING) === undefined && !this.#isEmpty()) return false
    this.#storage.transactionSync(() => {
      for (const { name } of this.#all) this.#sql.exec(`DELETE FROM ${name}`)
      this.#storage.kv.put(LOADING, backup)
    })
    belonging.hold()
    return true
  }

  /** May be repeated. @throws Error unless the object is being loaded with this backup */
  load(backup: string, tables: readonly DumpedRows[]): void {
    if (this.#storage.kv.get(LOADING) !== backup) throw new Error('no such backup is being loaded')
    this.#storage.transactionSync(() => {
      for (const { table, rows } of tables) {
        const known = this.#all.find(({ name }) => name === table)
        if (!known) throw new Error(`an object has no table ${table}`)
        const marks = known.columns.map(() => '?').join()
        const insert = `INSERT OR REPLACE INTO ${table} (${known.columns.join()}) VALUES (${marks})`
        for (const row of rows) this.#sql.exec(insert, ...row)
      }
    })
  }

  end(): void {
    this.#storage.kv.delete(LOADING)
  }

  #isEmpty(): boolean {
    return this.#all.every(
      ({ name }) => this.#sql.exec(`SELECT 1 FROM ${name} LIMIT 1`).toArray().length === 0,
    )
  }

  /** Whole groups beyond `after`, and whether these are the last. */
  #groups(table: DumpedTable, after: DumpValue[] | null, limit: number) {
    const rows = this.#select(table, after, null, limit + 1)
    if (rows.length <= limit) return { rows, isLast: true }
    const cut = rows.at(-1)?.slice(0, table.group) ?? []
    const whole = rows.filter((row) => cut.some((value, at) => row[at] !== value))
    if (whole.length > 0) return { rows: whole, isLast: false }
    return { rows: this.#select(table, after, cut, -1), isLast: false }
  }

  #between(table: DumpedTable, after: DumpValue[] | null, last: DumpValue[] | null) {
    return this.#select(table, after, last, -1)
  }

  /** @param limit a negative one is none */
  #select(
    { name, columns, group, order }: DumpedTable,
    after: DumpValue[] | null,
    last: DumpValue[] | null,
    limit: number,
  ): DumpValue[][] {
    const key = `(${columns.slice(0, group).join()})`
    const marks = `(${columns
      .slice(0, group)
      .map(() => '?')
      .join()})`
    const where = [...(after ? [`${key} > ${marks}`] : []), ...(last ? [`${key} <= ${marks}`] : [])]
    const sql = `SELECT ${columns.join()} FROM ${name}
      ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''} ORDER BY ${order} LIMIT ?`
    return Array.from(this.#sql.exec(sql, ...(after ?? []), ...(last ?? []), limit).raw(), plain)
  }
}

/** @throws Error for what no table of an object has */
function plain(row: SqlStorageValue[]): DumpValue[] {
  return row.map((value) => {
    if (value instanceof ArrayBuffer) throw new Error('an object holds bytes')
    return value
  })
}
