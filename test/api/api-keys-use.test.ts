import { afterEach, describe, expect, test, vi } from 'vitest'
import { newId } from '../../src/db/ids.ts'
import { KEY_SCOPES } from '../../src/security/permissions.ts'
import { countingStorage } from '../support/counting.ts'
import { from, holder, partner, unissued } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { type Client, type Reply, testSite } from '../support/site.ts'

afterEach(() => vi.useRealTimers())

const isGood = async (client: Client): Promise<boolean> => {
  const { status, body } = await client.get('/v1/whoami')
  if (status !== 200) expect({ status, code: body.code }).toEqual(REFUSED)
  return status === 200
}
const REFUSED = { status: 401, code: 'invalid_api_key' }

describe('a key is what its scopes say', () => {
  test('the full view takes profile:read, the public one nothing, and 403 names what is missing', async () => {
    const site = testSite()
    const ada = await site.member('ada')
    const [reader, nobody] = [
      await partner(site, { scopes: ['profile:read'] }),
      await partner(site),
    ]
    const path = `/v1/users/${ada.userId}`
    const full = await reader.get(`${path}?view=full`)
    expect(full).toMatchObject({ status: 200, body: { id: ada.userId, status: 'active' } })
    const open = await nobody.get(path)
    expect(open).toMatchObject({ status: 200, body: { id: ada.userId } })
    expect(open.body).not.toHaveProperty('status')
    const refused = await nobody.get(`${path}?view=full`)
    expect(refused).toMatchObject({
      status: 403,
      body: { code: 'forbidden', stage: 'permission', required: 'profile:read', reach: 'any' },
    })
    expect(refused.headers.get('WWW-Authenticate')).toBe(
      'Bearer realm="guildhall", error="insufficient_scope", scope="profile:read"',
    )
  })

  test('whoami names the key and its scopes, with reach any and no role', async () => {
    const site = testSite()
    const key = await partner(site, { scopes: ['visit:read', 'audit:read'] })
    expect((await key.get('/v1/whoami')).body).toEqual({
      kind: 'partner',
      keyId: key.id,
      roles: [],
      permissions: [
        { permission: 'visit:read', reach: 'any' },
        { permission: 'audit:read', reach: 'any' },
      ],
      credential: { type: 'api-key' },
    })
  })

  test('and it is no member: every route about oneself is 403 members_only', async () => {
    const key = await partner(testSite(), { scopes: KEY_SCOPES })
    const replies = [
      await key.get('/v1/me'),
      await key.patch('/v1/me', { bio: 'x' }),
      await key.post('/v1/me/visits'),
      await key.get('/v1/me/visits'),
      await key.get('/v1/me/progress'),
    ]
    for (const reply of replies) {
      expect(reply).toMatchObject({ status: 403, body: { code: 'members_only' } })
    }
  })

  test('with all scopes there are it manages no keys, not even itself', async () => {
    const key = await partner(testSite(), { scopes: KEY_SCOPES })
    const path = `/v1/api-keys/${key.id}`
    const replies = [
      await key.get('/v1/api-keys'),
      await key.get(path),
      await key.get(`${path}/usage`),
      await key.post('/v1/api-keys', { name: 'Child', scopes: [] }),
      await key.patch(path, { monthlyQuota: null }),
      await key.post(`${path}/rotate`, {}),
      await key.delete(path),
    ]
    for (const { status, body } of replies) {
      expect({ status, required: body.required }).toEqual({
        status: 403,
        required: 'api-key:manage',
      })
    }
  })

  test('what it does is on record under its id, and a badge it gives is assigned by a partner', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const key = await partner(site, { scopes: ['badge:assign', 'profile:update'] })
    const { body: badge } = await root.post('/v1/badges', { title: 'Regular' })
    const path = `/v1/users/${ada.userId}`
    expect((await key.put(`${path}/badges/${badge.id}`)).status).toBe(201)
    expect((await key.patch(path, { bio: 'Hello' })).status).toBe(200)
    const { body } = await site.anonymous.get(`${path}/badges`)
    expect(body.items).toMatchObject([{ badge: { id: badge.id }, assignedBy: 'partner' }])
    const acts = await rowsOf(
      'select action, target from audit_log where actor = ? order by action',
      key.id,
    )
    expect(acts).toEqual([
      { action: 'badge.assign', target: ada.userId },
      { action: 'profile.update', target: ada.userId },
    ])
  })
})

