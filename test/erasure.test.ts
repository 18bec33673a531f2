/** A deletion reaches every table that comes to hold a member. */
import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { dumpD1 } from './support/dump.ts'
import { FATES, furnish, type Names, ROWS, WITHOUT_MEMBERS } from './support/member-rows.ts'
import { rowsOf } from './support/population.ts'
import { testSite } from './support/site.ts'

const ROWS_FILE = 'test/support/member-rows.ts'

/** Tables whose rows are members themselves; foreign keys that lead here lead to a member. */
const ROOTS = ['users', 'auth_users']
/** Names that columns about somebody have. */
const SOMEBODY =
  /(^|_)(users?|members?|owner|actor|subject|caller|creator|author|recipient|account|about|target|behalf_of)(_ids?)?$|_by$|^key_ids$/

interface Column {
  readonly table: string
  readonly name: string
  /** The table its foreign key leads to. */
  readonly refersTo: string | null
}

async function columns(): Promise<Column[]> {
  return rowsOf<Column>(`select tables.name as "table", columns.name as name, lower(keys."table") as refersTo
    from sqlite_master tables join pragma_table_info(tables.name) columns
    left join pragma_foreign_key_list(tables.name) keys on keys."from" = columns.name
    where tables.type = 'table' and tables.name not like 'sqlite|_%' escape '|'
      and tables.name not like '|_cf|_%' escape '|'
    order by tables.name, columns.cid`)
}

/** Tables whose rows hang on a member, directly or through one another. */
function hanging(all: readonly Column[]): ReadonlySet<string> {
  const found = new Set(ROOTS)
  for (let size = 0; size < found.size;) {
    size = found.size
    for (const { table, refersTo } of all) if (refersTo && found.has(refersTo)) found.add(table)
  }
  return found
}

/** Sentences about what is missing in `member-rows.ts`. */
function missing(all: readonly Column[]): string[] {
  const mine = hanging(all)
  const tables = [...new Set(all.map(({ table }) => table))]
  const unknown = tables
    .filter((table) => !(table in ROWS) && !(table in WITHOUT_MEMBERS))
    .map(
      (table) => `${table}: no row of it is furnished, and nothing says that it holds no member.`,
    )
  const unsaid = all.flatMap(({ table, name, refersTo }) => {
    const column = `${table}.${name}`
    if (column in FATES) return []
    if (refersTo !== null && mine.has(refersTo))
      return [
        `${column}: refers to ${refersTo}. Unless a deletion empties it, the foreign key makes a 500 of it.`,
      ]
    if (SOMEBODY.test(name))
      return [
        `${column}: seems to hold a member, and nothing says what their deletion makes of it.`,
      ]
    return []
  })
  const idle = [
    ...Object.keys(FATES).filter(
      (column) => !all.some(({ table, name }) => column === `${table}.${name}`),
    ),
    ...[...Object.keys(ROWS), ...Object.keys(WITHOUT_MEMBERS)].filter(
      (table) => !tables.includes(table),
    ),
  ].map((name) => `${name}: is in ${ROWS_FILE}, and not in the schema.`)
  return [...unknown, ...unsaid, ...idle]
}

const HOW = `
Three steps mend it:
1. ${ROWS_FILE}: in ROWS a row of that table that holds the member, in FATES what becomes of the column
   (or in WITHOUT_MEMBERS what the table holds instead).
2. src/repositories/members.ts: in \`delete\`, the statement that empties it, children before parents.
3. docs/storage-schema.md: a line about the table.
docs/decisions/deleted-members-leave-a-hash.md says what may stay of a member.`

function assertNothing(problems: readonly string[]): void {
  if (problems.length > 0) throw new Error([...problems, HOW].join('\n'))
}

/** The number of rows that name the member in that column. */
async function holding({ userId, account, keyId }: Names, column: string): Promise<number> {
  const [table, name] = column.split('.')
  const [row] = await rowsOf<{ n: number }>(
    `select count(*) as n from "${table}" where instr("${name}", ?1) or instr("${name}", ?2) or instr("${name}", ?3)`,
    userId,
    account,
    keyId,
  )
  return row?.n ?? 0
}

