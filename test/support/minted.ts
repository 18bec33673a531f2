/** API keys as they are minted, and as people mistype them. */
import { type KeyId, newId } from '../../src/db/ids.ts'
import { mintApiKey, type KeyChecksums } from '../../src/security/callers/api-key.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Checksums of a site that is none of those that tests make. */
export const CHECKSUMS: KeyChecksums = { secret: 'a'.repeat(64), unkeyed: new Set() }

/**
 * A key without a typing error that no site of a test has issued, as anybody can make one up. Keys
 * from before 0014 look like this, too.
 */
export async function minted(keyId: KeyId = newId('key', Date.now())) {
  return { keyId, ...(await mintApiKey(keyId, CHECKSUMS)) }
}

/** Every text with one character more, one less, another one, or two neighbours swapped. */
export function* misspellings(key: string): Generator<string> {
  for (let at = 0; at < key.length; at++) {
    const [before, own, after] = [key.slice(0, at), key.charAt(at), key.slice(at + 1)]
    yield before + after
    for (const other of `${BASE62}_-`) {
      if (other !== own) yield before + other + after
      yield before + other + own + after
    }
    const next = after.charAt(0)
    if (next !== '' && next !== own) yield before + next + own + after.slice(1)
  }
}
