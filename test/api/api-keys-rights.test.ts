/** A key never exceeds what its creator may do now, and nobody gives it more than they have. */
import { afterEach, describe, expect, test } from 'vitest'
import { type Permission, ROLES } from '../../src/security/permissions.ts'
import { changesBetween } from '../support/changes.ts'
import { dump } from '../support/dump.ts'
import { interruptedStorage } from '../support/failing.ts'
import { holder, type Partner, partner } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { type Member, type Reply, testSite } from '../support/site.ts'

const SCOPES = ['profile:read', 'badge:assign', 'audit:read'] satisfies Permission[]

async function scene() {
  const site = testSite()
  const [root, ada] = [await site.root(), await site.member('ada')]
  const boss = await site.memberWith('admin', 'boss')
  return { site, root, ada, boss, key: await partner(site, { scopes: SCOPES }, boss) }
}

async function mayDo(key: Partner): Promise<unknown> {
  const { status, body } = await key.get('/v1/whoami')
  if (status !== 200) return body.code
  return body.permissions.map(({ permission }: { permission: string }) => permission)
}

describe('a key follows its creator', () => {
  test('to what is left with reach any after a demotion, and back', async () => {
    const { site, root, boss, key } = await scene()
    const role = (name: string) => `/v1/users/${boss.userId}/roles/${name}`
    await site.memberWith('moderator', 'boss')
    const steps: readonly (readonly [() => Promise<Reply>, unknown])[] = [
      [() => root.delete(role('admin')), ['profile:read']],
      [() => root.delete(role('moderator')), []],
      [() => root.put(role('bookings-manager')), []],
      [() => root.put(role('admin')), SCOPES],
    ]
    expect(await mayDo(key)).toEqual(SCOPES)
    for (const [change, left] of steps) {
      expect((await change()).status).toBe(200)
      expect(await mayDo(key)).toEqual(left)
    }
  })

  test('into suspension and out of it', async () => {
    const { root, boss, key } = await scene()
    await root.post(`/v1/users/${boss.userId}/suspend`)
    expect(await mayDo(key)).toBe('invalid_api_key')
    await root.post(`/v1/users/${boss.userId}/reinstate`)
    expect(await mayDo(key)).toEqual(SCOPES)
  })

  test('and out of existence: it is refused, and no longer on record', async () => {
    const { root, boss, key } = await scene()
    await root.delete(`/v1/users/${boss.userId}`)
    expect(await mayDo(key)).toBe('invalid_api_key')
    expect((await root.get(`/v1/api-keys/${key.id}`)).status).toBe(404)
    expect(await rowsOf('select id from api_keys')).toEqual([])
  })

  test('and nobody else', async () => {
    const { site, root, boss } = await scene()
    const other = await partner(site, { scopes: SCOPES }, root)
    await root.delete(`/v1/users/${boss.userId}/roles/admin`)
    expect(await mayDo(other)).toEqual(SCOPES)
    await root.delete(`/v1/users/${boss.userId}`)
    expect(await mayDo(other)).toEqual(SCOPES)
  })

  test('never beyond its own scopes', async () => {
    const { site, root, boss } = await scene()
    const bare = await partner(site, {}, boss)
    await root.put(`/v1/users/${boss.userId}/roles/moderator`)
    expect(await mayDo(bare)).toEqual([])
  })
})

describe('nobody gives a key more than they have', () => {
  const admin: Partial<Record<Permission, string>> = ROLES.admin
  afterEach(() => {
    admin['audit:read'] = 'any'
  })

  test('not by creating it, nor by changing it, nor by a secret of their own', async () => {
    const { site, root, key } = await scene()
    const small = await partner(site, { scopes: ['profile:read'] })
    const before = await dump()
    for (const reach of [undefined, 'own']) {
      // Every built-in role that manages keys has all scopes, so the test takes one from admins.
      if (reach) admin['audit:read'] = reach
      else delete admin['audit:read']
      for (const { status, body } of [
        await root.post('/v1/api-keys', { name: 'Big', scopes: SCOPES }),
        await root.patch(`/v1/api-keys/${small.id}`, { scopes: SCOPES }),
        await root.post(`/v1/api-keys/${key.id}/rotate`, {}),
      ]) {
        const { code, required } = body
        expect({ status, code, required }).toEqual({
          status: 403,
          code: 'forbidden',
          required: 'audit:read',
        })
      }
    }
    expect(changesBetween(before, await dump())).toEqual([])
    admin['audit:read'] = 'any'
    const less = await root.patch(`/v1/api-keys/${key.id}`, { scopes: ['profile:read'] })
    expect(less.status).toBe(200)
    delete admin['audit:read']
    const { status, body } = await root.post(`/v1/api-keys/${key.id}/rotate`, {})
    expect(status).toBe(201)
    expect(await mayDo(holder(site, body))).toEqual(['profile:read'])
  })
})

