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
  if (existsSync(whole)) throw new Refusal(`${whole} is there already`)
  mkdirSync(dirname(dir), { recursive: true })
  try {
    // Of two at once, one makes it.
    mkdirSync(dir, { mode: 0o700 })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    throw new Refusal(
      `${dir} is there already: what an interrupted backup has left, or one that is under way. Remove it, or choose another folder`,
    )
  }
  chmodSync(dir, 0o700)
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
    const found = await digest(file)
    if (found.bytes !== bytes || found.sha256 !== sha256)
      throw new Refusal(`${name} is not as it was written: it was cut or edited`)
  }
  const rows: Counts = {}
  for (const { name } of manifest.parts) await count(join(dir, name), rows)
  for (const name of new Set([...Object.keys(rows), ...Object.keys(manifest.rows)])) {
    const [has, says] = [rows[name] ?? 0, manifest.rows[name] ?? 0]
    if (has !== says)
      throw new Refusal(`it has ${has} rows of ${name}, and its manifest says ${says}`)
  }
  return manifest
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
