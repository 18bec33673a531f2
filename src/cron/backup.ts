/**
 * Puts all that the objects hold into the bucket `BACKUPS`, in parts of JSON lines, for `npm run backup`.
 * What is about one member, one key or one webhook's deliveries is of one moment; the database is read by
 * the command, after this. Asked once more with the step `archive`, it puts the files of the audit log's
 * archive there whose entries the database has no longer.
 */
import * as z from 'zod'
import { openSession } from '../db/client.ts'
import { isId, type KeyId, type WebhookId } from '../db/ids.ts'
import { inTime } from '../db/in-time.ts'
import type { Bindings } from '../env.ts'
import {
  BackupId,
  countLine,
  MovingReport,
  type PartLine,
  partKey,
} from '../objects/backup-format.ts'
import { type Archive, archiveIn } from '../objects/archive.ts'
import { isOfOtherGeneration } from '../objects/belonging.ts'
import { type Reconciling, reconcilingClient } from '../objects/reconciling.ts'
import type { DumpPage } from '../objects/table-dump.ts'
import { type AuditSealsRepository, auditSealsRepository } from '../repositories/audit-seals.ts'
import type { OperatorRequest } from '../repositories/operator-requests.ts'
import { type ReconcilingRepository, reconcilingRepository } from '../repositories/reconciling.ts'
import { siteRepository } from '../repositories/site.ts'
import { storesRepository } from '../repositories/stores.ts'

/** A part is put as soon as it has so many characters. */
const PART_SIZE = 4 * 2 ** 20
const PAGE = 50
/** Files of the archive that are read before a part is put; each has some hundred kilobytes. */
const FILES = 10
/** To ask an object, and its share of putting a part and noting it. */
const CALLS_PER_PAGE = 3
const PUT_MS = 30_000
/** Names of missing files that are told; all are counted. */
const NAMED = 20
const KeyIdText = z.custom<KeyId>((id) => typeof id === 'string' && isId('key', id))
const WebhookIdText = z.custom<WebhookId>((id) => typeof id === 'string' && isId('whk', id))

const Progress = z.object({
  backup: BackupId,
  step: z.enum(['visits', 'gates', 'webhooks', 'archive', 'done']).default('visits'),
  shard: z.number().default(0),
  key: KeyIdText.nullable().default(null),
  webhook: WebhookIdText.nullable().default(null),
  /** The last stretch of the audit log whose file is done. */
  stretch: z.number().default(0),
  /** Where in the object it goes on. */
  cursor: z.string().nullable().default(null),
})
type Progress = z.infer<typeof Progress>

interface Run {
  readonly reconciling: ReconcilingRepository
  readonly objects: Reconciling
  readonly generation: string
  readonly shards: number
  readonly affords: (calls: number) => boolean
  readonly progress: Progress
  readonly seals: AuditSealsRepository
  readonly archive: Archive | undefined
  readonly missing: MovingReport['missing']
  readonly put: (line: PartLine) => Promise<void>
}

/**
 * Goes on with a backup until it is done or may use no more.
 * @param note stores how far it has come
 * @returns whether it is done. @throws whatever keeps it from going on; the next tick tries again
 */
export async function backUp(
  env: Bindings,
  request: OperatorRequest,
  affords: (calls: number) => boolean,
  note: (progress: Progress, report: MovingReport) => Promise<void>,
): Promise<{ readonly isDone: boolean; readonly report: MovingReport }> {
  const report = MovingReport.parse(request.report)
  const bucket = env.BACKUPS
  if (!bucket) {
    report.failures.push('no bucket is bound as BACKUPS; see docs/restore.md')
    return { isDone: true, report }
  }
  const progress = Progress.parse(request.progress)
  if (!affords(CALLS_PER_PAGE + 2)) return { isDone: false, report }
  const { db } = openSession(env.DB, 'primary')
  const lines: string[] = []
  let size = 0
  const flush = async () => {
    if (lines.length > 0) {
      const part = lines.splice(0).join('')
      size = 0
      await inTime(PUT_MS, bucket.put(partKey(progress.backup, report.parts + 1), part))
      report.parts += 1
    }
    await note(progress, report)
  }
  const run: Run = {
    reconciling: reconcilingRepository(db),
    objects: reconcilingClient(env),
    generation: await storesRepository(db).generation(),
    shards: await siteRepository(db).visitShards(),
    affords,
    progress,
    seals: auditSealsRepository(db),
    archive: env.ARCHIVE && archiveIn(env.ARCHIVE),
    missing: report.missing,
    put: async (line) => {
      countLine(report.rows, line)
      const text = `${JSON.stringify(line)}\n`
      lines.push(text)
      size += text.length
    },
  }
  const steps = { visits, gates, webhooks, archive }
  while (progress.step !== 'done') {
    const outcome = await steps[progress.step](run).catch(unfit)
    if (outcome === 'unfit') {
      report.failures.push('the stores do not fit: npm run reconcile first')
      return { isDone: true, report }
    }
    if (outcome === 'no more') {
      await flush()
      return { isDone: false, report }
    }
    if (outcome !== 'more') progress.step = outcome
    if (size >= PART_SIZE) await flush()
  }
  await flush()
  return { isDone: true, report }
}

function unfit(error: unknown): 'unfit' {
  if (isOfOtherGeneration(error)) return 'unfit'
  throw error
}

/** One page, after which `progress` says where the next one begins. */
type Step = Promise<Progress['step'] | 'more' | 'no more'>

async function visits({ objects, generation, shards, affords, progress, put }: Run): Step {
  const { shard } = progress
  if (shard >= shards) return 'gates'
  if (!affords(CALLS_PER_PAGE)) return 'no more'
  const page = await objects.shard(shard).dump(progress.cursor, generation)
  await put({ object: 'visits', shard, tables: page.tables })
  progress.cursor = page.next
  if (page.next === null) progress.shard += 1
  return 'more'
}

async function gates({ reconciling, objects, generation, affords, progress, put }: Run): Step {
  if (!affords(PAGE + CALLS_PER_PAGE)) return 'no more'
  const page = await reconciling.keys({ after: progress.key ?? undefined, limit: PAGE })
  for (const { id } of page) {
    const gate = await objects.gate(id).dump(generation)
    if (gate.told || gate.counts) await put({ object: 'gate', key: id, gate })
    progress.key = id
  }
  return page.length < PAGE ? 'webhooks' : 'more'
}

async function webhooks({ reconciling, objects, generation, affords, progress, put }: Run): Step {
  if (!affords(1 + CALLS_PER_PAGE)) return 'no more'
  const [next] = await reconciling.webhooks({ after: progress.webhook ?? undefined, limit: 1 })
  if (!next) return 'done'
  const page: DumpPage = await objects.sender(next.id).dump(progress.cursor, generation)
  await put({ object: 'webhook', webhook: next.id, tables: page.tables })
  progress.cursor = page.next
  if (page.next === null) progress.webhook = next.id
  return 'more'
}

/** Files whose stretches are cleared; the others are written anew from what the database has. */
async function archive({ seals, archive: files, affords, progress, missing, put }: Run): Step {
  if (!affords(FILES + CALLS_PER_PAGE)) return 'no more'
  const page = await seals.cleared(progress.stretch, FILES)
  for (const { number, name } of page) {
    const text = await files?.read(name)
    if (text !== undefined) await put({ object: 'archive', name, text })
    else {
      missing.count += 1
      if (missing.names.length < NAMED) missing.names.push(name)
    }
    progress.stretch = number
  }
  return page.length < FILES ? 'done' : 'more'
}
