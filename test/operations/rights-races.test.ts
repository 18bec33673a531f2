/** Rights change while requests are under way: a write whose right is gone does not happen. */
import { expect, describe, test } from 'vitest'
import { interruptedStorage } from '../support/failing.ts'
import type { StorageCall } from '../support/intercept.ts'
import { partner } from '../support/keys.ts'
import { rowsOf } from '../support/population.ts'
import { type Client, type Member, type Reply, testSite } from '../support/site.ts'

const isWrite = ({ text }: StorageCall) => text.includes('insert into acting')

interface Scene {
  readonly root: Member
  readonly ada: Member
  readonly boss: Member
}

async function scene(role: string): Promise<Scene> {
  const site = testSite()
  return {
    root: await site.root(),
    ada: await site.member('ada'),
    boss: await site.memberWith(role, 'boss'),
  }
}

/** A client of a Worker that does `meanwhile` between having let the caller in and writing. */
function interrupted({ token }: Member, meanwhile: () => Promise<unknown>): Client {
  return testSite(interruptedStorage(isWrite, meanwhile)).bearer(token)
}

const DEMOTE = ({ root, boss }: Scene, role: string) =>
  root.delete(`/v1/users/${boss.userId}/roles/${role}`)
const SUSPEND = ({ root, boss }: Scene) => root.post(`/v1/users/${boss.userId}/suspend`)
const DELETE = ({ root, boss }: Scene) => root.delete(`/v1/users/${boss.userId}`)

describe('a write that was admitted does not happen', () => {
  const acts: readonly [string, string, (client: Client, scene: Scene) => Promise<Reply>][] = [
    ['a profile', 'moderator', (c, { ada }) => c.patch(`/v1/users/${ada.userId}`, { bio: 'x' })],
    ['a suspension', 'moderator', (c, { ada }) => c.post(`/v1/users/${ada.userId}/suspend`)],
    ['a role', 'admin', (c, { ada }) => c.put(`/v1/users/${ada.userId}/roles/admin`)],
    ['a deletion', 'admin', (c, { ada }) => c.delete(`/v1/users/${ada.userId}`)],
    ['a badge', 'admin', (c) => c.post('/v1/badges', { title: 'New' })],
    ['a run', 'admin', (c) => c.post('/v1/jobs/prune-records/run')],
  ]
  const losses: readonly [string, (scene: Scene, role: string) => Promise<Reply>, object][] = [
    ['was demoted', DEMOTE, { status: 403, body: { code: 'forbidden' } }],
    ['was suspended', SUSPEND, { status: 403, body: { code: 'suspended' } }],
    ['was deleted', DELETE, { status: 401, body: { code: 'session_revoked' } }],
  ]
  const cases = acts.flatMap(([what, role, act]) =>
    losses.map(([how, lose, answer]) => ({ what, role, act, how, lose, answer })),
  )

  test.each(cases)('$what, once its author $how', async ({ role, act, lose, answer }) => {
    const before = await scene(role)
    const client = interrupted(before.boss, async () => {
      expect((await lose(before, role)).status).toBeLessThan(300)
    })
    expect(await act(client, before)).toMatchObject(answer)
    const after = `select action, actor from audit_log where actor = ? and action <> 'user.create'`
    expect(await rowsOf(after, before.boss.userId)).toEqual([])
    expect((await before.ada.get('/v1/me')).body).toMatchObject({
      bio: null,
      status: 'active',
      roles: ['member'],
    })
  })
})

test('what the rights that are left allow still happens, once', async () => {
  const before = await scene('moderator')
  const client = interrupted(before.boss, () => DEMOTE(before, 'moderator'))
  const own = await client.patch('/v1/me', { bio: 'still mine' })
  expect(own).toMatchObject({ status: 200, body: { bio: 'still mine', roles: ['member'] } })
  const audit = `select actor from audit_log where action = 'profile.update'`
  expect(await rowsOf(audit)).toEqual([{ actor: before.boss.userId }])
})

test('a request of a key that is decided anew counts once', async () => {
  const site = testSite()
  const [root, ada] = [await site.root(), await site.member('ada')]
  const key = await partner(site, {
    scopes: ['profile:read', 'profile:update'],
    rateLimit: { limit: 3, windowSeconds: 60 },
  })
  const narrow = () => root.patch(`/v1/api-keys/${key.id}`, { scopes: ['profile:update'] })
  const client = testSite(interruptedStorage(isWrite, narrow)).bearer(key.secret)
  const { status, headers } = await client.patch(`/v1/users/${ada.userId}`, { bio: 'x' })
  expect(status).toBe(200)
  expect(headers.get('RateLimit')).toMatch(/r=2;/)
})

test('rights that were gained meanwhile do not void the write', async () => {
  const before = await scene('moderator')
  const { root, boss, ada } = before
  const client = interrupted(boss, () => root.put(`/v1/users/${boss.userId}/roles/admin`))
  expect(await client.patch(`/v1/users/${ada.userId}`, { bio: 'x' })).toMatchObject({ status: 200 })
})

describe('of two admins who go for each other at once, one admin is left', () => {
  const acts: readonly [string, (one: Member, other: Member) => Promise<Reply>][] = [
    ['demote', (one, other) => one.delete(`/v1/users/${other.userId}/roles/admin`)],
    ['suspend', (one, other) => one.post(`/v1/users/${other.userId}/suspend`)],
    ['delete', (one, other) => one.delete(`/v1/users/${other.userId}`)],
    ['step down', (one) => one.delete(`/v1/users/${one.userId}/roles/admin`)],
    ['suspend themselves', (one) => one.post(`/v1/users/${one.userId}/suspend`)],
    ['delete themselves', (one) => one.delete(`/v1/users/${one.userId}`)],
  ]
  const activeAdmins = () =>
    rowsOf(`select id from users join user_roles on user_id = id
      where role = 'admin' and users.status = 'active'`)

  test.each(acts)('%s', async (_, act) => {
    const site = testSite()
    const [root, ben] = [await site.root(), await site.memberWith('admin', 'ben')]
    const answers = await Promise.all([act(root, ben), act(ben, root)])
    const refused = answers.filter(({ status }) => status >= 400)
    expect(refused).toHaveLength(1)
    expect([401, 403, 409]).toContain(refused[0]?.status)
    expect(await activeAdmins()).toHaveLength(1)
  })

  test.each(acts)('%s, right before the other does', async (_, act) => {
    const site = testSite()
    const [root, ben] = [await site.root(), await site.memberWith('admin', 'ben')]
    const storage = interruptedStorage(isWrite, () => act(ben, root))
    const late = { ...testSite(storage).bearer(root.token), userId: root.userId, token: root.token }
    expect((await act(late, ben)).status).toBeGreaterThanOrEqual(400)
    expect(await activeAdmins()).toHaveLength(1)
  })
})
