/**
 * A whole site on this machine: the Worker as it would be deployed, on workerd, with its database
 * and objects on disk and its cron ticking.
 */
import { join } from 'node:path'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import { type Schedule, startCron } from './cron.ts'
import { entryModule } from './entry.ts'
import { loginAt, OUTBOX, printer } from './login.ts'
import { migrate } from './migrate.ts'
import { freePort, relayIpv6 } from './ports.ts'
import { bindRuntimeToProcess, keepingSignals } from './processes.ts'
import { bundleWorker } from './bundle.ts'
import { projectCrons, workerOptions } from './project.ts'
import { claim, openStateDir, refuseIfServed } from './state.ts'

export interface SiteOptions {
  /** 0, the default, takes any free one. */
  readonly port?: number
  readonly stateDir: string
  /** Every setting the Worker gets, as text; `localSettings` collects them. */
  readonly settings: Readonly<Record<string, string>>
}

export interface Site {
  readonly url: string
  /** The database itself, past every check; for seeding and tests. */
  readonly db: Awaited<ReturnType<Miniflare['getD1Database']>>
  /** A Durable Object namespace by its binding, past every check; for seeding and tests. */
  objects(binding: string): ReturnType<Miniflare['getDurableObjectNamespace']>
  /** Runs the Worker's cron handler; the first trigger and now unless told otherwise. */
  tick(cron?: string, time?: Date): Promise<'ok' | 'exception'>
  readonly schedule: Schedule
  stop(): Promise<void>
}

/** Answers requests once it resolves. @throws Refusal when the port or the state directory is taken */
export async function startSite({
  port: wanted = 0,
  stateDir,
  settings,
}: SiteOptions): Promise<Site> {
  const dir = openStateDir(stateDir)
  // Before the port: whoever starts twice by mistake asks for the same one.
  await refuseIfServed(dir)
  const port = await freePort(wanted)
  const url = `http://localhost:${port}`
  const undo = [await claim(dir, url)] as (() => unknown)[]
  const stop = async () => {
    for (const step of undo.splice(0).toReversed()) await step()
  }
  try {
    bindRuntimeToProcess()
    const persistTo = join(dir, 'v3')
    const preparing = [bundleWorker(), migrate(persistTo)] as const
    // Both have ended, however they ended, before the directory is given back.
    await Promise.allSettled(preparing)
    const [code] = await Promise.all(preparing)
    const crons = projectCrons()
    const here = { ...settings, ...loginAt(url, settings) }
    const print = printer(join(dir, OUTBOX))
    const miniflare = serve({ code, port, persistTo, settings: here, defaultCron: crons[0], print })
    undo.push(() => miniflare.dispose())
    await miniflare.ready
    undo.push(await relayIpv6(port))

    const worker = await miniflare.getWorker()
    const tick: Site['tick'] = async (cron, time = new Date()) => {
      const event = { scheduledTime: time, ...(cron && { cron }) }
      const { outcome } = await worker.scheduled(event)
      return outcome === 'ok' ? 'ok' : 'exception'
    }
    const schedule = startCron(crons, tick)
    undo.push(() => schedule.stop())
    await fetch(`${url}/healthz`)
    const db = await miniflare.getD1Database('DB')
    return {
      url,
      db,
      objects: (name) => miniflare.getDurableObjectNamespace(name),
      tick,
      schedule,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

interface Served {
  readonly code: string
  readonly port: number
  readonly persistTo: string
  readonly settings: Readonly<Record<string, string>>
  readonly defaultCron: string | undefined
  readonly print: (message: string) => void
}

function serve({ code, port, persistTo, settings, defaultCron, print }: Served): Miniflare {
  const options = convertV4MiniflareOptions({
    host: '127.0.0.1',
    port,
    cf: false,
    logRequests: false,
    log: new Log(LogLevel.WARN),
    // All of it, so that stdout holds only what a command itself has to say.
    handleStructuredLogs: ({ message }) => print(message),
    unsafeTriggerHandlers: true,
    workers: [
      {
        ...workerOptions(),
        name: 'guildhall',
        bindings: { ...settings },
        modules: [
          { type: 'ESModule', path: 'local.js', contents: entryModule('worker.js', defaultCron) },
          { type: 'ESModule', path: 'worker.js', contents: code },
        ],
      },
    ],
  })
  // Converting drops the path, so it comes last; without it nothing would be kept.
  return keepingSignals(() => new Miniflare({ ...options, resourcePersistencePath: persistTo }))
}
