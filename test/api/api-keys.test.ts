import { describe, expect, test } from 'vitest'
import { API_KEY_PATTERN } from '../../src/security/callers/api-key.ts'
import { KEY_SCOPES, PERMISSIONS } from '../../src/security/permissions.ts'
import { changesBetween } from '../support/changes.ts'
import { dump } from '../support/dump.ts'
import { partner } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { testSite } from '../support/site.ts'

const ABSENT = `/v1/api-keys/key_${'0'.repeat(26)}`

const FULL = {
  name: 'Booking widget',
  scopes: ['profile:read', 'badge:assign'],
  expiresAt: '2099-01-02T03:04:05+02:00',
  allowedIps: ['192.0.2.0/24', '2001:db8::/32'],
  rateLimit: { limit: 100, windowSeconds: 60 },
  monthlyQuota: 1000,
}
const SHOWN = { ...FULL, expiresAt: '2099-01-02T01:04:05.000Z', enabled: true, revokedAt: null }

const auditOf = (id: string) =>
  rowsOf('select action, actor, changes from audit_log where target = ? order by id', id)

describe('POST /v1/api-keys', () => {
  test('answers 201 with all of it and, this once, the key itself', async () => {
    const root = await testSite().root()
    const { status, headers, body } = await root.post('/v1/api-keys', FULL)
    expect(status).toBe(201)
    expect(body).toMatchObject({ ...SHOWN, createdBy: root.userId, revision: 1 })
    expect(body.secret).toMatch(API_KEY_PATTERN)
    expect(`key_${API_KEY_PATTERN.exec(body.secret)?.[1]}`).toBe(body.id)
    expect(headers.get('Location')).toBe(`/v1/api-keys/${body.id}`)
    expect(headers.get('ETag')).toMatch(/^"1\.[\w-]{16}"$/)
  })

  test('gives a key no more than what is asked for', async () => {
    const root = await testSite().root()
    const { body } = await root.post('/v1/api-keys', { name: 'Bare', scopes: [] })
    expect(body).toMatchObject({ scopes: [], expiresAt: null, allowedIps: null })
    expect(body).toMatchObject({ rateLimit: null, monthlyQuota: null, enabled: true })
  })

  test('takes every permission that may be a scope, each once, and no other', async () => {
    const root = await testSite().root()
    const all = { name: 'All', scopes: KEY_SCOPES }
    expect((await root.post('/v1/api-keys', all)).body.scopes).toEqual(KEY_SCOPES)
    const doubled = { name: 'Two', scopes: ['profile:read', 'profile:read'] }
    expect((await root.post('/v1/api-keys', doubled)).body.scopes).toEqual(['profile:read'])
    for (const scope of Object.keys(PERMISSIONS)) {
      const { status } = await root.post('/v1/api-keys', { name: 'One', scopes: [scope] })
      const isScope = KEY_SCOPES.some((each) => each === scope)
      expect(`${scope} ${status}`).toBe(`${scope} ${isScope ? 201 : 422}`)
    }
  })

  test('refuses what it cannot keep, and then nothing has changed', async () => {
    const root = await testSite().root()
    const wrong: readonly (readonly [path: string, fields: object])[] = [
      ['name', { name: '' }],
      ['name', { name: 'x'.repeat(101) }],
      ['name', { name: 'bell\u0007' }],
      ['scopes', { scopes: 7 }],
      ['scopes.0', { scopes: ['profile:*'] }],
      ['expiresAt', { expiresAt: '2030-01-01' }],
      ['expiresAt', { expiresAt: '2030-02-30T00:00:00Z' }],
      ['expiresAt', { expiresAt: '9999-12-31T23:59:59-01:00' }],
      ['expiresAt', { expiresAt: '0000-01-01T00:00:00+01:00' }],
      ['expiresAt', { expiresAt: '2020-01-01T00:00:00Z' }],
      ['expiresAt', { expiresAt: new Date().toISOString() }],
      ['allowedIps', { allowedIps: [] }],
      ['allowedIps.1', { allowedIps: ['192.0.2.1', '192.0.2.0/33'] }],
      ['allowedIps.0', { allowedIps: ['members.example'] }],
      ['rateLimit', { rateLimit: 100 }],
      ['rateLimit.windowSeconds', { rateLimit: { limit: 100 } }],
      ['rateLimit.limit', { rateLimit: { limit: 0, windowSeconds: 60 } }],
      ['rateLimit.windowSeconds', { rateLimit: { limit: 1, windowSeconds: 86_401 } }],
      ['rateLimit.limit', { rateLimit: { limit: 1_000_001, windowSeconds: 60 } }],
      ['allowedIps', { allowedIps: Array(51).fill('192.0.2.1') }],
      ['monthlyQuota', { monthlyQuota: 0 }],
      ['monthlyQuota', { monthlyQuota: 1_000_000_001 }],
      ['monthlyQuota', { monthlyQuota: 1.5 }],
      ...['secret', 'createdBy', 'enabled', 'revokedAt', 'id', 'accessRevision'].map(
        (name) => [name, { [name]: 'mine' }] as const,
      ),
    ]
    const before = await dump()
    for (const [path, fields] of wrong) {
      const { status, body } = await root.post('/v1/api-keys', { ...FULL, ...fields })
      const paths = body.errors?.map((error: { path: string }) => error.path)
      expect({ fields, status, paths }).toEqual({ fields, status: 422, paths: [path] })
    }
    expect(changesBetween(before, await dump())).toEqual([])
  })
})

