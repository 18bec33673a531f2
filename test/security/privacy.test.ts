import { describe, expect, test } from 'vitest'
import { DOCUMENT_PATHS } from '../../src/http/documents/index.ts'
import { PROBLEMS } from '../../src/problem.ts'
import {
  allOf,
  BOOKING,
  canaryBooking,
  canaryMember,
  IDENTITY,
  leaksIn,
  PROFILE,
  watchConsole,
} from '../support/canaries.ts'
import { type CastName, EVERYBODY, isOutcast, refusalOf, type Row, ROWS } from '../support/cells.ts'
import { dump } from '../support/dump.ts'
import { canHave, FAULTS } from '../support/faults.ts'
import { ORIGIN, type Site, testSite } from '../support/site.ts'
import { bodyFor, castOf, pathFor, thingsFor } from '../support/world.ts'

const PROFILE_FIELDS = Object.keys(PROFILE).sort()
const BOOKING_FIELDS = Object.keys(BOOKING).sort()

/** A site where the member has done, and been subject to, everything that leaves traces. */
async function livedIn(site: Site) {
  const vera = await canaryMember(site)
  const cast = await castOf(site)
  const made = thingsFor(site, vera, Promise.resolve(vera))
  const bookingId = await canaryBooking(vera, await made.slotId())
  const things = { ...made, bookingId: async () => bookingId }
  const { reason } = BOOKING
  await cast['bookings-manager'].post(`/v1/bookings/${bookingId}/decline`, { reason })
  await cast.admin.patch(`/v1/badge-rules/${await things.ruleId()}`, { threshold: 1 })
  await vera.post('/v1/me/visits', undefined, { headers: { 'Idempotency-Key': 'visit' } })
  await cast.moderator.patch(`/v1/users/${vera.userId}`, { phone: PROFILE.phone })
  await cast.moderator.post(`/v1/users/${vera.userId}/suspend`)
  await cast.moderator.post(`/v1/users/${vera.userId}/reinstate`)
  await site.tick()
  return { vera, cast, things }
}

