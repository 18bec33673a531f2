/**
 * Secrets of calendar feeds: `gcal_<secret><checksum>`, with checksums as API keys have them, so that
 * what was mistyped or made up costs no I/O. At rest there is only a SHA-256.
 */
import { keyedHash, sha256 } from '../../crypto/digest.ts'
import type { KeyChecksums } from './api-key.ts'
import { CHECKSUM_LENGTH, digitsOf, randomDigits } from './checksums.ts'

const START = 'gcal_'
const PATTERN = /^gcal_[0-9A-Za-z]{49}$/

/** Told from other uses of the key. */
const keyedOf = (text: string, { secret }: Pick<KeyChecksums, 'secret'>) =>
  keyedHash(secret, `calendar feed ${text}`).then(digitsOf)

/** @returns the secret as it is in an address, and what is stored of it */
export async function mintFeedSecret(
  checksums: Pick<KeyChecksums, 'secret'>,
): Promise<{ readonly secret: string; readonly secretHash: string }> {
  const start = `${START}${randomDigits()}`
  const keyed = `${start}${await keyedOf(start, checksums)}`
  const secret = `${keyed}${digitsOf(await sha256(keyed))}`
  return { secret, secretHash: await sha256(secret) }
}

/**
 * @param checksums asked for only if there is no typing error
 * @returns what is stored of it; undefined for what was never issued, as far as its checksums tell
 */
export async function parseFeedSecret(
  text: string,
  checksums: () => Promise<Pick<KeyChecksums, 'secret'>>,
): Promise<string | undefined> {
  if (!PATTERN.test(text)) return undefined
  const keyed = text.slice(0, -CHECKSUM_LENGTH)
  if (!text.endsWith(digitsOf(await sha256(keyed)))) return undefined
  const start = keyed.slice(0, -CHECKSUM_LENGTH)
  if (!keyed.endsWith(await keyedOf(start, await checksums()))) return undefined
  return sha256(text)
}
