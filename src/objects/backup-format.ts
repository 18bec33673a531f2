/**
 * What is in the parts of a backup beside the database: JSON lines, each about one object or one file of
 * the archive of the audit log, and what the tick says of them. The commands read it, too.
 */
import * as z from 'zod'
import { isId, type KeyId, type WebhookId } from '../db/ids.ts'
import type { GateDump } from './key-gate.ts'
import type { DumpedRows } from './table-dump.ts'

/** Names the parts of one backup in the bucket. */
export const BackupId = z.string().regex(/^[0-9a-f]{32}$/)

/** @param part from 1 */
export function partName(part: number): string {
  return `objects-${String(part).padStart(5, '0')}.jsonl`
}

/** Where a part is in the bucket. */
export function partKey(backup: string, part: number): string {
  return `backups/${backup}/${partName(part)}`
}

const Value = z.union([z.string(), z.number(), z.null()])
const Tables = z.array(z.object({ table: z.string(), rows: z.array(z.array(Value)) }))
const KeyIdText = z.custom<KeyId>((id) => typeof id === 'string' && isId('key', id))
const WebhookIdText = z.custom<WebhookId>((id) => typeof id === 'string' && isId('whk', id))
const Gate = z.object({
  told: z
    .object({ generation: z.string(), accessRevision: z.number(), isOver: z.boolean() })
    .nullable(),
  counts: z
    .object({
      windowStart: z.number(),
      windowCount: z.number(),
      month: z.string(),
      monthCount: z.number(),
      days: z.array(z.object({ day: z.string(), requests: z.number(), lastUsedAt: z.string() })),
      keyId: KeyIdText.optional(),
    })
    .nullable(),
})

const ArchiveName = z.string().regex(/^audit\/\d+-[\w-]+\.jsonl$/)

const PartLine = z.discriminatedUnion('object', [
  z.object({ object: z.literal('visits'), shard: z.int().nonnegative(), tables: Tables }),
  z.object({ object: z.literal('gate'), key: KeyIdText, gate: Gate }),
  z.object({ object: z.literal('webhook'), webhook: WebhookIdText, tables: Tables }),
  z.object({ object: z.literal('archive'), name: ArchiveName, text: z.string() }),
])

export type PartLine =
  | { readonly object: 'visits'; readonly shard: number; readonly tables: readonly DumpedRows[] }
  | { readonly object: 'gate'; readonly key: KeyId; readonly gate: GateDump }
  | {
      readonly object: 'webhook'
      readonly webhook: WebhookId
      readonly tables: readonly DumpedRows[]
    }
  /** A file of the audit log's archive whose entries are in no database any more. */
  | { readonly object: 'archive'; readonly name: string; readonly text: string }

/** @throws if it is no line of a part */
export function parseLine(line: string): PartLine {
  const parsed = PartLine.parse(JSON.parse(line))
  if (parsed.object !== 'gate') return parsed
  const { key, gate } = parsed
  const counts = gate.counts && { ...gate.counts, keyId: gate.counts.keyId }
  return { object: 'gate', key, gate: { ...gate, counts } }
}

/** How the files of the archive are counted. */
export const ARCHIVED = 'archive'

/** How many rows of each kind there are: those of tables by their names, gates and files as one each. */
export type Counts = Record<string, number>

export function countLine(counts: Counts, line: PartLine): void {
  const add = (name: string, rows: number) => {
    counts[name] = (counts[name] ?? 0) + rows
  }
  if (line.object === 'gate') return add('gates', 1)
  if (line.object === 'archive') return add(ARCHIVED, 1)
  for (const { table, rows } of line.tables) add(`${line.object}.${table}`, rows.length)
}

/** What the tick says of a backup and of a restoration. */
export const MovingReport = z.object({
  /** Parts that are there, or have been loaded. */
  parts: z.number().default(0),
  rows: z.record(z.string(), z.number()).default({}),
  /** Files of the archive that should be there and are not; some of their names. */
  missing: z.object({ count: z.number(), names: z.array(z.string()) }).default(() => ({
    count: 0,
    names: [],
  })),
  failures: z.array(z.string()).default([]),
})
export type MovingReport = z.infer<typeof MovingReport>
