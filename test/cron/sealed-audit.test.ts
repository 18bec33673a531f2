import { env } from 'cloudflare:workers'
import { expect, test, vi } from 'vitest'
import type { Bindings } from '../../src/env.ts'
import type { Bucket } from '../../src/objects/archive.ts'
import { faultIn, openSeal, readFile } from '../../src/security/audit-chain.ts'
import { rowsOf } from '../support/population.ts'
import { testSite } from '../support/site.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const FULL = env.FULL === '1'

/** A bucket that keeps its files in memory. */
function bucket() {
  const files = new Map<string, string>()
  const ARCHIVE: Bucket = {
    async get(name) {
      const text = files.get(name)
      return text === undefined ? null : { text: async () => text }
    },
    async put(name, text) {
      files.set(name, text)
    },
  }
  return { files, ARCHIVE }
}

/** As the log would be written by requests, `count` entries a second apart, the last one at `until`. */
async function write(count: number, until: number, first = 0): Promise<void> {
  await env.DB.prepare(
    `with recursive n(i) as (select ?1 union all select i + 1 from n where i < ?1 + ?2 - 1)
    insert into audit_log (id, at, actor, action, target, reason, changes)
    select printf('aud_%s%018d', ?3, i), ?4, 'system:operator', 'booking.erase', printf('bkg_%d', i), 'why', '{"n":1}' from n`,
  )
    .bind(first, count, PREFIX, new Date(until).toISOString())
    .run()
}
/** Older than any id that a test makes by itself. */
const PREFIX = '01hzzzzz'

/** Does what the triggers keep everybody from. */
async function tamper(trigger: string, sql: string): Promise<void> {
  const text = await env.DB.prepare('select sql from sqlite_master where name = ?')
    .bind(trigger)
    .first<string>('sql')
  await env.DB.batch(
    [`drop trigger ${trigger}`, sql, text ?? ''].map((each) => env.DB.prepare(each)),
  )
}

async function siteWithLog(overrides: Partial<Bindings> = {}) {
  const site = testSite({ AUTH_SECRET: 'x'.repeat(32), ...overrides })
  const root = await site.root()
  await write(1_203, Date.now())
  const seal = async (after = HOUR) => site.tick(Date.now() + after)
  const verify = async () => {
    let from = 1
    let entries = 0
    for (;;) {
      const { status, body } = await root.get(`/v1/audit/verify?from=${from}`)
      expect(status).toBe(200)
      entries += body.entries
      if (body.next === null) return { ...body, entries }
      from = body.next
    }
  }
  return { site, root, seal, verify }
}

const idOf = (i: number) => `aud_${PREFIX}${String(i).padStart(18, '0')}`

test('the log is sealed behind whoever writes it, and what is sealed verifies', async () => {
  const { root, seal, verify } = await siteWithLog()
  expect(await verify()).toMatchObject({ entries: 0, fault: null })
  await root.post('/v1/badges', { title: 'Open' })
  await seal(0)
  expect(await verify()).toMatchObject({ entries: 1_203, stretches: 3, fault: null })
  await seal()
  const [{ n } = { n: 0 }] = await rowsOf<{ n: number }>('select count(*) as n from audit_log')
  expect(await verify()).toMatchObject({ entries: n, fault: null })
})

