/** Asks wrangler what it makes of this project; `project.ts` keeps the answer. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { readD1Migrations } from '@cloudflare/vitest-plugin'
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from 'wrangler'
import { CONFIG, ROOT, wranglerOn } from './root.ts'
import { Refusal } from './refusal.ts'

const QUIET = {
  WRANGLER_LOG: 'warn',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_WRITE_LOGS: 'false',
}

const PLAIN = { NO_COLOR: '1', FORCE_COLOR: '0' }

/** Plain data. */
export interface Project {
  /** The text of the module that would be deployed. */
  readonly code: string
  /** The Worker's options for Miniflare, all but its code and its settings. */
  readonly worker: ReturnType<typeof workerOptions>
  /** `[vars]`, without what `.dev.vars` says. */
  readonly vars: Readonly<Record<string, unknown>>
  readonly crons: readonly string[]
  /** The id of the one database. */
  readonly database: string
  readonly migrations: Awaited<ReturnType<typeof readD1Migrations>>
}

/** @throws Refusal with the compiler's own words, or if wrangler.toml lacks what the project needs */
export async function compiledProject(): Promise<Project> {
  const [database] = config().d1_databases
  if (!database?.database_id) throw new Refusal('wrangler.toml has no D1 database with an id')
  return {
    code: await compiledWorker(),
    worker: workerOptions(),
    vars: config().vars,
    crons: config().triggers.crons ?? [],
    database: database.database_id,
    migrations: await readD1Migrations(join(ROOT, database.migrations_dir ?? 'migrations')),
  }
}

function config() {
  return unstable_readConfig({ config: CONFIG }, { hideWarnings: true })
}

function workerOptions() {
  process.env['WRANGLER_LOG'] ??= QUIET.WRANGLER_LOG
  // The bindings of text are settings, and `.dev.vars`, which may hold secrets, is among them.
  const {
    assets: _,
    bindings: __,
    ...options
  } = unstable_getMiniflareWorkerOptions(CONFIG).workerOptions
  return { ...options, serviceBindings: staticAssets() }
}

/**
 * The static assets behind their binding, which is all there is to them where the Worker runs first.
 * Miniflare's own way puts a router before the Worker that halves how many requests it answers.
 */
function staticAssets() {
  const { assets } = config()
  if (!assets?.binding || !assets.directory || assets.run_worker_first !== true)
    throw new Refusal('wrangler.toml: [assets] needs a binding and run_worker_first = true')
  const path = resolve(ROOT, assets.directory)
  return { [assets.binding]: { disk: { path, writable: false } } }
}

/**
 * The text of the module that would be deployed.
 * @param options of `wrangler deploy`
 * @throws Refusal with the compiler's own words
 */
export async function compiledWorker(...options: string[]): Promise<string> {
  const { main } = config()
  const outdir = mkdtempSync(join(tmpdir(), 'guildhall-build-'))
  try {
    const { code, output } = await run('deploy', '--dry-run', '--outdir', outdir, ...options)
    if (code !== 0 || !main) throw new Refusal(`the Worker does not compile\n${output.trim()}`)
    return readFileSync(join(outdir, basename(main).replace(/\.\w+$/, '.js')), 'utf8')
  } finally {
    rmSync(outdir, { recursive: true, force: true })
  }
}

/** Wrangler with these arguments: how it ended, and all that it printed. */
async function run(...args: string[]): Promise<{ code: unknown; output: string }> {
  const child = spawn(process.execPath, wranglerOn(...args), {
    cwd: ROOT,
    env: { ...process.env, ...QUIET, ...(process.stderr.isTTY ? {} : PLAIN) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stop = () => child.kill()
  process.once('exit', stop)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  const code = await new Promise((resolve, reject) =>
    child.on('error', reject).on('close', resolve),
  )
  process.off('exit', stop)
  return { code, output }
}