describe('a write that was admitted does not happen once the key has lost the right to it', () => {
  type Scene = Awaited<ReturnType<typeof scene>>
  const losses: readonly (readonly [string, (scene: Scene) => Promise<Reply>, number])[] = [
    ['disabled', ({ root, key }) => root.patch(`/v1/api-keys/${key.id}`, { enabled: false }), 401],
    ['shrunk', ({ root, key }) => root.patch(`/v1/api-keys/${key.id}`, { scopes: [] }), 403],
    ['revoked', ({ root, key }) => root.delete(`/v1/api-keys/${key.id}`), 401],
    ['rotated', ({ root, key }) => root.post(`/v1/api-keys/${key.id}/rotate`), 401],
    ['its creator demoted', ({ root, boss }) => demote(root, boss), 403],
    [
      'its creator suspended',
      ({ root, boss }) => root.post(`/v1/users/${boss.userId}/suspend`),
      401,
    ],
    ['its creator deleted', ({ root, boss }) => root.delete(`/v1/users/${boss.userId}`), 401],
  ]
  const demote = (root: Member, boss: Member) => root.delete(`/v1/users/${boss.userId}/roles/admin`)

  test.each(losses)('%s', async (_, lose, status) => {
    const before = await scene()
    const { root, ada, key } = before
    const { body: badge } = await root.post('/v1/badges', { title: 'Regular' })
    const isWrite = ({ text }: { text: string }) => text.includes('insert into acting')
    const storage = interruptedStorage(isWrite, async () => {
      expect((await lose(before)).status).toBeLessThan(300)
    })
    const late = testSite(storage).bearer(key.secret)
    const reply = await late.put(`/v1/users/${ada.userId}/badges/${badge.id}`)
    expect(reply.status).toBe(status)
    expect(await rowsOf('select * from badge_assignments')).toEqual([])
    expect(await rowsOf('select * from audit_log where actor = ?', key.id)).toEqual([])
  })

  test('but does, and counts as one use, if it has the right still', async () => {
    const { site, root, ada } = await scene()
    const limits = { rateLimit: { limit: 1, windowSeconds: 3600 } }
    const key = await partner(site, { scopes: SCOPES, ...limits })
    const { body: badge } = await root.post('/v1/badges', { title: 'Regular' })
    const isWrite = ({ text }: { text: string }) => text.includes('insert into acting')
    const storage = interruptedStorage(isWrite, () =>
      root.patch(`/v1/api-keys/${key.id}`, { name: 'Renamed' }),
    )
    const late = testSite(storage).bearer(key.secret)
    const reply = await late.put(`/v1/users/${ada.userId}/badges/${badge.id}`)
    expect(reply.status).toBe(201)
    expect(reply.headers.get('RateLimit')).toMatch(/^"window";r=0;/)
    expect((await key.get('/v1/whoami')).status).toBe(429)
    await root.patch(`/v1/api-keys/${key.id}`, { rateLimit: { limit: 9, windowSeconds: 3600 } })
    const { headers } = await key.get('/v1/whoami')
    expect(headers.get('RateLimit')).toMatch(/^"window";r=7;/)
  })

  test('and does, too, if the change is stored but its gate has not been told yet', async () => {
    const { root, ada, boss, key } = await scene()
    const { body: badge } = await root.post('/v1/badges', { title: 'Regular' })
    const late = async (isTheOne: string, lose: () => Promise<unknown>) => {
      const storage = interruptedStorage(({ text }) => text.includes(isTheOne), lose)
      return testSite(storage).bearer(key.secret)
    }
    const raise = () =>
      rowsOf(
        'update api_keys set access_revision = access_revision + 1 where created_by = ?',
        boss.userId,
      )
    const client = await late('insert into acting', raise)
    expect((await client.put(`/v1/users/${ada.userId}/badges/${badge.id}`)).status).toBe(201)
  })
})