test('what is changed, missing, added or signed by somebody else is named', async () => {
  const { seal, verify } = await siteWithLog()
  await seal()
  const [first, second] = [idOf(7), idOf(600)]
  const setHead = async (to: string) =>
    tamper(
      'audit_seals_are_never_changed',
      `update audit_seals set head = ${to} where number = (select max(number) from audit_seals)`,
    )
  await setHead(`head || 'x'`)
  expect((await verify()).fault).toEqual({ stretch: 3, what: 'order' })
  await setHead(`rtrim(head, 'x')`)
  expect((await verify()).fault).toBeNull()
  await env.DB.exec(`create table copied as select * from audit_log where id = '${second}'`)
  await tamper(
    'audit_log_is_never_changed',
    `update audit_log set actor = 'x' where id = '${second}'`,
  )
  expect((await verify()).fault).toEqual({ stretch: 2, what: 'changed', entry: second })
  await tamper('audit_log_is_never_cleared', `delete from audit_log where id = '${second}'`)
  expect((await verify()).fault).toEqual({ stretch: 2, what: 'missing', entry: second })
  await tamper('audit_late_is_noted', 'insert into audit_log select * from copied')
  expect((await verify()).fault).toBeNull()
  const added = `${idOf(30)}0`
  await tamper(
    'audit_late_is_noted',
    `insert into audit_log (id, at, actor, action, target, changes) values ('${added}', '', '', '', '', '{}')`,
  )
  expect((await verify()).fault).toEqual({ stretch: 1, what: 'added', entry: added })
  await tamper('audit_log_is_never_cleared', `delete from audit_log where id = '${added}'`)
  // The guide is made to fit; the head does not.
  await tamper(
    'audit_log_is_never_changed',
    `update audit_log set reason = 'x' where id = '${first}'`,
  )
  await tamper(
    'audit_seals_are_never_changed',
    `update audit_seals set guide = json_remove(guide, '$[7]') where number = 1`,
  )
  expect((await verify()).fault).toMatchObject({ stretch: 1, what: 'added', entry: first })
  await env.DB.exec(`update token_keys set kid = 'x' where use = 'audit'`)
  expect((await verify()).fault).toEqual({ stretch: 1, what: 'signature' })
})

test('an entry that comes late is noted, and sealed in a stretch of its own', async () => {
  const { seal, verify } = await siteWithLog()
  await seal()
  const before = (await verify()).entries
  await write(2, Date.now(), 5_000)
  expect(await verify()).toMatchObject({ entries: before, fault: null })
  await seal(2 * HOUR + 1)
  const after = await verify()
  expect(after.fault).toBeNull()
  expect(after.entries).toBeGreaterThanOrEqual(before + 2)
  expect(await rowsOf('select count(*) as n from audit_late where number is null')).toEqual([
    { n: 0 },
  ])
})

test('nobody deletes an entry, and nothing is cleared that has no file', async () => {
  const { seal } = await siteWithLog({ AUDIT_KEEP_DAYS: '30' })
  await seal(90 * DAY)
  for (const sql of [
    `delete from audit_log where id = '${idOf(1)}'`,
    `update audit_log set reason = null, changes = '{}' where id = '${idOf(1)}'`,
    'delete from audit_seals',
    `update audit_seals set cleared_at = 'x'`,
    `update audit_seals set guide = null`,
    `update audit_seals set guide = '[]'`,
    `update audit_seals set head = 'x'`,
  ])
    await expect(env.DB.prepare(sql).run(), sql).rejects.toThrow(/append-only|archived_before/)
  expect(
    await rowsOf('select count(*) as n from audit_seals where cleared_at is not null'),
  ).toEqual([{ n: 0 }])
})

test('a stretch that is not as it was sealed has no file, and the run says which entry is not', async () => {
  const { root, seal } = await siteWithLog()
  await seal()
  const changed = idOf(600)
  await tamper(
    'audit_log_is_never_changed',
    `update audit_log set actor = 'x' where id = '${changed}'`,
  )
  const { files, ARCHIVE } = bucket()
  const archiving = testSite({ AUTH_SECRET: 'x'.repeat(32), ARCHIVE })
  await expect(archiving.tick(Date.now() + 2 * HOUR)).rejects.toThrow('seal-audit')
  expect(files.size).toBe(1)
  const { body } = await root.get('/v1/jobs/seal-audit/runs?limit=1')
  expect(body.items[0]).toMatchObject({
    status: 'failed',
    error: expect.stringContaining(
      `stretch 2 of the audit log is not as it was sealed: changed ${changed}`,
    ),
  })
})

