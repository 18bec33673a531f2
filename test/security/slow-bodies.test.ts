/** A body may take minutes, so the rights at its end decide the answer. */
import { describe, expect, test } from 'vitest'
import { ROWS, titleOf } from '../support/cells.ts'
import { type Client, type Member, type Reply, testSite } from '../support/site.ts'
import { bodyFor, pathFor, thingsFor } from '../support/world.ts'

/** Sends the JSON, and does `work` once the request is under way and its body is asked for. */
async function slowly(
  by: Client,
  method: string,
  path: string,
  json: unknown,
  work: () => Promise<Reply>,
): Promise<Reply> {
  const whenRead = {
    async pull(body: ReadableStreamDefaultController<Uint8Array>) {
      expect((await work()).status).toBeLessThan(300)
      body.enqueue(new TextEncoder().encode(JSON.stringify(json)))
      body.close()
    },
  }
  const raw = new ReadableStream(whenRead, { highWaterMark: 0 })
  return by.call(method, path, { raw, headers: { 'Content-Type': 'application/json' } })
}

const WITH_BODY = ROWS.filter(
  ({ declared, restriction }) => declared.input.json && restriction,
).map((row) => ({ title: titleOf(row), row }))

describe('whoever is suspended while they send is refused', () => {
  test.each(WITH_BODY)('$title', async ({ row: { declared, targets } }) => {
    const site = testSite()
    const [root, boss] = [await site.root(), await site.memberWith('admin', 'boss')]
    const things = thingsFor(site, boss)
    const json = await bodyFor(declared, things)
    const target = targets.includes('other') ? 'other' : 'existing'
    const path = await pathFor(declared.path, target, things, boss)
    const suspend = async () => root.post(`/v1/users/${boss.userId}/suspend`)
    const { status, body } = await slowly(boss, declared.method, path, json, suspend)
    expect([status, body.code]).toEqual([403, 'suspended'])
  })
})

describe('an answer that writes nothing is that of the rights at the end of the body', () => {
  async function scene() {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada')]
    const boss = await site.memberWith('admin', 'boss')
    const { body: badge } = await root.post('/v1/badges', { title: 'Regular' })
    const rule = { badgeId: badge.id, metric: 'visits', threshold: 1 }
    const { body: made } = await root.post('/v1/badge-rules', rule)
    const demote = async () => root.delete(`/v1/users/${boss.userId}/roles/admin`)
    return { site, root, ada, boss, demote, preview: `/v1/badge-rules/${made.id}/preview` }
  }

  test('an explanation of somebody else is for who may still ask for one', async () => {
    const { ada, boss, demote } = await scene()
    const call = { as: ada.userId, method: 'GET', path: '/v1/me' }
    expect(await slowly(boss, 'POST', '/v1/explain', call, demote)).toMatchObject({
      status: 403,
      body: { code: 'forbidden', stage: 'permission', required: 'explain:others' },
    })
  })

  test('one of oneself says what the call would answer now, to nobody who was deleted', async () => {
    const { root, boss, demote } = await scene()
    const call = { method: 'GET', path: '/v1/audit' }
    const told = await slowly(boss, 'POST', '/v1/explain', call, demote)
    expect(told).toMatchObject({ status: 200, body: { status: 403, decisive: 'permission' } })
    const remove = async () => root.delete(`/v1/users/${boss.userId}`)
    const { status, body } = await slowly(boss, 'POST', '/v1/explain', call, remove)
    expect([status, body.code]).toEqual([401, 'session_revoked'])
  })

  test('a preview of a rule is for who may still manage rules', async () => {
    const { boss, demote, preview } = await scene()
    expect(await slowly(boss, 'POST', preview, {}, demote)).toMatchObject({
      status: 403,
      body: { code: 'forbidden', stage: 'permission', required: 'badge-rule:manage' },
    })
  })

  test('and whoever has lost nothing, or gained something, is answered', async () => {
    const { root, ada, boss, preview } = await scene()
    const give = async (who: Member) => root.put(`/v1/users/${who.userId}/roles/moderator`)
    expect(await slowly(boss, 'POST', preview, {}, async () => give(boss))).toMatchObject({
      status: 200,
      body: { wouldGain: 0 },
    })
    const call = { method: 'GET', path: '/v1/users' }
    const told = await slowly(ada, 'POST', '/v1/explain', call, async () => give(ada))
    expect(told).toMatchObject({ status: 200, body: { status: 200 } })
  })
})
