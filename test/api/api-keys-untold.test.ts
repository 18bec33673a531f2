/**
 * The gate of a key is not told of a change, because the client hung up or the gate did not answer.
 * The change is in force all the same on every route that is not open, because the first call asks
 * D1.
 */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { KEY_SCOPES } from '../../src/security/permissions.ts'
import { ROWS, titleOf } from '../support/cells.ts'
import { countingStorage } from '../support/counting.ts'
import { dumpD1 } from '../support/dump.ts'
import { intercepted } from '../support/intercept.ts'
import { keyScene, LOSSES } from '../support/key-losses.ts'
import { partner, rightsAtGate } from '../support/keys.ts'
import { testSite } from '../support/site.ts'
import { bodyFor, pathFor, thingsFor } from '../support/world.ts'

/** A site on which no gate is ever told of anything. */
function untellingSite() {
  const gates = { refresh: async () => undefined }
  return testSite(
    intercepted(async ({ text }, proceed) =>
      // The stand-in answers as the gate does, with nothing.
      text === 'refresh' ? (gates.refresh() as ReturnType<typeof proceed>) : proceed(),
    ),
  )
}

beforeEach(() => void vi.spyOn(console, 'error').mockReturnValue())

const OPEN_TO_KEYS = ROWS.filter(
  ({ restriction, matrix }) => restriction && matrix.answers.partner === 'allowed',
)

test.each(OPEN_TO_KEYS.map((row) => [titleOf(row), row] as const))(
  'a revoked key is refused on %s, and does nothing there',
  async (_, { declared, search }) => {
    const site = untellingSite()
    const root = await site.root()
    const things = thingsFor(site, root)
    const target = declared.path.includes('/:') ? 'other' : 'existing'
    const url = `${await pathFor(declared.path, target, things, root)}${search}`
    const json = await bodyFor(declared, things)
    const key = await partner(site, { scopes: KEY_SCOPES })
    const send = () => key.call(declared.method, url, { json })
    const atGate = await rightsAtGate(key)
    expect((await root.delete(`/v1/api-keys/${key.id}`)).status).toBe(204)
    expect(await rightsAtGate(key)).toEqual(atGate)

    const before = await dumpD1()
    expect(await send()).toMatchObject({ status: 401, body: { code: 'invalid_api_key' } })
    expect(await dumpD1()).toEqual(before)
    // The refused request has told the gate.
    expect(await rightsAtGate(key)).toBe('none')
  },
)

describe('whatever was lost, and however:', () => {
  test.each(LOSSES)('%s is in force', async (_, lose, status) => {
    const site = untellingSite()
    const scene = await keyScene(site)
    expect((await lose(scene)).status).toBe(status)
    expect(await rightsAtGate(scene.key)).toEqual(['audit:read'])
    expect([401, 403]).toContain((await scene.key.get('/v1/audit')).status)
  })

  test.each([
    ['a narrower custom role of the creator', 'put'],
    ['a custom role of the creator that is gone', 'delete'],
  ] as const)('%s is in force', async (_, method) => {
    const site = untellingSite()
    const [root, boss] = [await site.root(), await site.memberWith('admin', 'boss')]
    await root.put('/v1/roles/auditor', {
      permissions: [{ permission: 'audit:read', reach: 'any' }],
    })
    await root.put(`/v1/users/${boss.userId}/roles/auditor`)
    const key = await partner(site, { scopes: ['audit:read'] }, boss)
    await root.delete(`/v1/users/${boss.userId}/roles/admin`)
    expect((await key.get('/v1/audit')).status).toBe(200)
    await root.call(method.toUpperCase(), '/v1/roles/auditor', {
      json: method === 'put' ? { permissions: [] } : undefined,
    })
    expect(await rightsAtGate(key)).toEqual(['audit:read'])
    expect((await key.get('/v1/audit')).status).toBe(403)
  })

  test('an answer that was stored for a key is not given to it again', async () => {
    const site = untellingSite()
    const scene = await keyScene(site)
    const key = await partner(site, { scopes: ['badge:assign'] }, scene.root)
    const { body: badge } = await scene.root.post('/v1/badges', { title: 'New' })
    const assign = () =>
      key.post(
        '/v1/badge-assignments/bulk',
        { badgeId: badge.id, userIds: [scene.boss.userId] },
        { headers: { 'Idempotency-Key': 'once' } },
      )
    expect((await assign()).status).toBe(200)
    await scene.root.patch(`/v1/api-keys/${key.id}`, { scopes: [] })
    expect(await assign()).toMatchObject({ status: 403, body: { required: 'badge:assign' } })
  })

  test('a right that was given is there with the next request that asks D1', async () => {
    const site = untellingSite()
    const root = await site.root()
    const key = await partner(site, { scopes: ['audit:read'] })
    expect((await key.get('/v1/audit')).status).toBe(200)
    await root.patch(`/v1/api-keys/${key.id}`, { scopes: ['audit:read', 'profile:list'] })
    expect((await key.get('/v1/audit')).status).toBe(200)
    expect((await key.get('/v1/users')).status).toBe(200)
  })
})

test('it is the primary that is asked, whatever bookmark the key has sent', async () => {
  const { storage } = countingStorage()
  const withSession = vi.spyOn(storage.DB, 'withSession')
  const key = await partner(testSite(storage), { scopes: ['audit:read'] })
  withSession.mockClear()
  const headers = { 'X-D1-Bookmark': `00000001-00000001-00000001-${'0'.repeat(32)}` }
  expect((await key.get('/v1/audit', { headers })).status).toBe(200)
  expect(withSession.mock.lastCall).toEqual(['first-primary'])
})
