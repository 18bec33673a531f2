/** Taking away has a ceiling: whoever has less than somebody takes nothing from them. */
import { describe, expect, test } from 'vitest'
import { routes } from '../../src/api/index.ts'
import type { Route } from '../../src/http/route.ts'
import { type Permission, PERMISSION_NAMES, PERMISSIONS } from '../../src/security/permissions.ts'
import { changesBetween } from '../support/changes.ts'
import { assertComplete } from '../support/complete.ts'
import { dump } from '../support/dump.ts'
import { explained } from '../support/explained.ts'
import { interruptedStorage } from '../support/failing.ts'
import { partner } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { seeded } from '../support/seeded.ts'
import { type Client, type Member, type Site, testSite } from '../support/site.ts'

const ABSENT = '0'.repeat(26)

/** A member, and what there is to take from them. */
interface Target {
  readonly userId: string
  /** A key without scopes that they have created. */
  readonly keyId: string
}

interface Call {
  readonly method: string
  readonly path: string
  readonly json?: unknown
}

/** For each route the permission that it takes, and a call about the member. */
const TAKING: Readonly<Record<string, readonly [Permission, (target: Target) => Call]>> = {
  'PATCH /v1/users/:userId': [
    'profile:update',
    ({ userId }) => ({ method: 'PATCH', path: `/v1/users/${userId}`, json: { bio: 'Taken' } }),
  ],
  'DELETE /v1/users/:userId': [
    'profile:delete',
    ({ userId }) => ({ method: 'DELETE', path: `/v1/users/${userId}` }),
  ],
  'POST /v1/users/:userId/suspend': [
    'user:suspend',
    ({ userId }) => ({ method: 'POST', path: `/v1/users/${userId}/suspend` }),
  ],
  'POST /v1/users/:userId/reinstate': [
    'user:suspend',
    ({ userId }) => ({ method: 'POST', path: `/v1/users/${userId}/reinstate` }),
  ],
  'DELETE /v1/users/:userId/roles/:role': [
    'role:assign',
    ({ userId }) => ({ method: 'DELETE', path: `/v1/users/${userId}/roles/team` }),
  ],
  'PUT /v1/roles/:role': [
    'role:define',
    () => {
      const permissions = [{ permission: 'visit:read', reach: 'own' }]
      return { method: 'PUT', path: '/v1/roles/team', json: { permissions } }
    },
  ],
  'DELETE /v1/roles/:role': ['role:define', () => ({ method: 'DELETE', path: '/v1/roles/team' })],
  'PATCH /v1/api-keys/:keyId': [
    'api-key:manage',
    ({ keyId }) => ({ method: 'PATCH', path: `/v1/api-keys/${keyId}`, json: { enabled: false } }),
  ],
  'DELETE /v1/api-keys/:keyId': [
    'api-key:manage',
    ({ keyId }) => ({ method: 'DELETE', path: `/v1/api-keys/${keyId}` }),
  ],
  'POST /v1/api-keys/:keyId/rotate': [
    'api-key:manage',
    ({ keyId }) => ({ method: 'POST', path: `/v1/api-keys/${keyId}/rotate` }),
  ],
}
const ACTS = Object.entries(TAKING).map(([route, [permission, call]]) => ({
  route,
  permission,
  call,
}))

/** Every other route that changes something, and why nobody's rights stand in its way. */
const TAKES_NOTHING: Readonly<Record<string, string>> = {
  'POST /v1/visitors': 'makes a visitor',
  'PATCH /v1/me': 'is about oneself',
  'POST /v1/me/id-token': 'is about oneself',
  'POST /v1/me/visits': 'is about oneself',
  'POST /v1/me/identities': 'is about oneself',
  'DELETE /v1/me/identities/:identityId': 'is about oneself',
  'POST /v1/me/bookings/claim': 'is about oneself',
  'PUT /v1/users/:userId/roles/:role': 'gives, which has a ceiling of its own',
  'POST /v1/api-keys': 'gives, which has a ceiling of its own',
  'PUT /v1/users/:userId/badges/:badgeId': 'gives; a badge is no right',
  'DELETE /v1/users/:userId/badges/:badgeId': 'a badge is no right',
  'POST /v1/badge-assignments/bulk': 'gives; a badge is no right',
  'POST /v1/badges': 'is about nobody',
  'DELETE /v1/me': 'is about whoever asks',
  'PATCH /v1/badges/:badgeId': 'is about nobody',
  'DELETE /v1/badges/:badgeId': 'is about nobody',
  'POST /v1/badge-rules': 'is about nobody',
  'PATCH /v1/badge-rules/:ruleId': 'is about nobody',
  'DELETE /v1/badge-rules/:ruleId': 'is about nobody',
  'POST /v1/badge-rules/:ruleId/preview': 'changes nothing',
  'POST /v1/page-rules': 'is about nobody',
  'PATCH /v1/page-rules/:ruleId': 'is about nobody',
  'DELETE /v1/page-rules/:ruleId': 'is about nobody',
  'POST /v1/services': 'is about nobody',
  'PATCH /v1/services/:serviceId': 'is about nobody',
  'DELETE /v1/services/:serviceId': 'is about nobody',
  'POST /v1/services/:serviceId/slots': 'is about nobody',
  'DELETE /v1/slots/:slotId': 'is about nobody',
  'POST /v1/bookings': 'gives; a booking is no right',
  'POST /v1/bookings/:bookingId/confirm': 'a booking is no right',
  'POST /v1/bookings/:bookingId/decline': 'a booking is no right',
  'POST /v1/bookings/:bookingId/cancel': 'a booking is no right',
  'DELETE /v1/bookings/:bookingId/contact': 'what a guest has left is no right',
  'POST /v1/explain': 'changes nothing',
  'POST /v1/jobs/:job/run': 'is about nobody',
}

