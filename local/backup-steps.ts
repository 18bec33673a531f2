/**
 * What `npm run backup` and `npm run restore` do, in order. The objects are read before the database and
 * loaded before it, so that what one knows and the other does not is always what came later in the database.
 */
import { randomBytes } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import * as z from 'zod'
import { missingMigrations } from '../src/db/needs.ts'
import { type Counts, MovingReport, partKey, partName } from '../src/objects/backup-format.ts'
import { ReconcileReport } from '../src/operations/reconcile-report.ts'
import { IS_OCCUPIED, occupiedIn, SELECT_OCCUPIED } from '../src/repositories/occupied.ts'
import { DATABASE, draft, type Manifest, verified, writeDatabase } from './backup-files.ts'
import { type Row, text } from './database.ts'
import { type Made, ofType, parseSchema, quoted, SELECT_SCHEMA } from './database-sql.ts'
import type { Asked } from './operator.ts'
import { Refusal } from './refusal.ts'
import type { Bucket } from './stores.ts'

export type Ask = (
  kind: 'backup' | 'restore',
  given: Readonly<Record<string, string | number>>,
) => Promise<Asked>

export interface BackupHands {
  readonly ask: Ask
  /** What is bound as BACKUPS. */
  readonly bucket: Bucket
  /** The database as it is now, or a copy of it; to be closed. */
  readonly snapshot: () => Promise<DatabaseSync>
  readonly say: (what: string) => void
}

/** @param to a folder that is not there yet. @returns where it is. @throws Refusal, and leaves nothing then */
export async function backUp(to: string, hands: BackupHands): Promise<string> {
  const { ask, bucket, snapshot, say } = hands
  const made = draft(to)
  try {
    const backup = randomBytes(16).toString('hex')
    say('objects: asking for what they hold')
    const asked = await ask('backup', { backup })
    const report = MovingReport.parse(asked.report)
    const keys = Array.from({ length: report.parts }, (_, part) => part + 1)
    for (const part of asked.succeeded ? keys : [])
      await bucket.get(partKey(backup, part), join(made.dir, partName(part)))
    for (const part of keys) await bucket.drop(partKey(backup, part))
    if (!asked.succeeded) throw new Refusal(report.failures.join('; '))
    say('database: reading it as it is at one moment')
    const db = await snapshot()
    try {
      // What is read from here on is of one moment.
      db.exec('BEGIN')
      const facts = { ...factsOf(db), madeAt: new Date().toISOString() }
      writeDatabase(db, made.dir)
      const whole = await made.finish({ backup, ...facts })
      const { rows } = await verified(whole)
      assertAll(report.rows, rows)
      return whole
    } finally {
      db.close()
    }
  } finally {
    made.drop()
  }
}

/** Nothing that the objects have said is lost on the way. */
function assertAll(said: Counts, rows: Counts): void {
  const lost = Object.keys(said).filter((name) => said[name] !== (rows[name] ?? 0))
  if (lost.length > 0) throw new Refusal(`not all rows arrived of ${lost.join(', ')}`)
}

const Fact = z.object({ value: z.string() })
const Name = z.object({ name: z.string() })

function factsOf(db: DatabaseSync) {
  const fact = (key: string) => {
    const row = db.prepare('select value from site where key = ?').get(key)
    return row === undefined ? undefined : Fact.parse(row).value
  }
  const migrations = db.prepare('select name from d1_migrations order by id').all()
  return {
    environment: fact('environment') ?? '',
    generation: fact('generation') ?? '',
    shards: Number(fact('visit_shards') ?? 0),
    migrations: z
      .array(Name)
      .parse(migrations)
      .map(({ name }) => name),
  }
}

export interface RestoreHands {
  readonly query: (sql: string) => Promise<readonly Row[]>
  readonly ask: Ask
  readonly bucket: Bucket
  /** Runs files of SQL as one transaction, and applies what migrations the database lacks then. */
  readonly load: (files: readonly string[], isOlder: boolean) => Promise<void>
  /** Waits for a request that is there already. */
  readonly settle: (id: string) => Promise<Asked>
  /** A folder for what is needed meanwhile. */
  readonly temporary: string
  readonly say: (what: string) => void
}

