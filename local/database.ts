/**
 * The database of the local site or, with `remote`, of the deployed one, past the site itself: for
 * commands that ask for what no route does. Whoever can run them may write to the database.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { Refusal } from './refusal.ts'
import { DEPLOYED, wranglerOn } from './root.ts'
import { runningServer, siteStateDir } from './state.ts'
import { type Stores, storesBehind, storesOf } from './stores.ts'

export { text } from './site-facts.ts'

const Results = z.array(z.object({ results: z.array(z.record(z.string(), z.unknown())) }))

/** More than a page of what any command reads. */
const MOST_BYTES = 256 * 2 ** 20

/**
 * Runs the statements on the deployed site, as one transaction. The local one is left to the process that
 * serves it, for two on one database lock each other out.
 * @throws Refusal with wrangler's own words
 */
export function executeRemotely(sql: string) {
  const args = wranglerOn('d1', 'execute', 'DB', '--remote', '--json', '--command', sql)
  // A site that was deployed from here has its own database.
  if (existsSync(DEPLOYED)) args.splice(-1, 1, DEPLOYED)
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    maxBuffer: MOST_BYTES,
    stdio: ['inherit', 'pipe', 'pipe'],
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true' },
  })
  if (status !== 0) throw new Refusal(`the database did not take it\n${stderr || stdout}`)
  return Results.parse(JSON.parse(stdout.slice(stdout.indexOf('['))))
}

/** The rows that a statement returns. */
export type Row = Readonly<Record<string, unknown>>

/** What a request of the operator takes. */
export interface Asking {
  readonly query: (sql: string) => Promise<readonly Row[]>
  /** Has a tick carry out what was asked for, or waits a while for one. */
  readonly tick: () => Promise<void>
}

export interface Access extends Asking {
  /** Runs each of the groups as one transaction. */
  readonly write: Stores['write']
}

/** A deployed site ticks every five minutes. */
const LOOK_EVERY_MS = 15_000

/** A local site, whose bucket is at hand, too. */
export type LocalAccess = Stores & Pick<Access, 'tick'>

/** Works with the deployed site, or the local one, which is started for the moment if it does not run. */
export async function withDatabase<T>(
  remote: boolean,
  work: (access: Access) => Promise<T>,
): Promise<T> {
  if (!remote) return withLocalSite(work)
  const query = async (sql: string) => executeRemotely(sql)[0]?.results ?? []
  const write: Access['write'] = async (groups) => {
    for (const group of groups) executeRemotely(`${group.join(';\n')};`)
  }
  return work({ query, write, tick: async () => sleep(LOOK_EVERY_MS) })
}

/**
 * Works with the local site, which is started for the moment if it does not run.
 * @throws Refusal if none was ever started, unless told where one may be made
 */
export async function withLocalSite<T>(
  work: (access: LocalAccess) => Promise<T>,
  dir = siteStateDir(),
): Promise<T> {
  const running = await runningServer(dir)
  if (running) {
    const tick = async () => void (await fetch(`${running.url}/cdn-cgi/local/scheduled`))
    return work({ ...storesBehind(running), tick })
  }
  const [{ startSite }, { localSettings }] = await Promise.all([
    import('./site.ts'),
    import('./settings.ts'),
  ])
  const site = await startSite({ stateDir: dir, settings: await localSettings(dir) })
  try {
    return await work({ ...storesOf(site), tick: async () => void (await site.tick()) })
  } finally {
    await site.stop()
  }
}
