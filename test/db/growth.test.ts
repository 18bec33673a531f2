/**
 * A page costs the same however long its list is. With ten thousand rows, by any two filters, it reads no
 * more than three rows for each that it shows: also where each filter finds many and both find nothing.
 */
import type * as z from 'zod'
import { expect, test } from 'vitest'
import type { Route } from '../../src/http/route.ts'
import { countingStorage } from '../support/counting.ts'
import { furnish } from '../support/every-route.ts'
import { rowsOf } from '../support/population.ts'
import { testSite } from '../support/site.ts'

const ROWS = 10_000
const LIMIT = 50
/** A cursor leads to where it points: the fifth page costs as much as the first. */
const PAGES = 5

/** Lists that are read whole, and why they stay short. */
const SHORT: Readonly<Record<string, string>> = {
  'GET /v1/elevations': 'they are written in the code',
  'GET /v1/jobs': 'they are written in the code',
  'GET /v1/roles': 'a site has as many as people can keep apart',
  'GET /v1/page-rules': 'a site has at most 200, which are all read for each page',
  'GET /v1/me/identities': 'a member has as many as ways to sign in',
  'GET /v1/users/:userId/identities': 'a member has as many as ways to sign in',
  'GET /v1/users/:userId/sessions': 'a member has as many as browsers of the last two weeks',
  'GET /v1/me/progress': 'a site has as many rules as badges that are given by one',
  'GET /v1/users/:userId/badges': 'a member has as many as there are badges',
}

const OTHER_SERVICE = 'svc_00000000000000000000000000'

const DECLINED = 'declined'

/** What each list is asked for. */
const ASKED = {
  // It begins the key of names as they are folded, and as they were before.
  q: 'Straß',
  email: 'ada@example.com',
  role: 'moderator',
  from: '2060-01-01T00:00:00Z',
  to: '2099-01-01T00:00:00Z',
  actor: 'usr_00000000000000000000000000',
  action: 'badge.assign',
  target: 'usr_00000000000000000000000001',
  since: '1970-01-01T00:00:00Z',
  until: '2100-01-01T00:00:00Z',
  types: 'badge.remove,badge.delete',
}

/** Of four rows by turns, each of three has one of the values that are asked for, and the fourth has none. */
function byTurns(turn: 0 | 1 | 2, asked: string, other: string): string {
  return `iif(n % 4 = ${turn}, '${asked}', '${other}')`
}

/** Stores copies of a row, with ids of their own and other columns as expressions of `n` say. */
async function multiply(table: string, id: string, columns: Readonly<Record<string, string>> = {}) {
  const all = await rowsOf<{ name: string }>(`select name from pragma_table_info('${table}')`)
  const own = { id: `substr(id, 1, 4) || '0' || printf('%025d', n)`, ...columns }
  const values = all.map(
    ({ name }) => Object.entries(own).find(([key]) => key === name)?.[1] ?? name,
  )
  await rowsOf(
    `insert into ${table} (${all.map(({ name }) => name).join(', ')})
     with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ${ROWS})
     select ${values.join(', ')} from numbers, ${table} where ${table}.id = ?`,
    id,
  )
}

