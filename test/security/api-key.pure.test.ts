import { describe, expect, test, vi } from 'vitest'
import { sha256 } from '../../src/crypto/digest.ts'
import type { KeyId } from '../../src/db/ids.ts'
import {
  API_KEY_PATTERN,
  type KeyChecksums,
  parseApiKey,
} from '../../src/security/callers/api-key.ts'
import { CHECKSUMS, minted, misspellings } from '../support/minted.ts'

const PARTS = /^guild_([0-9a-z]{26})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/

describe('an API key', () => {
  test('is guild_, the id, 43 base62 digits of secret and 6 of checksum', async () => {
    const { key, keyId } = await minted()
    const [, id, secret, checksum] = PARTS.exec(key) ?? []
    expect(`key_${id}`).toBe(keyId)
    expect([secret?.length, checksum?.length]).toEqual([43, 6])
    expect(key).toMatch(API_KEY_PATTERN)
    expect(key).toHaveLength('guild_'.length + 26 + '_'.length + 43 + 6)
  })

  test('is found in any text by the published pattern', async () => {
    const { key } = await minted()
    const unanchored = new RegExp(API_KEY_PATTERN.source.replace(/^\^|\$$/g, ''))
    expect(unanchored.exec(`curl -H "X-API-Key: ${key}" https://members.example`)?.[0]).toBe(key)
  })

  test('has 220 random bits: every digit of the secret takes every value', async () => {
    const secrets = await Promise.all(
      Array.from({ length: 2000 }, async () => PARTS.exec((await minted()).key)?.[2] ?? ''),
    )
    expect(new Set(secrets).size).toBe(secrets.length)
    const seen = (at: number) => new Set(secrets.map((secret) => secret.charAt(at))).size
    for (let at = 0; at < 43; at++) expect(seen(at)).toBe(62)
    // The last six digits are a checksum of the others, so they add no random bits.
    expect(62n ** 37n).toBeGreaterThan(2n ** 220n)
  })

  test('says which key it is, and what is stored of it is a hash of the secret alone', async () => {
    const { key, keyId, secretHash } = await minted()
    expect(await parseApiKey(key, async () => CHECKSUMS)).toEqual({ keyId, secretHash })
    expect(secretHash).toBe(await sha256(PARTS.exec(key)?.[2] ?? ''))
    expect(key).not.toContain(secretHash)
  })

  test('is refused with any one character changed, added, left out or swapped with the next', async () => {
    const accepted: string[] = []
    let tried = 0
    for (let round = 0; round < 3; round++) {
      const { key } = await minted()
      for (const text of misspellings(key)) {
        if (text === key) continue
        tried += 1
        if (await parseApiKey(text, async () => CHECKSUMS)) accepted.push(text)
      }
    }
    expect(tried).toBeGreaterThan(30_000)
    expect(accepted).toEqual([])
  })

  test('is refused with another checksum in its secret, unless it is one of those that have none', async () => {
    const { key, keyId } = await minted()
    const others = { secret: 'b'.repeat(64), unkeyed: new Set<KeyId>() }
    expect(await parseApiKey(key, async () => others)).toBeUndefined()
    const listed = { ...others, unkeyed: new Set([keyId]) }
    expect(await parseApiKey(key, async () => listed)).toMatchObject({ keyId })
  })

  test('is refused for a typing error before anything is asked about its site', async () => {
    const { key } = await minted()
    const asked = vi.fn<() => Promise<KeyChecksums>>(async () => CHECKSUMS)
    for (const text of misspellings(key)) if (text !== key) await parseApiKey(text, asked)
    expect(asked).not.toHaveBeenCalled()
  })
})
