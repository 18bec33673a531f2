/**
 * Seals the audit log behind whoever writes it, a stretch at a time; gives each stretch its file in the
 * archive; removes of single entries what the operator wants removed; and clears stretches that are old
 * enough and whose file was read back. Every step may be cut short and is then done once more.
 */
import { firstIdAt } from '../db/ids.ts'
import type { SystemDeps } from '../deps.ts'
import type { Archive } from '../objects/archive.ts'
import type { SealedEntry, SealRow } from '../repositories/audit-seals.ts'
import {
  type Fault,
  faultIn,
  fileOf,
  type Guide,
  guideIn,
  nameOfFile,
  openSeal,
  readFile,
  removableDigest,
  seal,
  type Stretch,
} from '../security/audit-chain.ts'
import type { SigningKey } from '../security/tokens/signing-keys.ts'
import type { JobContext, JobResult } from './job.ts'

/** Entries in a stretch at most, and so in any transaction here. */
const PAGE = 500
/** A stretch is closed so long after its last entry: longer than any request or trigger goes on. */
const CLOSED_AFTER_MS = 30 * 60_000
const DAY_MS = 86_400_000
/** In one run: a step digests a stretch, and a trigger has half a minute of a processor. */
const STEPS = 60
/** The key that signs, which is made now and then. */
const CALLS_FOR_KEY = 4
const CALLS_TO_SEAL = 5
const CALLS_TO_ARCHIVE = 4
const CALLS_TO_REMOVE = 6
const CALLS_TO_CLEAR = 4

interface Run {
  readonly deps: SystemDeps
  readonly affords: JobContext['affords']
  readonly counts: {
    sealed: number
    archived: number
    removed: number
    /** Entries of which something is to be removed, and whose file is not there. */
    waiting: number
    cleared: number
  }
  readonly failures: string[]
}

/** Whether all of it was done; false if the run may use no more. */
type Step = Promise<boolean>

export async function sealAudit({ deps, affords: affordsCalls }: JobContext): Promise<JobResult> {
  const counts = { sealed: 0, archived: 0, removed: 0, waiting: 0, cleared: 0 }
  let left = STEPS
  const affords = (calls: number) => {
    left -= 1
    return left >= 0 && affordsCalls(calls)
  }
  const run: Run = { deps, affords, counts, failures: [] }
  const { archive } = deps
  const isDone =
    (await sealAll(run)) &&
    (await removeAll(run, archive)) &&
    (!archive || (await archiveAll(run, archive))) &&
    (!archive || (await clearAll(run, archive)))
  // What is left is found again; that there is some has the next tick go on.
  return { counts, cursor: isDone ? null : 'more', failures: run.failures }
}

async function sealAll({ deps, affords, counts }: Run): Step {
  const { auditSeals, auditKey, now } = deps
  const before = firstIdAt('aud', now - CLOSED_AFTER_MS)
  let key: SigningKey | undefined
  for (;;) {
    if (!affords(CALLS_TO_SEAL)) return false
    const { last, late, next } = await auditSeals.open(before, PAGE)
    const entries = late.length > 0 ? late : next
    const newest = entries.at(-1)
    if (!newest) return true
    if (!key && !affords(CALLS_FOR_KEY)) return false
    key ??= await auditKey()
    const after = last?.until ?? ''
    const { number, head, signed, guide, until, sealedAt } = await seal(
      entries,
      {
        number: (last?.number ?? 0) + 1,
        previous: last?.head ?? '',
        after,
        until: late.length > 0 ? after : newest.id,
        sealedAt: new Date(now).toISOString(),
      },
      key,
    )
    const added = { number, after, until, head, signed, sealedAt }
    // Another tick is at it, or an entry has come in between.
    if (!(await auditSeals.add(added, JSON.stringify(guide)))) return true
    counts.sealed += entries.length
  }
}

async function archiveAll({ deps, affords, counts, failures }: Run, archive: Archive): Step {
  const { auditSeals } = deps
  for (;;) {
    if (!affords(CALLS_TO_ARCHIVE)) return false
    const found = await auditSeals.unarchived()
    if (!found) return true
    const file = await fileWith(found.seal, found.entries, failures)
    if (file === undefined) return true
    const name = nameOfFile(found.seal)
    await archive.write(name, file)
    await auditSeals.archived(found.seal, name)
    counts.archived += 1
  }
}

