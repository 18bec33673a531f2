/**
 * A backup is a folder: the database as SQL, the objects and what only the archive of the audit log has as
 * JSON lines, and a manifest that says what is there.
 */
import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  createReadStream,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import * as z from 'zod'
import { MIGRATIONS } from '../src/db/needs.ts'
import {
  BackupId,
  countLine,
  type Counts,
  parseLine,
  partName,
} from '../src/objects/backup-format.ts'
import { VERSION } from '../src/settings/version.ts'
import { databaseLines, linesOf, tableOf } from './database-sql.ts'
import { Refusal } from './refusal.ts'

/** The first one had nothing of the archive. */
const FORMATS = [1, 2] as const
const [, FORMAT] = FORMATS
const MANIFEST = 'manifest.json'
export const DATABASE = 'database.sql'

const Part = z.strictObject({
  name: z.string().regex(/^(database\.sql|objects-\d{5,}\.jsonl)$/),
  bytes: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})
type Part = z.infer<typeof Part>

const Manifest = z.strictObject({
  format: z.literal(FORMATS),
  backup: BackupId,
  madeAt: z.iso.datetime(),
  /** Of the code that made it. */
  version: z.string(),
  environment: z.string(),
  generation: z.string(),
  migrations: z.array(z.string()).min(1),
  /** How many visit objects there are. */
  shards: z.int().nonnegative(),
  parts: z.array(Part).min(1),
  /** By table; those of objects as `visits.days`. */
  rows: z.record(z.string(), z.int().nonnegative()),
})
export type Manifest = z.infer<typeof Manifest>

/** As much as can be said of a manifest that newer code has written. */
const Newer = z.object({ format: z.int().gt(FORMAT), version: z.string().max(40) })

/** Where a backup is written; it has its name only once it is whole. */
export interface Draft {
  readonly dir: string
  /** @returns where the whole of it is now */
  finish(manifest: Omit<Manifest, 'format' | 'version' | 'parts' | 'rows'>): Promise<string>
  /** Leaves nothing. */
  drop(): void
}

/** @throws Refusal if there is something already */
export function draft(to: string): Draft {
  const whole = resolve(to)
  const dir = `${whole}.part`
  const isThere = `${dir} is there already: what an interrupted backup has left, or one that is under way. Remove it, or choose another folder`
  if (existsSync(whole)) throw new Refusal(`${whole} is there already`)
  if (existsSync(dir)) throw new Refusal(isThere)
  try {
    mkdirSync(dirname(dir), { recursive: true })
    // Of two at once, one makes it.
    mkdirSync(dir, { mode: 0o700 })
    chmodSync(dir, 0o700)
  } catch (error) {
    if (existsSync(dir)) throw new Refusal(isThere)
    const why = error instanceof Error ? error.message : 'no reason given'
    throw new Refusal(`${dir} cannot be made (${why}): choose another folder`)
  }
  return {
    dir,
    async finish(facts) {
      const { parts, rows } = await contents(dir)
      const manifest: Manifest = { format: FORMAT, version: VERSION, ...facts, parts, rows }
      writeFileSync(join(dir, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 })
      if (existsSync(whole)) throw new Refusal(`${whole} is there already`)
      renameSync(dir, whole)
      return whole
    },
    drop: () => rmSync(dir, { recursive: true, force: true }),
  }
}

/** Writes all of a database; see `databaseLines`. */
export function writeDatabase(db: DatabaseSync, dir: string): void {
  const file = openSync(join(dir, DATABASE), 'w', 0o600)
  let waiting: string[] = []
  const flush = () => {
    writeSync(file, waiting.join(''))
    waiting = []
  }
  try {
    for (const { text } of databaseLines(db)) {
      waiting.push(text)
      if (waiting.length >= 1_000) flush()
    }
    flush()
  } finally {
    closeSync(file)
  }
}

/** What is really in the folder. */
async function contents(dir: string): Promise<{ parts: Part[]; rows: Counts }> {
  const parts: Part[] = []
  const rows: Counts = {}
  for (const name of readdirSync(dir)
    .filter((each) => each !== MANIFEST)
    .toSorted()) {
    parts.push({ name, ...(await digest(join(dir, name))) })
    await count(join(dir, name), rows)
  }
  return { parts, rows }
}

