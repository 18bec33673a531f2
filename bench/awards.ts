/**
 * `npm run bench:awards -- --baseline REF`: how many members the job awards a badge in a second, when a
 * rule is made that all of them have reached, beside an older build. `--members` says how many, 100 000
 * unless given; `--write` writes it to docs/performance.md.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import type { Project } from '../local/compile.ts'
import { DEV_ROOT, sign, trustedIssuer } from '../local/dev-issuer.ts'
import { project } from '../local/project.ts'
import { projectAt } from '../local/project-at.ts'
import { DIRECT, migrated, QUIET, trusting } from './measured.ts'
import { report } from './report.ts'

const { values: options } = parseArgs({
  options: {
    members: { type: 'string', default: '100000' },
    baseline: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})
const MEMBERS = Number(options.members)
const SHARDS = 8
const EVERY_MS = 5 * 60_000

/** The site, which counts a visit of each member when it is asked to, and answers when a tick is over. */
const VISITED = `import site from './worker.js'
export * from './worker.js'
export default {
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/tick') {
      const scheduledTime = Number(searchParams.get('at'))
      await site.scheduled({ cron: '*/5 * * * *', scheduledTime, noRetry() {} }, env, ctx)
      return new Response()
    }
    if (pathname !== '/visit') return site.fetch(request, env, ctx)
    const [now, members] = [Date.now(), await request.json()]
    const day = new Date(now).toISOString().slice(0, 10)
    const record = async ({ id, shard }) =>
      env.VISITS.getByName('visits-' + shard).record(id, now, day)
    await Promise.all(members.map(record))
    return new Response()
  },
}`

const made = await project()
const table = [await measured('the site', made)]
if (options.baseline) {
  const { code, migrations } = projectAt(options.baseline)
  table.push(await measured('the baseline', { ...made, code, migrations }))
}
console.table(table)
if (options.write) report('bench:awards', table)

async function measured(build: string, { worker, code, migrations }: Project) {
  const place = mkdtempSync(join(tmpdir(), 'guildhall-bench-'))
  const issuer = await trustedIssuer(place)
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      ...QUIET,
      workers: [
        {
          ...worker,
          ...DIRECT,
          name: 'site',
          bindings: {
            ...trusting(issuer),
            VISIT_SHARDS: String(SHARDS),
            LOG_REQUESTS: '0',
          },
          modules: [
            { type: 'ESModule', path: 'visited.js', contents: VISITED },
            { type: 'ESModule', path: 'worker.js', contents: code },
          ],
        },
      ],
    }),
  )
  try {
    const db = await migrated(miniflare, 'site', migrations)
    const { origin } = await miniflare.unsafeGetDirectURL('site')
    const Authorization = `Bearer ${await sign(place, DEV_ROOT, {}, 36_000)}`
    const asked = async (path: string, body: unknown): Promise<{ readonly id: string }> => {
      const headers = { Authorization, 'Content-Type': 'application/json' }
      const answer = await fetch(origin + path, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`)
      return text === '' ? { id: '' } : JSON.parse(text)
    }
    const badge = await asked('/v1/badges', { title: 'Here' })
    await populate(db)
    const { results } = await db
      .prepare(`select id, visit_shard as shard from users where id like 'usr\\_0%' escape '\\'`)
      .all()
    for (let from = 0; from < results.length; from += 1_000) {
      await asked('/visit', results.slice(from, from + 1_000))
    }
    await asked('/v1/badge-rules', { badgeId: badge.id, metric: 'visits', threshold: 1 })
    const awarded = async () =>
      (await db
        .prepare('select count(*) as n from badge_assignments where removed_at is null')
        .first<number>('n')) ?? 0
    let [ticks, seconds] = [0, 0]
    const start = Date.now()
    while ((await awarded()) < MEMBERS) {
      if (ticks === 100)
        throw new Error(`${build}: ${await awarded()} are awarded after ${ticks} ticks`)
      const before = performance.now()
      await asked(`/tick?at=${start + ticks * EVERY_MS}`, null)
      seconds += (performance.now() - before) / 1_000
      ticks += 1
    }
    return {
      build,
      members: MEMBERS,
      ticks,
      s: Math.round(seconds * 10) / 10,
      'members per second': Math.round(MEMBERS / seconds),
    }
  } finally {
    await miniflare.dispose()
    rmSync(place, { recursive: true, force: true })
  }
}

type Database = Awaited<ReturnType<Miniflare['getD1Database']>>

/** Members that nobody signs in as, spread evenly over the shards. */
async function populate(db: Database): Promise<void> {
  await db
    .prepare(
      `with recursive series (value) as (select 1 union all select value + 1 from series
         where value < ?2)
       insert into users (id, display_name, name_key, status, access_revision, visit_shard, revision,
         created_at, updated_at)
       select 'usr_' || printf('%026d', value), 'Member ' || value, 'member ' || value, 'active', 1,
         value % ?3, 1, ?1, ?1 from series`,
    )
    .bind(new Date(0).toISOString(), MEMBERS, SHARDS)
    .run()
}
