import { describe, expect, it } from 'vitest'
import { bookingScene } from '../support/bookings.ts'
import { explained } from '../support/explained.ts'
import { type Site, testSite } from '../support/site.ts'

const ABSENT = 'usr_00000000000000000000000000'
const VISITOR = 'vis_00000000000000000000000000'

async function scene(site: Site = testSite()) {
  const [root, ada] = [await site.root(), await site.member('ada')]
  const key = async (scopes: readonly string[] = [], fields: object = {}) => {
    const { body } = await root.post('/v1/api-keys', { name: 'Partner', scopes, ...fields })
    return { id: body.id as string, client: site.bearer(body.secret) }
  }
  /** The explanation that the admin gets for a call by `as`. */
  const told = async (as: string, method: string, path: string, json?: unknown) => {
    const { status, body } = await explained(root, as, { method, path, json })
    expect(status).toBe(200)
    return body
  }
  return { site, root, ada, key, told }
}

/** The stage and the outcome of each check, in their order. */
function outcomes(body: { checks: { stage: string; outcome: string }[] }): string[] {
  return body.checks.map(({ stage, outcome }) => `${stage} ${outcome}`)
}

function detailOf(body: { checks: { stage: string; detail: string }[] }, stage: string) {
  return body.checks.find((check) => check.stage === stage)?.detail
}

describe('POST /v1/explain is for members', () => {
  const call = { method: 'GET', path: '/v1/me' }

  it('who need nothing to ask about themselves, by their id or without', async () => {
    const { ada } = await scene()
    for (const as of [undefined, ada.userId, { kind: 'member', userId: ada.userId }]) {
      const { status, body } = await ada.post('/v1/explain', { ...call, ...(as && { as }) })
      expect({ status, said: body.status }).toEqual({ status: 200, said: 200 })
      expect(detailOf(body, 'credential')).toContain(ada.userId)
    }
  })

  it.each(['anonymous', VISITOR, ABSENT, { kind: 'anonymous' }])(
    'and explain:others to ask about %j',
    async (as) => {
      const { site } = await scene()
      const moderator = await site.memberWith('moderator')
      expect(await moderator.post('/v1/explain', { ...call, as })).toMatchObject({
        status: 403,
        body: { code: 'forbidden', stage: 'permission', required: 'explain:others', reach: 'any' },
      })
    },
  )

  it('a role of the site’s own making can carry explain:others', async () => {
    const { site, root, ada } = await scene()
    const permissions = [{ permission: 'explain:others', reach: 'any' }]
    await root.put('/v1/roles/helper', { permissions })
    const helper = await site.memberWith('helper')
    expect((await explained(helper, ada.userId, call)).body.status).toBe(200)
  })

  it('not for keys, and not for nobody', async () => {
    const { site, key } = await scene()
    expect(await (await key(['profile:read'])).client.post('/v1/explain', call)).toMatchObject({
      status: 403,
      body: { code: 'members_only', stage: 'session' },
    })
    expect(await site.anonymous.post('/v1/explain', call)).toMatchObject({ status: 401 })
  })
})

describe('as', () => {
  it('takes whoever it names by id or as whoami does', async () => {
    const { site, root, ada, key } = await scene()
    const { id: keyId } = await key()
    const subjects = [
      [ada.userId, { kind: 'member', userId: ada.userId }],
      [keyId, { kind: 'partner', keyId }],
      [VISITOR, { kind: 'visitor', visitorId: VISITOR }],
      ['anonymous', { kind: 'anonymous' }],
    ]
    for (const [id, named] of subjects) {
      const said = []
      for (const as of [id, named]) {
        const { body } = await root.post('/v1/explain', { as, method: 'GET', path: '/v1/users' })
        said.push(body)
      }
      expect(said[0].status).toBe(id === 'anonymous' ? 401 : 403)
      expect(said[1]).toEqual(said[0])
    }
    expect(await site.anonymous.get('/v1/users')).toMatchObject({ status: 401 })
  })

  it.each([ABSENT, 'key_00000000000000000000000000', 'root', 'system:badge-awarder', '', 7, null])(
    'refuses %j, who is nobody, with 422',
    async (as) => {
      const { root } = await scene()
      const { status, body } = await root.post('/v1/explain', {
        as,
        method: 'GET',
        path: '/v1/me',
      })
      expect({ status, paths: body.errors?.map(({ path }: { path: string }) => path) }).toEqual({
        status: 422,
        paths: ['as'],
      })
    },
  )
})

