/** Letters and digits for secrets, and the checksums by which a typing error costs no storage. */

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Of a secret, which makes 220 bits. */
const RANDOM_LENGTH = 37

/** Of a checksum. */
export const CHECKSUM_LENGTH = 6

export function randomDigits(): string {
  return base62(crypto.getRandomValues(new Uint8Array(32)), RANDOM_LENGTH)
}

/** The checksum that a hash (in base64url) makes. */
export function digitsOf(hash: string): string {
  return base62(Buffer.from(hash, 'base64url').subarray(0, 8), CHECKSUM_LENGTH)
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
