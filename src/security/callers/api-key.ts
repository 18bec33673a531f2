/**
 * API keys: `guild_<id>_<secret><checksum>`. The id finds the key. The secret has 220 random bits and, in
 * its last digits, a checksum that only this site can compute; the other one anybody can. So neither a
 * typing error nor a key that was made up costs any I/O. At rest there is only a SHA-256 of the secret.
 */
import { keyedHash, sha256 } from '../../crypto/digest.ts'
import type { KeyId } from '../../db/ids.ts'
import { Problem } from '../../problem.ts'
import { CHECKSUM_LENGTH, digitsOf, randomDigits } from './checksums.ts'

/** The form of a key, for secret scanners; the checksum tells a real key from a lookalike. */
export const API_KEY_PATTERN =
  /^guild_([0-7][0-9a-hjkmnp-tv-z]{25})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/

export interface ParsedApiKey {
  readonly keyId: KeyId
  /** What is stored of the secret; SHA-256, for so many random bits need no slow hash. */
  readonly secretHash: string
}

/** What an issued key is told from a made-up one by. */
export interface KeyChecksums {
  /** What the checksum in the secret is computed with. */
  readonly secret: string
  /** Keys from before there was one in their secrets. */
  readonly unkeyed: ReadonlySet<KeyId>
}

/** A new secret for a key. @returns the key as its holder sends it, and what is stored of it */
export async function mintApiKey(
  keyId: KeyId,
  checksums: Pick<KeyChecksums, 'secret'>,
): Promise<{ key: string; secretHash: string }> {
  const random = randomDigits()
  const start = `guild_${keyId.slice('key_'.length)}_`
  const keyed = digitsOf(await keyedHash(checksums.secret, `${start}${random}`))
  const secret = `${random}${keyed}`
  const checksum = digitsOf(await sha256(`${start}${secret}`))
  return { key: `${start}${secret}${checksum}`, secretHash: await sha256(secret) }
}

/**
 * @param checksums asked for only if there is no typing error
 * @returns undefined for what was never issued, as far as its checksums tell
 */
export async function parseApiKey(
  text: string,
  checksums: () => Promise<KeyChecksums>,
): Promise<ParsedApiKey | undefined> {
  const parsed = issued.get(text)
  if (parsed && parsed.checksums === (await checksums())) return parsed.key
  const [, id = '', secret = '', checksum = ''] = API_KEY_PATTERN.exec(text) ?? []
  const body = text.slice(0, -CHECKSUM_LENGTH)
  if (checksum === '' || checksum !== digitsOf(await sha256(body))) return undefined
  const keyId: KeyId = `key_${id}`
  const known = await checksums()
  const keyed = digitsOf(await keyedHash(known.secret, body.slice(0, -CHECKSUM_LENGTH)))
  if (!secret.endsWith(keyed) && !known.unkeyed.has(keyId)) return undefined
  const key = { keyId, secretHash: await sha256(secret) }
  keepIssued(text, { key, checksums: known })
  return key
}

/** Keys that were told from made-up ones before, by their whole text. Whether they are good is not known here. */
const issued = new Map<string, { readonly key: ParsedApiKey; readonly checksums: KeyChecksums }>()
const MOST_ISSUED = 1_000

function keepIssued(text: string, parsed: { key: ParsedApiKey; checksums: KeyChecksums }): void {
  issued.delete(text)
  issued.set(text, parsed)
  const [oldest] = issued.keys()
  if (issued.size > MOST_ISSUED && oldest !== undefined) issued.delete(oldest)
}

export function invalidKey(detail = 'The API key is not known, or no longer good.'): Problem {
  return new Problem('invalid_api_key', detail, { stage: 'credential' })
}
