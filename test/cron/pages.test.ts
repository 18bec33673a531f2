/** A tick reads what it works on: what there is besides costs it nothing, however much that is. */
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { bookingOf, bookingScene, DAY, HOUR, timeIn } from '../support/bookings.ts'
import { intercepted } from '../support/intercept.ts'
import { rowsOf } from '../support/population.ts'
import { testSite } from '../support/site.ts'

const ROWS = env.FULL === '1' ? 200_000 : 4_000
/** What the ledger of jobs takes, which is the most. */
const MOST_AT_ONCE = 100

/** Rows that each call of D1 has read, with its text. */
function reading() {
  const calls: { text: string; read: number }[] = []
  const storage = intercepted(async (call, proceed) => {
    const result = await proceed()
    const results: readonly unknown[] = Array.isArray(result) ? result : [result]
    const read = results.reduce<number>((sum, each) => sum + rowsReadIn(each), 0)
    if (call.store === 'd1') calls.push({ text: call.text, read })
    return result
  })
  return { storage, calls }
}

function rowsReadIn(result: unknown): number {
  const meta: unknown = result instanceof Object && 'meta' in result ? result.meta : undefined
  const read: unknown = meta instanceof Object && 'rows_read' in meta ? meta.rows_read : 0
  return Number(read)
}

/** Stores copies of a booking with ids of their own and other columns as given. */
async function multiply(id: string, from: number, columns: Readonly<Record<string, string>>) {
  const all = await rowsOf<{ name: string }>(`select name from pragma_table_info('bookings')`)
  const own: Record<string, string> = {
    id: `substr(id, 1, 20) || printf('%010d', n)`,
    ...columns,
  }
  await rowsOf(
    `with recursive numbers(n) as (select ?2 union all select n + 1 from numbers where n < ?2 + ?3 - 1)
    insert into bookings (${all.map(({ name }) => name).join()})
    select ${all.map(({ name }) => own[name] ?? name).join()} from numbers, bookings where id = ?1`,
    id,
    from,
    ROWS / 2,
  )
}

test('a tick with nothing to do reads a few rows, whatever there is', async () => {
  const { storage, calls } = reading()
  const scene = await bookingScene(testSite({ ...storage, BOOKINGS_KEEP_DAYS: '30' }))
  const ada = await scene.site.member('ada')
  const { id } = await bookingOf(ada, await scene.slot())
  const [past, later] = [timeIn(-700 * DAY), timeIn(700 * DAY)]
  // Of members, who keep what they wrote; and of visitors, whose network is kept until they have come.
  await multiply(id, 0, {
    owner: `'${ada.userId}'`,
    note: `'n'`,
    contact: 'null',
    guest_email: 'null',
    guest_phone: 'null',
    status: `'confirmed'`,
    ends_at: `'${past}'`,
    is_for_guest: '0',
    network: 'null',
  })
  await multiply(id, ROWS / 2, {
    owner: `'vis_1'`,
    status: `'confirmed'`,
    starts_at: `'${later}'`,
    ends_at: `'${later}'`,
    network: `'n' || n`,
  })
  await rowsOf(
    `insert into calendar_feeds (secret_hash, kind, booking_id, created_at)
      select id, 'booking', id, '' from bookings where ends_at = ?`,
    later,
  )
  await rowsOf(`update booking_notices set due_at = null, network = null`)
  await rowsOf(
    `with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ?)
    insert into audit_log (id, at, actor, action, target, changes)
      select printf('aud_01hzzzzz%018d', n), '', '', 'profile.read', '', '{}' from numbers`,
    ROWS / 2,
  )
  for (const hours of [1, 25]) await scene.site.tick(Date.now() + hours * HOUR)
  calls.length = 0
  await scene.site.tick(Date.now() + 50 * HOUR)
  const most = calls.toSorted((a, b) => b.read - a.read)
  expect(most.filter(({ read }) => read > MOST_AT_ONCE)).toEqual([])
  expect(calls.reduce((sum, { read }) => sum + read, 0)).toBeLessThan(5 * MOST_AT_ONCE)
})
