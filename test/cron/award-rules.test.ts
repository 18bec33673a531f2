/**
 * A rule awards whom it should, even if members and rules change before, during or after a tick.
 */
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { env } from 'cloudflare:workers'
import { newId } from '../../src/db/ids.ts'
import { failingStorage, interruptedStorage } from '../support/failing.ts'
import type { StorageCall } from '../support/intercept.ts'
import { awardsPerMember, badgeWithRule, populate, rowsOf, visit } from '../support/population.ts'
import { testSite } from '../support/site.ts'

const isAward = ({ text }: StorageCall) => text.includes('insert into badge_assignments')
const assignments = (badgeId: string) =>
  rowsOf(
    `select user_id as userId, assigned_by as "by", removed_at is not null as removed
     from badge_assignments where badge_id = ?`,
    badgeId,
  )

beforeEach(() => {
  vi.spyOn(console, 'error').mockReturnValue()
})

test('an award names the elevation, the rule and the member, and nobody else', async () => {
  const [ada] = await populate(1, 1)
  const { badgeId, ruleId } = await badgeWithRule({ threshold: 1, windowDays: 30 })
  await visit(ada ? [ada] : [])
  await testSite().tick()
  expect(await rowsOf('select * from audit_log')).toMatchObject([
    {
      actor: 'system:badge-awarder',
      on_behalf_of: null,
      action: 'badge.assign',
      target: ada?.userId,
      reason: `${ruleId}: 1 visits within 30 days`,
      request_id: null,
      changes: JSON.stringify({ badgeId, ruleId }),
    },
  ])
})

test('a rule that is made after the visits catches up on them', async () => {
  const visitors = await populate(30, 2)
  await visit(visitors)
  await testSite().tick()
  const { badgeId } = await badgeWithRule()
  await testSite().tick()
  expect(await awardsPerMember(badgeId)).toEqual({ '1/1': 30 })
})

test('two rules for one badge give it once', async () => {
  const visitors = await populate(10, 2)
  const { badgeId } = await badgeWithRule()
  await badgeWithRule({ badgeId, metric: 'streakDays' })
  await visit(visitors)
  await testSite().tick()
  expect(await awardsPerMember(badgeId)).toEqual({ '1/1': 10 })
})

describe('between what is due and the award', () => {
  test.each([
    ['changed', `update badge_rules set threshold = 2, revision = 2`],
    ['disabled', `update badge_rules set enabled = 0, revision = 2`],
    ['deleted', `delete from badge_rules`],
    ['deleted with its badge', `delete from badge_rules; delete from badges`],
  ])('a rule that is %s awards nobody by its old terms', async (_, change) => {
    const visitors = await populate(5, 1)
    const { badgeId } = await badgeWithRule()
    await visit(visitors)
    const storage = interruptedStorage(isAward, () => env.DB.exec(change))
    await testSite(storage).tick()
    expect(await awardsPerMember(badgeId)).toEqual({ '0/0': 5 })
    await testSite().tick()
    expect(await awardsPerMember(badgeId)).toEqual({ '0/0': 5 })
  })

  test('a rule that is eased meanwhile, in another tick, still awards everybody', async () => {
    const visitors = await populate(20, 2)
    const { badgeId } = await badgeWithRule()
    await visit(visitors)
    let dueCalls = 0
    // The second shard is asked after another tick has taught it the new terms, the first before.
    const storage = interruptedStorage(
      ({ text }) => text === 'due' && ++dueCalls === 2,
      async () => {
        await env.DB.exec(`update badge_rules set metric = 'visitDays', revision = 2`)
        const stuck = failingStorage()
        stuck.arm({ fails: (_, call) => isAward(call) })
        await testSite(stuck.storage)
          .tick()
          .catch(() => undefined)
      },
    )
    await testSite(storage).tick()
    await testSite().tick()
    expect(await awardsPerMember(badgeId)).toEqual({ '1/1': 20 })
  })

  test('a member who is suspended gets nothing', async () => {
    const visitors = await populate(3, 1)
    const { badgeId } = await badgeWithRule()
    await visit(visitors)
    const storage = interruptedStorage(isAward, () =>
      env.DB.exec(`update users set status = 'suspended' where id = '${visitors[0]?.userId}'`),
    )
    await testSite(storage).tick()
    expect(await awardsPerMember(badgeId)).toEqual({ '0/0': 1, '1/1': 2 })
  })

  test('a member who is given the badge by hand keeps that one', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const { badgeId } = await badgeWithRule()
    await ada.post('/v1/me/visits')
    const storage = interruptedStorage(isAward, () =>
      root.put(`/v1/users/${ada.userId}/badges/${badgeId}`),
    )
    await testSite(storage).tick()
    expect(await assignments(badgeId)).toEqual([{ userId: ada.userId, by: 'admin', removed: 0 }])
    expect(await awardsPerMember(badgeId)).toMatchObject({ '1/1': 1 })
  })

  test('a member who is deleted gets nothing, and nothing of them comes back', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const { badgeId } = await badgeWithRule()
    await ada.post('/v1/me/visits')
    const storage = interruptedStorage(isAward, () => root.delete(`/v1/users/${ada.userId}`))
    await testSite(storage).tick()
    expect(await assignments(badgeId)).toEqual([])
    expect(await rowsOf(`select * from audit_log where action = 'badge.assign'`)).toEqual([])
  })
})

