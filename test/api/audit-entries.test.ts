import { describe, expect, it } from 'vitest'
import { idOf, TIME } from '../support/shapes.ts'
import { type Client, type Reply, testSite } from '../support/site.ts'

async function entries(client: Client, query = '') {
  const { body } = await client.get(`/v1/audit?${query}`)
  return body.items
}

const BADGE = { title: 'Regular', slug: 'regular', description: 'Often here' }
const RULE = { metric: 'visits', threshold: 2, windowDays: null, enabled: true }
const PAGE_RULE = { path: '/members/*', access: 'members' }
/** Its name and where it may be used from say who uses it. */
const KEY = { name: 'secret', scopes: ['audit:read'], allowedIps: ['192.0.2.7'] }
type Ids = Readonly<Record<'ada' | 'badge' | 'rule' | 'pageRule' | 'key', string>>
interface Change {
  readonly action: string
  /** A request that has to be made before. */
  readonly after?: (root: Client, ids: Ids) => Promise<Reply>
  readonly call: (root: Client, ids: Ids) => Promise<Reply>
  readonly target: keyof Ids | 'created'
  readonly changes: (ids: Ids) => object
}
/** Every kind of change: its request, and the one audit entry that it leaves. */
const CHANGES: readonly Change[] = [
  {
    action: 'profile.update',
    call: (root, { ada }) =>
      root.patch(`/v1/users/${ada}`, { bio: 'secret', address: { city: 'secret' } }),
    target: 'ada',
    changes: () => ({ fields: ['bio', 'address'] }),
  },
  {
    action: 'role.assign',
    call: (root, { ada }) => root.put(`/v1/users/${ada}/roles/moderator`),
    target: 'ada',
    changes: () => ({ role: 'moderator' }),
  },
  {
    action: 'role.revoke',
    after: (root, { ada }) => root.put(`/v1/users/${ada}/roles/moderator`),
    call: (root, { ada }) => root.delete(`/v1/users/${ada}/roles/moderator`),
    target: 'ada',
    changes: () => ({ role: 'moderator' }),
  },
  {
    action: 'user.suspend',
    call: (root, { ada }) => root.post(`/v1/users/${ada}/suspend`),
    target: 'ada',
    changes: () => ({}),
  },
  {
    action: 'user.reinstate',
    after: (root, { ada }) => root.post(`/v1/users/${ada}/suspend`),
    call: (root, { ada }) => root.post(`/v1/users/${ada}/reinstate`),
    target: 'ada',
    changes: () => ({}),
  },
  {
    action: 'badge.create',
    call: (root) => root.post('/v1/badges', { ...BADGE, slug: 'another' }),
    target: 'created',
    changes: () => ({
      ...BADGE,
      slug: 'another',
      backgroundColor: '#334155',
      textColor: '#ffffff',
      iconUrl: null,
    }),
  },
  {
    action: 'badge.update',
    call: (root, { badge }) => root.patch(`/v1/badges/${badge}`, { title: 'Patron' }),
    target: 'badge',
    changes: () => ({ title: 'Patron' }),
  },
  {
    action: 'badge-rule.create',
    call: (root, { badge }) => root.post('/v1/badge-rules', { ...RULE, badgeId: badge }),
    target: 'created',
    changes: ({ badge }) => ({ ...RULE, badgeId: badge }),
  },
  {
    action: 'badge-rule.update',
    call: (root, { rule }) => root.patch(`/v1/badge-rules/${rule}`, { enabled: false }),
    target: 'rule',
    changes: () => ({ enabled: false }),
  },
  {
    action: 'badge-rule.delete',
    call: (root, { rule }) => root.delete(`/v1/badge-rules/${rule}`),
    target: 'rule',
    changes: () => ({}),
  },
  {
    action: 'page-rule.create',
    call: (root) => root.post('/v1/page-rules', { path: '/team/*', access: 'members' }),
    target: 'created',
    changes: () => ({
      path: '/team/*',
      access: 'members',
      onUnauthenticated: '401',
      signInPath: null,
      forbiddenPath: null,
      webSocket: false,
    }),
  },
  {
    action: 'page-rule.update',
    call: (root, { pageRule }) => root.patch(`/v1/page-rules/${pageRule}`, { access: 'anyone' }),
    target: 'pageRule',
    changes: () => ({ access: 'anyone' }),
  },
  {
    action: 'page-rule.delete',
    call: (root, { pageRule }) => root.delete(`/v1/page-rules/${pageRule}`),
    target: 'pageRule',
    changes: () => ({}),
  },
  {
    action: 'badge.assign',
    call: (root, { ada, badge }) => root.put(`/v1/users/${ada}/badges/${badge}`),
    target: 'ada',
    changes: ({ badge }) => ({ badgeId: badge }),
  },
  {
    action: 'badge.remove',
    after: (root, { ada, badge }) => root.put(`/v1/users/${ada}/badges/${badge}`),
    call: (root, { ada, badge }) => root.delete(`/v1/users/${ada}/badges/${badge}`),
    target: 'ada',
    changes: ({ badge }) => ({ badgeId: badge }),
  },
  {
    action: 'badge.delete',
    call: (root, { badge }) => root.delete(`/v1/badges/${badge}`),
    target: 'badge',
    changes: () => ({}),
  },
  {
    action: 'api-key.create',
    call: (root) => root.post('/v1/api-keys', { ...KEY, monthlyQuota: 5 }),
    target: 'created',
    changes: () => ({
      scopes: KEY.scopes,
      rateLimit: null,
      rateWindowSeconds: null,
      monthlyQuota: 5,
      expiresAt: null,
      fields: ['name', 'allowedIps'],
    }),
  },
  {
    action: 'api-key.update',
    call: (root, { key }) =>
      root.patch(`/v1/api-keys/${key}`, { allowedIps: ['198.51.100.0/24'], enabled: false }),
    target: 'key',
    changes: () => ({ enabled: false, fields: ['allowedIps'] }),
  },
  {
    action: 'api-key.update',
    call: (root, { key }) => root.patch(`/v1/api-keys/${key}`, { allowedIps: null }),
    target: 'key',
    changes: () => ({ allowedIps: null }),
  },
  {
    action: 'user.delete',
    call: (root, { ada }) => root.delete(`/v1/users/${ada}`),
    target: 'ada',
    changes: () => ({}),
  },
]