const nameOf = ({ method, path }: Route) => `${method} ${path}`
const any = (...permissions: readonly Permission[]) =>
  permissions.map((permission) => ({ permission, reach: 'any' }))

async function scene() {
  const site = testSite()
  const root = await site.root()
  const define = async (role: string, permissions: readonly object[]) =>
    expect((await root.put(`/v1/roles/${role}`, { permissions })).status).toBeLessThan(300)
  const give = async ({ userId }: Member, role: string) =>
    expect((await root.put(`/v1/users/${userId}/roles/${role}`)).status).toBe(200)
  /** Somebody whose only rights beyond those of a member are these. */
  const withOnly = async (...permissions: readonly Permission[]) => {
    const [who, role] = [await site.member('deputy'), `only-${crypto.randomUUID().slice(0, 8)}`]
    await define(role, any(...permissions))
    await give(who, role)
    return who
  }
  await define('team', [])
  return { site, root, define, give, withOnly, targetOf: async (who: Member) => target(site, who) }
}

/** Gives the member a role without rights, and a key without scopes. */
async function target(site: Site, who: Member): Promise<Target & { readonly who: Member }> {
  const [root, { userId }] = [await site.root(), who]
  await root.put(`/v1/users/${userId}/roles/team`)
  const { id: keyId } = await partner(site)
  await rowsOf('update api_keys set created_by = ? where id = ?', userId, keyId)
  return { userId, keyId, who }
}

const sent = async (by: Client, { method, path, json }: Call, headers = {}) =>
  by.call(method, path, { headers, ...(json !== undefined && { json }) })

const refusal = (required: string) => ({
  status: 403,
  body: { code: 'forbidden', stage: 'permission', required, reach: 'any' },
})

describe('nothing is left out', () => {
  const changing = routes.filter(({ method }) => method !== 'GET')
  const FILE = 'test/security/ceiling.test.ts'

  test('every route that says from whom it takes is tried', () => {
    const isTaking = ({ access }: Route) => 'may' in access && access.takesFrom !== undefined
    assertComplete(Object.keys(TAKING), changing.filter(isTaking).map(nameOf), {
      list: `TAKING in ${FILE}`,
      of: 'route with takesFrom',
      recipe: 'An operation',
    })
  })

  test('every other that changes something has a reason why nobody’s rights are in its way', () => {
    const listed = [...Object.keys(TAKING), ...Object.keys(TAKES_NOTHING)]
    assertComplete(listed, changing.map(nameOf), {
      list: `TAKING or TAKES_NOTHING in ${FILE}`,
      of: 'route that changes something',
      recipe: 'An operation',
    })
  })
})

describe('whoever may an act, and has no other right, does it to plain members', () => {
  test.each(ACTS)('$route', async ({ permission, call }) => {
    const { site, withOnly, targetOf } = await scene()
    const [deputy, ada] = [await withOnly(permission), await targetOf(await site.member('ada'))]
    const { status } = await sent(deputy, call(ada))
    expect(status).toBeLessThan(300)
  })
})

