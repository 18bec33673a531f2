import { afterEach, describe, expect, it, vi } from 'vitest'
import { TIME } from '../support/shapes.ts'
import { type Site, testSite } from '../support/site.ts'

afterEach(() => {
  vi.useRealTimers()
})

async function siteWithRules(rules: readonly object[]) {
  const site = testSite()
  const root = await site.root()
  const made = []
  for (const [index, rule] of rules.entries()) {
    const { body: badge } = await root.post('/v1/badges', { title: `Badge ${index}` })
    const { body } = await root.post('/v1/badge-rules', { badgeId: badge.id, ...rule })
    made.push({ badge, rule: body })
  }
  return { site, made }
}

/** What is told of a rule about visits, besides what the member has of it. */
function of(one: { badge: object; rule: { id: string } } | undefined) {
  return { ruleId: one?.rule.id, badge: one?.badge, metric: 'visits', windowDays: null }
}

async function progressOf(site: Site) {
  const { body } = await (await site.member('ada')).get('/v1/me/progress')
  return body.items
}

describe('GET /v1/me/progress', () => {
  it('answers rule, badge, have, need and when it was earned for every enabled rule', async () => {
    const { site, made } = await siteWithRules([
      { metric: 'visits', threshold: 3 },
      { metric: 'visits', threshold: 1, enabled: false },
      { metric: 'visits', threshold: 1 },
    ])
    const ada = await site.member('ada')
    await ada.post('/v1/me/visits')
    await site.tick()
    const { status, body } = await ada.get('/v1/me/progress')
    expect(status).toBe(200)
    expect(body).toEqual({
      items: [
        { ...of(made[0]), have: 1, need: 3, earnedAt: null },
        { ...of(made[2]), have: 1, need: 1, earnedAt: TIME },
      ],
      nextCursor: null,
    })
  })

  it('measures by the days of the visits, today included', async () => {
    const { site } = await siteWithRules([
      { metric: 'visits', threshold: 10 },
      { metric: 'visitDays', threshold: 10 },
      { metric: 'streakDays', threshold: 10 },
      { metric: 'visits', threshold: 10, windowDays: 2 },
      { metric: 'visitDays', threshold: 7, windowDays: 7 },
      { metric: 'streakDays', threshold: 7, windowDays: 7 },
    ])
    const times = [
      '2026-02-20T12:00:00Z',
      '2026-03-01T12:00:00Z',
      '2026-03-02T12:00:00Z',
      '2026-03-03T12:00:00Z',
      '2026-03-05T08:00:00Z',
      '2026-03-05T12:00:00Z',
    ]
    for (const time of times) {
      vi.setSystemTime(new Date(time))
      await (await site.member('ada')).post('/v1/me/visits')
    }
    const haveAt = async (time: string) => {
      vi.setSystemTime(new Date(time))
      return (await progressOf(site)).map(({ have }: { have: number }) => have)
    }
    expect(await haveAt('2026-03-05T23:59:59Z')).toEqual([6, 5, 3, 2, 4, 3])
    expect(await haveAt('2026-03-06T00:00:00Z')).toEqual([6, 5, 3, 2, 4, 3])
    expect(await haveAt('2026-03-08T00:00:00Z')).toEqual([6, 5, 3, 0, 3, 2])
    expect(await haveAt('2026-04-01T00:00:00Z')).toEqual([6, 5, 3, 0, 0, 0])
  })

  it('is earned when the badge is held, whoever gave it, and not once it was taken away', async () => {
    const { site, made } = await siteWithRules([{ metric: 'visits', threshold: 5 }])
    const [root, ada] = [await site.root(), await site.member('ada')]
    const path = `/v1/users/${ada.userId}/badges/${made[0]?.badge.id}`
    const { body: given } = await root.put(path)
    expect(await progressOf(site)).toMatchObject([{ have: 0, earnedAt: given.assignedAt }])
    await root.delete(path)
    expect(await progressOf(site)).toMatchObject([{ have: 0, earnedAt: null }])
  })

  it('is not there before a rule is, and counts earlier visits when it comes', async () => {
    const { site } = await siteWithRules([])
    const [root, ada] = [await site.root(), await site.member('ada')]
    await ada.post('/v1/me/visits')
    expect(await progressOf(site)).toEqual([])
    const { body: badge } = await root.post('/v1/badges', { title: 'Late' })
    const rule = { badgeId: badge.id, metric: 'visitDays', threshold: 2 }
    await root.post('/v1/badge-rules', rule)
    expect(await progressOf(site)).toMatchObject([{ have: 1, need: 2 }])
  })
})
