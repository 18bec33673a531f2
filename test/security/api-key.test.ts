import { describe, expect, test } from 'vitest'
import { newId } from '../../src/db/ids.ts'
import { API_KEY_PATTERN, mintApiKey, parseApiKey } from '../../src/security/callers/api-key.ts'
import { sha256 } from '../../src/crypto/digest.ts'
import { countingStorage } from '../support/counting.ts'
import { testSite } from '../support/site.ts'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const PARTS = /^guild_([0-9a-z]{26})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/

async function minted() {
  const keyId = newId('key', Date.now())
  return { keyId, ...(await mintApiKey(keyId)) }
}

/** Every text that has one character more, one less, another one, or two neighbours swapped. */
function* misspellings(key: string): Generator<string> {
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

  test('has 256 random bits: every digit of the secret takes every value it can', async () => {
    const secrets = await Promise.all(
      Array.from({ length: 2000 }, async () => PARTS.exec((await minted()).key)?.[2] ?? ''),
    )
    expect(new Set(secrets).size).toBe(secrets.length)
    const seen = (at: number) => new Set(secrets.map((secret) => secret.charAt(at))).size
    // 62^43 is 1.6 times 2^256, so only the first digit falls short of 62.
    expect(seen(0)).toBeGreaterThan(30)
    for (let at = 1; at < 43; at++) expect(seen(at)).toBe(62)
    expect(62n ** 43n).toBeGreaterThan(2n ** 256n)
  })

  test('says which key it is, and what is stored of it is a hash of the secret alone', async () => {
    const { key, keyId, secretHash } = await minted()
    expect(await parseApiKey(key)).toEqual({ keyId, secretHash })
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
        if (await parseApiKey(text)) accepted.push(text)
      }
    }
    expect(tried).toBeGreaterThan(30_000)
    expect(accepted).toEqual([])
  })
})

test('a misspelt key is 401 invalid_api_key without a call to D1 or to any object', async () => {
  const { storage, costOf } = countingStorage()
  const site = testSite(storage)
  const { key } = await minted()
  const wrong = [...misspellings(key)].filter((_, index) => index % 97 === 0)
  expect(wrong.length).toBeGreaterThan(100)
  const cost = await costOf(async () => {
    for (const text of wrong) {
      if (!text.startsWith('guild_')) continue
      const reply = await site.bearer(text).get('/v1/whoami')
      expect(reply).toMatchObject({ status: 401, body: { code: 'invalid_api_key' } })
    }
  })
  expect(cost).toEqual({ d1: 0, objects: 0 })
})
