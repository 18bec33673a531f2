/**
 * A database as SQL that loads in the order in which it stands, into D1, into any sqlite3, and by
 * `npm run restore`: tables before what refers to them, rows, indexes, views, and triggers last, so that none
 * of them acts on what is loaded. A row is one line; what makes the schema ends with a line of `--`. What an
 * sqlite3 before 3.47 cannot read, a trigger for dry runs, is a comment to it.
 */
import { createReadStream } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import * as z from 'zod'

const END = '--'
/** Begins a line that is a comment to an older sqlite3 only. */
const NEWER = '--! '
const NEEDS_NEWER = /raise\s*\(\s*\w+\s*,\s*[^'\s]/i
const Named = z.object({ name: z.string() })
const Made = z.object({ type: z.string(), name: z.string(), sql: z.string() })
export type Made = z.infer<typeof Made>

/** Rows of it are not in a backup: whoever has them is signed in. */
const NOT_KEPT = new Set(['auth_sessions'])

/** What the site has made, and not the engine or the platform. */
export const SELECT_SCHEMA = `select type, name, sql from sqlite_master
  where sql is not null and name not glob 'sqlite_*' and name not glob '_cf_*' order by rowid`

export function parseSchema(rows: readonly unknown[]): Made[] {
  return z.array(Made).parse(rows)
}

export interface Line {
  readonly text: string
  /** Of which table this is a row. */
  readonly table?: string
}

/** All of the database, each line with its end; of one moment if it is read in one transaction. */
export function* databaseLines(db: DatabaseSync): Generator<Line> {
  const schema = parseSchema(db.prepare(SELECT_SCHEMA).all())
  const tables = inOrder(db, ofType(schema, 'table'))
  const statement = ({ sql }: Made) => ({ text: `${shown(sql)};\n${END}\n` })
  yield* tables.map(statement)
  for (const { name } of tables) if (!NOT_KEPT.has(name)) yield* rowsOf(db, name)
  for (const type of ['index', 'view', 'trigger']) yield* ofType(schema, type).map(statement)
}

function shown(sql: string): string {
  return NEEDS_NEWER.test(sql) ? NEWER + sql.replaceAll('\n', `\n${NEWER}`) : sql
}

/** Lines of files as they are run. */
export async function* executableLines(files: readonly string[]): AsyncGenerator<string> {
  for (const file of files)
    for await (const line of linesOf(file))
      yield line.startsWith(NEWER) ? line.slice(NEWER.length) : line
}

export function ofType(schema: readonly Made[], type: string): Made[] {
  return schema.filter((each) => each.type === type)
}

/** Tables behind those that they refer to. */
function inOrder(db: DatabaseSync, tables: readonly Made[]): Made[] {
  const found: Made[] = []
  const add = (table: Made): void => {
    if (found.includes(table)) return
    const keys = db.prepare('select "table" as name from pragma_foreign_key_list(?)')
    for (const row of keys.all(table.name)) {
      const { name } = Named.parse(row)
      const parent = tables.find((each) => each.name === name)
      if (parent && parent !== table) add(parent)
    }
    found.push(table)
  }
  tables.forEach(add)
  return found
}

function* rowsOf(db: DatabaseSync, table: string): Generator<Line> {
  // What is generated cannot be inserted.
  const columns = z
    .array(Named)
    .parse(db.prepare('select name from pragma_table_xinfo(?) where hidden = 0').all(table))
    .map(({ name }) => quoted(name))
  const literals = columns.map((column) => `(${literal(column)})`).join(` || ',' || `)
  const insert = `INSERT INTO ${quoted(table)} (${columns.join(',')}) VALUES(`
  const select = db.prepare(`select ${literals} as line from ${quoted(table)}`)
  select.setReturnArrays(true)
  for (const row of select.iterate()) yield { table, text: `${insert}${lineOf(row)});\n` }
}

const Row = z.tuple([z.string()])
function lineOf(row: unknown): string {
  return Row.parse(row)[0]
}

/** Texts that would not be one line, or end too soon, are written as bytes. */
function literal(column: string): string {
  const isPlain = `instr(${column}, char(10)) + instr(${column}, char(13)) + instr(${column}, char(0)) = 0`
  return `iif(typeof(${column}) <> 'text' or ${isPlain}, quote(${column}),
    'CAST(x''' || hex(${column}) || ''' AS TEXT)')`
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Lines of a file, without their ends. Nothing but a line feed ends one. */
export async function* linesOf(file: string): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of createReadStream(file, { encoding: 'utf8', highWaterMark: 2 ** 20 })) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}

const INSERT = /^INSERT INTO "((?:[^"]|"")+)" /

/** Of which table the line is a row. */
export function tableOf(line: string): string | undefined {
  return INSERT.exec(line)?.[1]?.replaceAll('""', '"')
}

/** Runs what `databaseLines` has written as one transaction: all of it, or nothing. */
export async function runLines(db: DatabaseSync, files: readonly string[]): Promise<void> {
  db.exec('BEGIN')
  try {
    let made = ''
    for await (const line of executableLines(files)) {
      if (made === '' && tableOf(line) !== undefined) db.exec(line)
      else if (line === END) {
        db.exec(made)
        made = ''
      } else made += `${line}\n`
    }
    db.exec(made)
    db.exec('COMMIT')
  } catch (error) {
    db.exec('ROLLBACK')
    throw error
  }
}

/**
 * A database made of what `wrangler d1 export --no-schema` has written, a row a line in any order, and of
 * the schema as the database itself says it.
 * @param file where it is made
 */
export async function fromExport(
  schema: readonly Made[],
  rows: string,
  file: string,
): Promise<DatabaseSync> {
  const db = new DatabaseSync(file, { enableForeignKeyConstraints: false })
  for (const { sql } of ofType(schema, 'table')) db.exec(sql)
  const kept = new Set(ofType(schema, 'table').map(({ name }) => name))
  db.exec('BEGIN')
  for await (const line of linesOf(rows)) {
    const table = tableOf(line)
    if (table !== undefined && kept.has(table)) db.exec(line)
  }
  db.exec('COMMIT')
  for (const type of ['index', 'view', 'trigger'])
    for (const { sql } of ofType(schema, type)) db.exec(sql)
  return db
}