test('a page reads as many rows as it shows, however many there are', async () => {
  const { storage, traced } = countingStorage()
  const site = testSite(storage)
  const { root, ada, badgeId, ruleId, calls } = await furnish(site)
  const [booking] = (await ada.get('/v1/me/bookings')).body.items
  const [slot] = await rowsOf<{ id: string; service_id: string }>(
    'select id, service_id from slots',
  )
  const [key] = await rowsOf<{ id: string }>('select id from api_keys')
  const [entry] = await rowsOf<{ id: string }>('select id from audit_log')
  await site.tick()
  const [run] = await rowsOf<{ id: string }>(
    'select id from job_runs where job = ?',
    'award-badges',
  )
  await multiply('users', ada.userId, {
    name_key: `case when n % 8 = 0 then 'strassen' when n % 4 = 0 then 'strasse'
      when n % 4 = 1 then 'straße' else 'other' end`,
    status: `iif(n / 8 % 2 = 0, 'suspended', 'active')`,
    // Few people have one address.
    email: `iif(n % 1000 = 0, '${ASKED.email}', n || '@example.com')`,
  })
  await rowsOf(
    `insert into user_roles (user_id, role, assigned_at, assigned_by)
     select id, '${ASKED.role}', '', '' from users where name_key = 'strassen'`,
  )
  await multiply('bookings', booking.id, {
    service_id: byTurns(0, booking.serviceId, OTHER_SERVICE),
    status: byTurns(1, DECLINED, 'confirmed'),
    starts_at: byTurns(2, '2070-01-01T00:00:00.000Z', '2050-01-01T00:00:00.000Z'),
    ends_at: `'2080-01-01T00:00:00.000Z'`,
    network: 'null',
  })
  await multiply('audit_log', entry?.id ?? '', {
    actor: byTurns(0, ASKED.actor, 'other'),
    action: byTurns(1, ASKED.action, 'other'),
    target: byTurns(2, ASKED.target, 'other'),
  })
  const [event] = await rowsOf<{ id: string }>('select id from feed')
  await multiply('feed', event?.id ?? '', {
    position: '100000 + n',
    type: byTurns(0, 'badge.remove', 'other'),
  })
  const [webhook] = await rowsOf<{ id: string }>('select id from webhooks')
  await multiply('webhooks', webhook?.id ?? '')
  await multiply('slots', slot?.id ?? '', {
    starts_at: `strftime('%Y-%m-%dT%H:%M:%fZ', '2070-01-01', n || ' hours')`,
    ends_at: `strftime('%Y-%m-%dT%H:%M:%fZ', '2070-01-01', n || ' hours', '9 minutes')`,
  })
  await multiply('api_keys', key?.id ?? '')
  await multiply('badges', badgeId, { slug: 'n' })
  await multiply('badge_rules', ruleId)
  await multiply('services', booking.serviceId)
  await multiply('job_runs', run?.id ?? '')

  const read: Record<string, readonly number[]> = {}
  const lists = calls.filter(({ route }) => 'cursor' in queryOf(route))
  expect(lists.map(({ route }) => nameOf(route))).toEqual(
    expect.arrayContaining(Object.keys(SHORT)),
  )
  for (const { route, path } of lists) {
    const names = Object.keys(queryOf(route)).filter((each) => !/^(limit|cursor)$/.test(each))
    const pairs = names.flatMap((one, at) => names.slice(at).map((other) => [one, other]))
    for (const [who, caller] of Object.entries({ root, ada })) {
      for (const pair of nameOf(route) in SHORT ? [] : [[], ...pairs]) {
        const status = route.path === '/v1/users' ? 'suspended' : DECLINED
        const asked = { ...ASKED, status, serviceId: booking.serviceId }
        const filters = Object.entries(asked).filter(([name]) => pair.includes(name))
        const query = new URLSearchParams([...filters, ['limit', String(LIMIT)]])
        const pages: number[] = []
        do {
          const { calls: trips } = await traced(async () => {
            const { nextCursor } = (await caller.get(`${path}?${query.toString()}`)).body
            if (nextCursor) query.set('cursor', nextCursor)
            else query.delete('cursor')
          })
          pages.push(trips.reduce((sum, { rowsRead }) => sum + rowsRead, 0))
        } while (query.has('cursor') && pages.length < PAGES)
        read[`${who}: ${nameOf(route)} by ${filters.map(([name]) => name).join(' and ')}`] = pages
      }
    }
  }
  // Whoever has a role is shown with it, which is read and sorted.
  const isCostly = ([list, pages]: [string, readonly number[]]) =>
    Math.max(...pages) > (/ by .*role/.test(list) ? 5 : 3) * (LIMIT + 1) + 20
  expect(Object.entries(read).filter(isCostly)).toEqual([])
  // Each filter by itself finds more than is read, and two of a kind find nothing together.
  for (const name of ['serviceId', 'status', 'from']) {
    expect(read[`ada: GET /v1/me/bookings by ${name}`]).toHaveLength(PAGES)
  }
  for (const name of ['actor', 'action', 'target']) {
    expect(read[`root: GET /v1/audit by ${name}`]).toHaveLength(PAGES)
  }
  expect(read['root: GET /v1/bookings by status and serviceId']).toHaveLength(1)
  expect(read['root: GET /v1/audit by actor and action']).toHaveLength(1)
  for (const by of ['q', 'role', 'status', 'q and role', 'role and status']) {
    expect(read[`root: GET /v1/users by ${by}`]).toHaveLength(PAGES)
  }
})

function queryOf(route: Route): object {
  const { query } = route.input
  return query && 'shape' in query ? (query as z.ZodObject).shape : {}
}

function nameOf({ method, path }: Route): string {
  return `${method} ${path}`
}
