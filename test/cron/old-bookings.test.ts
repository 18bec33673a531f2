/** Bookings are kept for good, or as long as the site says. */
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { bookingOf, bookingScene, DAY, HOUR } from '../support/bookings.ts'
import { rowsOf } from '../support/population.ts'
import { testSite } from '../support/site.ts'

const MANY = env.FULL === '1' ? 50_000 : 600

/** Copies of a booking, made by the same person at about the same time. */
async function multiply(id: string): Promise<void> {
  const columns = (
    await rowsOf<{ name: string }>(
      `select name from pragma_table_info('bookings') where name <> 'id'`,
    )
  ).map(({ name }) => `"${name}"`)
  await env.DB.prepare(
    `with recursive n(i) as (select 1 union all select i + 1 from n where i < ?2)
    insert into bookings (id, ${columns.join()})
    select substr(id, 1, 20) || printf('%010d', i), ${columns.join()} from bookings, n where id = ?1`,
  )
    .bind(id, MANY)
    .run()
}

test('those that ended BOOKINGS_KEEP_DAYS ago go with all that hangs off them, and no others', async () => {
  const kept = await bookingScene()
  const ada = await kept.site.member('ada')
  const old = await bookingOf(ada, await kept.slot({ autoConfirm: true }))
  const later = await bookingOf(ada, await kept.slot({}, { startsIn: 20 * DAY }))
  await ada.post(`/v1/bookings/${old.id}/cancel`)
  await multiply(old.id)
  await rowsOf(
    `insert into calendar_feeds (secret_hash, kind, booking_id, created_at) values ('x', 'booking', ?, '')`,
    old.id,
  )
  const count = async () => rowsOf('select count(*) as n from bookings')
  await kept.site.tick(Date.now() + 40 * DAY)
  expect(await count()).toEqual([{ n: MANY + 2 }])

  const site = testSite({ BOOKINGS_KEEP_DAYS: '30' })
  const ticks = MANY > 1000 ? 20 : 1
  for (let n = 0; n < ticks; n++) await site.tick(Date.now() + 45 * DAY + n * HOUR)
  expect(await count()).toEqual([{ n: 1 }])
  expect((await ada.get(`/v1/bookings/${old.id}`)).status).toBe(404)
  expect((await ada.get(`/v1/bookings/${later.id}`)).body.id).toBe(later.id)
  expect(await rowsOf(`select secret_hash from calendar_feeds`)).toEqual([])
  expect(
    await rowsOf('select booking_id from booking_notices where booking_id = ?', old.id),
  ).toEqual([])
  const counted = `select sum(count) as n from counters where kind = 'bookings'`
  expect(await rowsOf(counted)).toEqual([{ n: 1 }])
  expect((await ada.get('/v1/me/bookings')).body.items).toHaveLength(1)
})