describe('GET', () => {
  test('/v1/api-keys lists them newest first, revoked ones too, page by page', async () => {
    const site = testSite()
    const root = await site.root()
    const ids: string[] = []
    for (let made = 0; made < 5; made++) ids.unshift((await partner(site)).id)
    await root.delete(`/v1/api-keys/${ids[2]}`)
    const found: string[] = []
    let cursor = ''
    do {
      const { body } = await root.get(`/v1/api-keys?limit=2${cursor && `&cursor=${cursor}`}`)
      found.push(...body.items.map(({ id }: { id: string }) => id))
      cursor = body.nextCursor ?? ''
    } while (cursor !== '')
    expect(found).toEqual(ids)
  })

  test('/v1/api-keys/{keyId} shows one with its ETag; one there never was is 404', async () => {
    const site = testSite()
    const root = await site.root()
    const { id } = await partner(site, FULL)
    const { status, headers, body } = await root.get(`/v1/api-keys/${id}`)
    expect({ status, body }).toMatchObject({ status: 200, body: { id, ...SHOWN } })
    expect(headers.get('ETag')).toMatch(/^"1\.[\w-]{16}"$/)
    for (const path of [ABSENT, '/v1/api-keys/key_x', `${ABSENT}/usage`]) {
      expect(await root.get(path)).toMatchObject({ status: 404, body: { code: 'not_found' } })
    }
  })
})

describe('PATCH /v1/api-keys/{keyId}', () => {
  test('changes the given fields and no others', async () => {
    const site = testSite()
    const root = await site.root()
    const { id } = await partner(site, FULL)
    const patches: readonly object[] = [
      { name: 'Renamed' },
      { scopes: ['visit:read'] },
      { expiresAt: null },
      { allowedIps: null },
      { rateLimit: { limit: 7, windowSeconds: 8 } },
      { rateLimit: null, monthlyQuota: 5 },
      { enabled: false },
    ]
    const expected = { ...SHOWN }
    for (const [index, patch] of patches.entries()) {
      Object.assign(expected, patch, { revision: index + 2 })
      const { status, headers, body } = await root.patch(`/v1/api-keys/${id}`, patch)
      expect({ status, body }).toMatchObject({ status: 200, body: expected })
      expect(headers.get('ETag')).toMatch(new RegExp(`^"${index + 2}\\.[\\w-]{16}"$`))
      expect((await root.get(`/v1/api-keys/${id}`)).body).toEqual(body)
    }
  })

  test('is refused with another revision, unknown fields, nothing to change, or for no key', async () => {
    const site = testSite()
    const root = await site.root()
    const { id } = await partner(site, FULL)
    const before = await dump()
    const stale = { headers: { 'If-Match': '"2"' } }
    const replies = [
      await root.patch(`/v1/api-keys/${id}`, { name: 'New' }, stale),
      await root.patch(`/v1/api-keys/${id}`, { revokedAt: null }),
      await root.patch(`/v1/api-keys/${id}`, {}),
      await root.patch(`/v1/api-keys/${id}`, { expiresAt: '2020-01-01T00:00:00Z' }),
      await root.patch(ABSENT, { name: 'New' }),
      await root.delete(`/v1/api-keys/${id}`, stale),
      await root.delete(ABSENT),
    ]
    expect(replies.map(({ status }) => status)).toEqual([412, 422, 422, 422, 404, 412, 404])
    expect(changesBetween(before, await dump())).toEqual([])
  })
})

describe('DELETE /v1/api-keys/{keyId}', () => {
  test('revokes for good: repeating it is harmless, and all else is 409 invalid_state', async () => {
    const site = testSite()
    const root = await site.root()
    const { id } = await partner(site, FULL)
    const path = `/v1/api-keys/${id}`
    expect((await root.delete(path, { headers: { 'If-Match': '"1"' } })).status).toBe(204)
    const { body: revoked } = await root.get(path)
    expect(Date.parse(revoked.revokedAt)).toBeGreaterThan(0)
    const before = await dump()
    expect((await root.delete(path)).status).toBe(204)
    for (const refused of [
      await root.patch(path, { enabled: true }),
      await root.patch(path, { name: 'New' }, { headers: { 'If-Match': '"2"' } }),
      await root.post(`${path}/rotate`, { graceSeconds: 60 }),
    ]) {
      expect(refused).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    }
    expect(changesBetween(before, await dump())).toEqual([])
  })
})

test('every act on a key is on record, with what was changed, under whoever did it', async () => {
  const site = testSite()
  const root = await site.root()
  const { id } = await partner(site, { name: 'First', scopes: ['visit:read'] })
  await root.patch(`/v1/api-keys/${id}`, { enabled: false })
  await root.post(`/v1/api-keys/${id}/rotate`, { graceSeconds: 5 })
  await root.delete(`/v1/api-keys/${id}`)
  const acts = await auditOf(id)
  expect(acts.map(({ action }) => action)).toEqual(
    ['create', 'update', 'rotate', 'revoke'].map((verb) => `api-key.${verb}`),
  )
  expect(new Set(acts.map(({ actor }) => actor))).toEqual(new Set([root.userId]))
  const [created, updated, rotated] = acts.map(({ changes }) => JSON.parse(String(changes)))
  expect(created).toMatchObject({ scopes: ['visit:read'], fields: ['name'] })
  expect([updated, rotated]).toEqual([{ enabled: false }, { graceSeconds: 5 }])
})
