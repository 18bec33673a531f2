import { describe, expect, it } from 'vitest'
import { explained } from '../support/explained.ts'
import { type Member, type Site, testSite } from '../support/site.ts'

/** Two admins; the second one has a key. */
async function scene(site: Site = testSite()) {
  const [root, eve] = [await site.root(), await site.memberWith('admin', 'eve')]
  const scopes = ['profile:read', 'badge:assign']
  const made = await eve.post('/v1/api-keys', { name: 'Partner', scopes })
  const path = `/v1/api-keys/${made.body.id}`
  const effective = async () => (await root.get(path)).body.effectiveScopes
  return { site, root, eve, made, path, scopes, effective }
}

describe('effectiveScopes of an API key', () => {
  it('are its scopes, in every answer, while its creator has the rights', async () => {
    const { root, made, path, scopes } = await scene()
    const answers = [
      made.body,
      (await root.get(path)).body,
      (await root.get('/v1/api-keys')).body.items[0],
      (await root.patch(path, { name: 'New' })).body,
      (await root.post(`${path}/rotate`, {})).body,
    ]
    expect(answers.map(({ effectiveScopes }) => effectiveScopes)).toEqual(answers.map(() => scopes))
  })

  const role = ({ userId }: Member) => `/v1/users/${userId}/roles/admin`

  it('are none after a demotion, some with a lesser role, and all when the role is back', async () => {
    const { root, eve, path, scopes, effective } = await scene()
    const tags = [(await root.get(path)).headers.get('ETag') ?? '']
    await root.delete(role(eve))
    expect(await effective()).toEqual([])
    const { status, headers } = await root.get(path, {
      headers: { 'If-None-Match': tags[0] ?? '' },
    })
    expect([status, headers.get('ETag')]).not.toEqual([304, tags[0]])
    await root.put(`/v1/users/${eve.userId}/roles/moderator`)
    expect(await effective()).toEqual(['profile:read'])
    await root.put(role(eve))
    expect(await effective()).toEqual(scopes)
  })

  it('are none while its creator is suspended', async () => {
    const { root, eve, scopes, effective } = await scene()
    await root.post(`/v1/users/${eve.userId}/suspend`)
    expect(await effective()).toEqual([])
    await root.post(`/v1/users/${eve.userId}/reinstate`)
    expect(await effective()).toEqual(scopes)
  })

  it('follow a role of the site’s own making, too', async () => {
    const { site, root } = await scene()
    const permissions = ['api-key:manage', 'profile:read', 'profile:list'].map((permission) => ({
      permission,
      reach: 'any',
    }))
    await root.put('/v1/roles/keeper', { permissions })
    const ada = await site.memberWith('keeper', 'ada')
    const key = { name: 'Hers', scopes: ['profile:read', 'profile:list'] }
    const { id } = (await ada.post('/v1/api-keys', key)).body
    await root.put('/v1/roles/keeper', { permissions: permissions.slice(0, 2) })
    expect((await root.get(`/v1/api-keys/${id}`)).body.effectiveScopes).toEqual(['profile:read'])
  })
})

describe('an explanation names the keys that a call would stop', () => {
  async function stopped(by: Member, as: Member, method: string, path: string, json?: unknown) {
    const { status, body } = await explained(by, as.userId, { method, path, json })
    expect([status, body.status < 400]).toEqual([200, true])
    return body.stoppedKeys
  }

  it('before an admin is deleted, demoted or suspended, and nothing is stopped by asking', async () => {
    const { root, eve, made, scopes, effective } = await scene()
    const lost = [{ keyId: made.body.id, name: 'Partner', scopes }]
    const user = `/v1/users/${eve.userId}`
    expect(await stopped(root, root, 'DELETE', user)).toEqual(lost)
    expect(await stopped(root, root, 'DELETE', `${user}/roles/admin`)).toEqual(lost)
    expect(await stopped(root, root, 'POST', `${user}/suspend`)).toEqual(lost)
    expect(await effective()).toEqual(scopes)
  })

  it('with what is lost alone, and no keys that are stopped already', async () => {
    const { root, eve, made } = await scene()
    const other = await eve.post('/v1/api-keys', { name: 'Off', scopes: ['badge:assign'] })
    await root.patch(`/v1/api-keys/${other.body.id}`, { enabled: false })
    const gone = await eve.post('/v1/api-keys', { name: 'Gone', scopes: ['badge:assign'] })
    await root.delete(`/v1/api-keys/${gone.body.id}`)
    await root.put(`/v1/users/${eve.userId}/roles/moderator`)
    expect(await stopped(root, root, 'DELETE', `/v1/users/${eve.userId}/roles/admin`)).toEqual([
      { keyId: made.body.id, name: 'Partner', scopes: ['badge:assign'] },
    ])
  })

  it('before a role is narrowed or deleted', async () => {
    const { site, root } = await scene()
    const permissions = ['api-key:manage', 'profile:read'].map((permission) => ({
      permission,
      reach: 'any',
    }))
    await root.put('/v1/roles/keeper', { permissions })
    const ada = await site.memberWith('keeper', 'ada')
    const key = { name: 'Hers', scopes: ['profile:read'] }
    const { id } = (await ada.post('/v1/api-keys', key)).body
    const lost = [{ keyId: id, ...key }]
    expect(await stopped(root, root, 'DELETE', '/v1/roles/keeper')).toEqual(lost)
    const narrowed = { permissions: permissions.slice(0, 1) }
    expect(await stopped(root, root, 'PUT', '/v1/roles/keeper', narrowed)).toEqual(lost)
    expect(await stopped(root, root, 'PUT', '/v1/roles/keeper', { permissions })).toEqual([])
  })

  it('none for a call that takes nothing, or is refused', async () => {
    const { root, eve } = await scene()
    expect(await stopped(root, root, 'GET', '/v1/me')).toEqual([])
    expect(await stopped(root, root, 'PATCH', `/v1/users/${eve.userId}`, { bio: 'x' })).toEqual([])
    const user = { method: 'DELETE', path: `/v1/users/${root.userId}` }
    await root.delete(`/v1/users/${eve.userId}`)
    const { body } = await explained(root, root.userId, user)
    expect([body.status, body.stoppedKeys]).toEqual([409, []])
  })

  it('to those alone who may see keys', async () => {
    const { site, root, eve } = await scene()
    const permissions = [{ permission: 'explain:others', reach: 'any' }]
    await root.put('/v1/roles/helper', { permissions })
    const helper = await site.memberWith('helper')
    expect(await stopped(helper, root, 'DELETE', `/v1/users/${eve.userId}`)).toBeNull()
  })
})