test('a suspended member gets nothing, and once reinstated what was held back', async () => {
  const site = testSite()
  const [root, ada] = [await site.root(), await site.member('ada')]
  const { badgeId } = await badgeWithRule()
  await ada.post('/v1/me/visits')
  await root.post(`/v1/users/${ada.userId}/suspend`)
  await site.tick()
  expect(await assignments(badgeId)).toEqual([])
  await root.post(`/v1/users/${ada.userId}/reinstate`)
  await site.tick()
  expect(await assignments(badgeId)).toEqual([{ userId: ada.userId, by: 'rule', removed: 0 }])
})

test('a badge that was taken away is not given back by a rule, old or new', async () => {
  const site = testSite()
  const [root, ada] = [await site.root(), await site.member('ada')]
  const { badgeId } = await badgeWithRule()
  await ada.post('/v1/me/visits')
  await site.tick()
  expect((await root.delete(`/v1/users/${ada.userId}/badges/${badgeId}`)).status).toBe(204)
  await badgeWithRule({ badgeId, metric: 'visitDays' })
  await site.tick()
  expect(await assignments(badgeId)).toEqual([{ userId: ada.userId, by: 'rule', removed: 1 }])
  const byHand = await root.put(`/v1/users/${ada.userId}/badges/${badgeId}`)
  expect(byHand).toMatchObject({ status: 201, body: { assignedBy: 'admin' } })
})

describe('one failure', () => {
  test('of a shard leaves the other shards awarded, and the next tick awards the rest', async () => {
    const visitors = await populate(40, 4)
    const { badgeId } = await badgeWithRule()
    await visit(visitors)
    const { storage, arm } = failingStorage()
    let asked = 0
    arm({ fails: (_, { text }) => text === 'due' && ++asked === 2 })
    await expect(testSite(storage).tick()).rejects.toThrow('jobs failed: award-badges')
    expect(await awardsPerMember(badgeId)).toEqual({ '0/0': 10, '1/1': 30 })
    const [run] = await rowsOf(`select * from job_runs where job = 'award-badges'`)
    expect(run).toMatchObject({ status: 'failed', error: 'shard 1: Error' })
    await testSite().tick()
    expect(await awardsPerMember(badgeId)).toEqual({ '1/1': 40 })
  })

  test('of one rule leaves the other rules awarded, page after page', async () => {
    const visitors = await populate(1500, 1)
    const first = await badgeWithRule()
    const second = await badgeWithRule({ badgeId: newId('bdg', Date.now()) })
    await visit(visitors)
    const { storage, arm } = failingStorage()
    let awards = 0
    arm({ fails: (_, call) => isAward(call) && ++awards === 1 })
    await expect(testSite(storage).tick()).rejects.toThrow('jobs failed: award-badges')
    expect(await awardsPerMember(first.badgeId)).toEqual({ '0/0': 1500 })
    expect(await awardsPerMember(second.badgeId)).toEqual({ '1/1': 1500 })
    await testSite().tick()
    expect(await awardsPerMember(first.badgeId)).toEqual({ '1/1': 1500 })
    expect(await awardsPerMember(second.badgeId)).toEqual({ '1/1': 1500 })
  })
})
