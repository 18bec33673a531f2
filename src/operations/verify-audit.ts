import type { Deps } from '../deps.ts'
import type { SealRow } from '../repositories/audit-seals.ts'
import {
  type Fault,
  faultIn,
  guideIn,
  openSeal,
  readFile,
  type Signer,
  type Stretch,
} from '../security/audit-chain.ts'
import type { Grant } from '../security/grant.ts'

/** Stretches that one call goes through, of 500 entries at most. */
const STRETCHES = 4

/** What is wrong, and of which stretch. */
export interface FaultAt extends Omit<Fault, 'what'> {
  readonly stretch: number
  readonly what: Fault['what'] | 'file'
}

export interface Verified {
  /** How many are as they were sealed. */
  readonly stretches: number
  readonly entries: number
  /** Entries of those that have lost what may be removed. */
  readonly removed: number
  /** Stretches that are cleared and whose file cannot be read from here. */
  readonly unread: number
  readonly fault: FaultAt | undefined
  /** Where to go on; undefined at the end, and behind a fault. */
  readonly next: number | undefined
}

/** Holds some of the audit log, and of its archive, against its seals. @param from number of a stretch */
export async function verifyAudit(
  grant: Grant<'audit:read'>,
  from: number,
  deps: Pick<Deps, 'auditSeals' | 'auditKeys' | 'archive'>,
): Promise<Verified> {
  grant.exercise('audit:read')
  const [seals, { keys }] = await Promise.all([
    deps.auditSeals.page(from, STRETCHES + 1),
    deps.auditKeys(),
  ])
  const so = { stretches: 0, entries: 0, removed: 0, unread: 0 }
  const isKnown = ({ kid, jwk }: Signer) =>
    keys.some((key) => key.kid === kid && key.x === jwk.x && key.y === jwk.y)
  let previous = seals.find(({ number }) => number === from - 1)
  const here = seals.filter(({ number }) => number >= from)
  for (const seal of here.slice(0, STRETCHES)) {
    const found = await stretchOf(seal, deps)
    const fault = await faultOf(seal, previous, found, isKnown)
    if (fault) return { ...so, fault: { stretch: seal.number, ...fault }, next: undefined }
    const entries = typeof found === 'object' ? found.entries : []
    so.stretches += 1
    so.entries += entries.length
    so.removed += entries.filter(({ removed }) => removed !== null).length
    so.unread += found === 'unread' ? 1 : 0
    previous = seal
  }
  const next = here.length > STRETCHES ? from + STRETCHES : undefined
  return { ...so, fault: undefined, next }
}

/** The site has to have signed the seal, it has to follow the one before, and the entries have to be so. */
async function faultOf(
  row: SealRow,
  previous: SealRow | undefined,
  found: Found,
  isKnown: (signer: Signer) => boolean,
): Promise<Omit<FaultAt, 'stretch'> | undefined> {
  const opened = await openSeal(row.signed)
  if (!opened || !isKnown(opened.signer)) return { what: 'signature' }
  const { claims } = opened
  const isInOrder =
    claims.number === row.number &&
    claims.number === (previous?.number ?? 0) + 1 &&
    claims.previous === (previous?.head ?? '') &&
    claims.after === (previous?.until ?? '') &&
    claims.until === row.until &&
    claims.head === row.head
  if (!isInOrder) return { what: 'order' }
  if (found === 'no file') return { what: 'file' }
  return found === 'unread' ? undefined : faultIn(claims, found)
}

type Found = Omit<Stretch, 'signed'> | 'no file' | 'unread'

/** From the database, or once it is cleared from its file. */
async function stretchOf(
  row: SealRow,
  { auditSeals, archive }: Pick<Deps, 'auditSeals' | 'archive'>,
): Promise<Found> {
  if (row.clearedAt === null) {
    const guide = guideIn(row.guide)
    return { guide, entries: await auditSeals.entriesOf(row) }
  }
  if (!archive) return 'unread'
  const text = await archive.read(row.archivedAs ?? '')
  if (text === undefined) return 'no file'
  try {
    const file = readFile(text)
    return file.signed === row.signed ? file : 'no file'
  } catch {
    return 'no file'
  }
}