/** Undefined if the entries are not as they were sealed: then nothing is archived, and so nothing cleared. */
async function fileWith(
  { number, signed, guide }: SealRow,
  entries: readonly SealedEntry[],
  failures: string[],
): Promise<string | undefined> {
  const stretch = { signed, guide: guideIn(guide), entries }
  const fault = await wrongWith(stretch)
  if (!fault) return fileOf(stretch)
  const found = [fault.what, ...(fault.entry ? [fault.entry] : [])].join(' ')
  failures.push(`stretch ${number} of the audit log is not as it was sealed: ${found}`)
  return undefined
}

async function wrongWith(stretch: Stretch): Promise<Fault | undefined> {
  const opened = await openSeal(stretch.signed)
  return opened ? faultIn(opened.claims, stretch) : { what: 'signature' }
}

async function clearAll({ deps, affords, counts, failures }: Run, archive: Archive): Step {
  const { auditSeals, settings, now } = deps
  const { auditKeepDays: days } = settings
  if (days === undefined) return true
  const before = firstIdAt('aud', now - days * DAY_MS)
  let isDone = true
  for (;;) {
    if (!affords(CALLS_TO_CLEAR)) return false
    const seal = await auditSeals.toClear(before)
    if (!seal) return isDone
    const file = await archive.read(seal.archivedAs ?? '')
    if (file === undefined) {
      // Another bucket is bound, or the file is lost: the next run writes it anew, and clears then.
      await auditSeals.unarchive(seal)
      isDone = false
      continue
    }
    if (!(await isFileOf(seal, file))) {
      failures.push(`the file of stretch ${seal.number} of the audit log is not as it was written`)
      return true
    }
    await auditSeals.clear(seal, new Date(now).toISOString())
    counts.cleared += 1
  }
}

/** Whether the file has all that the database would lose. */
async function isFileOf({ signed, guide }: SealRow, text: string): Promise<boolean> {
  try {
    const file = readFile(text)
    const isSame = file.signed === signed && JSON.stringify(file.guide) === guide
    return isSame && (await wrongWith(file)) === undefined
  } catch {
    return false
  }
}

async function removeAll({ deps, affords, counts, failures }: Run, archive?: Archive): Step {
  const { auditSeals } = deps
  let after = ''
  for (;;) {
    if (!affords(CALLS_TO_REMOVE)) return false
    const found = await auditSeals.toRemove(after)
    if (!found) return true
    const { id, ...seal } = found
    after = id
    const name = seal.archivedAs
    const kept = name !== null && seal.clearedAt !== null
    const stretch = kept
      ? fileFor(seal, await archive?.read(name))
      : {
          signed: seal.signed,
          guide: guideIn(seal.guide),
          entries: await auditSeals.entriesOf(seal),
        }
    const salt = stretch?.guide.find(([entry]) => entry === id)?.[1]
    const entry = stretch?.entries.find((each) => each.id === id)
    if (!stretch || (kept && salt !== undefined && !entry)) {
      // It stays asked for, and the others are not kept waiting.
      counts.waiting += 1
      continue
    }
    if (salt === undefined || !entry) {
      failures.push(`there is no entry ${id} to remove anything of`)
      await auditSeals.forgetRemoval(id)
      continue
    }
    // A run that was cut short after it had written the file has left the digest there.
    const digest = entry.removed ?? (await removableDigest(entry, salt))
    const guide = stretch.guide.map(([other, salt, check]): Guide[number] => {
      return [other, other === id ? '' : salt, check]
    })
    if (kept && archive) {
      const without = { ...entry, reason: null, changes: '{}', removed: digest }
      const entries = stretch.entries.map((each) => (each.id === id ? without : each))
      await archive.write(name, fileOf({ signed: stretch.signed, guide, entries }))
      await auditSeals.removedFromFile(id, digest)
    } else {
      await auditSeals.remove(id, digest, seal, JSON.stringify(guide))
    }
    counts.removed += 1
  }
}

/** Undefined unless there is one, and it is that of this stretch. */
function fileFor({ signed }: Pick<SealRow, 'signed'>, text: string | undefined) {
  try {
    const file = text === undefined ? undefined : readFile(text)
    return file?.signed === signed ? file : undefined
  } catch {
    return undefined
  }
}