describe('the call', () => {
  it.each([
    [{ path: '/healthz' }, 'path'],
    [{ path: '/v1/../auth/sign-in' }, 'path'],
    [{ path: '/v1/%2e%2e/auth/sign-in' }, 'path'],
    [{ path: '/v1/..\\..\\auth/sign-in' }, 'path'],
    [{ path: 'https://evil.example/v1/me' }, 'path'],
    [{ path: '//evil.example/v1/me' }, 'path'],
    [{ path: '/v1/me\r\nX-API-Key: x' }, 'path'],
    [{ path: `/v1/users?q=${'x'.repeat(2048)}` }, 'path'],
    [{ method: 'TRACE' }, 'method'],
    [{ body: {} }, 'body'],
    [{ ifMatch: '"1"\r\nX: y' }, 'ifMatch'],
    [{ headers: { Authorization: 'Bearer x' } }, 'headers'],
  ])('%j is refused with 422', async (wrong, path) => {
    const { ada } = await scene()
    const { status, body } = await ada.post('/v1/explain', {
      method: 'GET',
      path: '/v1/me',
      ...wrong,
    })
    expect({ status, paths: body.errors.map((error: { path: string }) => error.path) }).toEqual({
      status: 422,
      paths: expect.arrayContaining([path]),
    })
  })

  it('with a body that JavaScript cannot write again is refused with 422, and does no harm', async () => {
    const { ada } = await scene()
    const headers = { 'Content-Type': 'application/json' }
    for (const text of ['1e999', `${'['.repeat(30_000)}${']'.repeat(30_000)}`]) {
      const raw = `{"method":"PATCH","path":"/v1/me","body":${text}}`
      const { status, body } = await ada.call('POST', '/v1/explain', { raw, headers })
      expect({ status, code: body.code }).toEqual({ status: 422, code: 'validation_failed' })
    }
  })

  it('may be one that explains; then the one within is checked and not made', async () => {
    const { ada, told } = await scene()
    const inner = { method: 'GET', path: '/v1/me' }
    const nested = { method: 'POST', path: '/v1/explain', body: inner }
    expect(await told(ada.userId, 'POST', '/v1/explain', nested)).toMatchObject({ status: 200 })
    expect(
      await told(ada.userId, 'POST', '/v1/explain', { ...inner, as: 'anonymous' }),
    ).toMatchObject({
      status: 403,
      decisive: 'permission',
      change: 'The caller gets the role admin.',
    })
    expect(await told(ada.userId, 'POST', '/v1/explain', {})).toMatchObject({ status: 422 })
  })
})