describe('but not to somebody with a right that they lack, and nothing comes of it', () => {
  test.each(ACTS)('to an admin, suspended or not: $route', async ({ permission, call }) => {
    const { site, root, withOnly, targetOf } = await scene()
    const [deputy, boss] = [await withOnly(permission), await site.memberWith('admin', 'boss')]
    const about = call(await targetOf(boss))
    for (const act of [undefined, 'suspend']) {
      if (act) await root.post(`/v1/users/${boss.userId}/${act}`)
      const before = await dump()
      const { status, body } = await sent(deputy, about)
      expect({ status, body }).toMatchObject(refusal(body.required))
      expect(body.required).not.toBe(permission)
      expect(changesBetween(before, await dump())).toEqual([])
    }
  })

  test.each(ACTS)('to whoever has it from a custom role: $route', async ({ permission, call }) => {
    const { site, define, give, withOnly, targetOf } = await scene()
    const [deputy, ada] = [await withOnly(permission), await site.member('ada')]
    await define('reader', any('audit:read', permission))
    await give(ada, 'reader')
    const about = call(await targetOf(ada))
    expect(await sent(deputy, about)).toMatchObject(refusal('audit:read'))
    await define('reader', any(permission))
    expect((await sent(deputy, about)).status).toBeLessThan(300)
  })

  test.each(ACTS)('as an explanation says: $route', async ({ permission, call }) => {
    const { site, root, withOnly, targetOf } = await scene()
    const [deputy, boss] = [await withOnly(permission), await site.memberWith('admin', 'boss')]
    const about = call(await targetOf(boss))
    const { body } = await sent(deputy, about)
    const told = await explained(root, deputy.userId, about)
    expect(told).toMatchObject({ status: 200, body: { status: 403, decisive: 'permission' } })
    const checks = new Map<string, string>(
      told.body.checks.map(({ stage, detail }: Record<string, string>) => [stage, detail]),
    )
    expect(checks.get('permission')).toBe(body.detail)
    expect(told.body.change).toMatch(/^The caller gets the role admin, or every right/)
  })

  test.each(ACTS)('nor to one promoted a moment ago: $route', async ({ permission, call }) => {
    const { site, root, withOnly, targetOf } = await scene()
    const [deputy, ada] = [await withOnly(permission), await targetOf(await site.member('ada'))]
    for (const headers of [{}, { 'Idempotency-Key': 'once' }]) {
      await root.delete(`/v1/users/${ada.userId}/roles/admin`)
      const storage = interruptedStorage(
        ({ text }) => text.includes('insert into acting'),
        async () => {
          const promoted = await root.put(`/v1/users/${ada.userId}/roles/admin`)
          expect(promoted.status).toBe(200)
        },
      )
      const late = testSite(storage).bearer(deputy.token)
      const { status, body } = await sent(late, call(ada), headers)
      expect({ status, body }).toMatchObject(refusal(body.required))
      expect((await ada.who.get('/v1/me')).body).toMatchObject({ status: 'active', bio: null })
      const acts = `select * from audit_log where actor = ? and action <> 'user.create'`
      expect(await rowsOf(acts, deputy.userId)).toEqual([])
      const kept = await rowsOf('select * from idempotency_keys where caller = ?', deputy.userId)
      expect(kept).toEqual([])
    }
  })

  test('nor one whose role, or whose key, was widened a moment ago', async () => {
    const { site, root, define, give, withOnly, targetOf } = await scene()
    const [deputy, ada] = [await withOnly('api-key:manage'), await site.member('ada')]
    await give(ada, 'team')
    const { keyId } = await targetOf(ada)
    const widen = {
      role: async () => define('team', any('audit:read')),
      key: async () => root.patch(`/v1/api-keys/${keyId}`, { scopes: ['audit:read'] }),
    }
    for (const work of [widen.key, widen.role]) {
      const storage = interruptedStorage(({ text }) => text.includes('insert into acting'), work)
      const late = testSite(storage).bearer(deputy.token)
      const reply = await late.patch(`/v1/api-keys/${keyId}`, { allowedIps: null })
      expect(reply).toMatchObject(refusal('audit:read'))
      await root.patch(`/v1/api-keys/${keyId}`, { scopes: [] })
    }
  })
})

