/** Secrets that nobody can guess. */

/** 256 random bits, as 43 characters of base64url. */
export function randomText(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
}
