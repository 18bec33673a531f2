/** What wrangler.toml says, read the way wrangler reads it. */
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from 'wrangler'
import { Refusal } from './refusal.ts'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))
const CONFIG = join(ROOT, 'wrangler.toml')
const WRANGLER = join(ROOT, 'node_modules/wrangler/bin/wrangler.js')

/** The environment in which wrangler says nothing but what went wrong, and sends nothing. */
export const QUIET = {
  WRANGLER_LOG: 'warn',
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_WRITE_LOGS: 'false',
}

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

/** Where the Worker's code begins. @throws Refusal */
export function projectMain(): string {
  const { main } = unstable_readConfig({ config: CONFIG }, { hideWarnings: true })
  if (!main) throw new Refusal('wrangler.toml: main is missing')
  return main
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
