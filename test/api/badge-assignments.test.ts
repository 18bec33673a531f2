import { describe, expect, it } from 'vitest'
import { changesBetween } from '../support/changes.ts'
import { dump } from '../support/dump.ts'
import { explained } from '../support/explained.ts'
import { partner } from '../support/keys.ts'
import { TIME } from '../support/shapes.ts'
import { testSite } from '../support/site.ts'

const NOBODY = 'usr_01jqz00000000000000000000x'
const NO_BADGE = 'bdg_01jqz00000000000000000000x'

async function siteWithBadge() {
  const site = testSite()
  const [root, ada] = [await site.root(), await site.member('ada')]
  const { body: badge } = await root.post('/v1/badges', { title: 'Thanks' })
  const held = async () => (await site.anonymous.get(`/v1/users/${ada.userId}/badges`)).body.items
  return { site, root, ada, badge, held, path: `/v1/users/${ada.userId}/badges/${badge.id}` }
}

describe('PUT /v1/users/{userId}/badges/{badgeId}', () => {
  it('answers 201 with the whole assignment, then 200 with the same and created false', async () => {
    const { root, ada, badge, held, path } = await siteWithBadge()
    const first = await root.put(path)
    expect(first.status).toBe(201)
    expect(first.body).toEqual({
      created: true,
      badge,
      userId: ada.userId,
      assignedAt: TIME,
      assignedBy: 'admin',
    })
    const again = await root.put(path, {})
    expect({ status: again.status, body: again.body }).toEqual({
      status: 200,
      body: { ...first.body, created: false },
    })
    const { created: _, ...assignment } = first.body
    expect(await held()).toEqual([assignment])
  })

  it('creates it once, and logs it once, however many ask at once', async () => {
    const { root, path } = await siteWithBadge()
    const replies = await Promise.all(Array.from({ length: 10 }, () => root.put(path)))
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(9)
    expect((await root.get('/v1/audit?action=badge.assign')).body.items).toHaveLength(1)
  })

  it.each([
    ['no such member', { userId: NOBODY }],
    ['no such badge', { badgeId: NO_BADGE }],
    ['a malformed badge id', { badgeId: 'bdg_1' }],
  ])('answers 404 for %s', async (_, change) => {
    const { root, ada, badge } = await siteWithBadge()
    const { userId, badgeId } = { userId: ada.userId, badgeId: badge.id, ...change }
    expect((await root.put(`/v1/users/${userId}/badges/${badgeId}`)).status).toBe(404)
    expect((await root.get('/v1/audit?action=badge.assign')).body.items).toEqual([])
  })
})

describe('nobody gives themselves a badge', () => {
  const refusal = {
    status: 403,
    body: { code: 'forbidden', stage: 'ownership', required: 'badge:assign', reach: 'any' },
  }

  /** An admin, what they have made, and whoever else may give badges. */
  async function withHands() {
    const { site, root, ada, badge } = await siteWithBadge()
    const boss = await site.memberWith('admin', 'boss')
    const hands = {
      boss,
      'a key of theirs': await partner(site, { scopes: ['badge:assign'] }, boss),
    }
    const path = `/v1/users/${boss.userId}/badges/${badge.id}`
    const held = async () =>
      (await site.anonymous.get(`/v1/users/${boss.userId}/badges`)).body.items
    return { site, root, ada, badge, boss, hands, path, held }
  }

  it.each(['boss', 'a key of theirs'] as const)('by the hand of %s', async (whose) => {
    const { hands, root, path, held } = await withHands()
    const before = await dump()
    expect(await hands[whose].put(path)).toMatchObject(refusal)
    expect(changesBetween(before, await dump())).toEqual([])
    expect((await root.put(path)).status).toBe(201)
    expect(await hands[whose].put(path)).toMatchObject(refusal)
    expect(await held()).toHaveLength(1)
    expect((await hands[whose].delete(path)).status).toBe(204)
  })

  it('nor by a role that has no more than that', async () => {
    const { site, root, badge } = await withHands()
    const permissions = [{ permission: 'badge:assign', reach: 'any' }]
    await root.put('/v1/roles/giver', { permissions })
    const giver = await site.memberWith('giver')
    const path = `/v1/users/${giver.userId}/badges/${badge.id}`
    expect(await giver.put(path)).toMatchObject(refusal)
  })

  it.each(['boss', 'a key of theirs'] as const)(
    'in bulk the others get it, by the hand of %s, and a repeat is answered the same',
    async (whose) => {
      const { hands, ada, badge, boss, held } = await withHands()
      const request = { badgeId: badge.id, userIds: [boss.userId, ada.userId, NOBODY, boss.userId] }
      const results = [
        { userId: boss.userId, status: 'forbidden', created: false },
        { userId: ada.userId, status: 'created', created: true },
        { userId: NOBODY, status: 'not_found', created: false },
        { userId: boss.userId, status: 'forbidden', created: false },
      ]
      const once = { headers: { 'Idempotency-Key': 'once' } }
      for (const _ of ['at first', 'again']) {
        const reply = await hands[whose].post('/v1/badge-assignments/bulk', request, once)
        expect(reply).toMatchObject({ status: 200, body: { results } })
      }
      const anew = await hands[whose].post('/v1/badge-assignments/bulk', request)
      expect(anew.body.results.map(({ status }: { status: string }) => status)).toEqual([
        'forbidden',
        'held',
        'not_found',
        'forbidden',
      ])
      expect(await held()).toEqual([])
    },
  )

  it('as an explanation says, and who could', async () => {
    const { root, boss, hands, path } = await withHands()
    for (const as of [boss.userId, hands['a key of theirs'].id]) {
      expect(await explained(root, as, { method: 'PUT', path })).toMatchObject({
        status: 200,
        body: {
          status: 403,
          decisive: 'ownership',
          change: expect.stringMatching(/^Somebody else/),
        },
      })
    }
  })

  it('which comes after 404: there has to be such a badge', async () => {
    const { boss } = await withHands()
    expect((await boss.put(`/v1/users/${boss.userId}/badges/${NO_BADGE}`)).status).toBe(404)
  })
})

