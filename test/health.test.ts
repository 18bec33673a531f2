/** Whether the site is well is said in a word to anybody, in detail to whoever may know, and in time. */
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { version } from '../package.json'
import { MIGRATIONS } from '../src/db/needs.ts'
import { countingStorage } from './support/counting.ts'
import { dumpD1 } from './support/dump.ts'
import { failingStorage } from './support/failing.ts'
import { linesOf } from './support/log-lines.ts'
import { partner } from './support/keys.ts'
import { rowsOf } from './support/population.ts'
import { type Site, testSite } from './support/site.ts'

const MINUTE = 60_000

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Nothing is known of its storage, as in a new isolate. */
const fresh = (overrides = {}) => testSite({ ...countingStorage().storage, ...overrides })

const word = async (site: Site) => {
  const { status, body } = await site.anonymous.get('/healthz')
  return [status, body.status]
}

async function ledger(names: readonly string[]) {
  await env.DB.exec('create table d1_migrations (id integer primary key, name text) strict')
  for (const name of names)
    await rowsOf('insert into d1_migrations (name) values (?)', `${name}.sql`)
}

const ago = (minutes: number) => new Date(Date.now() - minutes * MINUTE).toISOString()

describe('a site that is well', () => {
  test('says so, with the version, which every answer has', async () => {
    const site = fresh()
    await site.member('ada')
    await site.tick()
    const { status, body, headers } = await site.anonymous.get('/healthz')
    expect([status, body]).toEqual([200, { status: 'ok', version }])
    expect(headers.get('Guildhall-Version')).toBe(version)
    expect((await site.anonymous.get('/v1/me')).headers.get('Guildhall-Version')).toBe(version)
  })

  test('says in detail what there is, to who may know: by a key, too', async () => {
    const site = fresh()
    const [ada, key] = [await site.member('ada'), await partner(site, { scopes: ['health:read'] })]
    await ledger(MIGRATIONS)
    await site.tick()
    const { status, body } = await key.get('/v1/health')
    expect([status, body]).toEqual([
      200,
      {
        version,
        faults: [],
        environment: 'production',
        databaseOf: 'production',
        schemaLevel: MIGRATIONS.at(-1),
        missing: [],
        database: {
          milliseconds: expect.any(Number),
          bytes: expect.any(Number),
          bytesLimit: 1e10 * 1.073741824,
        },
        shards: Array.from({ length: 4 }, (_, shard) => ({
          shard,
          answers: true,
          bytes: expect.any(Number),
          crossings: 0,
        })),
        lastTickAt: expect.any(String),
        secondsSinceTick: expect.any(Number),
        backlog: { events: 0, erasures: 0, requestedRuns: 0, crossings: 0 },
      },
    ])
    expect((await ada.get('/v1/health')).status).toBe(403)
  })

  test('costs a crowd that asks one look, and the next one in ten seconds', async () => {
    const { storage, traced } = countingStorage()
    const site = testSite(storage)
    await site.member('ada')
    const { calls } = await traced(() => Promise.all(Array.from({ length: 100 }, () => word(site))))
    expect(calls.length).toBeLessThanOrEqual(2 + 4)
    expect((await traced(() => word(site))).calls).toEqual([])
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10_000 })
    expect((await traced(() => word(site))).calls.length).toBe(calls.length)
  })
})

describe('a site that is not is seen by both', () => {
  const CASES: Record<string, { harm: () => Promise<unknown>; fault: string; says: object }> = {
    'a table is missing': {
      harm: () => rowsOf('drop table api_key_usage'),
      fault: 'schema',
      says: { missing: ['table api_key_usage'] },
    },
    'a column is missing': {
      harm: () => rowsOf('alter table users drop column bio'),
      fault: 'schema',
      says: { missing: ['column users.bio'] },
    },
    'a guard is missing': {
      harm: () => rowsOf('drop trigger audit_log_is_never_cleared'),
      fault: 'schema',
      says: { missing: ['guard audit_log_is_never_cleared'] },
    },
    'a migration was not applied': {
      harm: () => ledger(MIGRATIONS.filter((name) => name !== '0025_pages_of_the_log')),
      fault: 'schema',
      says: { missing: ['migration 0025_pages_of_the_log'] },
    },
    'the database is that of another environment': {
      harm: () => rowsOf("update site set value = 'staging' where key = 'environment'"),
      fault: 'database',
      says: { environment: 'production', databaseOf: 'staging' },
    },
    'the objects are of another generation than the database': {
      harm: () => rowsOf("update site set value = 'another' where key = 'generation'"),
      fault: 'objects',
      says: {
        shards: expect.arrayContaining([expect.objectContaining({ shard: 0, answers: false })]),
      },
    },
    'there was no tick for twenty minutes': {
      harm: () => rowsOf('update job_runs set started_at = ?', ago(20)),
      fault: 'schedule',
      says: { lastTickAt: expect.any(String) },
    },
  }

  test.each(Object.entries(CASES))('if %s', async (_, { harm, fault, says }) => {
    vi.spyOn(console, 'error').mockReturnValue()
    const before = fresh()
    const root = await before.root()
    await before.tick()
    if (fault === 'schedule')
      await rowsOf("update site set value = ? where key = 'first_start'", ago(60))
    await harm()
    const site = fresh()
    expect(await word(site)).toEqual([503, fault])
    const { status, body } = await site.bearer(root.token).get('/v1/health')
    expect(status).toBe(200)
    expect(body.faults).toContain(fault)
    expect(body).toMatchObject(says)
  })

  test('if an object does not answer, by the number of the shard', async () => {
    const { storage, arm } = failingStorage()
    const site = testSite(storage)
    const root = await site.root()
    arm({ fails: (_, { text }) => text === 'read' || text === 'size' })
    expect(await word(site)).toEqual([503, 'objects'])
    const { body } = await root.get('/v1/health')
    expect(body.faults).toEqual(['objects'])
    expect(body.shards[2]).toEqual({ shard: 2, answers: false })
  })

  test('if the database does not answer, as far as anybody can be known', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    const { storage, arm } = failingStorage()
    const site = testSite(storage)
    const root = await site.root()
    arm({ fails: () => true })
    expect(await word(site)).toEqual([503, 'database'])
    expect((await root.get('/v1/health')).status).toBeGreaterThanOrEqual(500)
  })

  test('but not before the first tick is due', async () => {
    const site = fresh()
    await site.member('ada')
    expect(await word(site)).toEqual([200, 'ok'])
  })
})