describe('the step that decides', () => {
  const FAILED_AT_PERMISSION = [
    'credential passed',
    'session passed',
    'permission failed',
    'ownership not reached',
    'validity not reached',
    'existence not reached',
    'state not reached',
  ]

  it('credential: nobody on a route that is not open, and what it takes to be somebody', async () => {
    const { told } = await scene()
    const list = await told('anonymous', 'GET', '/v1/users')
    expect(list).toMatchObject({ status: 401, decisive: 'credential' })
    expect(list.change).toContain(
      'role moderator or admin, or with an API key of scope profile:list',
    )
    expect(await told('anonymous', 'GET', '/v1/me')).toMatchObject({
      status: 401,
      change: expect.stringContaining('the token of a member'),
    })
    const open = await told('anonymous', 'GET', '/v1/badges')
    expect(open).toMatchObject({ status: 200, decisive: 'credential', change: null })
    expect(detailOf(open, 'permission')).toMatch(/^Open: /)
  })

  it('credential: a key that is revoked, or has used up its limit', async () => {
    const { root, key, told } = await scene()
    const { id, client } = await key([], { rateLimit: { limit: 1, windowSeconds: 3600 } })
    expect(await told(id, 'GET', '/v1/badges')).toMatchObject({ status: 200 })
    await client.get('/v1/badges')
    const limited = await told(id, 'GET', '/v1/badges')
    expect(limited).toMatchObject({ status: 429, decisive: 'credential' })
    await root.delete(`/v1/api-keys/${id}`)
    expect(await told(id, 'GET', '/v1/badges')).toMatchObject({
      status: 401,
      decisive: 'credential',
    })
  })

  it('session: a suspended member, and a caller who is no member', async () => {
    const { root, ada, key, told } = await scene()
    await root.post(`/v1/users/${ada.userId}/suspend`)
    const suspended = await told(ada.userId, 'GET', '/v1/me')
    expect(suspended).toMatchObject({ status: 403, decisive: 'session' })
    expect(suspended.change).toBe(
      'Somebody with the role moderator or admin reinstates the member.',
    )
    expect(await told(ada.userId, 'GET', '/v1/whoami')).toMatchObject({ status: 200 })
    const { id } = await key(['profile:read'])
    for (const as of [id, VISITOR]) {
      expect(await told(as, 'GET', '/v1/me')).toMatchObject({ status: 403, decisive: 'session' })
    }
  })

  it('permission: who lacks it is told which role or scope has it', async () => {
    const { ada, key, told } = await scene()
    const refused = await told(ada.userId, 'POST', '/v1/badges', { title: 'Mine' })
    expect(refused).toMatchObject({ status: 403, decisive: 'permission' })
    expect(refused.change).toBe('The caller gets the role admin.')
    expect(outcomes(refused)).toEqual(FAILED_AT_PERMISSION)
    const { id } = await key()
    expect((await told(id, 'GET', '/v1/users')).change).toBe(
      'The key gets the scope profile:list, and its creator has that with reach any.',
    )
    expect((await told(id, 'GET', '/v1/jobs')).change).toBe(
      'A member with the role admin does it; no API key can.',
    )
    expect((await told(VISITOR, 'GET', '/v1/jobs')).change).toContain('no visitor can')
  })

  it('permission: who has it is told from which role or scope', async () => {
    const { site, root, key, told } = await scene()
    const moderator = await site.memberWith('moderator')
    const allowed = await told(moderator.userId, 'GET', '/v1/users')
    expect(allowed).toMatchObject({ status: 200, decisive: 'permission', change: null })
    expect(detailOf(allowed, 'permission')).toBe(
      'profile:list with reach any, from the role moderator.',
    )
    await root.put('/v1/roles/greeter', {
      permissions: [{ permission: 'profile:list', reach: 'any' }],
    })
    const greeter = await site.memberWith('greeter')
    expect(detailOf(await told(greeter.userId, 'GET', '/v1/users'), 'permission')).toBe(
      'profile:list with reach any, from the role greeter.',
    )
    const { id } = await key(['profile:list'])
    expect(detailOf(await told(id, 'GET', '/v1/users'), 'permission')).toBe(
      'profile:list with reach any, from the scope profile:list.',
    )
  })

  it('ownership: one’s own is allowed, somebody else’s is not, and both ways out are named', async () => {
    const { root, ada, told } = await scene()
    const own = await told(ada.userId, 'PATCH', `/v1/users/${ada.userId}`, { bio: 'New' })
    expect(own).toMatchObject({ status: 200, decisive: 'ownership', change: null })
    const others = await told(ada.userId, 'PATCH', `/v1/users/${root.userId}`, { bio: 'New' })
    expect(others).toMatchObject({
      status: 403,
      decisive: 'ownership',
      change:
        'The call is about what is the caller’s own; or the caller gets the role moderator or admin.',
    })
  })

  it('validity: fields that are wrong, by name', async () => {
    const { root, told } = await scene()
    const wrong = await told(root.userId, 'POST', '/v1/badges', { title: '', 'co\nlour': 'red' })
    expect(wrong).toMatchObject({ status: 422, decisive: 'validity' })
    expect(wrong.change).toContain('title: expected 1 to 50 characters')
    expect(wrong.change).toContain('co\u{FFFD}lour: this field is not known here')
    expect(outcomes(wrong).slice(3)).toEqual([
      'ownership passed',
      'validity failed',
      'existence not reached',
      'state not reached',
    ])
    expect(await told(root.userId, 'POST', '/v1/badges')).toMatchObject({ status: 415 })
  })

  it('existence: an id of nothing, a path that is none, a method it does not have', async () => {
    const { root, told } = await scene()
    const calls = [
      ['GET', `/v1/users/${ABSENT}`, 404],
      ['GET', '/v1/users/nobody', 404],
      ['GET', '/v1/nothing', 404],
      ['HEAD', '/v1/nothing', 404],
      ['DELETE', '/v1/whoami', 405],
    ] as const
    for (const [method, path, status] of calls) {
      expect(await told(root.userId, method, path)).toMatchObject({ status, decisive: 'existence' })
    }
  })

  it('state: a last admin, a slug that is taken, a revision that is not the current one', async () => {
    const { root, ada, told } = await scene()
    expect(await told(root.userId, 'DELETE', `/v1/users/${root.userId}`)).toMatchObject({
      status: 409,
      decisive: 'state',
      change: expect.stringContaining('Make somebody else an admin first.'),
    })
    await root.post('/v1/badges', { title: 'One', slug: 'one' })
    const taken = await told(root.userId, 'POST', '/v1/badges', { title: 'Two', slug: 'one' })
    expect(taken).toMatchObject({ status: 409, decisive: 'state' })
    const call = { method: 'PATCH', path: '/v1/me', body: { bio: 'New' } }
    const stale = await ada.post('/v1/explain', { ...call, ifMatch: '"9"' })
    expect(stale.body).toMatchObject({ status: 412, decisive: 'state' })
    expect((await ada.post('/v1/explain', { ...call, ifMatch: '"1"' })).body.status).toBe(200)
  })
})

