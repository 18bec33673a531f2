import { describe, expect, test } from 'vitest'
import { type Dump, dump } from '../support/dump.ts'
import { type Member, testSite } from '../support/site.ts'

describe('what the state of things forbids changes nothing', () => {
  interface Scene {
    readonly root: Member
    readonly ada: Member
    readonly badgeId: string
    readonly ruleId: string
  }
  type Scenario = [name: string, code: string, act: (scene: Scene) => Promise<unknown>]

  const scenarios: Scenario[] = [
    [
      'a slug that is taken',
      'conflict',
      ({ root }) => root.post('/v1/badges', { title: 'T', slug: 'taken' }),
    ],
    [
      'a change to a slug that is taken',
      'conflict',
      ({ root, badgeId }) => root.patch(`/v1/badges/${badgeId}`, { slug: 'taken' }),
    ],
    [
      'deleting the last admin',
      'last_admin',
      ({ root }) => root.delete(`/v1/users/${root.userId}`),
    ],
    [
      'suspending the last admin',
      'last_admin',
      ({ root }) => root.post(`/v1/users/${root.userId}/suspend`),
    ],
    [
      'taking admin from the last admin',
      'last_admin',
      ({ root }) => root.delete(`/v1/users/${root.userId}/roles/admin`),
    ],
    [
      'taking away being a member',
      'conflict',
      ({ root, ada }) => root.delete(`/v1/users/${ada.userId}/roles/member`),
    ],
    [
      'a badge that is not held',
      'not_found',
      ({ root, ada, badgeId }) => root.delete(`/v1/users/${ada.userId}/badges/${badgeId}`),
    ],
    [
      'a badge for many that does not exist',
      'not_found',
      ({ root, ada }) =>
        root.post('/v1/badge-assignments/bulk', {
          badgeId: `bdg_${'0'.repeat(26)}`,
          userIds: [ada.userId],
        }),
    ],
    [
      'a rule for a badge that does not exist',
      'not_found',
      ({ root }) =>
        root.post('/v1/badge-rules', {
          badgeId: `bdg_${'0'.repeat(26)}`,
          metric: 'visits',
          threshold: 1,
        }),
    ],
    [
      'a rule that nobody could satisfy',
      'validation_failed',
      ({ root, badgeId }) =>
        root.post('/v1/badge-rules', { badgeId, metric: 'visitDays', threshold: 8, windowDays: 7 }),
    ],
    [
      'a rule changed so that nobody could satisfy it',
      'validation_failed',
      ({ root, ruleId }) => root.patch(`/v1/badge-rules/${ruleId}`, { threshold: 8 }),
    ],
    [
      'a key that was used for another badge',
      'idempotency_mismatch',
      ({ root }) =>
        root.post('/v1/badges', { title: 'B' }, { headers: { 'Idempotency-Key': 'k' } }),
    ],
    [
      'a key that was used for another visit',
      'idempotency_mismatch',
      ({ ada }) =>
        ada.call('POST', '/v1/me/visits', {
          raw: '{ }',
          headers: { 'Idempotency-Key': 'k', 'Content-Type': 'application/json' },
        }),
    ],
  ]

  test.each(scenarios)('%s', async (_, code, act) => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    await root.post(
      '/v1/badges',
      { title: 'A', slug: 'taken' },
      { headers: { 'Idempotency-Key': 'k' } },
    )
    await ada.post('/v1/me/visits', undefined, { headers: { 'Idempotency-Key': 'k' } })
    const badge = await root.post('/v1/badges', { title: 'Regular' })
    const rule = { badgeId: badge.body.id, metric: 'visitDays', threshold: 3, windowDays: 7 }
    const { body } = await root.post('/v1/badge-rules', rule)
    const before = await dump()
    const reply = await act({ root, ada, badgeId: badge.body.id, ruleId: body.id })
    expect(reply).toMatchObject({ body: { code } })
    expect(await dump()).toEqual(before)
  })

  test('the comparison sees one new row, in D1 as in an object', async () => {
    const root = await testSite().root()
    const [first] = [await dump(), await root.post('/v1/badges', { title: 'A' })]
    const [second] = [await dump(), await root.post('/v1/me/visits')]
    expect(changed(first, second)).toEqual(['audit_log', 'badges', 'feed'])
    expect(changed(second, await dump())).toEqual([expect.stringMatching(/\.days$/)])
  })

  function changed(before: Dump, after: Dump): string[] {
    const isSame = (name: string) => JSON.stringify(before[name]) === JSON.stringify(after[name])
    return Object.keys(after).filter((name) => !isSame(name))
  }
})
