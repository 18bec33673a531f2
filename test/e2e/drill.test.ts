/**
 * The drill: files of one store are put back to a point in the life of a site, the runtime is killed in
 * the middle of a tick, and the operator reconciles. What the site says then has to be one truth.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import { databaseFile } from '../../local/backup-local.ts'
import { sign } from '../../local/dev-issuer.ts'
import { localSettings } from '../../local/settings.ts'
import { type Site, startSite } from '../../local/site.ts'
import { seeded } from '../support/seeded.ts'
import { descendants } from './support/site.ts'

const FULL = Boolean(process.env['FULL'])
const STEPS = FULL ? 50 : 9
const SEED = 1
const DATABASE = ['d1']
const OBJECTS = ['do/guildhall-VisitShard', 'do/guildhall-KeyGate']

const home = mkdtempSync(join(tmpdir(), 'guildhall-drill-'))
const first = join(home, 'site')
let settings: Record<string, string>

/** What has happened at the site in all its life, whatever it still knows of it. */
const life = {
  members: [] as string[],
  deleted: [] as string[],
  keys: [] as { id: string; secret: string; isRevoked: boolean }[],
  ruleId: '',
}

async function call(site: Site, method: string, path: string, json?: unknown, subject = 'root') {
  const token = await sign(first, subject, {}, 3600)
  const response = await fetch(`${site.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  })
  const text = await response.text()
  // oxlint-disable-next-line typescript/no-explicit-any
  const body: any = text === '' ? undefined : JSON.parse(text)
  return { status: response.status, body }
}

const start = async (stateDir: string) => startSite({ stateDir, settings })

/** A step of the life of a site, each of which one of the stores may be put back to before. */
const ACTS: readonly ((site: Site, draw: () => number) => Promise<unknown>)[] = [
  async (site) => {
    const subject = `m${life.members.length}`
    const { body } = await call(site, 'GET', '/v1/me', undefined, subject)
    life.members.push(body.id)
    await call(site, 'POST', '/v1/me/visits', {}, subject)
  },
  async (site) => site.tick(),
  async (site) => {
    const { body } = await call(site, 'POST', '/v1/api-keys', {
      name: 'key',
      scopes: ['profile:list'],
    })
    life.keys.push({ id: body.id, secret: body.key, isRevoked: false })
    await whoami(site, body.key)
  },
  async (site, draw) => {
    const { body } = await call(site, 'GET', `/v1/badge-rules/${life.ruleId}`)
    const threshold = 1
    const windowDays = 1 + Math.floor(draw() * 300)
    await call(site, 'PATCH', `/v1/badge-rules/${body.id}`, { threshold, windowDays })
  },
  async (site) => {
    const key = life.keys.find(({ isRevoked }) => !isRevoked)
    if (!key) return
    await call(site, 'DELETE', `/v1/api-keys/${key.id}`)
    key.isRevoked = true
  },
  async (site) => {
    const id = life.members.find((each) => !life.deleted.includes(each))
    if (id === undefined) return
    await call(site, 'DELETE', `/v1/users/${id}`)
    life.deleted.push(id)
  },
]

async function whoami(site: Site, secret: string): Promise<number> {
  const headers = { 'X-API-Key': secret }
  return (await fetch(`${site.url}/v1/whoami`, { headers })).status
}

function copy(parts: readonly string[], from: string, to: string): void {
  for (const part of parts) {
    rmSync(join(to, 'v3', part), { recursive: true, force: true })
    cpSync(join(from, 'v3', part), join(to, 'v3', part), { recursive: true })
  }
}

const pointAt = (step: number) => join(home, `point-${step}`)

beforeAll(async () => {
  mkdirSync(first)
  settings = await localSettings(first, first)
  const site = await start(first)
  const badge = { title: 'First', slug: 'first', backgroundColor: '#000000', textColor: '#ffffff' }
  const { body } = await call(site, 'POST', '/v1/badges', badge)
  const rule = { badgeId: body.id, metric: 'visits', threshold: 1, windowDays: 30 }
  life.ruleId = (await call(site, 'POST', '/v1/badge-rules', rule)).body.id
  const draw = seeded(SEED)
  // Each act once in this order, so that few steps have everything in them.
  const order = [0, 2, 0, 1, 3, 0, 1, 4, 5]
  for (let step = 0; step < STEPS; step++) {
    copy([...DATABASE, ...OBJECTS], first, pointAt(step))
    const act = ACTS[order[step] ?? Math.floor(draw() * ACTS.length)]
    await act?.(site, draw)
  }
  await site.stop()
}, 600_000)

afterAll(() => rmSync(home, { recursive: true, force: true }))

const POINTS = FULL ? Array.from({ length: STEPS }, (_, step) => step) : [4]
const DRILLS = POINTS.flatMap((step) => [
  { step, store: 'the database', parts: DATABASE },
  { step, store: 'the objects', parts: OBJECTS },
])

test.each(DRILLS)(
  '$store put back to before step $step become one truth',
  async ({ step, parts }) => {
    const dir = join(home, 'drill')
    rmSync(dir, { recursive: true, force: true })
    cpSync(first, dir, { recursive: true })
    copy(parts, pointAt(step), dir)

    const before = await start(dir)
    await before.tick()
    await before.db
      .prepare(
        `insert into operator_requests (id, kind, is_dry_run, requested_at, status, progress, report)
        values ('req', 'reconcile', 0, ?, 'requested', '{}', '{}')`,
      )
      .bind(new Date().toISOString())
      .run()
    const cutShort = before.tick().catch(() => 'killed')
    for (const pid of runtimes()) process.kill(pid, 'SIGKILL')
    await cutShort
    await before.stop().catch(() => undefined)

    // Wherever the kill fell, the tick that was killed had taken it; whoever serves the directory next takes it over.
    const db = new DatabaseSync(databaseFile(dir))
    db.exec(
      `update operator_requests set status = 'running', claimed_until = '2099-01-01T00:00:00.000Z'
        where status in ('requested', 'running')`,
    )
    db.close()
    const site = await start(dir)
    await site.tick()
    await site.tick()
    const { results } = await site.db.prepare('select status, report from operator_requests').all()
    expect(results).toMatchObject([{ status: 'succeeded' }])
    await assertOneTruth(site)
    await site.stop()
  },
  600_000,
)

const Known = z.object({ known: z.array(z.string()) })

async function assertOneTruth(site: Site): Promise<void> {
  const rows = async (sql: string) =>
    (await site.db.prepare(sql).all<Record<string, string>>()).results
  const users = await rows('select id, visit_shard from users')
  const known = new Set(users.map(({ id }) => id))
  expect(life.deleted.filter((id) => known.has(id))).toEqual([])

  const shards = Number(
    (await rows(`select value from site where key = 'visit_shards'`))[0]?.['value'],
  )
  const visiting: string[] = []
  for (let shard = 0; shard < shards; shard++) {
    const found = await site.call('VISITS', `visits-${shard}`, 'members', null, 1000)
    visiting.push(...Known.parse(found).known)
  }
  expect(visiting.filter((id) => !known.has(id))).toEqual([])

  const { body: rule } = await call(site, 'GET', `/v1/badge-rules/${life.ruleId}`)
  for (const id of visiting) {
    const { body } = await call(site, 'GET', `/v1/users/${id}/badges`)
    expect(body.items, `the badge of ${id}`).toHaveLength(1)
  }
  expect((await call(site, 'POST', '/v1/me/visits', {})).status).toBeLessThan(300)
  // What was given since says the rule as it is in force.
  const given = await rows(
    `select reason from audit_log where action = 'badge.assign'
      and at > (select requested_at from operator_requests)`,
  )
  const reason = `${life.ruleId}: ${rule.threshold} visits within ${rule.windowDays} days`
  expect(given.filter((each) => each['reason'] !== reason)).toEqual([])

  for (const { id, secret, isRevoked } of life.keys) {
    const [row] = await rows(`select enabled, revoked_at from api_keys where id = '${id}'`)
    const isGood = row !== undefined && Number(row['enabled']) === 1 && row['revoked_at'] === null
    expect([id, isGood && isRevoked]).toEqual([id, false])
    expect([id, await whoami(site, secret)]).toEqual([id, isGood ? 200 : 401])
  }
}

/** The processes of this test that run Workers. */
function runtimes(): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,comm='], { encoding: 'utf8' }).split('\n')
  const workerd = new Set(
    rows.filter((row) => row.includes('workerd')).map((row) => Number.parseInt(row)),
  )
  return descendants(process.pid).filter((pid) => workerd.has(pid))
}