test('a stretch is cleared once its file is read back, and the file verifies by itself', async () => {
  const { files, ARCHIVE } = bucket()
  const { root, seal: archive, verify } = await siteWithLog({ ARCHIVE })
  const clearing = testSite({ AUTH_SECRET: 'x'.repeat(32), ARCHIVE, AUDIT_KEEP_DAYS: '30' })
  await root.put('/v1/roles/greeter', { permissions: [] })
  await archive()
  const [{ n } = { n: 0 }] = await rowsOf<{ n: number }>('select count(*) as n from audit_log')
  // A file that is cut is no reason to delete anything.
  const [name = '', text = ''] = [...files][0] ?? []
  files.set(name, text.slice(0, -10))
  await expect(clearing.tick(Date.now() + 90 * DAY)).rejects.toThrow('seal-audit')
  expect(
    await rowsOf('select count(*) as n from audit_seals where cleared_at is not null'),
  ).toEqual([{ n: 0 }])
  files.set(name, text)
  await clearing.tick(Date.now() + 91 * DAY)
  const left = await rowsOf<{ action: string; at: string }>('select action, at from audit_log')
  const old = left.filter(({ at }) => Date.parse(at) < Date.now() + DAY)
  expect(old.map(({ action }) => action)).toEqual(['role.define'])
  await root.put('/v1/roles/greeter', { permissions: [{ permission: 'audit:read', reach: 'any' }] })
  expect(await rowsOf('select revision from roles')).toEqual([{ revision: 2 }])
  const verified = await verify()
  expect(verified).toMatchObject({ fault: null, unread: 0 })
  expect(verified.entries).toBeGreaterThanOrEqual(n)
  for (const file of files.values()) {
    const stretch = readFile(file)
    const opened = await openSeal(stretch.signed)
    expect(opened && (await faultIn(opened.claims, stretch))).toBeUndefined()
  }
  // What members see of the log, and write to it, goes on.
  expect((await root.get('/v1/audit')).status).toBe(200)
  await root.post('/v1/badges', { title: 'Later' })
  files.delete(name)
  expect((await verify()).fault).toEqual({ stretch: 1, what: 'file' })
  const [cleared] = await rowsOf<{ unread: number }>(
    'select count(*) as unread from audit_seals where cleared_at is not null',
  )
  const blind = await testSite({ AUTH_SECRET: 'x'.repeat(32) }).root()
  expect(cleared?.unread).toBeGreaterThan(0)
  expect((await blind.get('/v1/audit/verify')).body).toMatchObject({ fault: null, ...cleared })
})

test('what somebody wrote where it did not belong can be removed, from the file as well', async () => {
  const { files, ARCHIVE } = bucket()
  const { root, seal, verify } = await siteWithLog({ ARCHIVE, AUDIT_KEEP_DAYS: '30' })
  const written = await root.post('/v1/badges', { title: 'Grace Hopper' })
  await seal()
  const [entry] = (await root.get(`/v1/audit?target=${written.body.id}`)).body.items
  const remove = async (id: string) =>
    env.DB.prepare('insert into audit_removed (id) values (?)').bind(id).run()
  await remove(`${idOf(1)}x`)
  await remove(entry.id)
  await expect(seal(3 * HOUR)).rejects.toThrow('seal-audit')
  const [removed] = (await root.get(`/v1/audit?target=${written.body.id}`)).body.items
  expect(removed).toEqual({ ...entry, changes: {} })
  await seal(5 * HOUR)
  expect([...files.values()].join('')).not.toContain('Grace Hopper')
  expect(await verify()).toMatchObject({ fault: null })

  await seal(90 * DAY)
  await remove(idOf(3))
  await seal(91 * DAY)
  const file = [...files.values()].map(readFile).find(({ guide }) => guide[3]?.[0] === idOf(3))
  expect(file?.entries[3]).toMatchObject({ id: idOf(3), reason: null, changes: '{}' })
  expect(file?.guide[3]?.[1]).toBe('')
  expect(await verify()).toMatchObject({ fault: null })
  expect(await rowsOf('select count(*) as n from audit_removed where digest is null')).toEqual([
    { n: 0 },
  ])
})

