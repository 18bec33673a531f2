/** The tick carries what objects hold to the bucket, and from there into an empty site. */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { onTrigger } from '../../src/cron/on-request.ts'
import { TRIGGER } from '../../src/cron/schedule.ts'
import { newId } from '../../src/db/ids.ts'
import type { Bucket } from '../../src/objects/archive.ts'
import { parseLine, partKey } from '../../src/objects/backup-format.ts'
import { TableDump } from '../../src/objects/table-dump.ts'
import { mortalStorage } from '../support/failing.ts'
import { partner } from '../support/keys.ts'
import { ask } from '../support/operator.ts'
import { badgeWithRule, rowsOf } from '../support/population.ts'
import { SETTINGS, type Site, testSite } from '../support/site.ts'
import { SOURCES } from '../support/sources.ts'

const SHARDS = 4
const ids = () => crypto.randomUUID().replaceAll('-', '')
const silently = () => vi.spyOn(console, 'error').mockReturnValue()
const calmly = async (site: Site) => site.tick().catch(() => undefined)

/** Members who visit, one who was deleted, a badge that is due, a key in use, and a webhook with a delivery. */
async function inUse() {
  const site = testSite()
  const root = await site.root()
  await badgeWithRule({ threshold: 1 })
  // From here on visit objects know the rule.
  await site.tick()
  const people = await Promise.all(['ada', 'bob', 'eve'].map((name) => site.member(name)))
  for (const each of people)
    await each.post('/v1/me/visits', {}, { headers: { 'Idempotency-Key': `k-${each.userId}` } })
  await root.delete(`/v1/users/${people[2]?.userId}`)
  const key = await partner(site)
  await key.get('/v1/whoami')
  const { body } = await root.post('/v1/webhooks', {
    url: 'https://partner.example/hooks',
    types: ['role.delete'],
  })
  await root.patch(`/v1/webhooks/${body.id}`, { enabled: false })
  await env.WEBHOOKS.getByName(body.id).ping(body.id, newId('evt', Date.now()), 'now')
  return { site, root, people, key, webhook: String(body.id) }
}

async function linesOf(backup: string, parts: number) {
  const texts = await Promise.all(
    Array.from({ length: parts }, async (_, part) => {
      const found = await env.BACKUPS?.get(partKey(backup, part + 1))
      return (await found?.text()) ?? ''
    }),
  )
  return texts.join('').trim().split('\n').map(parseLine)
}

/** All rows of the tables of an object, and what it knows beside them but of its generation. */
async function held(stub: DurableObjectStub) {
  return runInDurableObject(stub, (_, { storage }) => {
    const names = storage.sql
      .exec<{ name: string }>(
        `select name from sqlite_master where type = 'table'
          and name not glob '_cf_*' and name not glob 'sqlite_*' order by name`,
      )
      .toArray()
    const rows = names.map(({ name }) => [
      name,
      storage.sql.exec(`select * from ${name}`).toArray(),
    ])
    return { rows, counts: storage.kv.get('counts') }
  })
}

async function allHeld({ key, webhook }: { key: { id: string }; webhook: string }) {
  const shards = Array.from({ length: SHARDS }, (_, shard) =>
    env.VISITS.getByName(`visits-${shard}`),
  )
  const found = []
  for (const stub of [...shards, env.KEYS.getByName(key.id), env.WEBHOOKS.getByName(webhook)])
    found.push(await held(stub))
  return found
}

