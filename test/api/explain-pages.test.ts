/** What explain says of pages: who may open them, and why not. Nothing is asked of their origin. */
import { describe, expect, it } from 'vitest'
import { CALLER_NAMES, type CallerName } from '../../src/http/matrix.ts'
import { KEY_SCOPES } from '../../src/security/permissions.ts'
import { partner } from '../support/keys.ts'
import { loginSite } from '../support/login.ts'
import { type Client, type Site, testSite } from '../support/site.ts'

const VISITOR = 'vis_00000000000000000000000000'

async function scene(site: Site = testSite()) {
  const [root, ada] = [await site.root(), await site.member('ada')]
  const { body: badge } = await root.post('/v1/badges', { title: 'Regular' })
  const rule = async (path: string, fields: object) =>
    (await root.post('/v1/page-rules', { path, ...fields })).body.id as string
  const told = async (as: unknown, page: string, by: Client = root) => {
    const { status, body } = await by.post('/v1/explain', { page, ...(as !== undefined && { as }) })
    expect(status).toBe(200)
    return body
  }
  return { site, root, ada, badgeId: badge.id as string, rule, told }
}

function failed(body: { checks: { stage: string; outcome: string; detail: string }[] }) {
  return body.checks.find(({ outcome }) => outcome === 'failed')
}

describe('a page is explained for', () => {
  it('whoever is signed out, who is sent to the sign-in', async () => {
    const { rule, told } = await scene()
    const id = await rule('/members/*', { access: 'members', signInPath: '/login' })
    const body = await told('anonymous', '/Members/x?y=1')
    expect(body).toMatchObject({
      status: 303,
      decisive: 'credential',
      change: 'The caller signs in as a member.',
      pageRule: { id, path: '/members/*' },
      stoppedKeys: [],
    })
    expect(failed(body)?.detail).toContain('/login')
  })

  it('whoever is signed out, where the site has no sign-in any more', async () => {
    const { rule, told } = await scene(loginSite())
    const id = await rule('/members/*', { access: 'members' })
    expect(await told('anonymous', '/members/x')).toMatchObject({ status: 303, pageRule: { id } })
    const { told: toldWithout } = await scene()
    expect(await toldWithout('anonymous', '/members/x')).toMatchObject({ status: 401 })
  })

  it('members who are sent to another page instead', async () => {
    const { ada, rule, told } = await scene()
    await rule('/staff', { access: { may: 'audit:read' }, forbiddenPath: '/no-entry' })
    const body = await told(ada.userId, '/staff')
    expect(body).toMatchObject({ status: 303, decisive: 'permission' })
    expect(failed(body)?.detail).toContain('/no-entry')
  })

  it('members, who may open what is for members', async () => {
    const { ada, rule, told } = await scene()
    await rule('/members/*', { access: 'members' })
    expect(await told(ada.userId, '/members')).toMatchObject({
      status: 200,
      decisive: 'session',
      change: null,
    })
  })

  it('members without a permission, with the roles that have it', async () => {
    const { site, ada, rule, told } = await scene()
    await rule('/team', { access: { may: 'profile:list' } })
    const moderator = await site.memberWith('moderator')
    expect(await told(moderator.userId, '/team')).toMatchObject({
      status: 200,
      decisive: 'permission',
    })
    expect(await told(ada.userId, '/team')).toMatchObject({
      status: 403,
      decisive: 'permission',
      change: 'The caller gets the role moderator or admin.',
    })
  })

  it('members without a badge, and with it', async () => {
    const { root, ada, badgeId, rule, told } = await scene()
    await rule('/club', { access: { badge: badgeId } })
    expect(await told(ada.userId, '/club')).toMatchObject({
      status: 403,
      change: expect.stringContaining(badgeId),
    })
    await root.put(`/v1/users/${ada.userId}/badges/${badgeId}`)
    expect(await told(ada.userId, '/club')).toMatchObject({ status: 200 })
    await root.delete(`/v1/users/${ada.userId}/badges/${badgeId}`)
    expect(await told(ada.userId, '/club')).toMatchObject({ status: 403 })
  })

  it('suspended members, who are let through where everybody is', async () => {
    const { root, ada, rule, told } = await scene()
    await rule('/members/*', { access: 'members' })
    await rule('/', { access: 'anyone' })
    await root.post(`/v1/users/${ada.userId}/suspend`)
    expect(await told(ada.userId, '/members')).toMatchObject({ status: 403, decisive: 'session' })
    expect(await told(ada.userId, '/')).toMatchObject({ status: 200, decisive: 'credential' })
  })

  it('members on a page for visitors, who are sent on', async () => {
    const { ada, rule, told } = await scene()
    await rule('/join', { access: 'visitors-only' })
    expect(await told(ada.userId, '/join')).toMatchObject({ status: 303, decisive: 'session' })
    expect(await told('anonymous', '/join')).toMatchObject({ status: 200, decisive: 'credential' })
    expect(await told(VISITOR, '/join')).toMatchObject({ status: 200 })
  })

  it('keys, which are spared the count, and are nobody once they are revoked', async () => {
    const { site, root, rule, told } = await scene()
    await rule('/list', { access: { may: 'profile:list' } })
    await rule('/members/*', { access: 'members' })
    const key = await partner(site, { scopes: ['profile:list'] })
    expect(await told(key.id, '/list')).toMatchObject({ status: 200, decisive: 'permission' })
    expect(await told(key.id, '/members')).toMatchObject({ status: 403, decisive: 'session' })
    await root.delete(`/v1/api-keys/${key.id}`)
    expect(await told(key.id, '/list')).toMatchObject({ status: 401, decisive: 'credential' })
  })

  it('oneself, by whoever asks; others take explain:others', async () => {
    const { ada, root, rule, told } = await scene()
    await rule('/members/*', { access: 'members' })
    expect(await told(undefined, '/members', ada)).toMatchObject({ status: 200, stoppedKeys: null })
    expect(await ada.post('/v1/explain', { as: root.userId, page: '/members' })).toMatchObject({
      status: 403,
      body: { required: 'explain:others' },
    })
  })
})

