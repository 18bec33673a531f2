/** What wrangler.toml says, read the way wrangler reads it, and the Worker bundled the way it deploys. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from 'wrangler'
import { Refusal } from './refusal.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const CONFIG = join(ROOT, 'wrangler.toml')
const WRANGLER = join(ROOT, 'node_modules/wrangler/bin/wrangler.js')

const QUIET = {
  WRANGLER_LOG: 'warn',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_WRITE_LOGS: 'false',
}

const PLAIN = { NO_COLOR: '1', FORCE_COLOR: '0' }

/** `[vars]`, without what `.dev.vars` says. */
export function projectVars(): Readonly<Record<string, unknown>> {
  return unstable_readConfig({ config: CONFIG }, { hideWarnings: true }).vars
}

/** Arguments for Node that run wrangler on this project, wherever that is done. */
export function wranglerOn(...args: readonly string[]): string[] {
  return [WRANGLER, ...args, '--config', CONFIG]
}

/** The Worker's options for Miniflare, all but its code. */
export function workerOptions() {
  process.env['WRANGLER_LOG'] ??= QUIET.WRANGLER_LOG
  const { assets: _, ...options } = unstable_getMiniflareWorkerOptions(CONFIG).workerOptions
  return { ...options, serviceBindings: staticAssets() }
}

/**
 * The static assets behind their binding, which is all there is to them where the Worker runs first.
 * Miniflare's own way puts a router before the Worker that halves how many requests it answers.
 */
function staticAssets() {
  const { assets } = unstable_readConfig({ config: CONFIG }, { hideWarnings: true })
  if (!assets?.binding || !assets.directory || assets.run_worker_first !== true)
    throw new Refusal('wrangler.toml: [assets] needs a binding and run_worker_first = true')
  const path = resolve(ROOT, assets.directory)
  return { [assets.binding]: { disk: { path, writable: false } } }
}

export function projectCrons(): readonly string[] {
  return unstable_readConfig({ config: CONFIG }, { hideWarnings: true }).triggers.crons ?? []
}

/** The one database: its id, and where its migrations are. */
export function projectDatabase(): { readonly id: string; readonly migrationsDir: string } {
  const [database] = unstable_readConfig({ config: CONFIG }, { hideWarnings: true }).d1_databases
  if (!database?.database_id) throw new Refusal('wrangler.toml has no D1 database with an id')
  return {
    id: database.database_id,
    migrationsDir: join(ROOT, database.migrations_dir ?? 'migrations'),
  }
}

/**
 * The text of the module that would be deployed.
 * @param options of `wrangler deploy`
 * @throws Refusal with the compiler's own words
 */
export async function bundleWorker(outdir: string, ...options: string[]): Promise<string> {
  const { main } = unstable_readConfig({ config: CONFIG }, { hideWarnings: true })
  const args = wranglerOn('deploy', '--dry-run', '--outdir', outdir, ...options)
  const child = spawn(process.execPath, args, {
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
  if (code !== 0 || !main) throw new Refusal(`the Worker does not compile\n${output.trim()}`)
  return readFileSync(join(outdir, basename(main).replace(/\.\w+$/, '.js')), 'utf8')
}