async function digest(file: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(file)) {
    if (!(chunk instanceof Uint8Array)) throw new Error('a file is bytes')
    hash.update(chunk)
    bytes += chunk.byteLength
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function count(file: string, rows: Counts): Promise<void> {
  const isDatabase = file.endsWith(DATABASE)
  for await (const line of linesOf(file)) {
    if (!isDatabase) countLine(rows, parseLine(line))
    const table = isDatabase ? tableOf(line) : undefined
    if (table !== undefined) rows[table] = (rows[table] ?? 0) + 1
  }
}

/** Holds a backup against its manifest. @throws Refusal if it is not whole, was edited, or is from newer code */
export async function verified(dir: string): Promise<Manifest> {
  const manifest = readManifest(dir)
  const unknown = manifest.migrations.filter((name) => !isKnown(name))
  if (unknown.length > 0)
    throw new Refusal(`it is from a newer version: this one does not know ${unknown.join(', ')}`)
  const objects = manifest.parts.filter(({ name }) => name !== DATABASE).length
  const names = Array.from({ length: objects }, (_, part) => partName(part + 1))
  const wanted = [DATABASE, ...names].toSorted()
  const listed = manifest.parts.map(({ name }) => name).toSorted()
  if (JSON.stringify(listed) !== JSON.stringify(wanted))
    throw new Refusal('its manifest does not list the parts that a backup has')
  for (const { name, bytes, sha256 } of manifest.parts) {
    const file = join(dir, name)
    if (!existsSync(file)) throw new Refusal(`it lacks ${name}`)
    const found = await digest(file).catch(() => undefined)
    if (!found) throw new Refusal(`${name} cannot be read`)
    if (found.bytes !== bytes || found.sha256 !== sha256)
      throw new Refusal(`${name} is not as it was written: it was cut or edited`)
  }
  const rows: Counts = {}
  for (const { name } of manifest.parts)
    await count(join(dir, name), rows).catch(() => {
      throw new Refusal(`${name} has a line that is none of a backup`)
    })
  for (const name of new Set([...Object.keys(rows), ...Object.keys(manifest.rows)])) {
    const [has, says] = [rows[name] ?? 0, manifest.rows[name] ?? 0]
    if (has !== says)
      throw new Refusal(`it has ${has} rows of ${name}, and its manifest says ${says}`)
  }
  await assertFacts(manifest, join(dir, DATABASE))
  return manifest
}

const FACT = /^INSERT INTO "site" \("key","value"\) VALUES\('([^']*)','([^']*)'\);$/
const MIGRATION = /^INSERT INTO "d1_migrations" \("id","name","applied_at"\) VALUES\(\d+,'([^']*)',/

/**
 * What the manifest says of the site decides how it is restored, and would be noticed only when the
 * objects are loaded.
 * @throws Refusal if the database says something else
 */
async function assertFacts(manifest: Manifest, database: string): Promise<void> {
  const facts = new Map<string, string>()
  const migrations: string[] = []
  for await (const line of linesOf(database)) {
    const [, key, value = ''] = FACT.exec(line) ?? []
    if (key !== undefined) facts.set(key, value)
    const [, migration] = MIGRATION.exec(line) ?? []
    if (migration !== undefined) migrations.push(migration)
  }
  const says = [
    ['environment', manifest.environment, facts.get('environment') ?? ''],
    ['generation', manifest.generation, facts.get('generation') ?? ''],
    ['shards', String(manifest.shards), facts.get('visit_shards') ?? '0'],
    ['migrations', manifest.migrations.toSorted().join(), migrations.toSorted().join()],
  ] as const
  for (const [name, one, other] of says)
    if (one !== other)
      throw new Refusal(`its ${MANIFEST} is not as it was written: ${DATABASE} has other ${name}`)
}

function readManifest(dir: string): Manifest {
  const file = join(dir, MANIFEST)
  if (!existsSync(file)) throw new Refusal(`${dir} is no backup: it has no ${MANIFEST}`)
  const read = readJson(file)
  const { format, version } = Newer.safeParse(read).data ?? {}
  if (format !== undefined)
    throw new Refusal(`it is from a newer version (${version}, format ${format}): upgrade first`)
  const manifest = Manifest.safeParse(read).data
  if (!manifest) throw new Refusal(`its ${MANIFEST} is not one that this version writes`)
  return manifest
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

function isKnown(migration: string): boolean {
  return MIGRATIONS.some((name) => `${name}.sql` === migration)
}
