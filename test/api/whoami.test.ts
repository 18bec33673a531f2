import { describe, expect, it } from 'vitest'
import { assertComplete } from '../support/complete.ts'
import { ISSUER, SETTINGS, testSite } from '../support/site.ts'
import { idOf, TIME } from '../support/shapes.ts'
import { makeIssuer } from '../support/tokens.ts'

/** The permissions of members by the contract, written out independently of the code. */
const MEMBER = {
  'account:delete': 'own',
  'profile:read': 'own',
  'profile:update': 'own',
  'profile:export': 'own',
  'session:end': 'own',
  'visit:record': 'own',
  'visit:read': 'own',
  'booking:create': 'own',
  'booking:cancel': 'own',
  'booking:read': 'own',
}
const PERMISSIONS: Record<string, Record<string, string>> = {
  moderator: {
    ...MEMBER,
    'profile:read': 'any',
    'profile:list': 'any',
    'profile:update': 'any',
    'user:suspend': 'any',
    'session:end': 'any',
    'stats:read': 'any',
    'visit:read': 'any',
  },
  'bookings-manager': {
    ...MEMBER,
    'service:manage': 'any',
    'booking:create': 'any',
    'booking:cancel': 'any',
    'booking:read': 'any',
    'booking:confirm': 'any',
    'stats:read': 'any',
  },
  admin: {
    'profile:read': 'any',
    'profile:list': 'any',
    'profile:update': 'any',
    'profile:delete': 'any',
    'account:delete': 'own',
    'profile:export': 'any',
    'user:suspend': 'any',
    'session:end': 'any',
    'identity:manage': 'any',
    'role:assign': 'any',
    'role:define': 'any',
    'badge:manage': 'any',
    'badge-rule:manage': 'any',
    'badge:assign': 'any',
    'visit:record': 'own',
    'visit:read': 'any',
    'service:manage': 'any',
    'booking:create': 'any',
    'booking:cancel': 'any',
    'booking:read': 'any',
    'booking:confirm': 'any',
    'page:manage': 'any',
    'health:read': 'any',
    'issuer:read': 'any',
    'api-key:manage': 'any',
    'audit:read': 'any',
    'stats:read': 'any',
    'event:read': 'any',
    'webhook:manage': 'any',
    'job:run': 'any',
    'explain:others': 'any',
  },
}

const entriesOf = (all: Record<string, string>) =>
  Object.entries(all).map((pair) => pair.join(': '))

function reaches(body: { permissions: { permission: string; reach: string }[] }) {
  return Object.fromEntries(body.permissions.map(({ permission, reach }) => [permission, reach]))
}

describe('whoami', () => {
  it('tells somebody without a credential that they are anonymous and may do nothing', async () => {
    const { status, body } = await testSite().anonymous.get('/v1/whoami')
    expect(status).toBe(200)
    expect(body).toEqual({
      kind: 'anonymous',
      roles: [],
      permissions: [],
      credential: { type: 'none' },
    })
  })

  it('tells a member everything the server knows of the session: nothing is left out, nothing is added', async () => {
    const exp = Math.floor(Date.now() / 1000) + 60
    const ada = await testSite().member('ada', { exp })
    const { status, body } = await ada.get('/v1/whoami')
    expect(status).toBe(200)
    expect(body).toEqual({
      kind: 'member',
      userId: idOf('usr'),
      roles: ['member'],
      permissions: expect.any(Array),
      credential: {
        type: 'jwt',
        issuer: ISSUER.issuer,
        expiresAt: new Date(exp * 1000).toISOString(),
      },
    })
    assertComplete(entriesOf(MEMBER), entriesOf(reaches(body)), {
      list: 'MEMBER in test/api/whoami.test.ts',
      of: 'permission of every member',
      recipe: 'A permission',
    })
  })

  it.each(Object.entries(PERMISSIONS))(
    'lists the widest reach of each permission that %s adds to being a member: nothing is left out',
    async (role, permissions) => {
      const { body } = await (await testSite().memberWith(role)).get('/v1/whoami')
      expect(body.roles).toEqual(['member', role])
      assertComplete(entriesOf(permissions), entriesOf(reaches(body)), {
        list: `PERMISSIONS.${role} in test/api/whoami.test.ts`,
        of: 'permission of the role',
        recipe: 'A permission',
      })
    },
  )

  it('answers a suspended member, who keeps their roles and may do nothing', async () => {
    const site = testSite()
    const [root, mod] = [await site.root(), await site.memberWith('moderator')]
    await root.post(`/v1/users/${mod.userId}/suspend`)
    expect(await mod.get('/v1/whoami')).toMatchObject({
      status: 200,
      body: {
        kind: 'member',
        userId: mod.userId,
        roles: ['member', 'moderator'],
        permissions: [],
        credential: { type: 'jwt', expiresAt: TIME },
      },
    })
  })
})

