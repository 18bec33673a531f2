import { env } from 'cloudflare:workers'
import { getTableConfig, SQLiteTable } from 'drizzle-orm/sqlite-core'
import { is } from 'drizzle-orm'
import { beforeEach, describe, expect, it } from 'vitest'
import schemaPage from '../docs/storage-schema.md?raw'
import { gapsIn, GUARDS, MIGRATIONS, type SchemaObject } from '../src/db/needs.ts'
import * as schema from '../src/db/schema.ts'
import { assertComplete } from './support/complete.ts'

interface Table {
  readonly name: string
  readonly strict: number
}

async function rows<Row>(query: string, ...values: unknown[]): Promise<Row[]> {
  const { results } = await env.DB.prepare(query)
    .bind(...values)
    .all<Row>()
  return results
}

/** The site's own tables, as the database describes them. */
async function tables(): Promise<Table[]> {
  const all = await rows<Table & { schema: string; type: string }>('pragma table_list')
  return all.filter(
    ({ schema, type, name }) =>
      schema === 'main' && type === 'table' && !/^(sqlite_|_cf_|d1_)/.test(name),
  )
}

const declared = Object.values(schema)
  .filter((value) => is(value, SQLiteTable))
  .map(getTableConfig)

describe('the tables that drizzle knows', () => {
  it('are the tables of the migrated database: nothing is left out', async () => {
    const names = (await tables()).map(({ name }) => name)
    assertComplete(
      declared.map(({ name }) => name),
      names,
      { list: 'src/db/schema.ts', of: 'table of the migrations', recipe: 'A table' },
    )
    expect(names.length).toBeGreaterThan(10)
  })

  it.each(declared.map((table) => [table.name, table] as const))(
    '%s has the same columns, types, nullability and primary key',
    async (name, { columns, primaryKeys }) => {
      const actual = await rows<{ name: string; type: string; notnull: number; pk: number }>(
        'select name, type, "notnull", pk from pragma_table_info(?) order by cid',
        name,
      )
      const key = primaryKeys[0]?.columns.map((column) => column.name)
      expect(
        columns.map((column) => ({
          name: column.name,
          type: column.getSQLType().toUpperCase(),
          notnull: Number(column.notNull),
          pk: key ? key.indexOf(column.name) + 1 : Number(column.primary),
        })),
      ).toEqual(actual)
    },
  )
})

const LISTED = declared.flatMap(({ name, columns }) =>
  columns
    .filter(({ enumValues }) => enumValues !== undefined)
    .map((column) => [`${name}.${column.name}`, name, column.name, column.enumValues] as const),
)

it.each(LISTED)(
  '%s takes the values that drizzle knows: nothing is left out',
  async (place, table, column, values) => {
    const [row] = await rows<{ sql: string }>('select sql from sqlite_master where name = ?', table)
    const [, list = ''] = new RegExp(`\\b${column} IN \\(([^)]*)\\)`).exec(row?.sql ?? '') ?? []
    const taken = [...list.matchAll(/'([^']*)'/g)].map(([, value = '']) => value)
    assertComplete(taken, values ?? [], {
      list: `the check of ${place} in migrations/`,
      of: 'value of src/db/schema.ts',
      recipe: 'A badge metric',
    })
  },
)

it('docs/storage-schema.md has each table and view: nothing is left out', async () => {
  const views = await rows<{ name: string }>("select name from sqlite_master where type = 'view'")
  const [ofD1 = ''] = schemaPage.split('## Durable Objects')
  const cells = [...ofD1.matchAll(/^\| (`[^|]+) \|/gm)].map(([, cell = '']) => cell)
  const named = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name))
  const stored = [...(await tables()), ...views].map(({ name }) => name)
  assertComplete(named, stored, {
    list: 'docs/storage-schema.md',
    of: 'table or view of the migrations',
    recipe: 'A table',
  })
})

describe('what the code needs of a database', () => {
  it('is every migration there is: nothing is left out', () => {
    assertComplete(
      [...MIGRATIONS],
      env.TEST_MIGRATIONS.map(({ name }) => name.replace(/\.sql$/, '')),
      { list: 'MIGRATIONS in src/db/needs.ts', of: 'migration', recipe: 'A table' },
    )
  })

  it('is every view and trigger there is: nothing is left out', async () => {
    const found = await rows<SchemaObject>("select * from sqlite_master where name not like 'd1_%'")
    const guards = found.filter(({ type }) => type === 'view' || type === 'trigger')
    assertComplete(
      [...GUARDS],
      guards.map(({ name }) => name),
      { list: 'GUARDS in src/db/needs.ts', of: 'view or trigger', recipe: 'A table' },
    )
    expect(gapsIn(found)).toEqual([])
  })
})

describe('the migrated database', () => {
  it('has only STRICT tables', async () => {
    expect((await tables()).filter(({ strict }) => strict !== 1)).toEqual([])
  })

  it('refuses a value of another type instead of converting it', async () => {
    await expect(
      rows('insert into erased_identities (identity_hash, erased_at) values (?, ?)', 'x', 'soon'),
    ).rejects.toThrow('cannot store TEXT value in INTEGER column')
  })

  it('never deletes one row because of another', async () => {
    const keys = []
    for (const { name } of await tables()) {
      keys.push(
        ...(await rows<{ on_delete: string }>('select * from pragma_foreign_key_list(?)', name)),
      )
    }
    expect(keys.length).toBeGreaterThan(3)
    expect(keys.filter(({ on_delete }) => on_delete !== 'NO ACTION')).toEqual([])
    expect(await rows("select name from sqlite_master where sql like '%cascade%'")).toEqual([])
  })

  it('refuses a row whose parent does not exist', async () => {
    await expect(
      rows(
        "insert into user_roles (user_id, role, assigned_at, assigned_by) values ('usr_x', 'admin', '', '')",
      ),
    ).rejects.toThrow('FOREIGN KEY constraint failed')
  })
})

describe('the audit log', () => {
  beforeEach(async () => {
    await rows(
      `insert into audit_log (id, at, actor, action, target, changes)
       values ('aud_1', '2026-01-01T00:00:00.000Z', 'usr_1', 'user.create', 'usr_1', '{}')`,
    )
  })

  it.each([
    "update audit_log set actor = 'usr_2'",
    "update audit_log set changes = '{}' where id = 'aud_1'",
    "insert into audit_log select * from audit_log where true on conflict do update set actor = 'x'",
    "update or ignore audit_log set actor = 'usr_2'",
    'delete from audit_log',
    "delete from audit_log where id = 'aud_1'",
  ])('refuses: %s', async (query) => {
    await expect(rows(query)).rejects.toThrow('the audit log is append-only')
    expect(await rows('select actor from audit_log')).toEqual([{ actor: 'usr_1' }])
  })
})