describe('every change', () => {
  it.each(CHANGES.map((change) => [change.action, change] as const))(
    'leaves one entry: %s',
    async (action, { after, call, target, changes }) => {
      const site = testSite()
      const [root, ada] = [await site.root(), await site.member('ada')]
      const { body: badge } = await root.post('/v1/badges', BADGE)
      const { body: rule } = await root.post('/v1/badge-rules', { ...RULE, badgeId: badge.id })
      const { body: pageRule } = await root.post('/v1/page-rules', PAGE_RULE)
      const { body: key } = await root.post('/v1/api-keys', KEY)
      const ids = {
        ada: ada.userId,
        badge: badge.id,
        rule: rule.id,
        pageRule: pageRule.id,
        key: key.id,
      }
      await after?.(root, ids)
      const before = await entries(root)
      const { headers, body, status } = await call(root, ids)
      expect(status).toBeLessThan(300)
      const [entry, ...older] = await entries(root)
      expect(entry).toEqual({
        id: idOf('aud'),
        at: TIME,
        actor: root.userId,
        action,
        target: target === 'created' ? body.id : ids[target],
        requestId: headers.get('Request-Id'),
        changes: changes(ids),
      })
      expect(older).toEqual(before)
    },
  )

  it('leaves none if it was refused or changed nothing', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const { body: badge } = await root.post('/v1/badges', BADGE)
    const before = await entries(root)
    await root.post('/v1/badges', BADGE)
    await root.patch(`/v1/badges/${badge.id}`, { title: 'x' }, { headers: { 'If-Match': '"9"' } })
    await root.post(`/v1/users/${ada.userId}/reinstate`)
    await root.delete(`/v1/users/${root.userId}/roles/admin`)
    await ada.post('/v1/badges', BADGE)
    await ada.patch('/v1/me', { bio: 1 })
    expect(await entries(root)).toEqual(before)
  })

  it('by a rule names the elevated identity, the reason and the rule, and no request', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const { body: badge } = await root.post('/v1/badges', BADGE)
    const rule = { badgeId: badge.id, metric: 'visits', threshold: 1, windowDays: 30 }
    const { body: made } = await root.post('/v1/badge-rules', rule)
    await ada.post('/v1/me/visits')
    await site.tick()
    expect(await entries(root, 'actor=system:badge-awarder')).toEqual([
      {
        id: idOf('aud'),
        at: TIME,
        actor: 'system:badge-awarder',
        action: 'badge.assign',
        target: ada.userId,
        reason: `${made.id}: 1 visits within 30 days`,
        changes: { badgeId: badge.id, ruleId: made.id },
      },
    ])
  })
})
