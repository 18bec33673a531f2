import { expect, test } from 'vitest'
import { countingStorage } from '../support/counting.ts'
import { minted, misspellings } from '../support/minted.ts'
import { testSite } from '../support/site.ts'

test('a misspelt key is 401 invalid_api_key without a call to D1 or to any object', async () => {
  const { storage, costOf } = countingStorage()
  const site = testSite(storage)
  await site.anonymous.get('/v1/badges')
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
