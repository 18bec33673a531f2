/**
 * The chain that seals the audit log: a digest of each entry, over the digests of a stretch of entries and
 * the head before it the next head, and a signature over that. It needs nothing but what it is given, so a
 * file of the archive verifies by itself. docs/decisions/sealed-audit.md has the format.
 */
import { CompactSign, compactVerify, decodeProtectedHeader, importJWK } from 'jose'
import * as z from 'zod'
import { sha256 } from '../crypto/digest.ts'
import { randomText } from '../crypto/random.ts'
import { ALGORITHM, type SigningKey } from './tokens/signing-keys.ts'

const FORMAT = 'guildhall-audit/1'
const TYPE = 'guildhall-audit-seal'
/** How much of an entry's digest the guide has: enough to tell which entry is not as it was. */
const CHECK_LENGTH = 11
/** 128 bits. */
const SALT_LENGTH = 22

const Text = z.string().nullable()

/** An entry as the log has it; `changes` is text. */
const Entry = z.object({
  id: z.string(),
  at: z.string(),
  actor: z.string(),
  onBehalfOf: Text,
  action: z.string(),
  target: z.string(),
  reason: Text,
  requestId: Text,
  changes: z.string(),
  /** The digest that stands for `reason` and `changes` once they are removed. */
  removed: Text,
})
export type Entry = z.infer<typeof Entry>

/** For each entry its id, its salt (empty once that is removed), and how its digest begins. */
const Guide = z.array(z.tuple([z.string(), z.string(), z.string()]))
export type Guide = z.infer<typeof Guide>

/** The guide of a stretch as the database has it. One that is none names no entry, which the head tells. */
export function guideIn(text: string | null): Guide {
  const parsed = Guide.safeParse(JSON.parse(text ?? '[]'))
  return parsed.success ? parsed.data : []
}

/** What is signed of a stretch. */
const Claims = z.object({
  number: z.int().positive(),
  /** The head before it; empty for the first. */
  previous: z.string(),
  head: z.string(),
  entries: z.int().positive(),
  after: z.string(),
  until: z.string(),
  sealedAt: z.string(),
})
export type Claims = z.infer<typeof Claims>

const Jwk = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
})
export type PublicJwk = z.infer<typeof Jwk>

/** A stretch as it is in the database or in a file. */
export interface Stretch {
  readonly signed: string
  readonly guide: Guide
  readonly entries: readonly Entry[]
}

export interface Fault {
  readonly what: 'signature' | 'order' | 'head' | 'missing' | 'changed' | 'added'
  /** The first entry that is not as it was sealed; undefined where that cannot be told. */
  readonly entry?: string | undefined
}

/** What stands for that part of an entry which may be removed. */
export async function removableDigest(
  { reason, changes }: Pick<Entry, 'reason' | 'changes'>,
  salt: string,
): Promise<string> {
  return sha256(JSON.stringify([salt, reason, changes]))
}

/** Undefined for an entry that says something although that is removed. */
async function digestOf(entry: Entry, salt: string): Promise<string | undefined> {
  const { id, at, actor, onBehalfOf, action, target, requestId, removed } = entry
  if (removed !== null && (entry.reason !== null || entry.changes !== '{}')) return undefined
  const rest = removed ?? (await removableDigest(entry, salt))
  return sha256(JSON.stringify([id, at, actor, onBehalfOf, action, target, requestId, rest]))
}

async function headOf(number: number, previous: string, digests: readonly string[]) {
  return sha256(JSON.stringify([number, previous, ...digests]))
}

/** Seals entries that are in the order of their ids. @throws Error if there are none */
export async function seal(
  entries: readonly Entry[],
  about: Pick<Claims, 'number' | 'previous' | 'after' | 'until' | 'sealedAt'>,
  { kid, key, publicJwk }: SigningKey,
) {
  const guide: Guide = []
  const digests: string[] = []
  for (const entry of entries) {
    const salt = randomText().slice(0, SALT_LENGTH)
    const digest = (await digestOf(entry, salt)) ?? ''
    guide.push([entry.id, salt, digest.slice(0, CHECK_LENGTH)])
    digests.push(digest)
  }
  const head = await headOf(about.number, about.previous, digests)
  const claims = Claims.parse({ ...about, head, entries: entries.length })
  const { kty, crv, x, y } = Jwk.parse(publicJwk)
  const signed = await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid, jwk: { kty, crv, x, y } })
    .sign(key)
  return { ...claims, signed, guide }
}

/** Who signed, by the key in the seal itself. Whether that is the site's is for whoever asks. */
export interface Signer {
  readonly kid: string
  readonly jwk: PublicJwk
}

/** What a seal says; undefined unless its signature is good. */
export async function openSeal(
  signed: string,
): Promise<{ readonly claims: Claims; readonly signer: Signer } | undefined> {
  try {
    const { kid, typ, jwk } = decodeProtectedHeader(signed)
    const signer = { kid: z.string().parse(kid), jwk: Jwk.parse(jwk) }
    if (typ !== TYPE) return undefined
    const key = await importJWK(signer.jwk, ALGORITHM)
    const { payload } = await compactVerify(signed, key, { algorithms: [ALGORITHM] })
    return { claims: Claims.parse(JSON.parse(new TextDecoder().decode(payload))), signer }
  } catch {
    return undefined
  }
}

/** The first thing about the entries that is not as the seal says; undefined if there is none. */
export async function faultIn(
  { number, previous, head, entries: count }: Claims,
  { guide, entries }: Omit<Stretch, 'signed'>,
): Promise<Fault | undefined> {
  const found = new Map(entries.map((entry) => [entry.id, entry]))
  const digests: string[] = []
  for (const [id, salt, check] of guide) {
    const entry = found.get(id)
    if (!entry) return { what: 'missing', entry: id }
    const digest = await digestOf(entry, salt)
    if (!digest?.startsWith(check) || check.length !== CHECK_LENGTH)
      return { what: 'changed', entry: id }
    digests.push(digest)
    found.delete(id)
  }
  const [added] = found.keys()
  if (added !== undefined) return { what: 'added', entry: added }
  // Here the guide was changed, too, so nobody can say which entry it is.
  const isHead = guide.length === count && (await headOf(number, previous, digests)) === head
  return isHead ? undefined : { what: 'head' }
}

/** How the file of a stretch is called: never as that of another one, also after the log was put back. */
export function nameOfFile({ number, head }: Pick<Claims, 'number' | 'head'>): string {
  return `audit/${String(number).padStart(10, '0')}-${head.slice(0, 16)}.jsonl`
}

/** The text of a file: a line about the stretch, and one for each entry. */
export function fileOf({ signed, guide, entries }: Stretch): string {
  const lines = [{ format: FORMAT, signed, guide }, ...entries]
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

const Header = z.object({ format: z.literal(FORMAT), signed: z.string(), guide: Guide })

/**
 * What is in a file. A member that is there twice, or that is none of an entry, would be read by somebody
 * else and by no digest, so the text has to be the one that is written of it.
 * @throws Error if it is cut, or is none
 */
export function readFile(text: string): Stretch {
  if (!text.endsWith('\n')) throw new Error('the file is cut')
  const [header, ...lines] = text
    .slice(0, -1)
    .split('\n')
    .map((line): unknown => JSON.parse(line))
  const { signed, guide } = Header.parse(header)
  const stretch = { signed, guide, entries: lines.map((line) => Entry.parse(line)) }
  if (fileOf(stretch) !== text) throw new Error('the file has more in it than its entries')
  return stretch
}
