import { describe, expect, it, test } from 'vitest'
import { failingStorage, interruptedStorage } from '../support/failing.ts'
import { rowsOf } from '../support/population.ts'
import { type Client, type Member, testSite } from '../support/site.ts'

const LIBRARIAN = [
  { permission: 'profile:list', reach: 'any' },
  { permission: 'audit:read', reach: 'any' },
] as const

async function scene() {
  const site = testSite()
  return { site, root: await site.root(), ada: await site.member('ada') }
}

async function define(by: Client, role: string, ...permissions: readonly object[]) {
  return by.put(`/v1/roles/${role}`, { permissions })
}

async function give(by: Client, { userId }: Member, role: string) {
  return by.put(`/v1/users/${userId}/roles/${role}`)
}

const may = async (member: Client) => (await member.get('/v1/whoami')).body.permissions

describe('a role of the site’s own making', () => {
  it('is defined, read, redefined and deleted, each under its revision', async () => {
    const { root } = await scene()
    const made = await define(root, 'librarian', ...LIBRARIAN)
    expect(made).toMatchObject({
      status: 201,
      body: { name: 'librarian', builtIn: false, permissions: LIBRARIAN, revision: 1 },
    })
    expect(made.headers.get('ETag')).toBe('"1"')
    const { body } = await root.get('/v1/roles')
    expect(body.items.at(-1)).toEqual(made.body)
    const stale = { headers: { 'If-Match': '"7"' } }
    const empty = { permissions: [] }
    expect((await root.put('/v1/roles/librarian', empty, stale)).status).toBe(412)
    expect((await root.delete('/v1/roles/librarian', stale)).status).toBe(412)
    const fresh = { headers: { 'If-Match': '"1"' } }
    const again = await root.put('/v1/roles/librarian', empty, fresh)
    expect(again).toMatchObject({ status: 200, body: { permissions: [], revision: 2 } })
    expect((await root.delete('/v1/roles/librarian')).status).toBe(204)
    expect((await root.delete('/v1/roles/librarian')).status).toBe(404)
  })

  it('goes on with its revisions when it is made anew, so that nobody overwrites it unseen', async () => {
    const { root } = await scene()
    const seen = await define(root, 'librarian')
    await define(root, 'librarian', LIBRARIAN[0])
    await root.delete('/v1/roles/librarian')
    const anew = await define(root, 'librarian', ...LIBRARIAN)
    expect(anew).toMatchObject({ status: 201, body: { revision: 3 } })
    const asSeen = { headers: { 'If-Match': seen.headers.get('ETag') ?? '' } }
    const narrow = await root.put('/v1/roles/librarian', { permissions: [] }, asSeen)
    expect([narrow.status, (await root.delete('/v1/roles/librarian', asSeen)).status]).toEqual([
      412, 412,
    ])
  })

  it('is made once by two who define it at the same time, and the other is not told it was them', async () => {
    const { root } = await scene()
    const made = await Promise.all(LIBRARIAN.map((each) => define(root, 'librarian', each)))
    expect(made.filter(({ status }) => status === 201)).toHaveLength(1)
  })

  it('leaves on record what it was made to permit', async () => {
    const { root } = await scene()
    await define(root, 'librarian', ...LIBRARIAN)
    const { body } = await root.get('/v1/audit?action=role.define')
    const permissions = { 'profile:list': 'any', 'audit:read': 'any' }
    expect(body.items).toMatchObject([{ target: 'librarian', changes: { permissions } }])
  })

  it('lets who holds it do what it says, at once, and everything says that they hold it', async () => {
    const { root, ada } = await scene()
    await define(root, 'librarian', ...LIBRARIAN)
    expect((await ada.get('/v1/audit')).status).toBe(403)
    const given = await give(root, ada, 'librarian')
    expect(given).toMatchObject({ status: 200, body: { roles: ['member', 'librarian'] } })
    expect((await ada.get('/v1/audit')).status).toBe(200)
    const { body } = await ada.get('/v1/whoami')
    expect(body.roles).toEqual(['member', 'librarian'])
    expect(body.permissions).toEqual(expect.arrayContaining([...LIBRARIAN]))
    expect((await ada.get('/v1/me')).body.roles).toEqual(['member', 'librarian'])
  })

  it('adds up with others to the farthest reach of each permission', async () => {
    const { root, ada } = await scene()
    await define(root, 'one', { permission: 'visit:read', reach: 'own' }, LIBRARIAN[0])
    await define(root, 'two', { permission: 'visit:read', reach: 'any' })
    for (const role of ['two', 'one', 'moderator']) await give(root, ada, role)
    const reach = new Map((await may(ada)).map((each: never) => Object.values(each)))
    expect(reach.get('visit:read')).toBe('any')
    expect((await ada.get('/v1/whoami')).body.roles).toEqual(['member', 'moderator', 'one', 'two'])
    await root.delete(`/v1/users/${ada.userId}/roles/two`)
    await root.delete(`/v1/users/${ada.userId}/roles/moderator`)
    expect(await may(ada)).toContainEqual({ permission: 'visit:read', reach: 'own' })
  })

  it('is known by every member, after those that are built in', async () => {
    const { root, ada } = await scene()
    await define(root, 'librarian')
    const { body } = await ada.get('/v1/roles')
    expect(body.items.map(({ name }: { name: string }) => name)).toEqual([
      ...['member', 'moderator', 'bookings-manager', 'admin'],
      'librarian',
    ])
    expect(body.items[0]).toMatchObject({ builtIn: true })
    expect(body.items[0]).not.toHaveProperty('revision')
  })

  it('is not made again by a redefinition that changes nothing', async () => {
    const { root } = await scene()
    await define(root, 'librarian', ...LIBRARIAN)
    const again = await define(root, 'librarian', ...LIBRARIAN.toReversed())
    expect(again).toMatchObject({ status: 200, body: { revision: 1 } })
    expect(await rowsOf(`select id from audit_log where action = 'role.define'`)).toHaveLength(1)
  })
})

