/** Builds of the site as they would be deployed, and the floors on the database of the newest one. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import type { Project } from '../local/compile.ts'
import { sign, trustedIssuer } from '../local/dev-issuer.ts'
import { project } from '../local/project.ts'
import { projectAt } from '../local/project-at.ts'
import { DIRECT, migrated, QUIET, trusting } from './measured.ts'

export const FLOORS = ['same trips', 'one trip'] as const

/** The host that pages are asked for under, whatever port they are served on. */
export const PAGES_HOST = 'localhost'

/** The origin of the pages, a Worker that answers each with the same. */
const PAGE = `export default { fetch: () => new Response('<h1>A page</h1>'.repeat(100), {
  headers: { 'Content-Type': 'text/html' } }) }`

export interface Servers {
  /** Where each answers, by its name: `site`, `baseline` if there is one, and the floors. */
  readonly origins: Readonly<Record<string, string>>
  readonly token: (subject: string) => Promise<string>
  readonly stop: () => Promise<void>
}

/** @param baseline a commit to compare with */
export async function startServers(baseline?: string): Promise<Servers> {
  const stateDir = mkdtempSync(join(tmpdir(), 'guildhall-bench-'))
  const issuer = await trustedIssuer(stateDir)
  const running: Miniflare[] = []
  const origins: Record<string, string> = {}
  const start = async (name: string, made: Project, floors: readonly string[]) => {
    const miniflare = await serve({ name, made, issuer, floors })
    running.push(miniflare)
    await populate(await miniflare.getD1Database('DB', name))
    for (const each of [name, ...floors]) {
      origins[each] = (await miniflare.unsafeGetDirectURL(each)).origin
    }
  }
  const made = await project()
  await start('site', made, FLOORS)
  if (baseline !== undefined) {
    // Its bindings are the same; static assets are where they are for this one.
    const { code, migrations } = projectAt(baseline)
    await start('baseline', { ...made, code, migrations }, [])
  }
  return {
    origins,
    token: (subject) => sign(stateDir, subject, {}, 36_000),
    stop: async () => {
      for (const miniflare of running) await miniflare.dispose()
      rmSync(stateDir, { recursive: true, force: true })
    },
  }
}

type Database = Awaited<ReturnType<Miniflare['getD1Database']>>

/** One site by itself, with nobody on it. */
export interface Served {
  readonly origin: string
  readonly db: Database
  readonly token: (subject: string) => Promise<string>
  readonly stop: () => Promise<void>
}

export async function startSite(): Promise<Served> {
  const name = 'site'
  const stateDir = mkdtempSync(join(tmpdir(), 'guildhall-bench-'))
  const issuer = await trustedIssuer(stateDir)
  const miniflare = await serve({ name, made: await project(), issuer, floors: [] })
  return {
    origin: (await miniflare.unsafeGetDirectURL(name)).origin,
    db: await miniflare.getD1Database('DB', name),
    token: (subject) => sign(stateDir, subject, {}, 36_000),
    stop: async () => {
      await miniflare.dispose()
      rmSync(stateDir, { recursive: true, force: true })
    },
  }
}

interface Serving {
  readonly name: string
  readonly made: Project
  readonly issuer: Awaited<ReturnType<typeof trustedIssuer>>
  readonly floors: readonly string[]
}

async function serve({ name, made, issuer, floors }: Serving): Promise<Miniflare> {
  const code = await bundleFloor()
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      ...QUIET,
      workers: [
        {
          ...made.worker,
          ...DIRECT,
          name,
          bindings: {
            ...trusting(issuer),
            VISIT_SHARDS: '8',
            // The platform takes lines of the log for nothing; here they would cost the pipe to this process.
            LOG_REQUESTS: '0',
            PUBLIC_URL: `http://${PAGES_HOST}`,
            AUTH_SECRET: 'of no worth, since it is known to all',
          },
          serviceBindings: { ...made.worker.serviceBindings, PAGES: 'pages' },
          modules: [{ type: 'ESModule', path: 'worker.js', contents: made.code }],
        },
        {
          name: 'pages',
          compatibilityDate: '2026-10-01',
          modules: [{ type: 'ESModule', path: 'page.js', contents: PAGE }],
        },
        ...floors.map((floor) => ({
          ...DIRECT,
          name: floor,
          compatibilityDate: '2026-10-01',
          bindings: { JWK: JSON.stringify(issuer.jwks.keys[0]), TRIPS: floor.split(' ')[0] ?? '' },
          d1Databases: { DB: { id: made.database } },
          serviceBindings: { PAGES: 'pages' },
          durableObjects: { COUNTER: { className: 'Counter', useSQLite: true } },
          modules: [{ type: 'ESModule' as const, path: 'floor.js', contents: code }],
        })),
      ],
    }),
  )
  await migrated(miniflare, name, made.migrations)
  return miniflare
}

const MEMBERS = 10_000

/** Members that nobody signs in as. */
async function populate(db: Database): Promise<void> {
  const at = new Date(0).toISOString()
  await db
    .prepare(
      `with recursive series (value) as (select 1 union all select value + 1 from series
         where value < ?2)
       insert into users (id, display_name, name_key, status, access_revision, visit_shard, revision,
         created_at, updated_at)
       select 'usr_' || printf('%026d', value), 'Member ' || value, 'member ' || value, 'active', 1, 0, 1,
         ?1, ?1 from series`,
    )
    .bind(at, MEMBERS)
    .run()
}

async function bundleFloor(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('floor.ts', import.meta.url))],
    bundle: true,
    format: 'esm',
    external: ['cloudflare:workers'],
    write: false,
  })
  return outputFiles[0]?.text ?? ''
}
