/**
 * `npm run scale`: what each list and each job costs on a site that has grown, and what its rows take up.
 * It fills a site of its own, or goes on with that of STATE_DIR; for the jobs more than a year passes at
 * once, so that they have as much to do as they will ever have.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import { report } from '../bench/report.ts'
import { firstIdAt } from '../src/db/ids.ts'
import { called } from './called.ts'
import { DEV_ROOT, sign } from './dev-issuer.ts'
import { fill } from './fill.ts'
import { localSettings } from './settings.ts'
import { type Site, startSite } from './site.ts'
import { openStateDir } from './state.ts'

const USAGE = `usage: npm run scale -- [--members N] [--write]

  --members  how many members the site has, 1 to 2000000; 200000 unless given
  --write    writes the tables into docs/performance.md, too

STATE_DIR=<path> goes on with a site that is there.`

const options = called(USAGE, () => {
  const { values } = parseArgs({
    options: {
      members: { type: 'string', default: '200000' },
      write: { type: 'boolean', default: false },
    },
  })
  const members = /^[1-9]\d{0,6}$/.test(values.members) ? Number(values.members) : 0
  return members > 0 && members <= 2_000_000 ? { ...values, members } : undefined
})
const MEMBERS = options.members
/** Changes that a member sees written down in a year or two. */
const AUDIT_ROWS = 7
const CALLS = 7
const DAY_MS = 24 * 60 * 60 * 1000
/** What a site may keep for good is kept here for a year. */
const KEPT = { AUDIT_KEEP_DAYS: '365', BOOKINGS_KEEP_DAYS: '365' }
/** Longer than anything is kept. */
const LATER_MS = 420 * DAY_MS
const MOST_TICKS = 60

const LISTS = [
  '/v1/users?limit=50',
  '/v1/users?limit=50&q=yuki',
  '/v1/users?limit=50&role=admin',
  '/v1/users?limit=50&status=suspended',
  '/v1/users?email=member-0100@example.com',
  '/v1/audit?limit=50',
  '/v1/audit?limit=50&action=badge.assign',
  '/v1/audit?limit=50&actor={member}&action=badge.assign',
  '/v1/bookings?limit=50&status=pending',
  '/v1/services/{service}/slots?limit=50',
  '/v1/events?limit=50',
  '/v1/badges?limit=50',
  '/v1/users/{member}/badges',
  '/v1/users/{member}/visits',
  '/v1/jobs/award-badges/runs',
  '/v1/stats',
] as const

type Row = Readonly<Record<string, string | number>>

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const began = performance.now()
  return [await work(), performance.now() - began]
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

const ms = (value: number) => Number(value.toFixed(value < 10 ? 1 : 0))