describe('what is no role', () => {
  it.each(['member', 'moderator', 'bookings-manager', 'admin'])('%s is built in', async (role) => {
    const { root } = await scene()
    expect(await define(root, role)).toMatchObject({ status: 409, body: { code: 'conflict' } })
    expect(await root.delete(`/v1/roles/${role}`)).toMatchObject({ status: 409 })
  })

  it.each(['a', 'Librarian', '1st', 'a_b', `a${'b'.repeat(41)}`, '__proto__', 'a%20b'])(
    '%s is no name of one',
    async (role) => {
      const { root } = await scene()
      expect((await define(root, role)).status).toBe(404)
      expect((await root.delete(`/v1/roles/${role}`)).status).toBe(404)
    },
  )

  it.each([
    ['an unknown permission', [{ permission: 'everything', reach: 'any' }]],
    ['an unknown reach', [{ permission: 'audit:read', reach: 'all' }]],
    ['a permission twice', [LIBRARIAN[0], { ...LIBRARIAN[0], reach: 'own' }]],
    ['what every object has', [{ permission: 'constructor', reach: 'any' }]],
  ])('%s is no permission', async (_, permissions) => {
    const { root } = await scene()
    expect((await root.put('/v1/roles/librarian', { permissions })).status).toBe(422)
  })

  it.each([
    ['badge:assign', 'own', 'any'],
    ['user:suspend', 'own', 'any'],
    ['explain:others', 'own', 'any'],
    ['visit:record', 'any', 'own'],
  ])('%s with reach %s would never apply', async (permission, reach, only) => {
    const { root } = await scene()
    const { status, body } = await define(root, 'librarian', LIBRARIAN[0], { permission, reach })
    expect({ status, errors: body.errors }).toEqual({
      status: 422,
      errors: [
        {
          in: 'json',
          path: 'permissions.1.reach',
          message: `expected ${only}: ${permission} is never asked for with another reach`,
        },
      ],
    })
    expect((await root.get('/v1/roles')).body.items).toHaveLength(4)
  })

  it('cannot be given, taken or deleted', async () => {
    const { root, ada } = await scene()
    expect((await give(root, ada, 'librarian')).status).toBe(404)
    expect((await root.delete(`/v1/users/${ada.userId}/roles/librarian`)).status).toBe(404)
    expect((await root.delete('/v1/roles/librarian')).status).toBe(404)
  })
})

