/** A backup of a site in use, restored into an empty one, is that site, row by row. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { draft, type Manifest, verified } from '../../local/backup-files.ts'
import { databaseFile, localRestore, localSnapshot } from '../../local/backup-local.ts'
import { bucketName, remoteHands } from '../../local/backup-remote.ts'
import { backUp, restore, type RestoreHands } from '../../local/backup-steps.ts'
import {
  databaseLines,
  fromExport,
  parseSchema,
  runLines,
  SELECT_SCHEMA,
} from '../../local/database-sql.ts'
import { DEV_ISSUER, sign } from '../../local/dev-issuer.ts'
import { importMembers } from '../../local/import-members.ts'
import { ask, settle } from '../../local/operator.ts'
import { Refusal } from '../../local/refusal.ts'
import { localSettings } from '../../local/settings.ts'
import { type Site, startSite } from '../../local/site.ts'
import { runningServer } from '../../local/state.ts'
import { storesBehind, storesOf } from '../../local/stores.ts'
import { faultIn, openSeal, readFile } from '../../src/security/audit-chain.ts'

const home = mkdtempSync(join(tmpdir(), 'guildhall-backup-'))
const folder = (name: string) => join(home, name)
/** Debian's, where it is installed. */
const SQLITE = process.env['SQLITE3'] || 'sqlite3'
const SOURCE = folder('source')
const BACKUP = folder('backup')
const BIO = `it's "here"\nand there;\n-- \\n not a break\u2028 \u{1f600} ;`
let settings: Record<string, string>
/** The rows of the database at the moment of the backup. */
let source: readonly string[]

