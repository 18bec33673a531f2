/**
 * The Worker as it is uploaded, built once for a file of tests. Each isolate of it starts fresh on
 * the same storage, at the same address. Its calls to D1 can be held up, so that a client can leave
 * before one is over.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { sign } from '../../../local/dev-issuer.ts'
import { migrate } from '../../../local/migrate.ts'
import { freePort } from '../../../local/ports.ts'
import { bindRuntimeToProcess, keepingSignals } from '../../../local/processes.ts'
import type { Project } from '../../../local/compile.ts'
import { project } from '../../../local/project.ts'
import { localSettings } from '../../../local/settings.ts'
import { eventually } from '../../support/eventually.ts'
import { descendants } from './site.ts'

/** The time to build, which takes seconds, and minutes on a busy machine. */
const BUILD_TIMEOUT_MS = 300_000

const CALL = 'a call to D1 begins: '

interface IsolateOptions {
  /** Milliseconds that each call to D1 takes on its way, and again on its way back. */
  readonly delayMs?: number
  readonly compatibilityFlags?: readonly string[]
  readonly settings?: Readonly<Record<string, string>>
}

export interface Isolate {
  readonly url: string
  readonly db: Awaited<ReturnType<Miniflare['getD1Database']>>
  /** Every mail that was sent, oldest first, with its address, subject and text. */
  readonly mails: readonly string[]
  /** The number of calls to D1 begun in requests for this path, if calls are held up. */
  callsOf(path: string): number
  /** The secret of the last link mailed to this address, without the first `from` mails. */
  secretFor(email: string, from?: number): Promise<string>
  stop(): Promise<void>
  /** Ends it in the middle of whatever it does: no line of it runs any more. */
  kill(): Promise<void>
}

export interface BuiltSite {
  /** The text of the module that is uploaded. */
  readonly code: string
  /** A token of the development issuer; `root` is an admin. */
  token(subject: string): Promise<string>
  /** Starts an isolate, which ends with the test, if not before. */
  isolate(options?: IsolateOptions): Promise<Isolate>
}

export function builtSite(): BuiltSite {
  const dir = mkdtempSync(join(tmpdir(), 'guildhall-'))
  const persistTo = join(dir, 'v3')
  let made: Project
  let port = 0
  beforeAll(async () => {
    bindRuntimeToProcess()
    port = await freePort(0)
    await migrate(persistTo)
    made = await project()
  }, BUILD_TIMEOUT_MS)
  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  async function isolate(options: IsolateOptions = {}): Promise<Isolate> {
    const { delayMs = 0, compatibilityFlags = [], settings } = options
    const url = `http://localhost:${port}`
    const mails: string[] = []
    const calls: string[] = []
    const converted = convertV4MiniflareOptions({
      host: '127.0.0.1',
      port,
      cf: false,
      logRequests: false,
      log: new Log(LogLevel.WARN),
      handleStructuredLogs: ({ message }) => {
        if (message.startsWith('mail to ')) mails.push(message)
        if (message.startsWith(CALL)) calls.push(message.slice(CALL.length))
      },
      workers: [
        {
          ...made.worker,
          name: 'guildhall',
          compatibilityFlags: [...compatibilityFlags],
          bindings: { ...(await localSettings(dir, dir)), PUBLIC_URL: url, ...settings },
          modules: [
            { type: 'ESModule', path: 'slow.js', contents: slowStorage(delayMs) },
            { type: 'ESModule', path: 'worker.js', contents: made.code },
          ],
        },
      ],
    })
    const miniflare = keepingSignals(
      () => new Miniflare({ ...converted, resourcePersistencePath: persistTo }),
    )
    let isStopped = false
    const stop = async () => {
      if (!isStopped) await miniflare.dispose()
      isStopped = true
    }
    onTestFinished(stop)
    await miniflare.ready
    const secretFor = (email: string, from = 0) =>
      eventually(() => {
        const mail = mails.slice(from).findLast((text) => text.startsWith(`mail to ${email}:`))
        const [, secret] = /\/auth\/mailed\/\w+#([\w-]+)/.exec(mail ?? '') ?? []
        if (secret === undefined) throw new Error(`no link for ${email} in ${mails.length} mails`)
        return secret
      })
    const db = await miniflare.getD1Database('DB')
    return {
      url,
      db,
      mails,
      callsOf: (path) => calls.filter((of) => of === path).length,
      secretFor,
      stop,
      kill: async () => {
        for (const pid of runtimes()) process.kill(pid, 'SIGKILL')
        await stop()
      },
    }
  }

  return {
    get code() {
      return made.code
    },
    token: (subject) => sign(dir, subject, {}, 4 * 3600),
    isolate,
  }
}

/** The runtimes that this process has started. */
function runtimes(): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,comm='], { encoding: 'utf8' }).split('\n')
  const named = rows.map((row) => row.trim().split(/\s+/)).filter(([, of]) => of === 'workerd')
  const pids = new Set(named.map(([pid]) => Number(pid)))
  return descendants(process.pid).filter((pid) => pids.has(pid))
}

/**
 * The Worker with a database that delays every call before it is made and on its way back. It is one
 * database for the isolate, which looks only at its first request whether that fits.
 */
function slowStorage(delayMs: number): string {
  return `import worker from './worker.js'
export * from './worker.js'

const pause = () => new Promise((resolve) => setTimeout(resolve, ${delayMs}))
const natives = new WeakMap()
let requested = ''
let slow

function slowly(native, path) {
  const through = async (call) => {
    console.log('${CALL}' + (path ?? requested))
    await pause()
    const result = await call()
    await pause()
    return result
  }
  const statement = (native) => {
    const slow = { bind: (...values) => statement(native.bind(...values)) }
    for (const name of ['all', 'run', 'first', 'raw'])
      slow[name] = (...args) => through(() => native[name](...args))
    natives.set(slow, native)
    return slow
  }
  return {
    prepare: (sql) => statement(native.prepare(sql)),
    batch: (all) => through(() => native.batch(all.map((each) => natives.get(each)))),
    withSession: (start) => slowly(native.withSession(start), requested),
    getBookmark: () => native.getBookmark(),
  }
}

export default {
  ...worker,
  fetch: (request, env, ctx) => {
    requested = new URL(request.url).pathname
    const DB = ${delayMs > 0 ? '(slow ??= slowly(env.DB))' : 'env.DB'}
    return worker.fetch(request, { ...env, DB }, ctx)
  },
}
`
}