describe('of bookings is said', () => {
  it('who may book, who has booked, that a place is taken, and that nobody confirms their own', async () => {
    const { site, root, manager, slot } = await bookingScene()
    const [ada, ben, boss] = [await site.member('ada'), await site.member('ben'), await manager()]
    const slotId = await slot({}, { capacity: 1 })
    const booking = ['POST', '/v1/bookings', { slotId }] as const
    const told = async (as: string, method: string, path: string, json?: unknown) =>
      (await explained(root, as, { method, path, json })).body
    expect(await told(ada.userId, ...booking)).toMatchObject({ status: 201 })
    const { body } = await ada.post('/v1/bookings', { slotId })
    const again = await told(ada.userId, ...booking)
    expect(again).toMatchObject({ status: 409, decisive: 'state' })
    expect(detailOf(again, 'state')).toBe('Whoever books has a live booking of this slot.')
    const full = await told(ben.userId, ...booking)
    expect(detailOf(full, 'state')).toBe('This slot has no free place.')

    const path = `/v1/bookings/${body.id}`
    expect(await told(ben.userId, 'GET', path)).toMatchObject({
      status: 404,
      decisive: 'existence',
    })
    expect(await told(boss.userId, 'POST', `${path}/confirm`)).toMatchObject({ status: 200 })
    await root.put(`/v1/users/${ada.userId}/roles/bookings-manager`)
    const own = await told(ada.userId, 'POST', `${path}/confirm`)
    expect(own).toMatchObject({ status: 403, decisive: 'ownership' })
    expect(own.change).toBe('Somebody else with the role bookings-manager or admin does it.')
    expect(outcomes(own)).toContain('validity passed')
  })
})
