import { describe, expect, it } from 'vitest'
import { idOf, TIME } from '../support/shapes.ts'
import { testSite } from '../support/site.ts'

const ABSENT = 'rul_01jqz00000000000000000000x'
const NO_BADGE = 'bdg_01jqz00000000000000000000x'

async function siteWithBadge() {
  const site = testSite()
  const root = await site.root()
  const { body } = await root.post('/v1/badges', { title: 'Regular' })
  const badgeId: string = body.id
  return { site, root, rule: { badgeId, metric: 'visits', threshold: 3 } }
}

describe('POST /v1/badge-rules', () => {
  it('makes a rule that is enabled and without a window by default', async () => {
    const { root, rule } = await siteWithBadge()
    const { status, headers, body } = await root.post('/v1/badge-rules', rule)
    expect(status).toBe(201)
    expect(body).toEqual({
      ...rule,
      id: idOf('rul'),
      windowDays: null,
      enabled: true,
      revision: 1,
      createdAt: TIME,
      updatedAt: body.createdAt,
    })
    expect(headers.get('ETag')).toBe('"1"')
    expect(headers.get('Location')).toBe(`/v1/badge-rules/${body.id}`)
    expect((await root.get(`/v1/badge-rules/${body.id}`)).body).toEqual(body)
  })

  it('answers 404 for a badge that does not exist, and makes no rule', async () => {
    const { root, rule } = await siteWithBadge()
    expect(await root.post('/v1/badge-rules', { ...rule, badgeId: NO_BADGE })).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    })
    expect((await root.get('/v1/badge-rules')).body.items).toEqual([])
  })

  it.each([
    { metric: 'visits', threshold: 1_000_000, windowDays: 1 },
    { metric: 'visitDays', threshold: 365, windowDays: 365 },
    { metric: 'streakDays', threshold: 7, windowDays: 7, enabled: false },
    { metric: 'streakDays', threshold: 400, windowDays: null },
  ])('takes %o', async (measured) => {
    const { root, rule } = await siteWithBadge()
    const { status, body } = await root.post('/v1/badge-rules', { ...rule, ...measured })
    expect({ status, body }).toMatchObject({ status: 201, body: measured })
  })

  it.each([
    ['badgeId', { badgeId: 'regular' }, 'expected an id that starts with bdg_'],
    ['badgeId', { badgeId: undefined }],
    ['metric', { metric: 'likes' }],
    ['threshold', { threshold: 0 }],
    ['threshold', { threshold: 1.5 }],
    ['threshold', { threshold: 1_000_001 }],
    ['windowDays', { windowDays: 0 }],
    ['windowDays', { windowDays: 366 }],
    ['enabled', { enabled: 'yes' }],
    ['name', { name: 'x' }],
    ['threshold', { metric: 'visitDays', threshold: 8, windowDays: 7 }, /at most windowDays/],
    ['threshold', { metric: 'streakDays', threshold: 8, windowDays: 7 }, /at most windowDays/],
  ])('refuses %s in %o', async (path, change, message: string | RegExp = /./) => {
    const { root, rule } = await siteWithBadge()
    const { status, body } = await root.post('/v1/badge-rules', { ...rule, ...change })
    expect({ status, errors: body.errors }).toEqual({
      status: 422,
      errors: [{ in: 'json', path, message: expect.stringMatching(message) }],
    })
    expect((await root.get('/v1/badge-rules')).body.items).toEqual([])
  })
})

describe('GET /v1/badge-rules', () => {
  it('lists all rules with their badges, oldest first, page by page', async () => {
    const { root, rule } = await siteWithBadge()
    const made: unknown[] = []
    for (const threshold of [3, 1, 2]) {
      const { body } = await root.post('/v1/badge-rules', {
        ...rule,
        threshold,
        enabled: threshold !== 1,
      })
      const badge = expect.objectContaining({ id: rule.badgeId, title: 'Regular' })
      made.push({ ...body, badge })
    }
    const first = (await root.get('/v1/badge-rules?limit=2')).body
    const rest = (await root.get(`/v1/badge-rules?limit=2&cursor=${first.nextCursor}`)).body
    expect([...first.items, ...rest.items]).toEqual(made)
    expect(rest.nextCursor).toBeNull()
  })
})

describe('PATCH /v1/badge-rules/{ruleId}', () => {
  it('merges the given fields and counts the revision up', async () => {
    const { root, rule } = await siteWithBadge()
    const { body: made } = await root.post('/v1/badge-rules', { ...rule, windowDays: 30 })
    const path = `/v1/badge-rules/${made.id}`
    const patched = await root.patch(path, { threshold: 5, windowDays: null })
    expect(patched.headers.get('ETag')).toBe('"2"')
    expect(patched.body).toEqual({
      ...made,
      threshold: 5,
      windowDays: null,
      revision: 2,
      updatedAt: TIME,
    })
    expect((await root.get(path)).body).toEqual(patched.body)
  })

  it.each([
    ['its badge, which is fixed', { badgeId: NO_BADGE }, 'badgeId'],
    ['no field', {}, ''],
    ['a metric that makes it impossible', { metric: 'visitDays' }, 'threshold'],
    ['a window that makes it impossible', { metric: 'streakDays', windowDays: 9 }, 'threshold'],
  ])('refuses %s', async (_, patch, path) => {
    const { root, rule } = await siteWithBadge()
    const before = await root.post('/v1/badge-rules', { ...rule, threshold: 10, windowDays: 7 })
    const url = `/v1/badge-rules/${before.body.id}`
    const { status, body } = await root.patch(url, patch)
    expect({ status, paths: body.errors.map((error: { path: string }) => error.path) }).toEqual({
      status: 422,
      paths: [path],
    })
    expect((await root.get(url)).body).toEqual(before.body)
  })

  it('honours If-Match, as DELETE does, and answers 404 for no such rule', async () => {
    const { root, rule } = await siteWithBadge()
    const { body } = await root.post('/v1/badge-rules', rule)
    const path = `/v1/badge-rules/${body.id}`
    const stale = { headers: { 'If-Match': '"2"' } }
    expect((await root.patch(path, { threshold: 4 }, stale)).status).toBe(412)
    expect((await root.delete(path, stale)).status).toBe(412)
    expect((await root.get(path)).body).toEqual(body)
    expect((await root.delete(path, { headers: { 'If-Match': '"1"' } })).status).toBe(204)
    for (const gone of [path, `/v1/badge-rules/${ABSENT}`, '/v1/badge-rules/rul_1']) {
      expect((await root.get(gone)).status).toBe(404)
      expect((await root.patch(gone, { threshold: 4 })).status).toBe(404)
      expect((await root.delete(gone)).status).toBe(404)
      expect((await root.post(`${gone}/preview`)).status).toBe(404)
    }
  })
})

describe('DELETE /v1/badge-rules/{ruleId}', () => {
  it('leaves the badges it has given', async () => {
    const { site, root, rule } = await siteWithBadge()
    const ada = await site.member('ada')
    await ada.post('/v1/me/visits')
    const { body } = await root.post('/v1/badge-rules', { ...rule, threshold: 1 })
    await site.tick()
    await root.delete(`/v1/badge-rules/${body.id}`)
    const { items } = (await site.anonymous.get(`/v1/users/${ada.userId}/badges`)).body
    expect(items).toMatchObject([{ badge: { id: rule.badgeId }, assignedBy: 'rule' }])
  })
})
