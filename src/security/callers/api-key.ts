/**
 * API keys: `guild_<id>_<secret><checksum>`. The id finds the key, the secret has 256 random bits, and
 * the checksum lets junk be refused without any I/O. At rest there is only a SHA-256 of the secret.
 */
import { sha256 } from '../../crypto/digest.ts'
import type { KeyId } from '../../db/ids.ts'
import { Problem } from '../../problem.ts'

/** The form of a key, for secret scanners; the checksum tells a real key from a lookalike. */
export const API_KEY_PATTERN =
  /^guild_([0-7][0-9a-hjkmnp-tv-z]{25})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const SECRET_LENGTH = 43
const CHECKSUM_LENGTH = 6

export interface ParsedApiKey {
  readonly keyId: KeyId
  /** What is stored of the secret; SHA-256, for 256 random bits need no slow hash. */
  readonly secretHash: string
}

/** A new secret for a key. @returns the key as its holder sends it, and what is stored of it */
export async function mintApiKey(keyId: KeyId): Promise<{ key: string; secretHash: string }> {
  const secret = base62(crypto.getRandomValues(new Uint8Array(32)), SECRET_LENGTH)
  const body = `guild_${keyId.slice('key_'.length)}_${secret}`
  return { key: `${body}${await checksumOf(body)}`, secretHash: await sha256(secret) }
}

/** @returns undefined for anything that was never a key; no storage is asked */
export async function parseApiKey(text: string): Promise<ParsedApiKey | undefined> {
  const [, id = '', secret = '', checksum = ''] = API_KEY_PATTERN.exec(text) ?? []
  if (checksum === '' || (await checksumOf(text.slice(0, -CHECKSUM_LENGTH))) !== checksum)
    return undefined
  return { keyId: `key_${id}`, secretHash: await sha256(secret) }
}

async function checksumOf(body: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(body))
  return base62(new Uint8Array(digest).subarray(0, 8), CHECKSUM_LENGTH)
}

/** The last `length` digits of the bytes as one number. */
function base62(bytes: Uint8Array, length: number): string {
  let value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  let text = ''
  while (text.length < length) {
    text = BASE62.charAt(Number(value % 62n)) + text
    value /= 62n
  }
  return text
}

export function invalidKey(detail = 'The API key is not known, or no longer good.'): Problem {
  return new Problem('invalid_api_key', detail, { stage: 'credential' })
}