describe('the built-in roles among themselves', () => {
  test.each([
    ['moderator', 'member', 200],
    ['moderator', 'moderator', 200],
    ['moderator', 'bookings-manager', 403],
    ['moderator', 'admin', 403],
    ['admin', 'moderator', 200],
    ['admin', 'bookings-manager', 200],
    ['admin', 'admin', 200],
  ])('%s suspends, reinstates and edits %s: %i', async (by, whom, status) => {
    const site = testSite()
    const [who, target] = [await site.memberWith(by, 'who'), await site.memberWith(whom, 'target')]
    const path = `/v1/users/${target.userId}`
    expect((await who.post(`${path}/suspend`)).status).toBe(status)
    expect((await who.post(`${path}/reinstate`)).status).toBe(status)
    expect((await who.patch(path, { bio: 'Moderated' })).status).toBe(status)
  })

  test('a moderator and a bookings manager go on editing themselves', async () => {
    const site = testSite()
    for (const role of ['moderator', 'bookings-manager']) {
      const who = await site.memberWith(role)
      expect((await who.patch(`/v1/users/${who.userId}`, { bio: 'Me' })).status).toBe(200)
      expect((await who.patch('/v1/me', { bio: 'Me' })).status).toBe(200)
    }
  })

  test('rights beyond both ends are what counts, not names: more roles are no obstacle', async () => {
    const { site, give } = await scene()
    const both = await site.memberWith('moderator', 'both')
    await give(both, 'bookings-manager')
    const manager = await site.memberWith('bookings-manager', 'manager')
    expect((await both.post(`/v1/users/${manager.userId}/suspend`)).status).toBe(200)
    const mod = await site.memberWith('moderator', 'mod')
    expect(await mod.post(`/v1/users/${both.userId}/suspend`)).toMatchObject(
      refusal('service:manage'),
    )
  })
})

test('of custom roles at random, it is exactly the rights that decide', async () => {
  const { site, define, give } = await scene()
  const next = seeded(7)
  const [who, whom] = [await site.member('who'), await site.member('whom')]
  const some = (share: number) =>
    PERMISSION_NAMES.filter(() => next() < share).flatMap((permission) => {
      const { reaches } = PERMISSIONS[permission]
      const reach = reaches[Math.floor(next() * reaches.length)]
      return reach ? [{ permission, reach }] : []
    })
  for (const role of ['actor-role', 'one', 'two']) await define(role, [])
  await give(who, 'actor-role')
  for (const role of ['one', 'two']) await give(whom, role)
  const outcomes = []
  for (let round = 0; round < 30; round++) {
    const mine = [...any('profile:update'), ...some(0.8)]
    const has = new Set(mine.filter(({ reach }) => reach === 'any').map((each) => each.permission))
    await define(
      'actor-role',
      [...has].map((permission) => ({ permission, reach: 'any' })),
    )
    const theirs = [some(0.05), some(0.05)]
    await define('one', theirs[0] ?? [])
    await define('two', theirs[1] ?? [])
    const beyond = theirs.flat().filter((each) => each.reach === 'any' && !has.has(each.permission))
    const { status, body } = await who.patch(`/v1/users/${whom.userId}`, { bio: `${round}` })
    const names: readonly unknown[] = beyond.map((each) => each.permission)
    const isRight =
      names.length > 0 ? status === 403 && names.includes(body.required) : status === 200
    expect({ round, status, names, required: body.required, isRight }).toMatchObject({
      isRight: true,
    })
    outcomes.push(status)
  }
  expect(new Set(outcomes)).toEqual(new Set([200, 403]))
})

describe('where in the order it comes', () => {
  const deputies = async () => {
    const { site, root, withOnly, targetOf } = await scene()
    const deputy = await withOnly('user:suspend', 'profile:update', 'api-key:manage')
    return { root, deputy, ...(await targetOf(await site.memberWith('admin', 'boss'))) }
  }

  test('after 422 and 404, which say nothing about anybody', async () => {
    const { deputy, userId, keyId } = await deputies()
    expect((await deputy.patch(`/v1/users/${userId}`, { bio: 7 })).status).toBe(422)
    expect((await deputy.patch(`/v1/api-keys/${keyId}`, {})).status).toBe(422)
    expect((await deputy.post(`/v1/users/usr_${ABSENT}/suspend`)).status).toBe(404)
    expect((await deputy.patch(`/v1/users/usr_${ABSENT}`, { bio: 'x' })).status).toBe(404)
    expect((await deputy.patch(`/v1/api-keys/key_${ABSENT}`, { name: 'x' })).status).toBe(404)
    expect((await deputy.delete(`/v1/api-keys/key_${ABSENT}`)).status).toBe(404)
  })

  test('before 412 and 409', async () => {
    const { root, deputy, userId, keyId } = await deputies()
    const stale = { headers: { 'If-Match': '"99"' } }
    expect((await deputy.patch(`/v1/users/${userId}`, { bio: 'x' }, stale)).status).toBe(403)
    expect((await deputy.patch(`/v1/api-keys/${keyId}`, { name: 'x' }, stale)).status).toBe(403)
    await root.delete(`/v1/api-keys/${keyId}`)
    expect((await deputy.post(`/v1/api-keys/${keyId}/rotate`)).status).toBe(403)
    expect((await deputy.post(`/v1/users/${root.userId}/suspend`)).status).toBe(403)
  })

  test('before 412 for roles as well, and an explanation says so', async () => {
    const { site, root, withOnly, targetOf } = await scene()
    const deputy = await withOnly('role:define')
    await targetOf(await site.memberWith('admin', 'boss'))
    const json = { permissions: any('role:define') }
    for (const method of ['PUT', 'DELETE']) {
      const call = { method, path: '/v1/roles/team', ...(method === 'PUT' && { json }) }
      const { status, body } = await sent(deputy, call, { 'If-Match': '"99"' })
      expect({ status, body }).toMatchObject(refusal(body.required))
      const asked = { as: deputy.userId, method, path: call.path, ifMatch: '"99"' }
      const told = await root.post('/v1/explain', { ...asked, ...(call.json && { body: json }) })
      expect(told.body).toMatchObject({ status: 403, decisive: 'permission' })
    }
  })

  test('and before an act that would change nothing is said to be done, whatever its key', async () => {
    const { root, deputy, userId } = await deputies()
    await root.post(`/v1/users/${userId}/suspend`)
    const once = { headers: { 'Idempotency-Key': 'once' } }
    for (const options of [{}, once, once]) {
      const { status } = await deputy.post(`/v1/users/${userId}/suspend`, {}, options)
      expect(status).toBe(403)
    }
  })
})