describe('private fields', () => {
  test('are in no answer but the full profile, for those who may see it', async () => {
    const written = watchConsole()
    const site = testSite()
    const { vera, cast, things } = await livedIn(site)
    for (const row of ROWS) {
      const { method, path } = row.declared
      for (const name of EVERYBODY) {
        for (const target of row.targets) {
          const refusal = refusalOf(row, name, target)
          if (!refusal && method !== 'GET') continue
          const caller = cast[name]
          const url = `${await pathFor(path, target, things, caller)}${row.search}`
          const json = await bodyFor(row.declared, things)
          const reply = await caller.call(method, url, { json })
          const cell = `${method} ${url}, ${name}`
          const shown = refusal
            ? []
            : shownBy(row, name, url, { userId: vera.userId, bookingId: await things.bookingId() })
          expect([cell, leaksIn(allOf(reply))]).toEqual([cell, shown])
        }
      }
    }
    expect(leaksIn(written)).toEqual([])
  })

  /** Her fields that a caller is shown in an answer they may have. */
  function shownBy(
    { matrix }: Row,
    name: CastName,
    url: string,
    { userId, bookingId }: { userId: string; bookingId: string },
  ): string[] {
    const profiles = [`/v1/users/${userId}?view=full`, '/v1/users?view=full']
    if (profiles.includes(url)) return PROFILE_FIELDS
    if (url === `/v1/users/${userId}/identities` && name === 'admin') return ['subject']
    if (url === `/v1/users/${userId}/export` && name === 'admin')
      return [...new Set([...PROFILE_FIELDS, ...BOOKING_FIELDS, 'subject'])].toSorted()
    const managesBookings = !isOutcast(name) && matrix.answers[name] === 'allowed'
    if (!managesBookings) return []
    if (url === `/v1/bookings/${bookingId}/calendar.ics`) return ['note']
    return url === '/v1/bookings' || url === `/v1/bookings/${bookingId}` ? BOOKING_FIELDS : []
  }

  test('are in no error, whatever is wrong with a request about them', async () => {
    const written = watchConsole()
    const { cast, things } = await livedIn(testSite())
    for (const row of ROWS) {
      const { declared, search } = row
      const target = row.targets.includes('other') ? 'other' : 'existing'
      const path = await pathFor(declared.path, target, things, cast.admin)
      const body = await bodyFor(declared, things)
      for (const fault of FAULTS.filter((each) => each.concerns(row) && canHave(each, target))) {
        const url = [path + search, fault.query].filter(Boolean).join(search === '' ? '?' : '&')
        const reply = await cast.admin.call(declared.method, url, fault.options(body))
        const cell = `${declared.method} ${url}, ${fault.name}`
        expect([cell, reply.status >= 400, leaksIn(allOf(reply))]).toEqual([cell, true, []])
      }
    }
    expect(leaksIn(written)).toEqual([])
  })

  test('are shown to the member, to moderators and to admins, and come back from their changes', async () => {
    const { vera, cast, things } = await livedIn(testSite())
    const booking = `/v1/bookings/${await things.bookingId()}`
    const bookings = [
      await vera.get('/v1/me/bookings'),
      await vera.get('/v1/bookings'),
      await vera.get(booking),
      await cast['bookings-manager'].get(booking),
      await cast.admin.get(booking),
    ]
    expect(bookings.map((reply) => leaksIn(reply.body))).toEqual(bookings.map(() => BOOKING_FIELDS))
    const path = `/v1/users/${vera.userId}`
    const replies = [
      await vera.get('/v1/me'),
      await vera.patch('/v1/me', { bio: 'Hello' }),
      await vera.get(`${path}?view=full`),
      await cast.moderator.get(`${path}?view=full`),
      await cast.moderator.patch(path, { bio: 'Hello' }),
      await cast.admin.get(`${path}?view=full`),
      await cast.admin.post(`${path}/suspend`),
    ]
    expect(replies.map((reply) => leaksIn(reply.body))).toEqual(replies.map(() => PROFILE_FIELDS))
  })

  test.each([
    '?view=public&view=full',
    '?view=full&view=public',
    '?view=FULL',
    '?view[]=full',
    '?view[0]=full',
    '?view=full%00',
    '?view=full,public',
    '?VIEW=full',
    '?view=public;view=full',
    '?fields=email,phone,address',
    '?include=email&expand=address&select=*',
  ])('are not had by asking for %s', async (search) => {
    const site = testSite()
    const [vera, eve] = [await canaryMember(site), await site.member('eve')]
    for (const caller of [site.anonymous, eve]) {
      for (const path of [`/v1/users/${vera.userId}`, `/v1/users/${vera.userId}/badges`]) {
        expect(leaksIn(allOf(await caller.get(`${path}${search}`)))).toEqual([])
      }
    }
  })

  test('are in no document, whatever its path says', async () => {
    const site = testSite()
    await canaryMember(site)
    const pages = [
      ...DOCUMENT_PATHS.filter((path) => !path.includes(':')),
      ...Object.keys(PROBLEMS).map((code) => `/problems/${code}`),
      '/',
      '/problems/none',
      '/v1',
    ]
    for (const page of pages) {
      const response = await site.fetch(new Request(`${ORIGIN}${page}`))
      const said = [...response.headers, await response.text()]
      expect([page, leaksIn(said)]).toEqual([page, []])
    }
  })

  test('stay where they are kept: not in the audit log, the ledger, stored answers or objects', async () => {
    const { vera, cast } = await livedIn(testSite())
    const stored = await dump()
    const leaking = Object.entries(stored).map(([table, rows]) => [table, leaksIn(rows)] as const)
    expect(leaking.filter(([, leaks]) => leaks.length > 0)).toEqual([
      ['bookings', BOOKING_FIELDS],
      ['identities', Object.keys(IDENTITY).sort()],
      ['users', PROFILE_FIELDS],
    ])
    await cast.admin.delete(`/v1/users/${vera.userId}`)
    // The hash of the identity stays, so that old tokens stay refused.
    const left = Object.entries(await dump()).map(
      ([table, rows]) => [table, leaksIn(rows)] as const,
    )
    expect(left.filter(([, leaks]) => leaks.length > 0)).toEqual([['erased_identities', ['hash']]])
  })
})