describe('nobody gives more than they have', () => {
  const DEPUTY = ['role:assign', 'role:define', 'audit:read', 'profile:list'].map((permission) => ({
    permission,
    reach: 'any',
  }))

  async function withDeputy() {
    const { site, root, ada } = await scene()
    await define(root, 'deputy', ...DEPUTY)
    await define(root, 'wide', { permission: 'badge:manage', reach: 'any' })
    const deputy = await site.member('deputy')
    await give(root, deputy, 'deputy')
    return { site, root, ada, deputy }
  }

  const refusal = (required: string) => ({
    status: 403,
    body: { code: 'forbidden', stage: 'permission', required, reach: 'any' },
  })

  test('not by defining a role that is wider, in permission or in reach', async () => {
    const { deputy } = await withDeputy()
    expect((await define(deputy, 'fine', LIBRARIAN[0])).status).toBe(201)
    const more = await define(deputy, 'more', { permission: 'badge:manage', reach: 'any' })
    expect(more).toMatchObject(refusal('badge:manage'))
    const farther = await define(deputy, 'farther', { permission: 'visit:read', reach: 'any' })
    expect(farther).toMatchObject(refusal('visit:read'))
    const own = await define(deputy, 'own', { permission: 'visit:read', reach: 'own' })
    expect(own.status).toBe(201)
  })

  test('not by changing or deleting a role that is wider, even to less', async () => {
    const { deputy } = await withDeputy()
    expect(await define(deputy, 'wide')).toMatchObject(refusal('badge:manage'))
    expect(await deputy.delete('/v1/roles/wide')).toMatchObject(refusal('badge:manage'))
  })

  test('not by giving a role that is wider, built in or not, to others or to themselves', async () => {
    const { ada, deputy } = await withDeputy()
    expect((await give(deputy, ada, 'deputy')).status).toBe(200)
    for (const who of [ada, deputy]) {
      expect(await give(deputy, who, 'wide')).toMatchObject(refusal('badge:manage'))
      expect((await give(deputy, who, 'admin')).status).toBe(403)
      expect((await give(deputy, who, 'moderator')).status).toBe(403)
    }
    expect((await ada.get('/v1/me')).body.roles).toEqual(['member', 'deputy'])
  })

  test('not by giving a role that was made anew, and wider, while they gave it', async () => {
    const { site, root, ada } = await scene()
    await define(root, 'assigner', { permission: 'role:assign', reach: 'any' })
    await give(root, ada, 'assigner')
    await define(root, 'librarian')
    const storage = interruptedStorage(
      ({ text }) => text.includes('insert into acting'),
      async () => {
        await root.delete('/v1/roles/librarian')
        expect((await define(root, 'librarian', ...LIBRARIAN)).status).toBe(201)
      },
    )
    const late = testSite(storage).bearer(ada.token)
    expect((await give(late, ada, 'librarian')).status).toBe(409)
    expect((await site.bearer(ada.token).get('/v1/audit')).status).toBe(403)
  })

  test('and the last admin stays, whoever may take roles away', async () => {
    const { root, deputy } = await withDeputy()
    await define(root, 'deputy', ...(await may(root)))
    const demotion = await deputy.delete(`/v1/users/${root.userId}/roles/admin`)
    expect(demotion).toMatchObject({ status: 409, body: { code: 'last_admin' } })
  })
})

describe('what a role loses its holders lose, and their API keys, before it is acknowledged', () => {
  const KEEPER = ['api-key:manage', 'profile:list'].map((permission) => ({
    permission,
    reach: 'any',
  }))

  async function withKey() {
    const { site, root, ada } = await scene()
    await define(root, 'keeper', ...KEEPER)
    await give(root, ada, 'keeper')
    const { body } = await ada.post('/v1/api-keys', { name: 'Partner', scopes: ['profile:list'] })
    const key = site.bearer(body.secret)
    expect((await key.get('/v1/users')).status).toBe(200)
    return { site, root, ada, key }
  }

  test('by a redefinition', async () => {
    const { root, ada, key } = await withKey()
    expect((await define(root, 'keeper')).status).toBe(200)
    expect((await ada.get('/v1/users')).status).toBe(403)
    expect((await key.get('/v1/users')).status).toBe(403)
    expect((await define(root, 'keeper', ...KEEPER)).status).toBe(200)
    expect((await key.get('/v1/users')).status).toBe(200)
  })

  test('by its deletion, and a role that is made anew under its name is nobody’s', async () => {
    const { root, ada, key } = await withKey()
    expect((await root.delete('/v1/roles/keeper')).status).toBe(204)
    expect((await ada.get('/v1/users')).status).toBe(403)
    expect((await key.get('/v1/users')).status).toBe(403)
    expect((await ada.get('/v1/me')).body).toMatchObject({ roles: ['member'], revision: 3 })
    await define(root, 'keeper', ...KEEPER)
    expect((await ada.get('/v1/users')).status).toBe(403)
  })

  test.each(['redefinition', 'deletion'])(
    'and if a gate cannot be told, repeating the %s tells it',
    async (what) => {
      const { root, key } = await withKey()
      const { storage, arm } = failingStorage()
      const broken = testSite(storage).bearer(root.token)
      arm({ fails: (_, { text }) => text === 'refresh' })
      const act = (by: Client) =>
        what === 'deletion' ? by.delete('/v1/roles/keeper') : define(by, 'keeper')
      expect(await act(broken)).toMatchObject({ status: 503, body: { code: 'unavailable' } })
      expect((await act(root)).status).toBeLessThan(300)
      expect((await key.get('/v1/users')).status).toBe(403)
      // A deletion notes at once that the gate was told; after a redefinition the tick does.
      if (what === 'redefinition') await testSite().tick()
      expect(await rowsOf('select * from events')).toEqual([])
    },
  )
})