const stays = (column: string) => typeof FATES[column] === 'object' && 'stays' in FATES[column]

async function member() {
  const site = testSite()
  const [root, ada] = [await site.root(), await site.member('ada')]
  const names = { userId: ada.userId, account: 'acc-4711', keyId: 'key_0815' }
  return { root, names, remove: () => root.delete(`/v1/users/${ada.userId}`) }
}

describe('the deletion of a member who is in every table', () => {
  it('knows of every table and of every column that can hold one: nothing is left out', async () => {
    assertNothing(missing(await columns()))
  })

  it('empties all of them, but for the columns that say why they keep an id', async () => {
    const { names, remove } = await member()
    await furnish(names)
    const held = Object.keys(FATES).filter((column) => FATES[column] === 'goes' || stays(column))
    const empty: string[] = []
    for (const column of held)
      if ((await holding(names, column)) === 0)
        empty.push(`${column}: the row in ROWS does not hold the member there.`)
    assertNothing(empty)

    const answer = await remove()
    if (answer.status !== 204) {
      assertNothing([
        `DELETE /v1/users/{userId} answers ${answer.status} while every table holds the member.`,
      ])
    }

    const left: string[] = []
    for (const { table, name } of await columns()) {
      const column = `${table}.${name}`
      const count = await holding(names, column)
      if (stays(column) && count === 0)
        left.push(`${column}: FATES says that the id stays, and it has gone.`)
      if (!stays(column) && count > 0) left.push(`${column}: still names the deleted member.`)
    }
    assertNothing(left)
  })

  it('takes nothing else along', async () => {
    const { root, remove } = await member()
    const other = { userId: root.userId, account: 'acc-other', keyId: 'key_other' }
    await furnish(other)
    const before = await dumpD1()
    expect(await remove()).toMatchObject({ status: 204 })
    const after = await dumpD1()
    const { counters: _, ...lasting } = before
    const lost = Object.entries(lasting).flatMap(([table, rows]) => {
      const kept = new Set(after[table]?.map((row) => JSON.stringify(row)))
      const gone = rows.filter((row) => !kept.has(JSON.stringify(row)))
      return gone.length > 0 ? [`${table} ${gone.length}`] : []
    })
    // The rows lost are the member, their identity, and the role that `furnish` gives to everybody.
    expect(lost).toEqual(['identities 1', 'user_roles 1', 'users 1'])
  })
})

describe('a table that nobody has thought of', () => {
  const create = (sql: string) => env.DB.prepare(sql).run()

  it.each([
    ['favorites', 'refers to users', 'create table favorites (who text references users (id))'],
    ['logins', 'refers to auth_users', 'create table logins (who text references auth_users (id))'],
    ['calls', 'refers to api_keys', 'create table calls (what text references api_keys (id))'],
    ['notes', 'seems to hold a member', 'create table notes (written_by text)'],
    ['things', 'no row of it is furnished', 'create table things (what text)'],
  ])('is told with what to do: %s, which %s', async (table, why, sql) => {
    await create(sql)
    const told = missing(await columns())
    expect(told.length).toBeGreaterThan(0)
    expect(told.every((line) => line.startsWith(table))).toBe(true)
    expect(told.join('\n')).toContain(why)
    expect(() => assertNothing(told)).toThrow(`1. ${ROWS_FILE}: in ROWS a row of that table`)
  })

  it('is told even where its row only hangs on another one that hangs on the member', async () => {
    await create('create table lists (id text primary key, who text references users (id))')
    await create('create table entries (list text references lists (id))')
    expect(missing(await columns()).join('\n')).toContain('entries.list: refers to lists')
  })

  it('would break the deletion: that is why', async () => {
    const { names, remove } = await member()
    await create('create table favorites (who text references users (id))')
    await create(`insert into favorites values ('${names.userId}')`)
    expect((await remove()).status).toBe(500)
  })

  it('is told, too, when it has gone', () => {
    expect(missing([])).toContain(`bookings: is in ${ROWS_FILE}, and not in the schema.`)
  })
})
