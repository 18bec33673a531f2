/** A dry run on D1 answers as a real one would, keeps nothing, and refuses what it cannot do. */
import { env } from 'cloudflare:workers'
import { asc, eq, sql } from 'drizzle-orm'
import { beforeEach, describe, expect, it } from 'vitest'
import { openSession, rows, statement } from '../../src/db/client.ts'
import { isAccessChange, isUniqueViolation } from '../../src/db/errors.ts'
import { dryRunDatabase } from '../../src/db/dry-run.ts'
import { badges, site } from '../../src/db/schema.ts'
import { dumpD1 } from '../support/dump.ts'

const open = () => openSession(dryRunDatabase(env.DB), 'primary').db

const badge = {
  id: 'bdg_1',
  slug: 'one',
  title: 'Ünï"\\ \u2028💥',
  description: ': SQLITE_CONSTRAINT :dry run [] dry run: ',
  backgroundColor: '#000000',
  textColor: '#ffffff',
  iconUrl: null,
  position: 7,
  revision: 1,
  createdAt: '',
  updatedAt: '',
} as const

beforeEach(async () => {
  await env.DB.batch([
    env.DB.prepare('delete from site'),
    env.DB.prepare(`insert into site (key, value) values ('a', '1'), ('b', '2'), ('c', '3')`),
  ])
})

describe('statements of a dry run answer what they would', () => {
  it('a read, a write that returns rows, and what follows from the count of its changes', async () => {
    const db = open()
    const results = await db.batch([
      db
        .update(site)
        .set({ value: 'new' })
        .where(sql`key < 'c'`)
        .returning({ key: site.key }),
      statement(db, sql`insert into site (key, value) select 'changed', changes()`),
      db.select().from(site).orderBy(asc(site.key)),
      db.delete(site).where(eq(site.key, 'c')).returning({ value: site.value, key: site.key }),
      rows(db, sql`select json_array(key) as list, 3 as n from site where key = ${'a'}`),
      // This statement returns no rows, and must not get those of another one.
      db.update(site).set({ value: 'newer' }),
    ])
    expect(results[0]).toEqual([{ key: 'a' }, { key: 'b' }])
    expect(results[2]).toEqual([
      { key: 'a', value: 'new' },
      { key: 'b', value: 'new' },
      { key: 'c', value: '3' },
      { key: 'changed', value: '2' },
    ])
    expect(results[3]).toEqual([{ value: '3', key: 'c' }])
    expect(results[4]).toEqual([{ list: '["a"]', n: 3 }])
  })

  it('any text, and null, and whole numbers', async () => {
    const db = open()
    await db.insert(badges).values(badge)
    expect(await db.select().from(badges)).toEqual([badge])
  })

  it('later statements see what earlier ones wrote, alone or in a batch', async () => {
    const db = open()
    await db.insert(site).values({ key: 'd', value: '4' })
    await db.delete(site).where(eq(site.key, 'a'))
    const keys = db.select({ key: site.key }).from(site).orderBy(asc(site.key))
    const left = [{ key: 'b' }, { key: 'c' }, { key: 'd' }]
    expect(await keys).toEqual(left)
    expect(await db.batch([keys, keys])).toEqual([left, left])
    expect(await rows(db, sql`select a.key, b.key from site a join site b using (key)`)).toEqual([
      { key: 'b', 'key:1': 'b' },
      { key: 'c', 'key:1': 'c' },
      { key: 'd', 'key:1': 'd' },
    ])
  })

  it('and fail as they would', async () => {
    const db = open()
    await db.insert(badges).values(badge)
    const again = await db
      .insert(badges)
      .values({ ...badge, id: 'bdg_2' })
      .catch(errorOf)
    expect(isUniqueViolation(again, 'badges.slug')).toBe(true)
    const acting = statement(db, sql`insert into acting values ('usr_1', ${3})`)
    expect(isAccessChange(await db.batch([acting]).catch(errorOf))).toBe(true)
    // A statement that failed wrote nothing, so it is not repeated before those that follow.
    expect(await db.select({ id: badges.id }).from(badges)).toEqual([{ id: 'bdg_1' }])
  })
})

describe('nothing of a dry run is stored', () => {
  it('whatever is written, one by one and in batches', async () => {
    const before = await dumpD1()
    const db = open()
    await db.insert(badges).values(badge)
    await db.batch([
      db.update(site).set({ value: '' }),
      db.delete(badges).returning({ id: badges.id }),
    ])
    expect(await dumpD1()).toEqual(before)
    const { results } = await env.DB.prepare(
      "select name from sqlite_master where name like 'dry_run%' order by name",
    ).all()
    expect(results).toEqual([{ name: 'dry_run' }, { name: 'dry_run_ends' }])
  })

  it('not even if the end of the dry run were missing: such a transaction cannot be committed', async () => {
    const before = await dumpD1()
    const begin = env.DB.prepare("insert into dry_run (step, result) values (-1, '')")
    const write = env.DB.prepare("insert into site (key, value) values ('d', '4')")
    await expect(env.DB.batch([begin, write])).rejects.toThrow(/internal error|FOREIGN KEY/)
    expect(await dumpD1()).toEqual(before)
  })
})

describe('what nobody has thought of is refused before anything is sent', () => {
  it.each([
    'pragma foreign_keys = off',
    'create table t (id text)',
    'with x as (select 1) insert into site select 1, 2',
    'update site set value = 1 returning 1',
    "insert into site values ('a', 'x') on conflict (key) do update set value = 'x' returning key",
  ])('%s', (text) => {
    const session = dryRunDatabase(env.DB).withSession('first-primary')
    expect(() => session.prepare(text)).toThrow('nobody has thought of')
  })

  it('a count of changes after a read', async () => {
    const db = open()
    const write = db.update(site).set({ value: '' })
    const counting = statement(db, sql`insert into site select 'n', changes()`)
    await expect(db.batch([write, db.select().from(site), counting])).rejects.toThrow('thought of')
  })

  it('figures of D1 about a write, and everything else a database can do', async () => {
    const db = open()
    const result = await db.update(site).set({ value: '' })
    expect(() => result.meta.changes).toThrow(TypeError)
    const database = dryRunDatabase(env.DB)
    expect(() => database.prepare('select 1')).toThrow(TypeError)
    await expect(async () => database.exec('select 1')).rejects.toThrow(TypeError)
  })
})

function errorOf(error: unknown): unknown {
  return error
}

it('results that D1 has cut short are told to nobody', async () => {
  const cut = (error: unknown) => {
    throw new Error(String(error).slice(0, 60))
  }
  const native = env.DB.withSession.bind(env.DB)
  const withSession = (start?: string) => {
    const session = native(start)
    const batch: typeof session.batch = (all) => session.batch<never>(all).catch(cut)
    return { prepare: session.prepare.bind(session), batch, getBookmark: () => null }
  }
  const db = openSession(dryRunDatabase({ withSession }), 'primary').db
  const write = db
    .insert(badges)
    .values({ ...badge, title: 'a secret' })
    .returning()
  await expect(db.batch([write])).rejects.toThrow('the results of a dry run were cut')
})