test('a removal whose file is not there waits, and keeps neither the job nor the others from going on', async () => {
  const { files, ARCHIVE } = bucket()
  const { root, seal, verify } = await siteWithLog({ ARCHIVE, AUDIT_KEEP_DAYS: '30' })
  await seal()
  // One that comes after its stretch was sealed, and is cleared with the stretch of those that came late.
  await write(1, Date.now(), 5_000)
  await seal(90 * DAY)
  const [early, late] = [idOf(3), idOf(5_000)]
  const [name = '', text = ''] = [...files].find(([, each]) => each.includes(early)) ?? []
  files.delete(name)
  for (const id of [early, late])
    await env.DB.prepare('insert into audit_removed (id) values (?)').bind(id).run()
  await seal(91 * DAY)
  const runs = await root.get('/v1/jobs/seal-audit/runs?limit=1')
  expect(runs.body.items).toMatchObject([
    { status: 'succeeded', counts: { removed: 1, waiting: 1 } },
  ])
  const entryOf = (id: string) =>
    [...files.values()].flatMap((each) => readFile(each).entries).find((each) => each.id === id)
  expect(entryOf(late)).toMatchObject({ reason: null, changes: '{}' })
  // Nor is it forgotten because somebody has taken the entry out of the file.
  files.set(
    name,
    text.replace(/^\{"id".*\n/gm, (line) => (line.includes(early) ? '' : line)),
  )
  await seal(92 * DAY)
  files.set(name, text)
  await seal(93 * DAY)
  expect(entryOf(early)).toMatchObject({ reason: null, changes: '{}' })
  expect(await verify()).toMatchObject({ fault: null })
})

test('a file that is lost before its stretch is cleared is written anew first', async () => {
  const { files, ARCHIVE } = bucket()
  const { seal: archive, verify } = await siteWithLog({ ARCHIVE })
  const clearing = testSite({ AUTH_SECRET: 'x'.repeat(32), ARCHIVE, AUDIT_KEEP_DAYS: '30' })
  await archive()
  const before = new Map(files)
  files.clear()
  for (const later of [0, 1]) await clearing.tick(Date.now() + 90 * DAY + later)
  expect([...before].filter(([name, text]) => files.get(name) !== text)).toEqual([])
  expect(await verify()).toMatchObject({ fault: null, unread: 0 })
  expect(await rowsOf('select number from audit_seals where cleared_at is null')).toEqual([])
})

test('the deletion of a member leaves the chain whole, and nothing of theirs is in a file', async () => {
  const { files, ARCHIVE } = bucket()
  const { site, root, seal, verify } = await siteWithLog({ ARCHIVE })
  const ada = await site.member('ada')
  await ada.patch('/v1/me', { displayName: 'Augusta King', bio: 'Countess of Lovelace' })
  await seal()
  await root.delete(`/v1/users/${ada.userId}`)
  await seal(3 * HOUR)
  expect(await verify()).toMatchObject({ fault: null })
  const text = [...files.values()].join('')
  expect(text).toContain(ada.userId)
  expect(text).not.toMatch(/Augusta|Lovelace/)
})

test('a run that is cut short, and two at once, leave one chain', async () => {
  const { files, ARCHIVE } = bucket()
  const put = ARCHIVE.put.bind(ARCHIVE)
  let puts = 0
  ARCHIVE.put = async (name, text) => {
    puts += 1
    if (puts === 2) throw new Error('no answer')
    return put(name, text)
  }
  const { site, verify } = await siteWithLog({ ARCHIVE })
  vi.spyOn(console, 'error').mockReturnValue()
  await write(FULL ? 20_000 : 1_000, Date.now(), 10_000)
  await Promise.allSettled([site.tick(Date.now() + HOUR), site.tick(Date.now() + HOUR + 1)])
  for (const hours of FULL ? [3, 5, 7] : [3]) await site.tick(Date.now() + hours * HOUR)
  expect(await verify()).toMatchObject({ fault: null })
  expect(files.size).toBe((await rowsOf('select number from audit_seals')).length)
})