async function lists(site: Site, stateDir: string): Promise<Row[]> {
  const headers = { Authorization: `Bearer ${await sign(stateDir, DEV_ROOT, {}, 3600)}` }
  const one = async (sql: string) => site.db.prepare(sql).first<string>('id')
  const member = await one(
    `select user_id as id from identities where subject glob 'member-[0-9]*' limit 1`,
  )
  const service = await one(`select id from services where name = 'Guided tour'`)
  const rows: Row[] = []
  for (const list of LISTS) {
    const path = list.replace('{member}', member ?? '').replace('{service}', service ?? '')
    const times: number[] = []
    let text = ''
    for (let call = 0; call < CALLS; call++) {
      const [answer, time] = await timed(async () => {
        const response = await fetch(`${site.url}${path}`, { headers })
        text = await response.text()
        return response
      })
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`)
      times.push(time)
    }
    const { items }: { items?: unknown[] } = JSON.parse(text)
    rows.push({
      list,
      rows: items?.length ?? 1,
      bytes: text.length,
      'ms, median': ms(median(times)),
    })
  }
  return rows
}

/** Members with all that they do in eight weeks, as far as they are not there. @returns what was added */
async function grow(
  site: Site,
  stateDir: string,
  settings: Readonly<Record<string, string>>,
): Promise<Row | undefined> {
  const have = await site.db
    .prepare(`select count(*) as n from identities where subject glob 'member-[0-9]*'`)
    .first<number>('n')
  const missing = MEMBERS - (have ?? 0)
  if (missing <= 0) return undefined
  const given = { members: missing, weeks: 8, seed: 1 }
  const zone = settings['SITE_TIME_ZONE'] || 'UTC'
  const [filled, time] = await timed(() => fill(site, stateDir, zone, given, () => {}))
  return { ...filled, s: Math.round(time / 1000) }
}

/** Copies of rows of the log, as members cause them over the years. */
async function growLog({ db }: Site): Promise<void> {
  const now = Date.now()
  // An id begins with its time, in fourteen characters; older ones would be late entries of a sealed stretch.
  const begin = firstIdAt('aud', now).slice(0, 14)
  const have = await db.prepare('select count(*) as n from audit_log').first<number>('n')
  const at = 20_000
  for (let from = have ?? 0; from < MEMBERS * AUDIT_ROWS; from += at) {
    await db
      .prepare(
        `insert into audit_log (id, at, actor, action, target, reason, changes)
         with recursive numbers(n) as (select ?1 union all select n + 1 from numbers where n < ?2 - 1)
         select ?3 || printf('%016d', n), ?4, u.id, 'profile.update', u.id, null, '{"fields":["bio"]}'
         from numbers, (select id from users order by id limit 1) u`,
      )
      .bind(from, Math.min(from + at, MEMBERS * AUDIT_ROWS), begin, new Date(now).toISOString())
      .run()
  }
}

interface JobLine {
  readonly event: string
  readonly job: string
  readonly status: string
  readonly counts: Readonly<Record<string, number>>
  readonly d1: number
  readonly objects: number
  readonly milliseconds: number
}

/**
 * Ticks until no job finds anything more to do. What a call of storage takes is what others wait for it at
 * most. Requests cannot be asked for that here: the local runtime looks at no socket while it has work to do.
 */
async function jobs(site: Site, stateDir: string): Promise<Row[]> {
  const log = join(stateDir, 'log.jsonl')
  const sums = new Map<string, Record<'rows' | 'runs' | 'calls' | 'ms' | 'longest', number>>()
  let time = Date.now() + LATER_MS
  for (let tick = 0; tick < MOST_TICKS; tick++, time += DAY_MS) {
    const from = readFileSync(log).byteLength
    await site.tick(undefined, new Date(time))
    const lines = readFileSync(log).subarray(from).toString('utf8').split('\n').filter(Boolean)
    let done = 0
    for (const line of lines.map((text): JobLine => JSON.parse(text))) {
      if (line.event !== 'job') continue
      if (line.status !== 'succeeded') throw new Error(`${line.job}: ${JSON.stringify(line)}`)
      const worked = WORK[line.job] ?? []
      const rows = worked.reduce((sum, name) => sum + (line.counts[name] ?? 0), 0)
      const sum = sums.get(line.job) ?? { rows: 0, runs: 0, calls: 0, ms: 0, longest: 0 }
      done += rows
      sums.set(line.job, {
        rows: sum.rows + rows,
        runs: sum.runs + 1,
        calls: sum.calls + line.d1 + line.objects,
        ms: sum.ms + line.milliseconds,
        longest: Math.max(sum.longest, line.milliseconds),
      })
    }
    process.stderr.write(`tick ${tick + 1}: ${done} rows\n`)
    if (done === 0) break
  }
  return [...sums].map(([job, sum]) => ({
    job,
    'rows worked on': sum.rows,
    ticks: sum.runs,
    calls: sum.calls,
    'rows a call': sum.calls && Math.round(sum.rows / sum.calls),
    'ms a call': sum.calls && ms(sum.ms / sum.calls),
    's in all': ms(sum.ms / 1000),
    's, longest run': ms(sum.longest / 1000),
  }))
}

/** Which of a job's counts are rows that it has worked on. */
const WORK: Readonly<Record<string, readonly string[]>> = {
  'award-badges': ['awarded'],
  'report-milestones': ['reported'],
  'erase-members': ['erased'],
  'finish-events': ['handled'],
  'expire-holds': ['expired'],
  'forget-bookings': ['forgotten'],
  'tell-people': ['sent'],
  'forget-guests': ['networks', 'contacts', 'forgotten'],
  'fold-names': ['folded'],
  'prune-visits': ['pruned'],
  // The first are entries, the others stretches of up to a thousand of them.
  'seal-audit': ['sealed', 'archived', 'cleared'],
  'prune-records': ['keys', 'runs', 'events', 'told', 'login', 'refusals', 'signals', 'ends'],
}

/** What the rows of each table take up, with their indexes, in the files of a site that has stopped. */
function sizes(stateDir: string): Row[] {
  const folder = join(stateDir, 'v3')
  const found: Row[] = []
  for (const [store, dir] of [
    ['D1', 'd1/miniflare-D1DatabaseObject'],
    ['visits', 'do/guildhall-VisitShard'],
  ] as const) {
    const sums = new Map<string, { rows: number; bytes: number }>()
    for (const file of readdirSync(join(folder, dir))) {
      if (!/^[0-9a-f]{64}\.sqlite$/.test(file)) continue
      const db = new DatabaseSync(join(folder, dir, file), { readOnly: true })
      const tables = db
        .prepare(
          `select m.tbl_name as name, sum(s.pgsize) as bytes
           from dbstat s join sqlite_master m on m.name = s.name group by m.tbl_name`,
        )
        .all() as { name: string; bytes: number }[]
      for (const { name, bytes } of tables) {
        const { n } = db.prepare(`select count(*) as n from "${name}"`).get() as { n: number }
        const sum = sums.get(name) ?? { rows: 0, bytes: 0 }
        sums.set(name, { rows: sum.rows + n, bytes: sum.bytes + bytes })
      }
      db.close()
    }
    for (const [table, { rows, bytes }] of sums) {
      if (rows < 1000) continue
      found.push({
        store,
        table,
        rows,
        MB: ms(bytes / 1e6),
        'bytes a row': Math.round(bytes / rows),
      })
    }
  }
  return found.toSorted((a, b) => Number(b['MB']) - Number(a['MB']))
}

const own = process.env['STATE_DIR']
const stateDir = openStateDir(own || mkdtempSync(join(tmpdir(), 'guildhall-scale-')))
try {
  const settings: Record<string, string> = { ...KEPT, ...(await localSettings(stateDir)) }
  const onSite = async (work: (site: Site) => Promise<Row[]>): Promise<Row[]> => {
    const site = await startSite({ stateDir, settings })
    try {
      return await work(site)
    } finally {
      await site.stop()
    }
  }
  const say = (name: string, rows: readonly Row[]) => {
    console.table(rows)
    if (options.write) report(`scale:${name}`, rows)
  }
  say(
    'lists',
    await onSite(async (site) => {
      const filled = await grow(site, stateDir, settings)
      if (filled) say('filled', [filled])
      await growLog(site)
      return lists(site, stateDir)
    }),
  )
  say('sizes', sizes(stateDir))
  say('jobs', await onSite((site) => jobs(site, stateDir)))
} finally {
  if (!own) rmSync(stateDir, { recursive: true, force: true })
}