describe('what objects hold', () => {
  test('is in the bucket after one tick, whole, and the site is as it was', async () => {
    const { site, people, key, webhook } = await inUse()
    const before = await allHeld({ key, webhook })
    const backup = ids()
    const asked = await ask('backup', false, { backup })
    await site.tick()
    const { status, parts, rows, failures } = await asked()
    expect({ status, failures }).toEqual({ status: 'succeeded', failures: [] })
    expect(rows).toMatchObject({
      'visits.days': 2,
      'visits.erased': 1,
      'visits.crossings': 2,
      'visits.answers': 2,
      'webhook.endpoint': 1,
      'webhook.deliveries': 1,
      gates: 1,
    })
    const lines = await linesOf(backup, parts)
    const text = JSON.stringify(lines)
    for (const { userId } of people) expect(text).toContain(userId)
    expect(before.flatMap(({ counts }) => counts ?? [])).toHaveLength(1)
    expect((await people[0]?.get('/v1/me/visits'))?.body.total).toBe(1)
  })

  test('comes to the same if ticks are killed at any call, on the way out and on the way in', async () => {
    const { site, key, webhook } = await inUse()
    silently()
    const backup = ids()
    const asked = await ask('backup', false, { backup })
    for (const calls of [2, 4, 6, 8, 10, 12]) {
      await calmly(testSite(mortalStorage(calls, 'after')))
      await env.DB.prepare('update operator_requests set claimed_until = null').run()
    }
    await calmly(site)
    const { parts, rows } = await asked()
    // Jobs of the last tick have awarded what was due, so this is what is to come again.
    const before = JSON.stringify(await linesOf(backup, parts))

    await emptyDatabase()
    await emptyObjects({ key, webhook })
    const loaded = await ask('restore', false, { backup, parts, shards: SHARDS })
    for (const calls of [2, 4, 7, 10, 13]) {
      await calmly(testSite(mortalStorage(calls, 'after')))
      await env.DB.prepare('update operator_requests set claimed_until = null').run()
    }
    await calmly(site)
    expect(await loaded()).toMatchObject({ status: 'succeeded', parts, rows, failures: [] })
    for (const line of JSON.parse(before)) {
      if (line.object !== 'visits') continue
      const found = await held(env.VISITS.getByName(`visits-${line.shard}`))
      const tables = new Map(found.rows.map(([name, rows]) => [name, rows]))
      for (const { table, rows } of line.tables)
        expect(tables.get(table)).toEqual(
          rows.map((row: unknown[]) => expect.toSatisfy((each) => same(each, row))),
        )
    }
    // Nothing is done by an object until it is reconciled with the database.
    const ada = await site.member('ada')
    expect((await ada.post('/v1/me/visits')).status).toBe(503)
  })

  const same = (row: object, values: readonly unknown[]) =>
    JSON.stringify(Object.values(row)) === JSON.stringify(values)

  async function emptyDatabase() {
    const triggers = await rowsOf<{ name: string; sql: string }>(
      `select name, sql from sqlite_master where type = 'trigger'`,
    )
    const tables = await rowsOf<{ name: string }>(
      `select name from sqlite_master where type = 'table' and name not glob '_cf_*'
        and name not glob 'sqlite_*' and name not in ('site', 'd1_migrations', 'dry_run', 'job_runs')`,
    )
    await env.DB.batch([
      env.DB.prepare('pragma defer_foreign_keys = on'),
      ...triggers.map(({ name }) => env.DB.prepare(`drop trigger ${name}`)),
      ...tables.map(({ name }) => env.DB.prepare(`delete from ${name}`)),
      ...triggers.map(({ sql }) => env.DB.prepare(sql)),
    ])
  }

  async function emptyObjects({ key, webhook }: { key: { id: string }; webhook: string }) {
    const shards = Array.from({ length: SHARDS }, (_, n) => env.VISITS.getByName(`visits-${n}`))
    for (const stub of [...shards, env.KEYS.getByName(key.id), env.WEBHOOKS.getByName(webhook)]) {
      const any = stub
      await runInDurableObject(any, async (_, { storage }) => storage.deleteAll())
      await evictDurableObject(any)
    }
  }

  test('is not loaded over what is there: neither the database nor an object may be in use', async () => {
    const { site, people, key, webhook } = await inUse()
    silently()
    const backup = ids()
    await ask('backup', false, { backup })
    await calmly(site)
    const used = await ask('restore', false, { backup, parts: 1, shards: SHARDS })
    await calmly(site)
    expect(await used()).toMatchObject({
      status: 'failed',
      failures: [expect.stringMatching(/^the site is not empty: .*users/)],
    })
    const before = await allHeld({ key, webhook })
    await emptyDatabase()
    const half = await ask('restore', false, { backup, parts: 1, shards: SHARDS })
    await calmly(site)
    expect(await half()).toMatchObject({
      status: 'failed',
      failures: [expect.stringMatching(/^visit object \d is not empty$/)],
    })
    expect(await allHeld({ key, webhook })).toEqual(before)
    expect(people).toHaveLength(3)
  })

  test('goes in as many ticks as it takes, with the files that only the archive has', async () => {
    const { site, key, webhook } = await inUse()
    const files = new Map<string, string>()
    const ARCHIVE: Bucket = {
      get: async (name) => {
        const text = files.get(name)
        return text === undefined ? null : { text: async () => text }
      },
      put: async (name, text) => files.set(name, text),
    }
    // More files than are read at a time, one of them lost, and a stretch that the database still has.
    const nameOf = (number: number) => `audit/${String(number).padStart(10, '0')}-head.jsonl`
    for (let number = 1; number <= 25; number++) {
      await env.DB.prepare(
        `insert into audit_seals (number, after_id, until_id, head, signed, sealed_at, archived_as, cleared_at)
          values (?1, ?1, ?1, 'head', 'signed', 'at', ?2, iif(?1 < 25, 'at', null))`,
      )
        .bind(number, nameOf(number))
        .run()
      if (number !== 7) files.set(nameOf(number), `"of ${number}"\n`)
    }
    const whole = new Map(files)
    const few = { ...env, ...SETTINGS, ARCHIVE }
    const ticksUntil = async (asked: Awaited<ReturnType<typeof ask>>, calls: number) => {
      for (let ticks = 1; ticks < 50; ticks++) {
        await onTrigger(TRIGGER, few, Date.now(), calls).catch(() => undefined)
        const found = await asked()
        if (found.status !== 'running') return { ...found, ticks }
      }
      throw new Error('it does not come to an end')
    }
    silently()
    const [objects, archive] = [ids(), ids()]
    const first = await ticksUntil(await ask('backup', false, { backup: objects }), 60)
    const second = await ask('backup', false, { backup: archive, step: 'archive' })
    const archived = await ticksUntil(second, 20)
    expect(archived).toMatchObject({
      status: 'succeeded',
      rows: { archive: 23 },
      missing: { count: 1, names: [nameOf(7)] },
    })
    expect(archived.ticks).toBeGreaterThan(2)

    await emptyDatabase()
    await emptyObjects({ key, webhook })
    files.clear()
    files.set(nameOf(1), 'of which something was removed since')
    const given = { backup: objects, parts: first.parts, shards: SHARDS }
    const loaded = await ticksUntil(await ask('restore', false, given), 6)
    expect(loaded).toMatchObject({ status: 'succeeded', rows: first.rows })
    expect(loaded.ticks).toBeGreaterThan(3)
    const brought = { backup: archive, parts: archived.parts, shards: 0, files: 23 }
    expect(await ticksUntil(await ask('restore', false, brought), 20)).toMatchObject({
      status: 'succeeded',
      rows: { archive: 23 },
    })
    whole.delete(nameOf(25))
    whole.set(nameOf(1), 'of which something was removed since')
    expect(files).toEqual(whole)
    const nowhere = await ask('restore', false, brought)
    await calmly(site)
    expect(await nowhere()).toMatchObject({
      failures: [expect.stringContaining('no bucket is bound as ARCHIVE')],
    })
  })

  test('stays where it is without a bucket, and the command is told', async () => {
    const asked = [
      await ask('backup', false, { backup: ids() }),
      await ask('restore', false, { backup: ids(), parts: 0, shards: 0 }),
    ]
    const site = testSite({ BACKUPS: undefined })
    await site.tick()
    await site.tick()
    for (const each of asked)
      expect(await each()).toMatchObject({
        status: 'failed',
        failures: ['no bucket is bound as BACKUPS; see docs/restore.md'],
      })
  })

  test('is not taken out of stores that do not fit', async () => {
    const site = testSite()
    const ada = await site.member('ada')
    await ada.post('/v1/me/visits')
    silently()
    await env.DB.prepare(`update site set value = 'another' where key = 'generation'`).run()
    const asked = await ask('backup', false, { backup: ids() })
    await calmly(site)
    expect(await asked()).toMatchObject({
      status: 'failed',
      failures: ['the stores do not fit: npm run reconcile first'],
    })
  })

  test('is taken and brought by the tick alone: nothing else calls for it, or has the bucket', () => {
    const using = (pattern: RegExp) =>
      [...SOURCES.values()].filter(({ text }) => pattern.test(text)).map(({ path }) => path)
    expect(using(/\.dump\(|\.beginLoading\(/).toSorted()).toEqual([
      'cron/backup.ts',
      'cron/restore.ts',
      'objects/reconciling.ts',
    ])
    expect(using(/\bBACKUPS\b/).toSorted()).toEqual([
      'cron/backup.ts',
      'cron/restore.ts',
      'env.ts',
      // A dry run has none.
      'http/explain/dry-run.ts',
    ])
  })

  test('goes out and comes in by pages, with all of one member in one', async () => {
    const stub = env.VISITS.getByName('visits-9')
    await runInDurableObject(stub, (_, { storage }) => {
      const insert = (table: string, ...values: unknown[]) =>
        storage.sql.exec(`insert into ${table} values (${values.map(() => '?').join()})`, ...values)
      for (const member of ['a', 'b', 'c'])
        for (let day = 0; day < (member === 'b' ? 9 : 3); day++) insert('days', member, day, 1, 7)
      for (const member of ['a', 'c']) insert('older', member, 5, 5, 1, -1, 1)
      insert('erased', 'd')
      const dump = new TableDump(storage, [
        {
          name: 'days',
          columns: ['member', 'day', 'visits', 'last_at'],
          group: 1,
          order: 'member, day',
          beside: [
            {
              name: 'older',
              columns: ['member', 'visits', 'days', 'longest_streak', 'last_day', 'run'],
              group: 1,
              order: 'member',
            },
          ],
        },
        { name: 'erased', columns: ['member'], group: 1, order: 'member' },
      ])
      const pages = []
      for (let cursor: string | null = null; ;) {
        const page: ReturnType<TableDump['page']> = dump.page(cursor, 4)
        pages.push(
          page.tables.map(({ table, rows }) => [table, rows.map((row) => row[0]).join('')]),
        )
        if (page.next === null) break
        cursor = page.next
      }
      expect(pages).toEqual([
        [
          ['days', 'aaa'],
          ['older', 'a'],
        ],
        [['days', 'bbbbbbbbb']],
        [
          ['days', 'ccc'],
          ['older', 'c'],
          ['erased', 'd'],
        ],
      ])
    })
  })
})
