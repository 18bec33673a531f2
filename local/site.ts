/**
 * A whole site on this machine: the Worker as it would be deployed, on workerd, with its database
 * and objects on disk and its cron ticking.
 */
import { join } from 'node:path'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import { ARCHIVE, archiveCopier } from './archive.ts'
import { type Schedule, startCron } from './cron.ts'
import type { Line } from './control.ts'
import { entryModule } from './entry.ts'
import { siteLog } from './log.ts'
import { loginAt } from './login.ts'
import { migrate } from './migrate.ts'
import { freePort, relayIpv6 } from './ports.ts'
import { bindRuntimeToProcess, keepingSignals } from './processes.ts'
import type { Project } from './compile.ts'
import { project } from './project.ts'
import { Refusal } from './refusal.ts'
import { claim, openStateDir, refuseIfServed } from './state.ts'
import { doneFor } from './stores.ts'

export interface SiteOptions {
  /** 0, the default, takes any free one. */
  readonly port?: number
  readonly stateDir: string
  /** Every setting the Worker gets, as text; `localSettings` collects them. */
  readonly settings: Readonly<Record<string, string>>
  /** Nobody is shown that requests fail, as they have to while both stores are loaded; the log has them. */
  readonly keepsRequests?: boolean
}

export interface Site {
  readonly url: string
  /** The database itself, past every check; for seeding and tests. */
  readonly db: Awaited<ReturnType<Miniflare['getD1Database']>>
  /** Calls a method of an object, past every check; for seeding and tests. What it takes and returns is JSON. */
  call(
    binding: 'VISITS' | 'WEBHOOKS',
    object: string,
    method: string,
    ...given: readonly unknown[]
  ): Promise<unknown>
  /** A bucket by its binding. */
  bucket(binding: 'BACKUPS' | 'ARCHIVE'): ReturnType<Miniflare['getR2Bucket']>
  /** Runs the Worker's cron handler; the first trigger and now unless told otherwise. */
  tick(cron?: string, time?: Date): Promise<'ok' | 'exception'>
  readonly schedule: Schedule
  /** Prints what the Worker logs from now on; what goes wrong is printed anyway. */
  showRequests(): void
  stop(): Promise<void>
}

/** The bucket of local sites, which is bound as BACKUPS. */
const LOCAL_BUCKET = 'guildhall-backups'

/** How often another free port is tried. */
const TRIES = 3

/** Answers requests once it resolves. @throws Refusal when the port or the state directory is taken */
export async function startSite(options: SiteOptions): Promise<Site> {
  for (let tried = 1; ; tried++) {
    try {
      return await start(options)
    } catch (error) {
      // A port that was free when it was chosen may be somebody else's by the time it is served on.
      if (options.port || tried === TRIES || !isAddressInUse(error)) throw error
    }
  }
}

function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_ADDRESS_IN_USE'
}

async function start(options: SiteOptions): Promise<Site> {
  const { port: wanted = 0, stateDir, settings, keepsRequests } = options
  const dir = openStateDir(stateDir)
  // Before the port: whoever starts twice by mistake asks for the same one.
  await refuseIfServed(dir)
  const port = await freePort(wanted)
  const url = `http://localhost:${port}`
  let site: Site | undefined
  const undo = [
    await claim(dir, url, async (request, say) => {
      if (!site) throw new Refusal('the site is not ready yet')
      const rows = await doneFor(site, request)
      if (rows) say({ done: rows })
      else await seedAsked(site, dir, settings, request, say)
    }),
  ] as (() => unknown)[]
  const stop = async () => {
    for (const step of undo.splice(0).toReversed()) await step()
  }
  try {
    bindRuntimeToProcess()
    const persistTo = join(dir, 'v3')
    await migrate(persistTo)
    const made = await project()
    const here = { ...settings, ...loginAt(url, settings) }
    const log = siteLog(dir, undefined, keepsRequests)
    let copyArchive = async (): Promise<void> => {}
    const print = (message: string) => {
      log.print(message)
      // Whoever has asked for the tick, this is said at the end of a run that may have written files.
      if (message.includes('"job":"seal-audit"')) void copyArchive()
    }
    const miniflare = serve({ made, port, persistTo, settings: here, print })
    undo.push(() => miniflare.dispose())
    await miniflare.ready
    const db = await miniflare.getD1Database('DB')
    await endInterrupted(db, await miniflare.getR2Bucket('BACKUPS'))
    const archive = archiveCopier(miniflare, dir)
    copyArchive = archive.copy
    void copyArchive()
    undo.push(archive.finish)
    undo.push(await relayIpv6(port))

    // Over HTTP, for a tick may take half a minute, and the runtime's own proxy gives that up.
    const tick: Site['tick'] = async (cron, time = new Date()) => {
      const event = new URLSearchParams({ time: String(time.getTime()), ...(cron && { cron }) })
      const headers = { Connection: 'close' }
      const { ok } = await fetch(`${url}/cdn-cgi/local/scheduled?${event.toString()}`, { headers })
      return ok ? 'ok' : 'exception'
    }
    const schedule = startCron(made.crons, tick)
    undo.push(() => schedule.stop())
    await fetch(`${url}/healthz`)
    site = {
      url,
      db,
      async call(binding, object, method, ...given) {
        const stub = (await miniflare.getDurableObjectNamespace(binding)).getByName(object)
        const body = JSON.stringify({ method, given })
        const answer = await stub.fetch('http://object', { method: 'POST', body })
        if (!answer.ok) throw new Error(`${object}.${method} answered ${answer.status}`)
        return answer.json()
      },
      bucket: (binding) => miniflare.getR2Bucket(binding),
      tick,
      schedule,
      showRequests: log.showAll,
      stop,
    }
    return site
  } catch (error) {
    await stop()
    throw error
  }
}