describe('the first valid request', () => {
  it('makes one member, however many of them come at once', async () => {
    const site = testSite()
    const client = site.bearer(await ISSUER.sign({ sub: 'ada' }))
    const replies = await Promise.all(Array.from({ length: 12 }, () => client.get('/v1/whoami')))
    expect(new Set(replies.map(({ body }) => body.userId)).size).toBe(1)
    const audit = await (await site.root()).get('/v1/audit?action=user.create')
    const userId = replies[0]?.body.userId
    expect(audit.body.items.filter(({ target }: { target: string }) => target === userId)).toEqual([
      expect.objectContaining({ actor: userId, reason: 'first valid request' }),
    ])
  })

  it('makes different members of one subject at two issuers', async () => {
    const other = await makeIssuer({ issuer: 'https://other.example' })
    const site = testSite({
      TRUSTED_ISSUERS: JSON.stringify([...JSON.parse(SETTINGS.TRUSTED_ISSUERS), other.trusted]),
    })
    const here = await site.member('root')
    const there = site.bearer(await other.sign({ sub: 'root' }))
    const { body } = await there.get('/v1/whoami')
    expect(body).toMatchObject({ roles: ['member'], credential: { issuer: other.issuer } })
    expect(body.userId).not.toBe(here.userId)
  })

  it.each([
    ['as it is', 'Ada Lovelace', 'Ada Lovelace'],
    ['in NFC', 'Ame\u0301lie', 'Am\u00e9lie'],
    ['without control characters and outer space', ' \tAda\u0000\nL.\u0007 ', 'Ada L.'],
    ['cut to 80 code points, not to 80 units', '😀'.repeat(100), '😀'.repeat(80)],
    ['with what was torn apart replaced', 'Ada \ud83d', 'Ada \ufffd'],
    ['by default, if it is missing', undefined, 'New member'],
    ['by default, if it is empty', ' \n ', 'New member'],
    ['by default, if it is not text', 42, 'New member'],
  ])('takes the name %s', async (_, name, displayName) => {
    const ada = await testSite().member('ada', { name })
    expect((await ada.get('/v1/me')).body.displayName).toBe(displayName)
  })

  it.each([
    ['stores', 'an e-mail address', { email: 'ada@example.com' }, 'ada@example.com'],
    ['stores', 'a verified one', { email: 'a@b.example', email_verified: true }, 'a@b.example'],
    ['drops', 'an unverified one', { email: 'a@b.example', email_verified: false }, null],
    ['drops', 'one unverified in words', { email: 'a@b.example', email_verified: 'false' }, null],
    ['drops', 'one with a line break', { email: 'a@b.example\nBcc: x' }, null],
    ['drops', 'one that is not text', { email: ['a@b.example'] }, null],
    ['stores', 'none if there is none', {}, null],
  ])('%s %s', async (_, __, claims, email) => {
    const ada = await testSite().member('ada', claims)
    expect((await ada.get('/v1/me')).body.email).toBe(email)
  })

  it('is the only one of its time that claims are taken from', async () => {
    const site = testSite()
    const at = Math.floor(Date.now() / 1000)
    const saidAt = { iat: at, auth_time: at }
    await site.member('ada', { name: 'Ada', email: 'ada@example.com', ...saidAt })
    const again = await site.member('ada', { name: 'Mallory', email: 'm@example.com', ...saidAt })
    const { body } = await again.get('/v1/me')
    expect(body).toMatchObject({ displayName: 'Ada', email: 'ada@example.com', revision: 1 })
  })
})
