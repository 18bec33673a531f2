import nodeCrypto from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import type { KeyId } from '../../src/db/ids.ts'
import { keyGatesClient } from '../../src/objects/keys.ts'
import { holder, partner } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { testSite } from '../support/site.ts'

afterEach(() => vi.restoreAllMocks())

test('whoever tells several gates hears of a failure only when all of them have answered', async () => {
  const keys = ['a', 'b', 'c'].map((id): KeyId => `key_${id}`)
  const answered: string[] = []
  const refresh = async (name: string) => {
    if (name === keys[0]) throw new Error('gone')
    await rowsOf('select 1')
    answered.push(name)
  }
  const namespace = { getByName: (name: string) => ({ refresh: () => refresh(name) }) }
  await expect(keyGatesClient(namespace as never).refresh(keys)).rejects.toThrow('gone')
  expect(answered.toSorted()).toEqual(keys.slice(1))
})

test('a secret is compared in constant time, the present one and those in their grace', async () => {
  const site = testSite()
  const [root, first] = [await site.root(), await partner(site)]
  const { body } = await root.post(`/v1/api-keys/${first.id}/rotate`, { graceSeconds: 60 })
  const compare = vi.spyOn(nodeCrypto, 'timingSafeEqual')
  expect((await holder(site, body).get('/v1/whoami')).status).toBe(200)
  expect(compare.mock.results.map(({ value }) => value)).toEqual([true])
  compare.mockClear()
  expect((await first.get('/v1/whoami')).status).toBe(200)
  expect(compare.mock.results.map(({ value }) => value)).toEqual([false, true])
})
