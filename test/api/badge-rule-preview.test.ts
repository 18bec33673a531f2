import { afterEach, describe, expect, it, vi } from 'vitest'
import { TIME } from '../support/shapes.ts'
import { type Member, type Site, testSite } from '../support/site.ts'

afterEach(() => {
  vi.useRealTimers()
})

const DAY = 24 * 60 * 60_000
const TODAY = Date.parse('2026-03-10T12:00:00Z')

/** Days before today on which each member was here, once a day. */
const VISITS = {
  daily: [6, 5, 4, 3, 2, 1, 0],
  lately: [2, 1, 0],
  'long ago': [40, 39, 38, 37, 36],
  'now and then': [30, 20, 10, 0],
  never: [],
  suspended: [6, 5, 4, 3, 2, 1, 0],
  holder: [6, 5, 4, 3, 2, 1, 0],
  stripped: [6, 5, 4, 3, 2, 1, 0],
}

const RULES: Record<string, { measured: object; gaining: Record<string, number> }> = {
  'one visit ever': {
    measured: { metric: 'visits', threshold: 1 },
    gaining: { daily: 7, lately: 3, 'long ago': 5, 'now and then': 4 },
  },
  'five visits ever': {
    measured: { metric: 'visits', threshold: 5 },
    gaining: { daily: 7, 'long ago': 5 },
  },
  'four days of the last 31': {
    measured: { metric: 'visitDays', threshold: 4, windowDays: 31 },
    gaining: { daily: 7, 'now and then': 4 },
  },
  'each of the last three days': {
    measured: { metric: 'visitDays', threshold: 3, windowDays: 3 },
    gaining: { daily: 3, lately: 3 },
  },
  'five days in a row, once': {
    measured: { metric: 'streakDays', threshold: 5 },
    gaining: { daily: 7, 'long ago': 5 },
  },
  'five days in a row within 39': {
    measured: { metric: 'streakDays', threshold: 5, windowDays: 39 },
    gaining: { daily: 7 },
  },
  'more than anybody has': { measured: { metric: 'visits', threshold: 8 }, gaining: {} },
}

async function visitedSite() {
  const site = testSite()
  for (let ago = 40; ago >= 0; ago--) {
    vi.setSystemTime(TODAY - ago * DAY)
    for (const [name, days] of Object.entries<number[]>(VISITS)) {
      if (days.includes(ago)) await (await site.member(name, { name })).post('/v1/me/visits')
    }
  }
  const root = await site.root()
  const { userId } = await site.member('suspended')
  await root.post(`/v1/users/${userId}/suspend`)
  return { site, root }
}

/** A disabled rule with a badge that one member holds and another has been stripped of. */
async function ruleOf(site: Site, root: Member, title: string, measured: object) {
  const { body: badge } = await root.post('/v1/badges', { title })
  for (const name of ['holder', 'stripped']) {
    const path = `/v1/users/${(await site.member(name)).userId}/badges/${badge.id}`
    await root.put(path)
    if (name === 'stripped') await root.delete(path)
  }
  const rule = { badgeId: badge.id, enabled: false, ...measured }
  const { body } = await root.post('/v1/badge-rules', rule)
  return { title, path: `/v1/badge-rules/${body.id}` }
}

/** The names of those who were given a badge by a rule, by badge. */
async function awarded(site: Site): Promise<Record<string, string[]>> {
  const names: Record<string, string[]> = Object.fromEntries(
    Object.keys(RULES).map((title) => [title, []]),
  )
  for (const name of Object.keys(VISITS)) {
    const { userId } = await site.member(name, { name })
    const { body } = await site.anonymous.get(`/v1/users/${userId}/badges`)
    for (const { badge, assignedBy } of body.items) {
      if (assignedBy === 'rule') names[badge.title]?.push(name)
    }
  }
  return names
}