describe('an API key', () => {
  test('with profile:update edits plain members, and nobody who has a role with more', async () => {
    const { site, give } = await scene()
    const [ada, mod] = [await site.member('ada'), await site.memberWith('moderator')]
    await give(ada, 'team')
    const key = await partner(site, { scopes: ['profile:update', 'profile:read', 'profile:list'] })
    const edit = async (who: Member) => key.patch(`/v1/users/${who.userId}`, { bio: 'Edited' })
    expect((await edit(ada)).status).toBe(200)
    expect(await edit(mod)).toMatchObject(refusal('user:suspend'))
    expect(await edit(await site.root())).toMatchObject(refusal('profile:delete'))
  })

  test('that is wider than who has api-key:manage alone is neither enabled, nor let in from elsewhere', async () => {
    const { site, root, withOnly, targetOf } = await scene()
    const [keeper, ada] = [await withOnly('api-key:manage'), await site.member('ada')]
    const { keyId } = await targetOf(ada)
    const path = `/v1/api-keys/${keyId}`
    const narrow = { scopes: ['profile:read'], enabled: false, allowedIps: ['192.0.2.1'] }
    await root.patch(path, narrow)
    for (const patch of [{ enabled: true }, { allowedIps: null }, { scopes: [] }]) {
      expect(await keeper.patch(path, patch)).toMatchObject(refusal('profile:read'))
    }
    expect(await keeper.post(`${path}/rotate`)).toMatchObject(refusal('profile:read'))
    expect(await keeper.delete(path)).toMatchObject(refusal('profile:read'))
    expect((await root.get(path)).body).toMatchObject({ ...narrow, revision: 2 })
  })

  test('of one’s own that has become wider than oneself is revoked, and nothing else', async () => {
    const { site, root, withOnly } = await scene()
    const keeper = await withOnly('api-key:manage', 'audit:read')
    const { id } = await partner(site, { scopes: ['audit:read'] }, keeper)
    const { body } = await keeper.get('/v1/me')
    const role = body.roles.find((name: string) => name.startsWith('only-'))
    await root.put(`/v1/roles/${role}`, { permissions: any('api-key:manage') })
    const path = `/v1/api-keys/${id}`
    expect(await keeper.patch(path, { enabled: true })).toMatchObject(refusal('audit:read'))
    expect(await keeper.post(`${path}/rotate`)).toMatchObject(refusal('audit:read'))
    for (const _ of ['at first', 'again']) expect((await keeper.delete(path)).status).toBe(204)
  })
})

test('what takes nothing needs no more than its permission, whomever it concerns', async () => {
  const { site, root, withOnly } = await scene()
  const giver = await withOnly('badge:assign', 'role:assign')
  const boss = await site.memberWith('admin', 'boss')
  const { body: badge } = await root.post('/v1/badges', { title: 'Regular' })
  const path = `/v1/users/${boss.userId}`
  expect((await giver.put(`${path}/badges/${badge.id}`)).status).toBe(201)
  expect((await giver.delete(`${path}/badges/${badge.id}`)).status).toBe(204)
  expect((await giver.put(`${path}/roles/team`)).status).toBe(200)
})
