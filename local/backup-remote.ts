/**
 * How the deployed site is backed up and restored: by wrangler and your Cloudflare login. What it is called
 * with is all there is here.
 */
import { spawnSync } from 'node:child_process'
import { createWriteStream, existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import * as z from 'zod'
import type { BackupHands, RestoreHands } from './backup-steps.ts'
import type { Asking } from './database.ts'
import { executableLines, fromExport, parseSchema, SELECT_SCHEMA } from './database-sql.ts'
import { ask, settle } from './operator.ts'
import { Refusal } from './refusal.ts'
import { DEPLOYED, WRANGLER } from './root.ts'
import type { Bucket } from './stores.ts'

/** Runs wrangler on what was deployed. @throws Refusal */
export type Run = (...args: readonly string[]) => void

export const wrangler: Run = (...args) => {
  const { status } = spawnSync(process.execPath, [WRANGLER, ...args, '--config', DEPLOYED], {
    stdio: ['inherit', 'ignore', 'inherit'],
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true' },
  })
  if (status !== 0)
    throw new Refusal(`wrangler ${args.slice(0, 3).join(' ')} did not succeed; see above`)
}

const Config = z.object({
  r2_buckets: z
    .array(z.object({ binding: z.string(), bucket_name: z.string().optional() }))
    .default([]),
})

/** The configuration that was deployed. @throws Refusal */
export function deployed(): unknown {
  if (existsSync(DEPLOYED)) return JSON.parse(readFileSync(DEPLOYED, 'utf8'))
  throw new Refusal(
    'what is deployed is not known here: npm run deploy -- --dry-run writes it down, and deploys nothing',
  )
}

/** The bucket that the deployed site has under this binding. @throws Refusal */
export function bucketName(config: unknown, as: 'BACKUPS' | 'ARCHIVE'): string {
  const { r2_buckets: buckets } = Config.parse(config)
  const name = buckets.find(({ binding }) => binding === as)?.bucket_name
  if (name !== undefined) return name
  throw new Refusal(`no bucket is bound as ${as}: set ${as}_BUCKET and deploy; see docs/restore.md`)
}

/** A bucket of R2. */
export function r2Bucket(run: Run, bucket: string): Bucket {
  const object = (verb: string, key: string, ...more: readonly string[]) =>
    run('r2', 'object', verb, `${bucket}/${key}`, '--remote', ...more)
  return {
    get: async (key, file) => object('get', key, '--file', file),
    put: async (key, file) => object('put', key, '--file', file),
    drop: async (key) => object('delete', key),
  }
}

/** @param temporary a folder for what is needed meanwhile */
export function remoteHands(
  access: Asking,
  run: Run,
  bucket: string,
  temporary: string,
): Omit<BackupHands & RestoreHands, 'say'> {
  return {
    query: access.query,
    ask: async (kind, given) => ask(access, kind, false, given),
    settle: async (id) => settle(access, id),
    temporary,
    bucket: r2Bucket(run, bucket),
    async snapshot(): Promise<DatabaseSync> {
      const rows = join(temporary, 'rows.sql')
      const schema = parseSchema(await access.query(SELECT_SCHEMA))
      run('d1', 'export', 'DB', '--remote', '--no-schema', '--skip-confirmation', '--output', rows)
      try {
        return await fromExport(schema, rows, join(temporary, 'copy.sqlite'))
      } finally {
        rmSync(rows, { force: true })
      }
    },
    async load(files, isOlder) {
      const whole = join(temporary, 'load.sql')
      const lines = Readable.from(withEnds(executableLines(files)))
      await pipeline(lines, createWriteStream(whole, { mode: 0o600 }))
      run('d1', 'execute', 'DB', '--remote', '--yes', '--file', whole)
      if (isOlder) run('d1', 'migrations', 'apply', 'DB', '--remote')
    },
  }
}

async function* withEnds(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) yield `${line}\n`
}