/**
 * What a process was at that served this directory before, and was killed, nobody is at any more: whoever
 * serves it holds it alone. A deployed site waits until it may be sure of that. Nor does anybody wait for
 * a backup or a restoration of before, whose command had the site's process end with it or lost it.
 */
async function endInterrupted(db: Site['db'], backups: Awaited<ReturnType<Site['bucket']>>) {
  const at = new Date().toISOString()
  await db.batch([
    db
      .prepare(
        `update operator_requests set status = 'failed', finished_at = ?, claimed_until = null,
            report = json_set(report, '$.failures', json_array('the command was interrupted'))
          where kind in ('backup', 'restore') and status in ('requested', 'running')`,
      )
      .bind(at),
    db.prepare('update operator_requests set claimed_until = null where claimed_until is not null'),
    db
      .prepare(
        `update job_runs set status = 'failed', finished_at = ?, error = 'interrupted'
          where status = 'running' and finished_at is null`,
      )
      .bind(at),
  ])
  for (;;) {
    const { objects } = await backups.list({ prefix: 'backups/' })
    if (objects.length === 0) return
    await backups.delete(objects.map(({ key }) => key))
  }
}

/** `npm run seed`, of a site that runs. */
async function seedAsked(
  site: Site,
  stateDir: string,
  settings: SiteOptions['settings'],
  request: unknown,
  say: (line: Line) => void,
): Promise<void> {
  const { fill, Filling } = await import('./fill.ts')
  const zone = settings['SITE_TIME_ZONE'] || 'UTC'
  const done = await fill(site, stateDir, zone, Filling.parse(request), (...progress) =>
    say({ progress }),
  )
  say({ done })
}

interface Served {
  readonly made: Project
  readonly port: number
  readonly persistTo: string
  readonly settings: Readonly<Record<string, string>>
  readonly print: (message: string) => void
}

function serve({ made, port, persistTo, settings, print }: Served): Miniflare {
  const options = convertV4MiniflareOptions({
    host: '127.0.0.1',
    port,
    cf: false,
    logRequests: false,
    log: new Log(LogLevel.WARN),
    handleStructuredLogs: ({ message }) => print(message),
    unsafeTriggerHandlers: true,
    workers: [
      {
        ...made.worker,
        name: 'guildhall',
        // On a machine of one's own there is always somewhere to put a file.
        r2Buckets: { [ARCHIVE.binding]: 'guildhall-archive', BACKUPS: LOCAL_BUCKET },
        bindings: { ...settings },
        modules: [
          { type: 'ESModule', path: 'local.js', contents: entryModule('worker.js', made.crons[0]) },
          { type: 'ESModule', path: 'worker.js', contents: made.code },
        ],
      },
    ],
  })
  // Converting drops the path, so it comes last; without it nothing would be kept.
  return keepingSignals(() => new Miniflare({ ...options, resourcePersistencePath: persistTo }))
}
