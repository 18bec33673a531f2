/** The site in figures: counters that no change passes by. */
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { siteDay } from '../../src/calendar/site-day.ts'
import { bookingOf, bookingScene, CONTACT } from '../support/bookings.ts'
import { badgeWithRule, populate, rowsOf, visit } from '../support/population.ts'
import { testSite } from '../support/site.ts'

/** What the counters have to say, by counting. */
async function counted() {
  const rows = await rowsOf<{ kind: string; key: string; count: number }>(
    `select 'members' as kind, status as key, count(*) as count from users group by status
     union all select 'bookings', status, count(*) from bookings group by status
     union all select 'awards', 'held', count(*) from badge_assignments where removed_at is null`,
  )
  return rows.filter(({ count }) => count > 0)
}

test('GET /v1/stats tells what there is, after every kind of change', async () => {
  const { site, root, slot } = await bookingScene()
  const [manager, ada, bob] = [
    await site.memberWith('bookings-manager'),
    await site.member('ada'),
    await site.member('bob'),
  ]
  const badge = (await root.post('/v1/badges', { title: 'Badge' })).body
  const award = (userId: string) => `/v1/users/${userId}/badges/${badge.id}`
  const ids: string[] = []
  for (const by of [ada, bob, ada]) ids.push((await bookingOf(by, await slot(), CONTACT)).id)
  await manager.post(`/v1/bookings/${ids[0]}/confirm`)
  await manager.post('/v1/booking-decisions/bulk', { action: 'decline', bookingIds: [ids[1]] })
  await root.put(award(ada.userId))
  await root.put(award(bob.userId))
  await root.delete(award(bob.userId))
  await root.put(award(bob.userId))
  await root.post(`/v1/users/${bob.userId}/suspend`)
  await site.tick()

  const { status, body } = await manager.get('/v1/stats')
  expect([status, body]).toMatchObject([
    200,
    {
      members: { active: 3, suspended: 1 },
      joinedByDay: [{ day: body.asOf.slice(0, 10), members: 4 }],
      badgesHeld: 2,
      bookings: { pending: 1, confirmed: 1, declined: 1, canceled: 0 },
    },
  ])
  expect(body.jobs).toContainEqual(
    expect.objectContaining({ job: 'award-badges', status: 'succeeded' }),
  )

  await root.delete(`/v1/users/${ada.userId}`)
  await root.delete(`/v1/badges/${badge.id}`)
  const after = (await root.get('/v1/stats')).body
  expect(after).toMatchObject({
    members: { active: 2, suspended: 1 },
    joinedByDay: [{ members: 4 }],
    badgesHeld: 0,
    bookings: { pending: 0, confirmed: 0, declined: 1, canceled: 2 },
  })
  const kept = await rowsOf<{ kind: string; key: string; count: number }>(
    `select kind, key, count from counters where kind <> 'joined' and count <> 0`,
  )
  expect(new Set(kept.map((row) => JSON.stringify(row)))).toEqual(
    new Set((await counted()).map((row) => JSON.stringify(row))),
  )
  expect((await bob.get('/v1/stats')).status).toBe(403)
})

test('visits are told by day, of the members there are, and foreseen ones are none', async () => {
  const site = testSite()
  const [root, ada] = [await site.root(), await site.member('ada')]
  const told = async () => (await root.get('/v1/stats')).body.visitsByDay
  expect(await told()).toEqual([])
  const { day } = (await ada.post('/v1/me/visits')).body
  await ada.post('/v1/me/visits')
  expect(await told()).toEqual([{ day, visits: 1 }])
  await root.post('/v1/me/visits')
  const call = { method: 'POST', path: '/v1/me/visits', body: {} }
  const bob = await site.member('bob')
  expect((await bob.post('/v1/explain', call)).body.status).toBe(201)
  expect(await told()).toEqual([{ day, visits: 2 }])
  await root.delete(`/v1/users/${ada.userId}`)
  expect(await told()).toEqual([{ day, visits: 1 }])
})

test('badges given by hand and by rules are told by the days of the site, each of them once', async () => {
  const now = new Date()
  // One that is a day ahead of UTC, or behind it.
  const zone = now.getUTCHours() < 11 ? 'Pacific/Niue' : 'Pacific/Kiritimati'
  const site = testSite({ SITE_TIME_ZONE: zone })
  const [root, bob] = [await site.root(), await site.member('bob')]
  const told = async () => (await root.get('/v1/stats')).body.awardsByDay
  expect(await told()).toEqual([])
  const badge = (await root.post('/v1/badges', { title: 'Badge' })).body
  const award = `/v1/users/${bob.userId}/badges/${badge.id}`
  await root.post('/v1/explain', { method: 'PUT', path: award })
  expect((await bob.put(award)).status).toBe(403)
  for (let times = 0; times < 2; times++) await root.put(award)
  await root.delete(award)
  await badgeWithRule()
  await visit(await populate(3, 2))
  for (let times = 0; times < 2; times++) await site.tick()
  const day = siteDay(now.getTime(), zone)
  expect([day === now.toISOString().slice(0, 10), await told()]).toEqual([
    false,
    [{ day, awards: 4 }],
  ])
})

test('what was refused is told by day, of all callers together', async () => {
  const root = await testSite().root()
  const [today, before] = [0, 200].map((days) =>
    new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10),
  )
  for (const [key, day, code] of [
    ['', today, 'forbidden'],
    ['key_x', today, 'forbidden'],
    ['key_x', before, 'forbidden'],
  ])
    await env.DB.prepare('insert into refusal_counts values (?, ?, ?, ?, 2)')
      .bind(key, day, code, 'permission')
      .run()
  const { body } = await root.get('/v1/stats')
  expect(body.refusedByDay).toEqual([{ day: today, refusals: 4 }])
})

test('a refused write and a dry run count nothing', async () => {
  const { site, root, slot } = await bookingScene()
  const ada = await site.member('ada')
  const slotId = await slot()
  await bookingOf(ada, slotId, CONTACT)
  const before = (await root.get('/v1/stats')).body.bookings
  expect((await ada.post('/v1/bookings', { slotId, contact: CONTACT })).status).toBe(409)
  const booking = { method: 'POST', path: '/v1/bookings', body: { slotId: await slot() } }
  expect((await ada.post('/v1/explain', booking)).body.status).toBe(201)
  expect((await root.get('/v1/stats')).body.bookings).toEqual(before)
})