describe('pages are opened as the matrix says', () => {
  const accesses = [
    'anyone',
    'visitors-only',
    'members',
    { may: 'profile:list' },
    { may: 'booking:read' },
    { may: 'booking:read', reach: 'own' },
  ]

  it('to every kind of caller', async () => {
    const site = testSite()
    const { root, badgeId, rule, told } = await scene(site)
    const rows = (await site.anonymous.get('/v1/permissions')).body.pages
    const key = await partner(site, { scopes: KEY_SCOPES })
    const callers: [CallerName, string][] = [
      ['anonymous', 'anonymous'],
      ['visitor', VISITOR],
      ['member', (await site.member('ada')).userId],
      ['moderator', (await site.memberWith('moderator')).userId],
      ['bookings-manager', (await site.memberWith('bookings-manager')).userId],
      ['admin', root.userId],
      ['partner', key.id],
    ]
    expect(callers.map(([name]) => name)).toEqual(CALLER_NAMES)
    const pages = [...accesses, { badge: badgeId }].map(
      (access, index) => [`/${index}`, access] as const,
    )
    for (const [path, access] of pages) {
      await rule(path, { access, onUnauthenticated: 'sign-in', signInPath: '/login' })
    }
    const closed = rows.length - 1
    const paths = [...pages.map(([path]) => path), undefined, '/other']
    expect(paths).toHaveLength(rows.length)
    for (const [index, path] of paths.entries()) {
      if (path === undefined) continue
      const { access, answers } = rows[index]
      for (const [name, as] of callers) {
        const { status } = await told(as, path)
        const expected =
          { allowed: 200, '401': 303 }[answers[name] as string] ?? Number(answers[name])
        expect([access, name, status]).toEqual([access, name, expected])
      }
    }
    expect(rows[closed].access).toContain('closed')
  })
})

describe('a page that no rule is about', () => {
  it('is closed, or open where the site says so', async () => {
    const { ada, told } = await scene()
    expect(await told(ada.userId, '/x')).toMatchObject({
      status: 404,
      decisive: 'existence',
      pageRule: null,
    })
    const open = await scene(testSite({ PAGES_DEFAULT: 'open' }))
    expect(await open.told('anonymous', '/x')).toMatchObject({ status: 200, pageRule: null })
  })

  it('is what a hidden page looks like to those who may not know the rules', async () => {
    const { ada, root, rule, told } = await scene()
    await rule('/hidden', { access: { may: 'profile:list' }, onUnauthenticated: '404' })
    expect(await told(undefined, '/hidden', ada)).toEqual(await told(undefined, '/x', ada))
    expect(await told(ada.userId, '/hidden', root)).toMatchObject({
      status: 404,
      decisive: 'permission',
      pageRule: { path: '/hidden' },
    })
  })
})

it.each([
  ['page', { page: 'members' }],
  ['page', { page: '/a//b' }],
  ['page', { page: '/a%2fb' }],
  ['page', { page: '/v1/me' }],
  ['page', { page: '/console/x' }],
  ['page', { page: '/a', method: 'GET' }],
  ['page', { page: '/a', body: {} }],
  ['method', { path: '/v1/me' }],
  ['path', { method: 'GET' }],
])('a page is asked for by itself: 422 for %s in %o', async (path, call) => {
  const { root } = await scene()
  const { status, body } = await root.post('/v1/explain', call)
  expect({ status, paths: body.errors?.map((each: { path: string }) => each.path) }).toEqual({
    status: 422,
    paths: [path],
  })
})