async function call(site: Site, method: string, path: string, json?: unknown, subject = 'root') {
  const token = await sign(SOURCE, subject, { auth_time: Math.floor(Date.now() / 1000) }, 3600)
  const response = await fetch(`${site.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

/** Two members, of whom one comes by themselves afterwards. */
async function importTwo(site: Site): Promise<void> {
  const file = folder('members.csv')
  writeFileSync(file, 'subject,name,email\nada,Ada as she was,ada@example.com\nzoe,Zoe,\n')
  const given = { file, format: 'csv', issuer: DEV_ISSUER, encoding: 'utf-8' } as const
  const done = await importMembers(
    { ...given, isDryRun: false, visitShards: 8, timeZone: 'UTC' },
    {
      ...storesOf(site),
      refuse: () => {},
      progress: () => {},
      now: Date.now,
    },
  )
  expect(done).toMatchObject({ read: 2, made: 2 })
  const { items } = await call(site, 'GET', '/v1/users?q=Ada')
  const me = await call(site, 'GET', '/v1/me', undefined, 'ada')
  expect([me.displayName, me.email]).toEqual(['Ada as she was', 'ada@example.com'])
  expect(items).toEqual([expect.objectContaining({ id: me.id })])
}

/** Something of everything that objects hold. */
async function live(site: Site): Promise<void> {
  await importTwo(site)
  const badge = { title: 'First', slug: 'first', backgroundColor: '#000000', textColor: '#ffffff' }
  const { id: badgeId } = await call(site, 'POST', '/v1/badges', badge)
  await call(site, 'POST', '/v1/badge-rules', { badgeId, metric: 'visits', threshold: 1 })
  for (const subject of ['ada', 'bob', 'eve']) {
    await call(site, 'PATCH', '/v1/me', { bio: BIO }, subject)
    await call(site, 'POST', '/v1/me/visits', {}, subject)
  }
  const { id } = await call(site, 'GET', '/v1/me', undefined, 'eve')
  await call(site, 'DELETE', `/v1/users/${id}`)
  const key = await call(site, 'POST', '/v1/api-keys', { name: 'key', scopes: ['profile:list'] })
  await fetch(`${site.url}/v1/whoami`, { headers: { 'X-API-Key': key.key } })
  await call(site, 'POST', '/v1/webhooks', {
    url: 'https://partner.example/hooks',
    types: ['x'],
  }).catch(() => undefined)
  // Entries that are old enough to leave the database with the next tick: only a file has them then.
  await site.db
    .prepare(
      `with recursive n(i) as (select 1 union all select i + 1 from n where i < 3)
      insert into audit_log (id, at, actor, action, target, reason, changes)
      select printf('aud_01hzzzzz%018d', i), '2024-01-01T00:00:00.000Z', 'system:operator', 'x', 'y',
        'an old reason', '{}' from n`,
    )
    .run()
  await site.tick()
  // Reached, and not settled yet.
  await call(site, 'POST', '/v1/me/visits', {}, 'late')
  await site.db
    .prepare(`update users set bio = bio || char(13, 0) || 'x' where bio is not null`)
    .run()
  await site.db
    .prepare(
      `insert into auth_sessions (id, token, user_id, expires_at, created_at, updated_at, issuer, subject)
      values ('s', 'secret of a session', null, '2030', '2026', '2026', 'i', 's')`,
    )
    .run()
}

/** What a restoration is given: another folder, and the settings of the source. */
async function restored(into: string, from: string) {
  const dir = folder(into)
  const site = localRestore(dir, settings)
  try {
    return await restore(from, { ...site, temporary: home, say: () => {} })
  } finally {
    await site.end()
  }
}

beforeAll(async () => {
  mkdirSync(SOURCE)
  settings = { ...(await localSettings(SOURCE, SOURCE)), AUDIT_KEEP_DAYS: '30' }
  const site = await startSite({ stateDir: SOURCE, settings })
  await live(site)
  // As another process would, while the site runs.
  const server = await runningServer(SOURCE)
  if (!server) throw new Error('the site does not run')
  const access = { ...storesBehind(server), tick: async () => void (await site.tick()) }
  await backUp(BACKUP, {
    ask: async (kind, given) => ask(access, kind, false, given),
    bucket: access.bucket,
    async snapshot() {
      source = rowsOf(SOURCE)
      return localSnapshot(SOURCE)
    },
    say: () => {},
  })
  await site.stop()
}, 300_000)

afterAll(() => rmSync(home, { recursive: true, force: true }))

/** Every row of a database, as SQL. */
function rowsOf(stateDir: string): string[] {
  const db = localSnapshot(stateDir)
  const rows = [...databaseLines(db)].filter(({ table }) => table !== undefined)
  db.close()
  return rows.map(({ text }) => text)
}

/** The tables of all objects of a class, by the name of the file. */
function objectsOf(stateDir: string, kind: string) {
  const files = globSync(join(stateDir, `v3/do/guildhall-${kind}/*.sqlite`))
  return Object.fromEntries(
    files
      .filter((file) => basename(file) !== 'metadata.sqlite')
      .map((file) => {
        const db = new DatabaseSync(file, { readOnly: true })
        const tables = db
          .prepare(`select name from sqlite_master where type = 'table' and name not glob '_cf_*'
              and name not glob 'sqlite_*'`)
          .all()
        const rows = tables.map(({ name }) => [
          name,
          db.prepare(`select * from ${String(name)}`).all(),
        ])
        const counts = `select hex(value) as value from _cf_KV where key = 'counts'`
        const kept = db.prepare(`select 1 from sqlite_master where name = '_cf_KV'`).all()
        const isGate = kind === 'KeyGate' && kept.length > 0
        const found = isGate ? db.prepare(counts).all() : Object.fromEntries(rows)
        db.close()
        return [basename(file), found]
      }),
  )
}

describe('a backup that is restored', () => {
  test('is the site it was made of, row by row', async () => {
    const { report } = await restored('target', BACKUP)
    expect(report).toMatchObject({ rulesRaised: [], failures: [] })
    const target = rowsOf(folder('target'))
    const [before, after] = [new Set(source), new Set(target)]
    const mayDiffer = /^INSERT INTO "(store_shards"|site" .*'generation')/
    expect(source.filter((row) => !after.has(row) && !mayDiffer.test(row))).toEqual([])
    const added = target.filter((row) => !before.has(row) && !mayDiffer.test(row))
    const tables = added.map((row) => /"(\w+)"/.exec(row)?.[1])
    expect(new Set(tables)).toEqual(
      new Set(['store_marks', 'job_runs', 'operator_requests', 'audit_log']),
    )
    expect(added.filter((row) => row.includes('audit_log'))).toEqual([
      expect.stringContaining("'stores.reconcile'"),
    ])
    for (const kind of ['VisitShard', 'KeyGate', 'WebhookSender'])
      expect(objectsOf(folder('target'), kind)).toEqual(objectsOf(SOURCE, kind))
    expect(Object.values(objectsOf(SOURCE, 'KeyGate')).flat()).toHaveLength(1)
  })

  test('has the files of the audit log that no database has, and its jobs all succeed', async () => {
    const [name, ...others] = readdirSync(join(folder('target'), 'archive'))
    expect(others).toEqual([])
    const { signed, ...stretch } = readFile(
      readFileSync(join(folder('target'), 'archive', name ?? ''), 'utf8'),
    )
    expect(stretch.entries).toMatchObject([1, 2, 3].map(() => ({ reason: 'an old reason' })))
    const opened = await openSeal(signed)
    expect(opened && (await faultIn(opened.claims, stretch))).toBeUndefined()
    const db = localSnapshot(folder('target'))
    const seals = db.prepare('select number, archived_as as file, guide from audit_seals').all()
    expect(seals).toMatchObject([{ number: 1, file: `audit/${name}`, guide: null }])
    expect(db.prepare(`select job, error from job_runs where status <> 'succeeded'`).all()).toEqual(
      [],
    )
    db.close()
  })
})

/** The backup with something done to it. */
function spoiled(name: string, spoil: (dir: string) => void): string {
  const dir = folder(`spoiled-${name}`)
  rmSync(dir, { recursive: true, force: true })
  cpSync(BACKUP, dir, { recursive: true })
  spoil(dir)
  return dir
}

function edit(file: string, change: (text: string) => string): void {
  writeFileSync(file, change(readFileSync(file, 'utf8')))
}

const inManifest = (dir: string, change: (manifest: Manifest) => unknown) =>
  edit(join(dir, 'manifest.json'), (text) => {
    const manifest: Manifest = JSON.parse(text)
    change(manifest)
    return JSON.stringify(manifest)
  })

/** Hands that answer as an empty site, and note what changes it. */
function onPaper(answers: { environment?: string; occupied?: string; loaded?: string } = {}) {
  const changes: string[] = []
  const note = async (what: string) => void changes.push(what)
  const hands: RestoreHands = {
    async query(sql) {
      if (sql.includes(`key = 'environment'`))
        return [{ value: answers.environment ?? 'production' }]
      if (answers.loaded && sql.includes(answers.loaded)) return [{ id: 'req_of_it' }]
      if (sql.startsWith('select exists'))
        return [{ users: 0, [answers.occupied ?? 'users']: answers.occupied ? 1 : 0 }]
      return []
    },
    async ask(kind) {
      changes.push(kind)
      return { succeeded: false, report: { failures: ['visit object 0 is not empty'] } }
    },
    bucket: { get: note, put: note, drop: note },
    load: async () => note('load'),
    settle: async () => ({ succeeded: true, report: {} }),
    temporary: home,
    say: () => {},
  }
  return { hands, changes }
}

describe('a backup that is refused changes nothing', () => {
  const CASES: readonly (readonly [string, (dir: string) => void, string])[] = [
    ['cut', (dir) => edit(join(dir, 'database.sql'), (text) => text.slice(0, -9)), 'cut or edited'],
    [
      'edited',
      (dir) => edit(join(dir, 'objects-00001.jsonl'), (text) => text.replace('"days"', '"ends"')),
      'cut or edited',
    ],
    ['without a part', (dir) => rmSync(join(dir, 'objects-00001.jsonl')), 'it lacks objects-00001'],
    [
      'whose part is not listed',
      (dir) => inManifest(dir, ({ parts }) => parts.pop()),
      'it has 0 rows of archive, and its manifest says 1',
    ],
    [
      'whose counts are others',
      (dir) => inManifest(dir, ({ rows }) => (rows['visits.days'] = 7)),
      'rows of visits.days, and its manifest says 7',
    ],
    [
      'with a folder as a part',
      (dir) => {
        rmSync(join(dir, 'database.sql'))
        mkdirSync(join(dir, 'database.sql'))
      },
      'database.sql cannot be read',
    ],
    [
      'whose part and manifest were cut by hand',
      (dir) => {
        const text = '{"visits'
        edit(join(dir, 'objects-00001.jsonl'), () => text)
        const sha256 = createHash('sha256').update(text).digest('hex')
        inManifest(dir, ({ parts }) => {
          const part = parts.find(({ name }) => name === 'objects-00001.jsonl')
          Object.assign(part ?? {}, { bytes: text.length, sha256 })
        })
      },
      'objects-00001.jsonl has a line that is none',
    ],
    [
      'whose manifest has other shards',
      (dir) => inManifest(dir, (manifest) => Object.assign(manifest, { shards: 3 })),
      'database.sql has other shards',
    ],
    [
      'whose manifest lacks a migration',
      (dir) => inManifest(dir, ({ migrations }) => migrations.pop()),
      'database.sql has other migrations',
    ],
    [
      'of a newer version',
      (dir) => inManifest(dir, ({ migrations }) => migrations.push('9999_later.sql')),
      'it is from a newer version: this one does not know 9999_later.sql',
    ],
    [
      'of a newer format',
      (dir) =>
        inManifest(dir, (manifest) => Object.assign(manifest, { format: 3, version: '9.0.0' })),
      'it is from a newer version (9.0.0, format 3): upgrade first',
    ],
    [
      'with a manifest that is none',
      (dir) => edit(join(dir, 'manifest.json'), () => '{"format":"two"}'),
      'not one that this version writes',
    ],
    ['without a manifest', (dir) => rmSync(join(dir, 'manifest.json')), 'is no backup'],
  ]
  test.each(CASES)('one %s', async (name, spoil, why) => {
    const { hands, changes } = onPaper()
    const from = spoiled(name.replaceAll(' ', '-'), spoil)
    await expect(restore(from, hands)).rejects.toThrow(why)
    expect(changes).toEqual([])
  })

  test('one of another environment, and any into a site that is used', async () => {
    const other = onPaper({ environment: 'staging' })
    await expect(restore(BACKUP, other.hands)).rejects.toThrow('it is of production')
    const used = onPaper({ occupied: 'badges' })
    await expect(restore(BACKUP, used.hands)).rejects.toThrow('not empty: it has badges')
    expect([...other.changes, ...used.changes]).toEqual([])
    // What an interrupted command has loaded is no other site: it goes on from there.
    const { backup } = await verified(BACKUP)
    const loaded = onPaper({ occupied: 'badges', loaded: backup })
    const settle = vi.fn<RestoreHands['settle']>(loaded.hands.settle)
    await restore(BACKUP, { ...loaded.hands, settle })
    expect(settle).toHaveBeenCalledWith('req_of_it')
    expect(loaded.changes).toEqual([])
    // The database may be empty, and the objects not.
    const half = onPaper()
    await expect(restore(BACKUP, half.hands)).rejects.toThrow('visit object 0 is not empty')
    expect(half.changes).not.toContain('load')
  })

  test('one that fails half-way through the database leaves it as it was', async () => {
    const file = databaseFile(folder('target'))
    const before = rowsOf(folder('target'))
    const paper = onPaper()
    await expect(
      restore(BACKUP, {
        ...paper.hands,
        ask: async () => ({ succeeded: true, report: { rows: (await verified(BACKUP)).rows } }),
        // The site is not empty any more, which the database finds out by itself.
        load: async (files) => {
          const db = new DatabaseSync(file)
          await runLines(db, files).finally(() => db.close())
        },
      }),
    ).rejects.toThrow('CHECK constraint failed')
    expect(rowsOf(folder('target'))).toEqual(before)
  })
})

test('a command that waits says what for, and gives up by the clock', async () => {
  const said: string[] = []
  let time = 0
  const row = {
    status: 'running',
    report: '{"waitingFor":"TimeoutError"}',
    claimed_until: '2026-11-30T12:15:00.000Z',
  }
  const never = { query: async () => [row], tick: async () => void (time += 25 * 60_000) }
  const waiting = settle(never, 'req_1', {
    now: () => time,
    pause: async () => {},
    say: (what) => said.push(what),
  })
  const stands = /A tick is at it\. .* at 2026-11-30T12:15:00\.000Z\. So far: .*TimeoutError/
  await expect(waiting).rejects.toThrow(/^it is not finished after 60 minutes\. A tick is at it/)
  expect(said).toEqual([expect.any(String), expect.stringMatching(stands)])
})

test('of two backups into one folder at once, one is made', async () => {
  const to = folder('contested')
  const first = draft(to)
  expect(() => draft(to)).toThrow('or one that is under way')
  first.drop()
  draft(to).drop()
  expect(existsSync(`${to}.part`)).toBe(false)
})

test('a folder that cannot be made is named', () => {
  const file = folder('a-file')
  writeFileSync(file, '')
  expect(() => draft(join(file, 'monday'))).toThrow(Refusal)
  expect(() => draft(join(file, 'monday'))).toThrow('monday.part cannot be made')
})

test('the folder holds no session, and its database loads in any sqlite3', () => {
  const sql = join(BACKUP, 'database.sql')
  const text = readFileSync(sql, 'utf8')
  expect(text).not.toContain('secret of a session')
  const file = folder('loaded.sqlite')
  try {
    execFileSync(SQLITE, ['-bail', file, `.read '${sql}'`])
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    const db = new DatabaseSync(file)
    db.exec(text)
    db.close()
  }
  const db = new DatabaseSync(file)
  const loaded = [...databaseLines(db)].map((line) => line.text).join('')
  // An older sqlite3 has no trigger for dry runs.
  const older = text.replaceAll(/^--! .*\n(--! .*\n)*--\n/gm, '')
  expect([text, older]).toContain(loaded)
  expect(db.prepare('pragma foreign_key_check').all()).toEqual([])
  db.close()
})

describe('on the deployed site', () => {
  const access = { query: async () => [], tick: async () => {} }

  test('it is wrangler that exports, loads and moves the parts', async () => {
    const calls: string[] = []
    const hands = remoteHands(access, (...args) => calls.push(args.join(' ')), 'kept', home)
    await hands.bucket.get('backups/a/objects-00001.jsonl', 'x')
    await hands.bucket.put('backups/a/objects-00001.jsonl', 'x')
    await hands.bucket.drop('backups/a/objects-00001.jsonl')
    await hands.load([join(BACKUP, 'database.sql')], true)
    const object = 'kept/backups/a/objects-00001.jsonl --remote'
    expect(calls).toEqual([
      `r2 object get ${object} --file x`,
      `r2 object put ${object} --file x`,
      `r2 object delete ${object}`,
      `d1 execute DB --remote --yes --file ${join(home, 'load.sql')}`,
      'd1 migrations apply DB --remote',
    ])
    expect(
      bucketName({ r2_buckets: [{ binding: 'BACKUPS', bucket_name: 'kept' }] }, 'BACKUPS'),
    ).toBe('kept')
    expect(() => bucketName({}, 'BACKUPS')).toThrow('no bucket is bound as BACKUPS')
  })

  test('what wrangler exports, whose triggers stand before their views, is put in order', async () => {
    const db = localSnapshot(SOURCE)
    const schema = parseSchema(db.prepare(SELECT_SCHEMA).all())
    // The rows of `d1 export --no-schema`: a table after the other, none of them sorted.
    const lines = [...databaseLines(db)].filter(({ table }) => table !== undefined)
    const rows = folder('rows.sql')
    writeFileSync(
      rows,
      ['PRAGMA defer_foreign_keys=TRUE;\n', ...lines.toReversed().map(({ text }) => text)].join(''),
    )
    const made = await fromExport(schema.toReversed(), rows, folder('export.sqlite'))
    const sorted = (of: DatabaseSync) => [...databaseLines(of)].map(({ text }) => text).toSorted()
    expect(sorted(made)).toEqual(sorted(db))
    made.close()
    db.close()
  })
})
