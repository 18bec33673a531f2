/** The one expensive step of a password. PBKDF2 is capped too low on Workers, and argon2 is not there. */
import nodeCrypto from 'node:crypto'

export interface Cost {
  readonly n: number
  readonly r: number
  readonly p: number
}

const KEY_BYTES = 32

export function derive(password: string, salt: Uint8Array, { n, r, p }: Cost): Promise<Uint8Array> {
  const options = { N: n, r, p, maxmem: 256 * n * r }
  return new Promise((resolve, reject) =>
    nodeCrypto.scrypt(password.normalize('NFC'), salt, KEY_BYTES, options, (error, key) =>
      error ? reject(error) : resolve(key),
    ),
  )
}
