import { afterEach, describe, expect, it, vi } from 'vitest'
import { type Site, testSite } from '../support/site.ts'

const MINUTE = 60_000
const ABSENT = 'usr_01jqz00000000000000000000x'

afterEach(() => {
  vi.useRealTimers()
})

/** One visit of Ada at this time; tokens are short-lived, so she signs in for it. */
async function visitAt(site: Site, time: string | number) {
  vi.setSystemTime(new Date(time))
  return (await site.member('ada')).post('/v1/me/visits')
}

async function summaryAt(site: Site, time: string) {
  vi.setSystemTime(new Date(time))
  return (await (await site.member('ada')).get('/v1/me/visits')).body
}

describe('POST /v1/me/visits', () => {
  it('counts a visit once within 30 minutes of the last counted one', async () => {
    const site = testSite()
    const noon = Date.parse('2026-03-01T12:00:00Z')
    const day = '2026-03-01'
    expect(await visitAt(site, noon)).toMatchObject({
      status: 201,
      body: { counted: true, day, total: 1 },
    })
    for (const at of [noon, noon + 29 * MINUTE, noon + 30 * MINUTE - 1]) {
      const { status, body } = await visitAt(site, at)
      expect({ status, body }).toEqual({ status: 200, body: { counted: false, day, total: 1 } })
    }
    // Time is measured from the last counted visit, not from the last attempt.
    expect(await visitAt(site, noon + 30 * MINUTE)).toMatchObject({
      status: 201,
      body: { counted: true, day, total: 2 },
    })
  })

  it('counts one of many that come at once', async () => {
    const ada = await testSite().member('ada')
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => ada.post('/v1/me/visits', {})),
    )
    expect(replies.filter(({ body }) => body.counted)).toHaveLength(1)
    expect(replies.every(({ body }) => body.total === 1)).toBe(true)
  })

  it('takes no body, or an empty object, and nothing else', async () => {
    const ada = await testSite().member('ada')
    for (const json of [{ day: '2020-01-01' }, { userId: ada.userId }, []]) {
      expect((await ada.post('/v1/me/visits', json)).status).toBe(422)
    }
    expect((await ada.post('/v1/me/visits', {})).status).toBe(201)
  })

  it('answers a repeated Idempotency-Key with what it answered first', async () => {
    const site = testSite()
    const ada = await site.member('ada')
    const once = { headers: { 'Idempotency-Key': 'visit-1' } }
    const first = await ada.post('/v1/me/visits', {}, once)
    const again = await ada.post('/v1/me/visits', {}, once)
    expect([again.status, again.body]).toEqual([201, first.body])
    expect(again.headers.get('Idempotency-Replayed')).toBe('true')
    expect(first.headers.get('Idempotency-Replayed')).toBeNull()
  })

  it.each([
    ['UTC', '2026-03-01T23:59:59.999Z', '2026-03-01', '2026-03-02'],
    ['Pacific/Auckland', '2026-03-01T10:59:59.999Z', '2026-03-01', '2026-03-02'],
    ['America/Los_Angeles', '2026-03-02T07:59:59.999Z', '2026-03-01', '2026-03-02'],
  ])('counts by the days of the site in %s', async (zone, beforeMidnight, day, nextDay) => {
    const site = testSite({ SITE_TIME_ZONE: zone })
    const early = Date.parse(beforeMidnight) - 30 * MINUTE
    expect((await visitAt(site, early)).body.day).toBe(day)
    expect((await visitAt(site, beforeMidnight)).body).toMatchObject({ counted: true, day })
    const late = Date.parse(beforeMidnight) + 30 * MINUTE
    expect((await visitAt(site, late)).body).toMatchObject({ counted: true, day: nextDay })
    expect(await summaryAt(site, new Date(late).toISOString())).toMatchObject({
      total: 3,
      days: 2,
      currentStreak: 2,
      byDay: [
        { day: nextDay, visits: 1 },
        { day, visits: 2 },
      ],
    })
  })
})

describe('GET /v1/me/visits', () => {
  it('answers zeros for a member who was never here', async () => {
    const { status, body } = await (await testSite().member('ada')).get('/v1/me/visits')
    expect(status).toBe(200)
    expect(body).toEqual({
      total: 0,
      days: 0,
      currentStreak: 0,
      longestStreak: 0,
      lastVisitAt: null,
      byDay: [],
    })
  })

  it('adds up visits, days and streaks; a streak lives on through the day after', async () => {
    const site = testSite()
    for (const time of [
      '2026-02-26T09:00:00Z',
      '2026-02-27T09:00:00Z',
      '2026-02-27T10:00:00Z',
      '2026-02-28T23:59:00Z',
      '2026-03-03T00:10:00Z',
      '2026-03-04T12:00:00.123Z',
    ]) {
      expect((await visitAt(site, time)).status).toBe(201)
    }
    const summary = {
      total: 6,
      days: 5,
      currentStreak: 2,
      longestStreak: 3,
      lastVisitAt: '2026-03-04T12:00:00.123Z',
      byDay: [
        { day: '2026-03-04', visits: 1 },
        { day: '2026-03-03', visits: 1 },
        { day: '2026-02-28', visits: 1 },
        { day: '2026-02-27', visits: 2 },
        { day: '2026-02-26', visits: 1 },
      ],
    }
    expect(await summaryAt(site, '2026-03-04T23:00:00Z')).toEqual(summary)
    expect(await summaryAt(site, '2026-03-05T23:59:59Z')).toEqual(summary)
    expect(await summaryAt(site, '2026-03-06T00:00:00Z')).toEqual({ ...summary, currentStreak: 0 })
  })

  it('is what GET /v1/users/{userId}/visits answers to those who may', async () => {
    const site = testSite()
    const [ada, eve] = [await site.member('ada'), await site.member('eve')]
    await ada.post('/v1/me/visits')
    const { body } = await ada.get('/v1/me/visits')
    expect(body.total).toBe(1)
    const path = `/v1/users/${ada.userId}/visits`
    for (const client of [ada, await site.memberWith('moderator'), await site.root()]) {
      expect(await client.get(path)).toMatchObject({ status: 200, body })
    }
    expect(await eve.get(path)).toMatchObject({ status: 403, body: { required: 'visit:read' } })
    expect((await (await site.root()).get(`/v1/users/${ABSENT}/visits`)).status).toBe(404)
  })

  it('leaves the profile as it was: a visit is no change of the member', async () => {
    const site = testSite()
    const ada = await site.member('ada')
    const before = await ada.get('/v1/me')
    await ada.post('/v1/me/visits')
    expect((await ada.get('/v1/me')).body).toEqual(before.body)
    const log = await (await site.root()).get(`/v1/audit?target=${ada.userId}`)
    expect(log.body.items).toMatchObject([{ action: 'user.create' }])
  })
})
