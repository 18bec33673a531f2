import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Client, testSite } from '../support/site.ts'

afterEach(() => {
  vi.useRealTimers()
})

async function entries(client: Client, query = '') {
  const { body } = await client.get(`/v1/audit?${query}`)
  return body.items
}

describe('GET /v1/audit', () => {
  async function siteWithHistory() {
    const site = testSite()
    const days = ['2026-03-01', '2026-03-02', '2026-03-03'].map((day) => `${day}T12:00:00.000Z`)
    const ids: string[] = []
    for (const [index, time] of days.entries()) {
      vi.setSystemTime(new Date(time))
      const { body } = await (await site.root()).post('/v1/badges', { title: `Badge ${index}` })
      ids.push(body.id)
    }
    return { root: await site.root(), days, ids }
  }
  const targetsOf = (items: { target: string }[]) => items.map(({ target }) => target)

  it('lists the newest first, page by page', async () => {
    const { root, ids } = await siteWithHistory()
    const all = await entries(root)
    expect(targetsOf(all).slice(0, 3)).toEqual(ids.toReversed())
    const paged = []
    let cursor = ''
    do {
      const { body } = await root.get(`/v1/audit?limit=2${cursor}`)
      paged.push(...body.items)
      cursor = body.nextCursor && `&cursor=${body.nextCursor}`
    } while (cursor)
    expect(paged).toEqual(all)
  })

  it('filters by actor, action, target, and all of them at once', async () => {
    const { root, ids } = await siteWithHistory()
    expect(targetsOf(await entries(root, 'action=badge.create'))).toEqual(ids.toReversed())
    expect(targetsOf(await entries(root, `target=${ids[1]}`))).toEqual([ids[1]])
    expect(await entries(root, `actor=${root.userId}`)).toHaveLength(5)
    expect(await entries(root, `actor=${root.userId}&action=user.create`)).toHaveLength(1)
    expect(await entries(root, `target=${ids[1]}&action=badge.update`)).toEqual([])
    expect(await entries(root, 'actor=nobody')).toEqual([])
  })

  it('filters by the time an entry says, whatever its id says after a clock was put back', async () => {
    const at = (seconds: number) => new Date(Date.UTC(2026, 2, 1, 12, 0, seconds))
    vi.setSystemTime(at(0))
    const root = await testSite().root()
    const ids: string[] = []
    for (const seconds of [8, 0, 3]) {
      vi.setSystemTime(at(seconds))
      ids.push((await root.post('/v1/badges', { title: 'Regular' })).body.id)
    }
    const [last, first, second] = ids
    const created = async (query: string) =>
      targetsOf(await entries(root, `action=badge.create&${query}`)).sort()
    expect(await created(`until=${at(3).toISOString()}`)).toEqual([first])
    expect(await created(`since=${at(8).toISOString()}`)).toEqual([last])
    expect(await created(`since=${at(1).toISOString()}&until=${at(8).toISOString()}`)).toEqual([
      second,
    ])
  })

  it('filters by time, from since on and before until', async () => {
    const { root, days, ids } = await siteWithHistory()
    const created = async (query: string) =>
      targetsOf(await entries(root, `action=badge.create&${query}`))
    expect(await created(`since=${days[1]}`)).toEqual([ids[2], ids[1]])
    expect(await created(`until=${days[1]}`)).toEqual([ids[0]])
    expect(await created(`since=${days[1]}&until=${days[2]}`)).toEqual([ids[1]])
    expect(await created('since=2026-03-02T13:00:00%2B01:00')).toEqual([ids[2], ids[1]])
    expect(await created('since=1901-01-01T00:00:00Z')).toEqual(ids.toReversed())
    expect(await created('until=1901-01-01T00:00:00Z')).toEqual([])
    expect(await created('since=9999-12-31T23:59:59Z')).toEqual([])
  })

  it.each(['since=yesterday', 'since=2026-03-01', 'until=2026-03-01T12:00:00', 'until=', 'actor='])(
    'refuses %s and names it',
    async (query) => {
      const { status, body } = await (await testSite().root()).get(`/v1/audit?${query}`)
      expect({ status, errors: body.errors }).toMatchObject({
        status: 422,
        errors: [{ in: 'query', path: query.split('=')[0] }],
      })
    },
  )
})

describe('GET /v1/elevations', () => {
  it('answers every elevated identity: what it may do, why, and what mints it', async () => {
    const root = await testSite().root()
    const { status, body } = await root.get('/v1/elevations')
    expect(status).toBe(200)
    expect(body).toEqual({
      items: [
        {
          identity: 'badge-awarder',
          may: ['badge:assign'],
          why: expect.stringMatching(/.{20}/),
          trigger: 'cron: award-badges',
        },
        {
          identity: 'booking-auto-confirmer',
          may: ['booking:confirm'],
          why: expect.stringMatching(/.{20}/),
          trigger: 'event: booking-created',
        },
        {
          identity: 'webhook-watcher',
          may: ['webhook:manage'],
          why: expect.stringMatching(/.{20}/),
          trigger: 'object: WebhookSender',
        },
        {
          identity: 'hold-expirer',
          may: ['booking:cancel'],
          why: expect.stringMatching(/.{20}/),
          trigger: 'cron: expire-holds',
        },
        {
          identity: 'signal-follower',
          may: ['user:suspend', 'session:end'],
          why: expect.stringMatching(/.{20}/),
          trigger: 'event: signal-received',
        },
        {
          identity: 'reconciler',
          may: [
            'profile:delete',
            'badge-rule:manage',
            'api-key:manage',
            'webhook:manage',
            'job:run',
          ],
          why: expect.stringMatching(/.{20}/),
          trigger: 'cron: npm run reconcile, which takes write access to the database',
        },
      ],
      nextCursor: null,
    })
  })
})