describe('DELETE /v1/users/{userId}/badges/{badgeId}', () => {
  it('takes the badge away; then it is not there to be taken', async () => {
    const { root, held, path } = await siteWithBadge()
    expect((await root.delete(path)).status).toBe(404)
    await root.put(path)
    expect((await root.delete(path)).status).toBe(204)
    expect(await held()).toEqual([])
    expect((await root.delete(path)).status).toBe(404)
  })

  it('lets an admin give it again, and no rule', async () => {
    const { site, root, ada, badge, held, path } = await siteWithBadge()
    const rule = { badgeId: badge.id, metric: 'visits', threshold: 1 }
    const { body: made } = await root.post('/v1/badge-rules', rule)
    await ada.post('/v1/me/visits')
    await site.tick()
    expect(await held()).toMatchObject([{ assignedBy: 'rule' }])
    await root.delete(path)
    await root.patch(`/v1/badge-rules/${made.id}`, { enabled: false })
    await root.patch(`/v1/badge-rules/${made.id}`, { enabled: true })
    expect((await root.post(`/v1/badge-rules/${made.id}/preview`)).body.wouldGain).toBe(0)
    await site.tick()
    expect(await held()).toEqual([])
    expect(await root.put(path)).toMatchObject({
      status: 201,
      body: { created: true, assignedBy: 'admin' },
    })
  })
})

describe('GET /v1/users/{userId}/badges', () => {
  it('lists whole badges in the order of the badges, page by page, to everybody', async () => {
    const { site, root, ada } = await siteWithBadge()
    for (const [title, position] of Object.entries({ c: 9, a: 1, b: 5 })) {
      const { body } = await root.post('/v1/badges', { title, position })
      await root.put(`/v1/users/${ada.userId}/badges/${body.id}`)
    }
    const list = `/v1/users/${ada.userId}/badges?limit=2`
    const first = (await site.anonymous.get(list)).body
    const rest = (await site.anonymous.get(`${list}&cursor=${first.nextCursor}`)).body
    const titles = [...first.items, ...rest.items].map(({ badge }) => badge.title)
    expect(titles).toEqual(['a', 'b', 'c'])
    expect(rest.nextCursor).toBeNull()
    expect((await site.anonymous.get(`/v1/users/${NOBODY}/badges`)).status).toBe(404)
  })
})

describe('POST /v1/badge-assignments/bulk', () => {
  it('answers 200 with one result for each id, in the order sent, and does what can be done', async () => {
    const { site, root, ada, badge, path } = await siteWithBadge()
    const bob = await site.member('bob')
    await root.put(path)
    const userIds = [NOBODY, bob.userId, ada.userId, bob.userId, NOBODY]
    const { status, body } = await root.post('/v1/badge-assignments/bulk', {
      badgeId: badge.id,
      userIds,
    })
    expect(status).toBe(200)
    expect(body).toEqual({
      badgeId: badge.id,
      results: [
        { userId: NOBODY, status: 'not_found', created: false },
        { userId: bob.userId, status: 'created', created: true },
        { userId: ada.userId, status: 'held', created: false },
        { userId: bob.userId, status: 'held', created: false },
        { userId: NOBODY, status: 'not_found', created: false },
      ],
    })
    expect((await bob.get('/v1/me')).body.badges).toMatchObject([{ id: badge.id }])
    const log = await root.get(`/v1/audit?action=badge.assign&target=${bob.userId}`)
    expect(log.body.items).toHaveLength(1)
  })

  it('takes a hundred ids', async () => {
    const { root, ada, badge } = await siteWithBadge()
    const userIds = Array.from({ length: 100 }, () => ada.userId)
    const { status, body } = await root.post('/v1/badge-assignments/bulk', {
      badgeId: badge.id,
      userIds,
    })
    expect({ status, results: body.results.length }).toEqual({ status: 200, results: 100 })
  })

  it('answers 404 if there is no such badge, and gives nobody anything', async () => {
    const { root, ada, held } = await siteWithBadge()
    const { status } = await root.post('/v1/badge-assignments/bulk', {
      badgeId: NO_BADGE,
      userIds: [ada.userId],
    })
    expect(status).toBe(404)
    expect(await held()).toEqual([])
  })

  it.each([
    ['no ids', { userIds: [] }, 'userIds'],
    ['101 ids', { userIds: Array.from({ length: 101 }, () => NOBODY) }, 'userIds'],
    ['an id of another kind', { userIds: [NOBODY, NO_BADGE] }, 'userIds.1'],
    ['a malformed badge id', { badgeId: 'thanks' }, 'badgeId'],
    ['an unknown field', { notify: true }, 'notify'],
    ['a missing field', { userIds: undefined }, 'userIds'],
  ])('refuses %s and names the place', async (_, change, path) => {
    const { root, ada, badge, held } = await siteWithBadge()
    const request = { badgeId: badge.id, userIds: [ada.userId], ...change }
    const { status, body } = await root.post('/v1/badge-assignments/bulk', request)
    expect({ status, paths: body.errors.map((error: { path: string }) => error.path) }).toEqual({
      status: 422,
      paths: [path],
    })
    expect(await held()).toEqual([])
  })
})
