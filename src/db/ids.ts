/**
 * Ids: a prefix that names the kind, `_`, and a UUIDv7 in 26 characters of Crockford base32 (the
 * TypeID form). They sort by creation time as text. Time is a parameter; randomness is the platform's.
 */
import { V7Generator } from 'uuidv7'

export const ID_PREFIXES = [
  'usr',
  'vis',
  'bdg',
  'rul',
  'svc',
  'slt',
  'bkg',
  'key',
  'aud',
  'run',
  'evt',
  'pgr',
  'whk',
] as const
export type IdPrefix = (typeof ID_PREFIXES)[number]

/** Branded by its prefix, so that a badge id cannot be passed where a user id is meant. */
export type Id<P extends IdPrefix> = `${P}_${string}`
export type UserId = Id<'usr'>
export type VisitorId = Id<'vis'>
export type BadgeId = Id<'bdg'>
export type RuleId = Id<'rul'>
export type AuditId = Id<'aud'>
export type RunId = Id<'run'>
export type KeyId = Id<'key'>
export type ServiceId = Id<'svc'>
export type SlotId = Id<'slt'>
export type BookingId = Id<'bkg'>
export type EventId = Id<'evt'>
export type PageRuleId = Id<'pgr'>
export type WebhookId = Id<'whk'>

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
/** The first character carries only three bits of the 128. */
const SUFFIX = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/

/** A clock may be put back by so much, in milliseconds, and ids go on from where they were. */
export const ID_LEAD_MS = 10_000

const generator = new V7Generator()

/** A new id. Ids made one after another with the same `now` (milliseconds since the epoch) still sort. */
export function newId<P extends IdPrefix>(prefix: P, now: number): Id<P> {
  return `${prefix}_${encode(generator.generateOrResetCore(now, ID_LEAD_MS).bytes)}`
}

/** The smallest id of a kind that can have been made at `at` (milliseconds); for time ranges over a key. */
export function firstIdAt<P extends IdPrefix>(prefix: P, at: number): Id<P> {
  const bytes = new Uint8Array(16)
  // Nothing is older than the epoch, and a negative time would wrap around to a late one.
  new DataView(bytes.buffer).setBigUint64(0, BigInt(Math.max(at, 0)) << 16n)
  return `${prefix}_${encode(bytes)}`
}

export function isId<P extends IdPrefix>(prefix: P, text: string): text is Id<P> {
  return text.startsWith(`${prefix}_`) && SUFFIX.test(text.slice(prefix.length + 1))
}

function encode(bytes: Readonly<Uint8Array>): string {
  let value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  let text = ''
  for (let i = 0; i < 26; i++) {
    text = ALPHABET.charAt(Number(value & 31n)) + text
    value >>= 5n
  }
  return text
}