/** @throws Refusal before anything has changed, unless it says so */
export async function restore(
  from: string,
  { query, ask, bucket, load, settle, temporary, say }: RestoreHands,
): Promise<{ readonly manifest: Manifest; readonly report: ReconcileReport }> {
  say('backup: holding it against its manifest')
  const manifest = await verified(from)
  const [site] = await query(`select value from site where key = 'environment'`)
  const environment = site?.['value']
  if (environment !== manifest.environment)
    throw new Refusal(
      `it is of ${manifest.environment}, and this site is of ${String(environment)}`,
    )
  const occupied = occupiedIn((await query(SELECT_OCCUPIED))[0])
  if (occupied.length > 0)
    throw new Refusal(`the site is not empty: it has ${occupied.join(', ')}; nothing was changed`)
  const schema = parseSchema(await query(SELECT_SCHEMA))
  const { backup, shards } = manifest
  const parts = manifest.parts.length - 1
  const keys = Array.from({ length: parts }, (_, part) => part + 1)
  say('objects: loading what they held')
  try {
    for (const part of keys) await bucket.put(partKey(backup, part), join(from, partName(part)))
    const asked = await ask('restore', { backup, parts, shards })
    const report = MovingReport.parse(asked.report)
    if (!asked.succeeded) throw new Refusal(report.failures.join('; '))
    assertAll(report.rows, manifest.rows)
  } finally {
    for (const part of keys) await bucket.drop(partKey(backup, part))
  }
  say('database: loading it')
  const id = `req_${new Date().toISOString()}_${randomBytes(4).toString('hex')}`
  const [before, after] = [join(temporary, 'before.sql'), join(temporary, 'after.sql')]
  writeFileSync(before, sqlBefore(schema), { mode: 0o600 })
  writeFileSync(after, sqlAfter(id), { mode: 0o600 })
  const isOlder = missingMigrations(manifest.migrations).length > 0
  await load([before, join(from, DATABASE), after], isOlder)
  rmSync(before)
  rmSync(after)
  say('both: making sure that they agree')
  const { succeeded, report } = await settle(id)
  const told = ReconcileReport.parse(report)
  if (!succeeded) throw new Refusal(`restored, but not reconciled: ${told.failures.join('; ')}`)
  return { manifest, report: told }
}

/** Takes away what an empty site has, and fails if it is not empty any more. */
function sqlBefore(schema: readonly Made[]): string {
  const check = 'restored_into_an_empty_site_only'
  const drops = [
    ...ofType(schema, 'trigger').map(({ name }) => `DROP TRIGGER ${quoted(name)};`),
    ...ofType(schema, 'view').map(({ name }) => `DROP VIEW ${quoted(name)};`),
    ...ofType(schema, 'table')
      .toReversed()
      .map(({ name }) => `DROP TABLE ${quoted(name)};`),
  ]
  return [
    'PRAGMA defer_foreign_keys = on;',
    `CREATE TABLE ${check} (is_used INTEGER NOT NULL CHECK (is_used = 0));`,
    `INSERT INTO ${check} (is_used) SELECT ${IS_OCCUPIED};`,
    `DROP TABLE ${check};`,
    ...drops,
  ]
    .map((sql) => `${sql}\n--\n`)
    .join('')
}

/**
 * Until it is reconciled, the database is of another generation than any object. What the operator asked for
 * before the backup is over.
 */
function sqlAfter(id: string): string {
  const at = text(new Date().toISOString())
  const progress = text(JSON.stringify({ isRestored: true }))
  return [
    `UPDATE site SET value = lower(hex(randomblob(16))) WHERE key = 'generation';`,
    'DELETE FROM store_shards;',
    `UPDATE operator_requests SET status = 'failed', claimed_until = NULL
      WHERE status IN ('requested', 'running');`,
    `INSERT INTO operator_requests (id, kind, is_dry_run, requested_at, status, progress, report)
      VALUES (${text(id)}, 'reconcile', 0, ${at}, 'requested', ${progress}, '{}');`,
  ]
    .map((sql) => `${sql}\n--\n`)
    .join('')
}
