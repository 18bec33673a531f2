/**
 * Loads what a backup has of the objects, and of the audit log's archive, into an empty site, for
 * `npm run restore`. Objects do nothing from then on until the database, which the command puts there next,
 * is reconciled with them.
 */
import * as z from 'zod'
import { openSession } from '../db/client.ts'
import { inTime } from '../db/in-time.ts'
import type { Bindings } from '../env.ts'
import { type Archive, archiveIn } from '../objects/archive.ts'
import {
  BackupId,
  countLine,
  MovingReport,
  parseLine,
  type PartLine,
  partKey,
} from '../objects/backup-format.ts'
import { type Reconciling, reconcilingClient } from '../objects/reconciling.ts'
import type { OperatorRequest } from '../repositories/operator-requests.ts'
import { reconcilingRepository } from '../repositories/reconciling.ts'

const GET_MS = 30_000
/** To see that nobody uses the site, and to note how far it has come. */
const CALLS_TO_BEGIN = 3
/** To get a part, and to note how far it is loaded. */
const CALLS_PER_PART = 2
/** For an object that a part is about for the first time, and for what it takes; a file is looked for first. */
const CALLS_PER_LINE = 2

const Progress = z.object({
  backup: BackupId,
  parts: z.int().nonnegative(),
  shards: z.int().nonnegative(),
  /** Files of the archive that are in the parts. */
  files: z.int().nonnegative().default(0),
  step: z.enum(['begin', 'parts']).default('begin'),
  /** Visit objects that are ready to be loaded. */
  begun: z.number().default(0),
  /** Lines of the next part that are loaded. */
  line: z.number().default(0),
})
type Progress = z.infer<typeof Progress>

/**
 * Goes on with a restoration until it is done or may use no more.
 * @param note stores how far it has come
 * @returns whether it is done. @throws whatever keeps it from going on; the next tick tries again
 */
export async function restore(
  env: Bindings,
  request: OperatorRequest,
  affords: (calls: number) => boolean,
  note: (progress: Progress, report: MovingReport) => Promise<void>,
): Promise<{ readonly isDone: boolean; readonly report: MovingReport }> {
  const report = MovingReport.parse(request.report)
  const refused = (why: string) => {
    report.failures.push(why)
    return { isDone: true, report }
  }
  const bucket = env.BACKUPS
  if (!bucket) return refused('no bucket is bound as BACKUPS; see docs/restore.md')
  const progress = Progress.parse(request.progress)
  const { backup, parts, shards, files } = progress
  const objects = reconcilingClient(env)
  const archive = env.ARCHIVE && archiveIn(env.ARCHIVE)
  if (files > 0 && !archive)
    return refused(
      `the backup has ${files} files of the audit log's archive, and no bucket is bound as ARCHIVE`,
    )
  if (progress.step === 'begin') {
    if (!affords(CALLS_TO_BEGIN)) return { isDone: false, report }
    const occupied = await reconcilingRepository(openSession(env.DB, 'primary').db).occupied()
    if (occupied.length > 0) return refused(`the site is not empty: ${occupied.join(', ')}`)
    for (; progress.begun < shards; progress.begun++) {
      if (!affords(1)) {
        await note(progress, report)
        return { isDone: false, report }
      }
      if (!(await objects.shard(progress.begun).beginLoading(backup)))
        return refused(`visit object ${progress.begun} is not empty`)
    }
    progress.step = 'parts'
    await note(progress, report)
  }
  while (report.parts < parts) {
    if (!affords(CALLS_PER_PART)) return { isDone: false, report }
    const key = partKey(backup, report.parts + 1)
    const part = await inTime(GET_MS, bucket.get(key))
    if (!part) return refused(`the bucket has no ${key}`)
    const lines = (await inTime(GET_MS, part.text())).split('\n').filter((line) => line !== '')
    for (const text of lines.slice(progress.line)) {
      if (!affords(CALLS_PER_LINE)) {
        await note(progress, report)
        return { isDone: false, report }
      }
      const line = parseLine(text)
      const why = await load(objects, archive, backup, line)
      if (why !== undefined) return refused(why)
      countLine(report.rows, line)
      progress.line += 1
    }
    report.parts += 1
    progress.line = 0
    await note(progress, report)
  }
  return { isDone: true, report }
}

/** @returns why not, where it cannot */
async function load(
  objects: Reconciling,
  archive: Archive | undefined,
  backup: string,
  line: PartLine,
): Promise<string | undefined> {
  switch (line.object) {
    case 'visits':
      await objects.shard(line.shard).load(backup, line.tables)
      return undefined
    case 'gate':
      await objects.gate(line.key).load(line.gate)
      return undefined
    case 'webhook': {
      const sender = objects.sender(line.webhook)
      // The first page of it is the one with its place in the feed.
      const isFirst = line.tables.some(({ table }) => table === 'endpoint')
      if (isFirst && !(await sender.beginLoading(backup)))
        return `the object of ${line.webhook} is not empty`
      if (isFirst || line.tables.length > 0) await sender.load(backup, line.tables)
      return undefined
    }
    case 'archive':
      // Where the bucket has the file, something may have been removed of it since the backup.
      if ((await archive?.read(line.name)) === undefined) await archive?.write(line.name, line.text)
      return undefined
  }
}
