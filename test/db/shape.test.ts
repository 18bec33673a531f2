/** A statement whose text is made once reads what drizzle reads, and takes what it is given. */
import { env } from 'cloudflare:workers'
import { and, eq, getTableName, is, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { SQLiteTable } from 'drizzle-orm/sqlite-core'
import { expect, test } from 'vitest'
import * as schema from '../../src/db/schema.ts'
import { shape, shapes } from '../../src/db/shape.ts'
import { furnish } from '../support/every-route.ts'
import { rowsOf } from '../support/population.ts'
import { testSite } from '../support/site.ts'

const value = sql.placeholder
const db = drizzle(env.DB)

/** Every table with what a site in use has in it. */
async function furnishedTables() {
  const site = testSite()
  await furnish(site)
  await site.tick()
  const tables = Object.values<unknown>(schema).filter((each) => is(each, SQLiteTable))
  return tables.map((table) => ({ name: getTableName(table), table }))
}

test('every column of every table is read as drizzle reads it', async () => {
  const filled: string[] = []
  for (const { name, table } of await furnishedTables()) {
    const expected = await db.select().from(table)
    const read = await shape((builder) => builder.select().from(table))(db, {}).run()
    expect([name, read]).toEqual([name, expected])
    if (expected.length > 0) filled.push(name)
  }
  expect(filled).toEqual(
    expect.arrayContaining(['users', 'bookings', 'api_keys', 'audit_log', 'job_runs', 'roles']),
  )
})

const AT = '2026-01-01T00:00:00.000Z'

/** A role of each name, so that there is something to write to. */
const INSERT = shape<{ name: string; permissions: object }, { name: string }[]>((builder) =>
  builder
    .insert(schema.roles)
    .values({
      name: sql`${value('name')}`,
      permissions: sql`${sql.param(value('permissions'), schema.roles.permissions)}`,
      revision: 1,
      createdAt: AT,
      updatedAt: AT,
    })
    .returning({ name: schema.roles.name }),
)

const UPDATE = shapes<
  [hasRevision: boolean],
  { name: string; revision: number },
  { revision: number }[]
>((builder, hasRevision) =>
  builder
    .update(schema.roles)
    .set({ revision: sql`revision + 1` })
    .where(
      and(
        eq(schema.roles.name, value('name')),
        hasRevision ? eq(schema.roles.revision, value('revision')) : undefined,
      ),
    )
    .returning({ revision: schema.roles.revision }),
)

test('what it is given goes where its name says, in the form that the column has', async () => {
  const permissions = { 'profile:read': 'any' }
  expect(await INSERT(db, { name: 'one', permissions }).run()).toEqual([{ name: 'one' }])
  expect(await INSERT(db, { name: 'two', permissions: {} }).run()).toEqual([{ name: 'two' }])
  const stored = await rowsOf('select name, permissions from roles order by name')
  expect(stored).toEqual([
    { name: 'one', permissions: JSON.stringify(permissions) },
    { name: 'two', permissions: '{}' },
  ])
})

test('each variant is a statement of its own, made when it is needed first and kept', async () => {
  await INSERT(db, { name: 'one', permissions: {} }).run()
  const values = { name: 'one', revision: 7 }
  expect(await UPDATE(true)(db, values).run()).toEqual([])
  expect(await UPDATE(false)(db, values).run()).toEqual([{ revision: 2 }])
  expect(await UPDATE(true)(db, { ...values, revision: 2 }).run()).toEqual([{ revision: 3 }])
  expect(UPDATE(true)).toBe(UPDATE(true))
  expect(UPDATE(true)).not.toBe(UPDATE(false))
})

test('a value that is missing is never bound as nothing', () => {
  const values = { name: 'one' } as { name: string; revision: number }
  expect(() => UPDATE(true)(db, values)).toThrow('no value for revision')
})

test('two columns that would be read as one are refused', () => {
  const twice = shape((builder) =>
    builder
      .select({ id: schema.users.id, badge: schema.badges.id })
      .from(schema.users)
      .innerJoin(schema.badges, sql`true`),
  )
  expect(() => twice(db, {})).toThrow('two columns have one name')
})
