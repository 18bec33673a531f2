/** Public answers may be two seconds old, for nobody but who sends no credential, and never decide anything. */
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { countingStorage } from '../support/counting.ts'
import { testSite } from '../support/site.ts'

const { storage, costOf } = countingStorage()
const keeping = { ...storage, KEEP_PUBLIC_ANSWERS: 'on' }

async function scene() {
  const site = testSite(keeping)
  const ada = await site.member('ada', { name: 'Ada' })
  const path = `/v1/users/${ada.userId}`
  const renameBehind = async (name: string) =>
    env.DB.prepare('update users set display_name = ? where id = ?').bind(name, ada.userId).run()
  const nameFor = async (client: { get: typeof ada.get }) =>
    (await client.get(path)).body.displayName
  return { site, ada, path, renameBehind, nameFor }
}

const START = Date.parse('2026-11-30T12:00:00Z')

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: START })
})

afterEach(() => {
  vi.useRealTimers()
})

describe('to callers without a credential', () => {
  test('costs nothing within two seconds of the read, and is the same', async () => {
    const { site, path } = await scene()
    const first = await site.anonymous.get(path)
    expect(await costOf(async () => site.anonymous.get(path))).toEqual({ d1: 0, objects: 0 })
    const second = await site.anonymous.get(path)
    expect(second.text).toBe(first.text)
    const { 'request-id': one, 'x-d1-bookmark': _, ...was } = Object.fromEntries(first.headers)
    const { 'request-id': other, ...is } = Object.fromEntries(second.headers)
    expect(is).toEqual(was)
    expect(other).not.toBe(one)
  })

  test('is what is so two seconds later, however often it was asked', async () => {
    const { site, renameBehind, nameFor } = await scene()
    expect(await nameFor(site.anonymous)).toBe('Ada')
    await renameBehind('Renamed')
    vi.setSystemTime(START + 1_999)
    expect(await nameFor(site.anonymous)).toBe('Ada')
    vi.setSystemTime(START + 2_000)
    expect(await nameFor(site.anonymous)).toBe('Renamed')
  })

  test('is what was changed through the same isolate, at once', async () => {
    const { site, ada, nameFor } = await scene()
    expect(await nameFor(site.anonymous)).toBe('Ada')
    await ada.patch('/v1/me', { displayName: 'Renamed' })
    expect(await nameFor(site.anonymous)).toBe('Renamed')
    await (await site.root()).delete(`/v1/users/${ada.userId}`)
    expect((await site.anonymous.get(`/v1/users/${ada.userId}`)).status).toBe(404)
  })

  test('is never one that was read while a change was under way', async () => {
    const { site, ada, path } = await scene()
    for (let round = 0; round < 20; round++) {
      const name = `Name ${round}`
      const change = ada.patch('/v1/me', { displayName: name })
      const reads = Array.from({ length: 3 }, async () => site.anonymous.get(path))
      await change
      expect((await site.anonymous.get(path)).body.displayName).toBe(name)
      await Promise.all(reads)
      expect((await site.anonymous.get(path)).body.displayName).toBe(name)
    }
  })

  test('is 304 to whoever has it, and 406 to whoever does not take it', async () => {
    const { site, path } = await scene()
    const { headers } = await site.anonymous.get(path)
    const tag = headers.get('ETag') ?? ''
    const again = await site.anonymous.get(path, { headers: { 'If-None-Match': tag } })
    expect([again.status, again.text]).toEqual([304, ''])
    const other = await site.anonymous.get(path, { headers: { Accept: 'text/html' } })
    expect(other.status).toBe(406)
  })

  test('is kept for its own origin, page and query alone', async () => {
    const site = testSite({ ...keeping, ALLOWED_ORIGINS: 'https://a.example' })
    await site.root()
    const from = async (Origin: string) =>
      (await site.anonymous.get('/v1/badges', { headers: { Origin } })).headers.get(
        'Access-Control-Allow-Origin',
      )
    expect(await from('https://a.example')).toBe('https://a.example')
    expect(await from('https://b.example')).toBeNull()
    expect((await site.anonymous.get('/v1/badges?limit=0')).status).toBe(422)
    expect((await site.anonymous.get('/v1/badges?limit=1')).status).toBe(200)
  })
})

describe('is read anew', () => {
  test.each([
    ['with a token', 'token'],
    ['with a cookie of anybody', { Cookie: 'theme=dark' }],
    [
      'with a bookmark',
      { 'X-D1-Bookmark': '00000000-00000000-00000000-00000000000000000000000000000000' },
    ],
  ] as const)('%s', async (_, headers) => {
    const { site, ada, path, renameBehind } = await scene()
    await site.anonymous.get(path)
    await renameBehind('Renamed')
    const reply =
      headers === 'token' ? await ada.get(path) : await site.anonymous.get(path, { headers })
    expect(reply.body.displayName).toBe('Renamed')
  })

  test('where the setting says so', async () => {
    const site = testSite({ ...keeping, KEEP_PUBLIC_ANSWERS: 'off' })
    const { userId } = await site.member('ada')
    const read = async () => site.anonymous.get(`/v1/users/${userId}`)
    await read()
    expect(await costOf(read)).toEqual({ d1: 1, objects: 0 })
  })

  test('and a bad credential is 401, whatever is kept', async () => {
    const { site, path } = await scene()
    await site.anonymous.get(path)
    expect((await site.bearer('nonsense').get(path)).status).toBe(401)
    expect((await site.anonymous.get(`${path}?view=full`)).status).toBe(401)
  })

  test('if it was a refusal', async () => {
    const { site } = await scene()
    const path = '/v1/users/usr_01jdz3n2x4qy5v6w7r8s9t0a1b'
    expect((await site.anonymous.get(path)).status).toBe(404)
    expect(await costOf(async () => site.anonymous.get(path))).toEqual({ d1: 1, objects: 0 })
  })
})
