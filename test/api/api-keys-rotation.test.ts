import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { holder, type Partner, partner } from '../support/keys.ts'
import { type Member, type Site, testSite } from '../support/site.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['Date'] }))
afterEach(() => vi.useRealTimers())

const after = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000)
const isGood = async (key: Partner) => (await key.get('/v1/whoami')).status === 200

async function scene() {
  const site = testSite()
  return { site, root: await site.root(), first: await partner(site) }
}

async function rotate(
  { site, root, first }: { site: Site; root: Member; first: Partner },
  body?: object,
): Promise<Partner> {
  const { status, body: issued } = await root.post(`/v1/api-keys/${first.id}/rotate`, body)
  expect({ status, id: issued.id }).toEqual({ status: 201, id: first.id })
  return holder(site, issued)
}

describe('POST /v1/api-keys/{keyId}/rotate', () => {
  test('ends the secret so far at once, unless a grace is given', async () => {
    const { first, ...rest } = await scene()
    let current = first
    for (const body of [undefined, {}, { graceSeconds: 0 }]) {
      const next = await rotate({ ...rest, first }, body)
      expect([await isGood(current), await isGood(next)]).toEqual([false, true])
      current = next
    }
  })

  test('lets it work until the grace ends, and then no longer', async () => {
    const before = await scene()
    const next = await rotate(before, { graceSeconds: 60 })
    after(59.999)
    expect([await isGood(before.first), await isGood(next)]).toEqual([true, true])
    after(0.001)
    expect([await isGood(before.first), await isGood(next)]).toEqual([false, true])
  })

  test('gives each earlier secret its own grace', async () => {
    const before = await scene()
    const second = await rotate(before, { graceSeconds: 60 })
    after(30)
    const third = await rotate(before, { graceSeconds: 60 })
    const all = [before.first, second, third]
    const good = async () => Promise.all(all.map(isGood))
    expect(await good()).toEqual([true, true, true])
    after(30)
    expect(await good()).toEqual([false, true, true])
    after(30)
    expect(await good()).toEqual([false, false, true])
  })

  test('never lengthens an earlier grace, and shortens it to its own', async () => {
    const before = await scene()
    const second = await rotate(before, { graceSeconds: 3600 })
    const third = await rotate(before, { graceSeconds: 60 })
    after(60)
    expect(await Promise.all([before.first, second, third].map(isGood))).toEqual([
      false,
      false,
      true,
    ])
    const fourth = await rotate(before, { graceSeconds: 3600 })
    const fifth = await rotate(before, { graceSeconds: 0 })
    expect(await Promise.all([third, fourth, fifth].map(isGood))).toEqual([false, false, true])
  })

  test('keeps scopes, limits and what is used of them, and moves the revision', async () => {
    const site = testSite()
    const root = await site.root()
    const fields = { scopes: ['visit:read'], rateLimit: { limit: 2, windowSeconds: 3600 } }
    const first = await partner(site, fields)
    await first.get('/v1/whoami')
    const next = await rotate({ site, root, first }, { graceSeconds: 60 })
    const { body, headers } = await root.get(`/v1/api-keys/${first.id}`)
    expect(body).toMatchObject({ ...fields, revision: 2 })
    expect(headers.get('ETag')).toMatch(/^"2\.[\w-]{16}"$/)
    expect([await isGood(next), await isGood(first)]).toEqual([true, false])
  })

  test('is 422 for a grace that is none, and 404 for a key there never was', async () => {
    const { root, first } = await scene()
    for (const graceSeconds of [-1, 0.5, '60', 30 * 86_400 + 1, null]) {
      const { status } = await root.post(`/v1/api-keys/${first.id}/rotate`, { graceSeconds })
      expect({ graceSeconds, status }).toEqual({ graceSeconds, status: 422 })
    }
    expect((await root.post(`/v1/api-keys/key_${'0'.repeat(26)}/rotate`)).status).toBe(404)
    expect(await isGood(first)).toBe(true)
  })

  test('of many at once each answers with a secret that was in force, or with 409', async () => {
    const { site, root, first } = await scene()
    const replies = await Promise.all(
      Array.from({ length: 10 }, () =>
        root.post(`/v1/api-keys/${first.id}/rotate`, { graceSeconds: 3600 }),
      ),
    )
    const made = replies.filter(({ status }) => status === 201)
    expect(made.length).toBeGreaterThan(0)
    for (const { body } of made) expect(await isGood(holder(site, body))).toBe(true)
    for (const { status, body } of replies.filter((each) => !made.includes(each))) {
      expect({ status, code: body.code }).toEqual({ status: 409, code: 'conflict' })
    }
    const { body } = await root.get(`/v1/api-keys/${first.id}`)
    expect(body.revision).toBe(1 + made.length)
  })
})