describe('POST /v1/badge-rules/{ruleId}/preview', () => {
  it('tells who the next tick gives the badge to, of disabled rules too, and gives nobody one', async () => {
    const { site, root } = await visitedSite()
    const expected = Object.entries(RULES).map(([title, { gaining }]) => [title, gaining])
    const rules: Awaited<ReturnType<typeof ruleOf>>[] = []
    for (const [title, { measured }] of Object.entries(RULES)) {
      rules.push(await ruleOf(site, root, title, measured))
    }
    const previews = async () =>
      Promise.all(
        rules.map(async ({ title, path }) => {
          const { body } = await root.post(`${path}/preview`)
          expect(body.asOf).toBe(new Date(TODAY).toISOString())
          expect(body.wouldGain).toBe(body.sample.length)
          const sample = body.sample.map((each: { displayName: string; have: number }) => [
            each.displayName,
            each.have,
          ])
          return [title, Object.fromEntries(sample)]
        }),
      )
    const none = Object.fromEntries(Object.keys(RULES).map((title) => [title, []]))

    expect(await previews()).toEqual(expected)
    await site.tick(TODAY)
    expect(await awarded(site)).toEqual(none)
    for (const { path } of rules) await root.patch(path, { enabled: true })
    expect(await previews()).toEqual(expected)
    expect(await awarded(site)).toEqual(none)
    await site.tick(TODAY)
    expect(await awarded(site)).toEqual(
      Object.fromEntries(
        Object.entries(RULES).map(([title, { gaining }]) => [title, Object.keys(gaining)]),
      ),
    )
    expect(await previews()).toEqual(rules.map(({ title }) => [title, {}]))
  })

  it('changes nothing: no badge, no log entry, no revision', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada', { name: 'Ada' })]
    await ada.post('/v1/me/visits')
    const badge = await root.post('/v1/badges', { title: 'Regular' })
    const rule = { badgeId: badge.body.id, metric: 'visits', threshold: 1 }
    const { body: made } = await root.post('/v1/badge-rules', rule)
    const log = (await root.get('/v1/audit')).body
    const { body } = await root.post(`/v1/badge-rules/${made.id}/preview`, {})
    expect(body).toEqual({
      asOf: TIME,
      wouldGain: 1,
      sample: [{ userId: ada.userId, displayName: 'Ada', have: 1 }],
    })
    expect((await root.get('/v1/audit')).body).toEqual(log)
    expect((await root.get(`/v1/badge-rules/${made.id}`)).body).toEqual(made)
    expect((await ada.get('/v1/me')).body.badges).toEqual([])
  })

  it('tells of a change that is not made, and measures by the rule what it leaves out', async () => {
    const site = testSite()
    const [root, ada] = [await site.root(), await site.member('ada', { name: 'Ada' })]
    await ada.post('/v1/me/visits')
    const badge = await root.post('/v1/badges', { title: 'Regular' })
    const rule = { badgeId: badge.body.id, metric: 'visits', threshold: 2 }
    const { body: made } = await root.post('/v1/badge-rules', rule)
    const preview = async (change: object) =>
      root.post(`/v1/badge-rules/${made.id}/preview`, change)
    const gaining = async (change: object) => (await preview(change)).body.wouldGain
    expect(await gaining({})).toBe(0)
    expect(await gaining({ threshold: 1 })).toBe(1)
    expect(await gaining({ metric: 'streakDays', threshold: 1, windowDays: null })).toBe(1)
    expect(await gaining({ metric: 'streakDays' })).toBe(0)
    expect((await root.get(`/v1/badge-rules/${made.id}`)).body).toEqual(made)
    for (const bad of [{ threshold: 0 }, { enabled: true }, { metric: 'logins' }])
      expect((await preview(bad)).status).toBe(422)
  })

  it('counts everybody and names up to ten of them', async () => {
    const site = testSite()
    const root = await site.root()
    for (let index = 0; index < 12; index++) {
      await (await site.member(`m${index}`)).post('/v1/me/visits')
    }
    const badge = await root.post('/v1/badges', { title: 'Regular' })
    const rule = { badgeId: badge.body.id, metric: 'visits', threshold: 1 }
    const { body: made } = await root.post('/v1/badge-rules', rule)
    const { body } = await root.post(`/v1/badge-rules/${made.id}/preview`)
    expect(body.wouldGain).toBe(12)
    expect(body.sample).toHaveLength(10)
  })
})