describe('code on an older schema', () => {
  test('says so at once, serves nothing, writes nothing, and serves all once it has the schema', async () => {
    const error = vi.spyOn(console, 'error').mockReturnValue()
    const root = await fresh().root()
    await rowsOf('drop table refusal_counts')
    const before = await dumpD1()
    const site = fresh({
      BUILT_IN_LOGIN: 'on',
      PUBLIC_URL: 'https://members.example',
      AUTH_SECRET: 'x'.repeat(32),
      MAIL_FROM: 'site@members.example',
    })
    for (const path of ['/v1/whoami', '/v1/badges', '/auth/sign-in', '/nowhere']) {
      const { status, body, headers } = await site.bearer(root.token).get(path)
      expect([path, status, body.code]).toEqual([path, 503, 'unavailable'])
      expect(headers.get('Retry-After')).toBe('30')
    }
    expect((await site.bearer(root.token).post('/v1/badges', { title: 'New' })).status).toBe(503)
    await expect(site.tick()).rejects.toThrow('it lacks table refusal_counts')
    expect(linesOf(error)).toContainEqual(
      expect.objectContaining({
        event: 'request failed',
        name: 'NotReady',
        message: expect.stringContaining('table refusal_counts'),
      }),
    )
    expect(await dumpD1()).toEqual(before)
    await rowsOf(`create table refusal_counts (key_id text not null, day text not null,
      code text not null, stage text not null, count integer not null,
      primary key (key_id, day, code, stage)) strict`)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 5_000 })
    onTestFinished(() => void vi.useRealTimers())
    expect((await site.bearer(root.token).get('/v1/whoami')).status).toBe(200)
  })
})

describe('a database', () => {
  test('is given the name of the environment by the first start, and works with no other', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    expect((await fresh({ ENVIRONMENT: 'staging' }).anonymous.get('/v1/badges')).status).toBe(200)
    expect(await rowsOf("select value from site where key = 'environment'")).toEqual([
      { value: 'staging' },
    ])
    const other = fresh()
    expect((await other.anonymous.get('/v1/badges')).status).toBe(503)
    await expect(other.tick()).rejects.toThrow(
      'the database is that of staging, and this is production',
    )
    expect((await fresh({ ENVIRONMENT: 'staging' }).anonymous.get('/v1/badges')).status).toBe(200)
  })

  test('that does not answer is left to whoever needs it', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    const { storage, arm } = failingStorage()
    arm({ fails: () => true })
    const site = testSite(storage)
    expect((await site.anonymous.get('/v1/whoami')).status).toBe(200)
    expect((await site.anonymous.get('/v1/badges')).status).toBeGreaterThanOrEqual(500)
  })
})

describe('a setting that is not what the site was made with', () => {
  test('is said: of the time zone by /healthz too, since days would be counted in another one', async () => {
    await fresh({ SITE_TIME_ZONE: 'Europe/Berlin' }).member('ada')
    const error = vi.spyOn(console, 'error').mockReturnValue()
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    const site = fresh({ SITE_TIME_ZONE: 'Asia/Tokyo', VISIT_SHARDS: '16' })
    const root = await site.root()
    expect(error).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('SITE_TIME_ZONE'))
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('VISIT_SHARDS'))
    await rowsOf(`update site set value = '${ago(1)}' where key = 'first_start'`)
    expect(await word(site)).toEqual([503, 'database'])
    const { body } = await root.get('/v1/health')
    expect(body.faults).toEqual(['database'])
    expect(body.differing).toEqual([
      'VISIT_SHARDS: 16, made with 4',
      'SITE_TIME_ZONE: Asia/Tokyo, made with Europe/Berlin',
    ])
    const same = fresh({ SITE_TIME_ZONE: 'Europe/Berlin' })
    expect(await word(same)).toEqual([200, 'ok'])
    expect((await (await same.root()).get('/v1/health')).body).not.toHaveProperty('differing')
  })

  test('is noted of a site that had members before it was', async () => {
    await fresh().member('ada')
    await rowsOf(`delete from site where key = 'time_zone'`)
    await fresh({ SITE_TIME_ZONE: 'Asia/Tokyo' }).member('ben')
    expect(await rowsOf(`select value from site where key = 'time_zone'`)).toEqual([
      { value: 'Asia/Tokyo' },
    ])
  })
})
