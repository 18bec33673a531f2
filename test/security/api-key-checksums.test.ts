/** A made-up API key ends at the checksum in its secret, and no key that was issued does. */
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type KeyId, newId } from '../../src/db/ids.ts'
import { countingStorage } from '../support/counting.ts'
import { eventually } from '../support/eventually.ts'
import { failingStorage } from '../support/failing.ts'
import type { StorageCall } from '../support/intercept.ts'
import { holder, partner } from '../support/keys.ts'
import { LOGIN_SETTINGS } from '../support/login.ts'
import { CHECKSUMS, minted } from '../support/minted.ts'
import { rowsOf } from '../support/population.ts'
import { type Client, testSite } from '../support/site.ts'

afterEach(() => vi.useRealTimers())

const statusOf = async (client: Client) => (await client.get('/v1/whoami')).status

/** A site whose isolate has seen a key already, with the calls of it counted. */
async function warmSite() {
  const { storage, costOf } = countingStorage()
  const site = testSite(storage)
  const key = holder(site, await partner(testSite()))
  expect(await statusOf(key)).toBe(200)
  return { site, key, costOf }
}

/** Turns a key into one that the former version has issued. */
async function issuedBefore(id: KeyId): Promise<string> {
  const { key, secretHash } = await minted(id)
  await env.DB.prepare('update api_keys set is_keyed = 0, secret_hash = ? where id = ?')
    .bind(secretHash, id)
    .run()
  return key
}

describe('200 keys that nobody issued make no object and read nothing', () => {
  const LAST_YEAR = Date.now() - 365 * 86_400_000
  const IDS = {
    'with ids of their own': () => newId('key', Date.now()),
    'with ids from before there was a checksum in secrets': () => newId('key', LAST_YEAR),
    'with the id of a key that was issued': (issued: KeyId) => issued,
  }

  test.each(Object.entries(IDS))('%s', async (_, idOf) => {
    const { site, key, costOf } = await warmSite()
    const statuses = new Set<number>()
    const cost = await costOf(async () => {
      for (let sent = 0; sent < 200; sent++) {
        const junk = await minted(idOf(key.id))
        statuses.add(await statusOf(site.bearer(junk.key)))
      }
    })
    expect([...statuses]).toEqual([401])
    expect(cost).toEqual({ d1: 0, objects: 0 })
    expect(await statusOf(key)).toBe(200)
  })
})

describe('a key that was issued goes on', () => {
  test('with another AUTH_SECRET, and without one', async () => {
    const key = await partner(testSite(LOGIN_SETTINGS))
    const others = [{ ...LOGIN_SETTINGS, AUTH_SECRET: 'another-secret-of-32-characters!' }, {}]
    for (const settings of others) {
      expect(await statusOf(testSite(settings).bearer(key.secret))).toBe(200)
    }
  })

  test('if it was issued before there was a checksum in secrets, and so do its successors', async () => {
    const site = testSite()
    const { id } = await partner(site)
    const old = holder(site, { id, secret: await issuedBefore(id) })
    const restarted = testSite()
    expect(await statusOf(restarted.bearer(old.secret))).toBe(200)
    const root = await restarted.root()
    const { body } = await root.post(`/v1/api-keys/${id}/rotate`, { graceSeconds: 60 })
    expect(await statusOf(restarted.bearer(body.secret))).toBe(200)
    expect(await statusOf(testSite().bearer(old.secret))).toBe(200)
    expect(await statusOf(restarted.bearer((await minted(id)).key))).toBe(401)
    await root.delete(`/v1/api-keys/${id}`)
    const { storage, costOf } = countingStorage()
    const afterwards = testSite(storage)
    await afterwards.anonymous.get('/v1/badges')
    const cost = await costOf(async () => {
      expect(await statusOf(afterwards.bearer(old.secret))).toBe(401)
    })
    expect(cost).toEqual({ d1: 1, objects: 0 })
  })

  test('within ten minutes, if a version that is being replaced has issued it', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const { site } = await warmSite()
    const { id } = await partner(site)
    const late = await issuedBefore(id)
    expect(await statusOf(site.bearer(late))).toBe(401)
    vi.setSystemTime(Date.now() + 600_000)
    // No request waits for a renewed list; a later one finds it.
    await eventually(async () => expect(await statusOf(site.bearer(late))).toBe(200))
  })
})

describe('what keys are checked with is read', () => {
  const isRead = (_: number, { text }: StorageCall) => text.includes('is_keyed')

  test('by the first one of an isolate, once, and anew after ten minutes', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const { secret } = await partner(testSite())
    const { storage, costOf } = countingStorage()
    const site = testSite(storage)
    await site.anonymous.get('/v1/badges')
    const use = () => statusOf(site.bearer(secret))
    expect(await costOf(use)).toEqual({ d1: 1, objects: 1 })
    expect(await costOf(use)).toEqual({ d1: 0, objects: 1 })
    vi.setSystemTime(Date.now() + 599_999)
    expect(await costOf(use)).toEqual({ d1: 0, objects: 1 })
    vi.setSystemTime(Date.now() + 1)
    expect(await costOf(async () => Promise.all([use(), use(), use()]))).toEqual({
      d1: 1,
      objects: 3,
    })
  })

  test('or a well-formed key is 503: it is neither let in nor called bad', async () => {
    const { secret } = await partner(testSite())
    const { storage, arm } = failingStorage()
    const site = testSite(storage)
    arm({ fails: isRead })
    const { status, headers, body } = await site.bearer(secret).get('/v1/whoami')
    expect([status, body.code, headers.get('Retry-After')]).toEqual([503, 'unavailable', '1'])
    expect(await statusOf(site.bearer('guild_junk'))).toBe(401)
  })

  test('and if it cannot be read anew, goes on as it was', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    const { secret } = await partner(testSite())
    const { storage, arm } = failingStorage()
    const site = testSite(storage)
    expect(await statusOf(site.bearer(secret))).toBe(200)
    arm({ fails: isRead })
    vi.setSystemTime(Date.now() + 600_000)
    for (let use = 0; use < 3; use++) expect(await statusOf(site.bearer(secret))).toBe(200)
    const told = [expect.stringContaining('"event":"key checksums not renewed"')]
    await eventually(async () => expect(warn.mock.calls).toEqual([told]))
  })

  test('from the database, where the migration has made it at random', async () => {
    const [made] = await rowsOf<{ value: string }>(
      `select value from site where key = 'key_checksums'`,
    )
    expect(made?.value).toMatch(/^[0-9a-f]{64}$/)
    expect(made?.value).not.toBe(CHECKSUMS.secret)
    expect(new Set(made?.value).size).toBeGreaterThan(8)
  })
})
