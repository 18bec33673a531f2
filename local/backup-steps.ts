/**
 * What `npm run backup` and `npm run restore` do, in order. The objects are read before the database and
 * loaded before it, so that what one knows and the other does not is always what came later in the database.
 * The archive of the audit log is read after it, so that all is there of which the database has no more.
 */
import { randomBytes } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import * as z from 'zod'
import { missingMigrations } from '../src/db/needs.ts'
import {
  ARCHIVED,
  type Counts,
  MovingReport,
  partKey,
  partName,
} from '../src/objects/backup-format.ts'
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
  const { snapshot, say } = hands
  const made = draft(to)
  try {
    const backup = randomBytes(16).toString('hex')
    say('objects: asking for what they hold')
    const objects = await take({ backup }, made.dir, 0, hands)
    say('database: reading it as it is at one moment')
    const { facts, isCleared } = await writeSnapshot(await snapshot(), made.dir)
    let archived: Counts = {}
    if (isCleared) {
      say('archive: asking for the files of the audit log that the database has no more')
      const second = { backup: randomBytes(16).toString('hex'), step: 'archive' }
      const { rows, missing } = await take(second, made.dir, objects.parts, hands)
      archived = rows
      if (missing.count > 0)
        say(
          `archive: ${missing.count} files are not there, and so not in the backup: ${missing.names.join(', ')}`,
        )
    }
    const whole = await made.finish({ backup, ...facts })
    const { rows } = await verified(whole)
    assertAll({ ...objects.rows, ...archived }, rows)
    return whole
  } finally {
    made.drop()
  }
}

/** Has the tick put something into the bucket, and takes the parts from there. @throws Refusal */
async function take(
  given: { readonly backup: string; readonly step?: string },
  dir: string,
  before: number,
  { ask, bucket }: BackupHands,
): Promise<MovingReport> {
  const { backup } = given
  const asked = await ask('backup', given)
  const report = MovingReport.parse(asked.report)
  const keys = Array.from({ length: report.parts }, (_, part) => part + 1)
  for (const part of asked.succeeded ? keys : [])
    await bucket.get(partKey(backup, part), join(dir, partName(before + part)))
  for (const part of keys) await bucket.drop(partKey(backup, part))
  if (!asked.succeeded) throw new Refusal(report.failures.join('; '))
  return report
}

async function writeSnapshot(db: DatabaseSync, dir: string) {
  try {
    // What is read from here on is of one moment.
    db.exec('BEGIN')
    const facts = { ...factsOf(db), madeAt: new Date().toISOString() }
    writeDatabase(db, dir)
    const cleared = 'select 1 from audit_seals where cleared_at is not null limit 1'
    return { facts, isCleared: db.prepare(cleared).get() !== undefined }
  } finally {
    db.close()
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
  const [loaded] = await query(selectLoaded(manifest.backup))
  if (loaded) {
    say('both: the backup is loaded already; making sure that they agree')
    return { manifest, report: await reconciled(settle, String(loaded['id'])) }
  }
  const occupied = occupiedIn((await query(SELECT_OCCUPIED))[0])
  if (occupied.length > 0)
    throw new Refusal(`the site is not empty: it has ${occupied.join(', ')}; nothing was changed`)
  const schema = parseSchema(await query(SELECT_SCHEMA))
  const { backup, shards } = manifest
  const parts = manifest.parts.length - 1
  const keys = Array.from({ length: parts }, (_, part) => part + 1)
  say('objects and archive: loading what they held')
  try {
    for (const part of keys) await bucket.put(partKey(backup, part), join(from, partName(part)))
    const files = manifest.rows[ARCHIVED] ?? 0
    const asked = await ask('restore', { backup, parts, shards, files })
    const report = MovingReport.parse(asked.report)
    if (!asked.succeeded) throw new Refusal(report.failures.join('; '))
    assertAll(report.rows, manifest.rows)
  } finally {
    for (const part of keys) await bucket.drop(partKey(backup, part))
  }
  say('database: loading it')
  const id = `req_${new Date().toISOString()}_${randomBytes(4).toString('hex')}`
  const [before, after] = [join(temporary, 'before.sql'), join(temporary, 'after.sql')]
  const missing = missingMigrations(manifest.migrations)
  const hasSeals = !missing.includes('0047_sealed_audit')
  writeFileSync(before, sqlBefore(schema), { mode: 0o600 })
  writeFileSync(after, sqlAfter(id, backup, hasSeals), { mode: 0o600 })
  await load([before, join(from, DATABASE), after], missing.length > 0)
  rmSync(before)
  rmSync(after)
  say('both: making sure that they agree')
  return { manifest, report: await reconciled(settle, id) }
}

async function reconciled(settle: RestoreHands['settle'], id: string): Promise<ReconcileReport> {
  const { succeeded, report } = await settle(id)
  const told = ReconcileReport.parse(report)
  if (!succeeded) throw new Refusal(`restored, but not reconciled: ${told.failures.join('; ')}`)
  return told
}

/** Selects what is left to do of this backup, where the command was interrupted after its database was loaded. */
function selectLoaded(backup: string): string {
  return `select id from operator_requests where kind = 'reconcile'
    and status in ('requested', 'running') and progress ->> 'backup' = ${text(backup)}`
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
 * before the backup is over. Of the audit log's archive the site has the files of what its database has no
 * more; the job `seal-audit` writes the others anew.
 */
function sqlAfter(id: string, backup: string, hasSeals: boolean): string {
  const at = text(new Date().toISOString())
  const progress = text(JSON.stringify({ isRestored: true, backup }))
  return [
    `UPDATE site SET value = lower(hex(randomblob(16))) WHERE key = 'generation';`,
    'DELETE FROM store_shards;',
    ...(hasSeals ? ['UPDATE audit_seals SET archived_as = NULL WHERE cleared_at IS NULL;'] : []),
    `UPDATE operator_requests SET status = 'failed', claimed_until = NULL
      WHERE status IN ('requested', 'running');`,
    `INSERT INTO operator_requests (id, kind, is_dry_run, requested_at, status, progress, report)
      VALUES (${text(id)}, 'reconcile', 0, ${at}, 'requested', ${progress}, '{}');`,
  ]
    .map((sql) => `${sql}\n--\n`)
    .join('')
}
