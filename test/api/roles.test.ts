import { afterEach, describe, expect, it, vi } from 'vitest'
import { SETTINGS, testSite } from '../support/site.ts'

afterEach(() => {
  vi.useRealTimers()
})

const ABSENT = 'usr_01jqz00000000000000000000x'

describe('PUT /v1/users/{userId}/roles/{role}', () => {
  it.each(['moderator', 'bookings-manager', 'admin'])('gives %s, at once', async (role) => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const { status, body } = await root.put(`/v1/users/${ada.userId}/roles/${role}`)
    expect({ status, body }).toEqual({
      status: 200,
      body: { userId: ada.userId, roles: ['member', role] },
    })
    expect((await ada.get('/v1/whoami')).body.roles).toEqual(['member', role])
    expect((await ada.get('/v1/me')).body).toMatchObject({ roles: ['member', role], revision: 2 })
  })

  it('lists several roles in the order of their names, `member` first', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    await root.put(`/v1/users/${ada.userId}/roles/moderator`)
    const { body } = await root.put(`/v1/users/${ada.userId}/roles/bookings-manager`)
    expect(body.roles).toEqual(['member', 'bookings-manager', 'moderator'])
  })

  it('changes and logs nothing if the role is held, as `member` always is', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    await root.put(`/v1/users/${ada.userId}/roles/moderator`)
    for (const role of ['moderator', 'member']) {
      const { status, body } = await root.put(`/v1/users/${ada.userId}/roles/${role}`)
      expect({ status, roles: body.roles }).toEqual({ status: 200, roles: ['member', 'moderator'] })
    }
    expect((await ada.get('/v1/me')).body.revision).toBe(2)
    const audit = await root.get(`/v1/audit?action=role.assign&target=${ada.userId}`)
    expect(audit.body.items).toHaveLength(1)
  })
})

describe('DELETE /v1/users/{userId}/roles/{role}', () => {
  it('takes the role away, at once', async () => {
    const site = testSite()
    const [root, mod] = [await site.root(), await site.memberWith('moderator')]
    expect((await mod.get('/v1/users')).status).toBe(200)
    const { status, body } = await root.delete(`/v1/users/${mod.userId}/roles/moderator`)
    expect({ status, body }).toEqual({
      status: 200,
      body: { userId: mod.userId, roles: ['member'] },
    })
    expect((await mod.get('/v1/users')).status).toBe(403)
    expect((await mod.get('/v1/me')).body.revision).toBe(3)
  })

  it('changes and logs nothing if the role is not held', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const { status, body } = await root.delete(`/v1/users/${ada.userId}/roles/moderator`)
    expect({ status, roles: body.roles }).toEqual({ status: 200, roles: ['member'] })
    expect((await ada.get('/v1/me')).body.revision).toBe(1)
    expect((await root.get('/v1/audit?action=role.revoke')).body.items).toEqual([])
  })

  it('is refused for `member`, which every member is', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const { status, body } = await root.delete(`/v1/users/${ada.userId}/roles/member`)
    expect({ status, code: body.code }).toEqual({ status: 409, code: 'conflict' })
    expect(body.detail).toContain('suspend or delete')
  })
})

describe.each(['PUT', 'DELETE'])('%s of a role', (method) => {
  it.each(['owner', 'Moderator', 'constructor', '__proto__', 'moderator%20'])(
    'answers 404 for a role that the site does not have: %s',
    async (role) => {
      const site = testSite()
      const [root, ada] = [await site.root(), await site.member('ada')]
      const reply = await root.call(method, `/v1/users/${ada.userId}/roles/${role}`)
      expect(reply).toMatchObject({ status: 404, body: { code: 'not_found' } })
    },
  )

  it.each(['member', 'moderator', 'admin'])(
    'answers 404 for a member who does not exist: %s',
    async (role) => {
      const root = await testSite().root()
      expect((await root.call(method, `/v1/users/${ABSENT}/roles/${role}`)).status).toBe(404)
    },
  )
})

describe('the last admin', () => {
  it('stays one: demoted by nobody, not even themselves, while there is no other active one', async () => {
    const site = testSite()
    const root = await site.root()
    const demotion = `/v1/users/${root.userId}/roles/admin`
    const ada = await site.memberWith('admin', 'ada')
    await root.post(`/v1/users/${ada.userId}/suspend`)
    expect(await root.delete(demotion)).toMatchObject({
      status: 409,
      body: { code: 'last_admin' },
    })
    expect((await root.get('/v1/whoami')).body.roles).toEqual(['member', 'admin'])
    await root.post(`/v1/users/${ada.userId}/reinstate`)
    expect((await root.delete(demotion)).status).toBe(200)
    expect((await root.delete(demotion)).status).toBe(403)
  })

  it('is whoever comes last when all admins step down at once', async () => {
    const site = testSite()
    const admins = [await site.root()]
    for (const name of ['a', 'b', 'c']) admins.push(await site.memberWith('admin', name))
    const replies = await Promise.all(
      admins.map((admin) => admin.delete(`/v1/users/${admin.userId}/roles/admin`)),
    )
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(3)
    expect(replies.filter(({ body }) => body.code === 'last_admin')).toHaveLength(1)
    const who = await Promise.all(admins.map((admin) => admin.get('/v1/whoami')))
    expect(who.filter(({ body }) => body.roles.includes('admin'))).toHaveLength(1)
  })
})

describe('BOOTSTRAP_ADMINS', () => {
  it('are admins from their first request on, and it is logged as that', async () => {
    const root = await testSite().root()
    expect((await root.get('/v1/me')).body).toMatchObject({ roles: ['member', 'admin'] })
    const audit = await root.get(`/v1/audit?action=role.assign&target=${root.userId}`)
    expect(audit.body.items).toMatchObject([
      { actor: root.userId, reason: 'listed in BOOTSTRAP_ADMINS', changes: { role: 'admin' } },
    ])
  })

  it('may have been members before', async () => {
    vi.setSystemTime(new Date('2026-03-01T12:00:00Z'))
    const ada = await testSite().member('ada')
    vi.setSystemTime(new Date('2026-03-02T12:00:00Z'))
    const later = testSite({
      BOOTSTRAP_ADMINS: SETTINGS.BOOTSTRAP_ADMINS.replace('|root', '|ada'),
    })
    const { body } = await (await later.member('ada')).get('/v1/me')
    expect(body).toMatchObject({
      id: ada.userId,
      roles: ['member', 'admin'],
      revision: 2,
      updatedAt: '2026-03-02T12:00:00.000Z',
    })
  })

  it('stay what an admin makes of them later', async () => {
    const site = testSite()
    const root = await site.root()
    const ada = await site.memberWith('admin', 'ada')
    await ada.delete(`/v1/users/${root.userId}/roles/admin`)
    expect((await (await site.root()).get('/v1/whoami')).body.roles).toEqual(['member'])
  })
})