describe('a key is good only', () => {
  test('as it was issued, in either header and in one of them', async () => {
    const site = testSite()
    const key = await partner(site)
    const header = (headers: Record<string, string>) =>
      site.anonymous.get('/v1/whoami', { headers })
    expect((await header({ 'X-API-Key': key.secret })).body.keyId).toBe(key.id)
    expect((await header({ Authorization: `bearer ${key.secret}` })).body.keyId).toBe(key.id)
    const both = { 'X-API-Key': key.secret, Authorization: `Bearer ${key.secret}` }
    expect((await header(both)).body.code).toBe('ambiguous_credentials')
  })

  test('with its own secret: well-formed keys of no one, and another secret for a good id, are 401', async () => {
    const site = testSite()
    const key = await partner(site)
    for (const id of [newId('key', Date.now()), key.id]) {
      const forged = holder(site, { id, secret: await unissued(id) })
      expect(await isGood(forged)).toBe(false)
      const { status, headers } = await forged.get('/v1/badges')
      expect(status).toBe(401)
      expect(headers.get('WWW-Authenticate')).toContain('error="invalid_token"')
    }
    expect(await isGood(key)).toBe(true)
  })

  test('until it expires', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const end = Date.now() + 60_000
    const key = await partner(testSite(), { expiresAt: new Date(end).toISOString() })
    vi.setSystemTime(end - 1)
    expect(await isGood(key)).toBe(true)
    vi.setSystemTime(end)
    expect(await isGood(key)).toBe(false)
  })

  test('while it is enabled, and not revoked', async () => {
    const site = testSite()
    const root = await site.root()
    const key = await partner(site)
    const path = `/v1/api-keys/${key.id}`
    for (const enabled of [false, true]) {
      await root.patch(path, { enabled })
      expect(await isGood(key)).toBe(enabled)
    }
    await root.delete(path)
    expect(await isGood(key)).toBe(false)
  })

  test('from the addresses it may be used from', async () => {
    const site = testSite()
    const key = await partner(site, { allowedIps: ['192.0.2.0/24', '2001:db8::/32'] })
    const statusFrom = async (address: string) =>
      (await key.get('/v1/whoami', from(address))).status
    for (const address of ['192.0.2.7', '2001:db8:1::7', '::ffff:192.0.2.7']) {
      expect(await statusFrom(address)).toBe(200)
    }
    for (const address of ['198.51.100.7', '2001:db9::7', '::ffff:198.51.100.7', '']) {
      expect(await statusFrom(address)).toBe(401)
    }
    expect(await isGood(key)).toBe(false)
    // The address is what the platform says, not what anybody on the way claims.
    const claimed = { 'X-Forwarded-For': '192.0.2.7', 'X-Real-IP': '192.0.2.7' }
    const elsewhere = { headers: { ...claimed, 'CF-Connecting-IP': '198.51.100.7' } }
    expect((await key.get('/v1/whoami', elsewhere)).status).toBe(401)
  })
})

test('a keyed read costs one D1 call and one object call, a keyed write no more', async () => {
  const { storage, costOf } = countingStorage()
  const site = testSite(storage)
  const [root, ada] = [await site.root(), await site.member('ada')]
  const key = await partner(site, { scopes: ['profile:read', 'badge:assign'] })
  const { body: badge } = await root.post('/v1/badges', { title: 'Regular' })
  const calls: readonly (() => Promise<Reply>)[] = [
    () => key.get(`/v1/users/${ada.userId}?view=full`),
    () => key.put(`/v1/users/${ada.userId}/badges/${badge.id}`),
    () => key.delete(`/v1/users/${ada.userId}/badges/${badge.id}`),
  ]
  for (const call of calls) {
    const cost = await costOf(async () => expect((await call()).status).toBeLessThan(300))
    expect(cost).toEqual({ d1: 1, objects: 1 })
  }
})
