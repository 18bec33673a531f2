/**
 * The round trips that a request may cost: calls to D1 (a batch is one) and to Durable Objects.
 * More than the table says is a regression; less is an improvement that belongs into the table.
 */
import { describe, expect, test } from 'vitest'
import { routes } from '../src/api/index.ts'
import type { Route } from '../src/http/route.ts'
import { assertComplete } from './support/complete.ts'
import { countedSite } from './support/counted-site.ts'
import { KEY_SCOPES } from '../src/security/permissions.ts'
import { countingStorage } from './support/counting.ts'
import { partner } from './support/keys.ts'
import { FROM_ELSEWHERE, pagesSite, rule } from './support/pages.ts'
import { REQUESTS } from './support/mutating-requests.ts'
import { ISSUER } from './support/site.ts'

type Trips = readonly [d1: number, objects: number]

/**
 * The costs for a member whom the isolate knows: the one trip also checks that they still are who they
 * were. A POST that writes is asked with an Idempotency-Key; where there is a second trip, it says why.
 */
const SIGNED_IN: Readonly<Record<string, Trips>> = {
  'GET /v1/whoami': [1, 0],
  // The one trip finds the key that signs; a visitor is stored nowhere.
  'POST /v1/visitors': [1, 0],
  'GET /v1/me': [1, 0],
  'PATCH /v1/me': [1, 0],
  // What has to be erased elsewhere is, and is ticked off.
  'DELETE /v1/me': [2, 1],
  // What there is to say may be long; the first of each kind is one trip.
  'GET /v1/me/export': [3, 1],
  // What is known of the member is read first.
  'POST /v1/me/id-token': [2, 0],
  'POST /v1/me/visits': [1, 1],
  'GET /v1/me/visits': [1, 1],
  'GET /v1/me/progress': [1, 1],
  'GET /v1/me/notifications': [1, 0],
  // Whoever wants mail again gets it at the address they have, which is read first.
  'PATCH /v1/me/notifications': [2, 0],
  'GET /v1/me/identities': [1, 0],
  'POST /v1/me/identities': [1, 0],
  // The identities are listed to find the one with this id.
  'DELETE /v1/me/identities/:identityId': [2, 0],
  'GET /v1/users': [1, 0],
  'GET /v1/users/:userId': [1, 0],
  'PATCH /v1/users/:userId': [1, 0],
  // What has to be erased elsewhere is, and is ticked off.
  'DELETE /v1/users/:userId': [2, 1],
  'GET /v1/users/:userId/export': [3, 1],
  // The answer is foreseen from the member.
  'POST /v1/users/:userId/suspend': [2, 0],
  // The answer is foreseen from the member, and their visits are measured again.
  'POST /v1/users/:userId/reinstate': [3, 1],
  'GET /v1/users/:userId/visits': [1, 1],
  'GET /v1/users/:userId/sessions': [1, 0],
  'DELETE /v1/users/:userId/sessions': [1, 0],
  'DELETE /v1/users/:userId/sessions/:sessionId': [1, 0],
  'GET /v1/users/:userId/identities': [1, 0],
  // The identities are listed to find the one with this id.
  'DELETE /v1/users/:userId/identities/:identityId': [2, 0],
  'GET /v1/roles': [1, 0],
  // The role as it is now is compared with who defines it.
  'PUT /v1/roles/:role': [2, 0],
  // The role as it is now is compared with who deletes it.
  'DELETE /v1/roles/:role': [2, 0],
  'PUT /v1/users/:userId/roles/:role': [1, 0],
  'DELETE /v1/users/:userId/roles/:role': [1, 0],
  'GET /v1/badges': [1, 0],
  'GET /v1/badges/:badgeId': [1, 0],
  // Without a slug and a position, both follow from the other badges.
  'POST /v1/badges': [2, 0],
  'PATCH /v1/badges/:badgeId': [1, 0],
  'DELETE /v1/badges/:badgeId': [1, 0],
  'GET /v1/users/:userId/badges': [1, 0],
  'PUT /v1/users/:userId/badges/:badgeId': [1, 0],
  'DELETE /v1/users/:userId/badges/:badgeId': [1, 0],
  // The answer is foreseen from who has the badge.
  'POST /v1/badge-assignments/bulk': [2, 0],
  'GET /v1/badge-rules': [1, 0],
  'GET /v1/badge-rules/:ruleId': [1, 0],
  'POST /v1/badge-rules': [1, 0],
  'PATCH /v1/badge-rules/:ruleId': [1, 0],
  'DELETE /v1/badge-rules/:ruleId': [1, 0],
  // D1 finds the rule with the number of shards, and hears of a shard only if it found members.
  'POST /v1/badge-rules/:ruleId/preview': [1, 4],
  'GET /v1/services': [1, 0],
  'GET /v1/services/:serviceId': [1, 0],
  'POST /v1/services': [1, 0],
  'PATCH /v1/services/:serviceId': [1, 0],
  'DELETE /v1/services/:serviceId': [1, 0],
  'GET /v1/services/:serviceId/slots': [1, 0],
  // The service says in which zone a recurrence is.
  'POST /v1/services/:serviceId/slots': [2, 0],
  // The service says in which zone it is.
  'POST /v1/services/:serviceId/slots/preview': [1, 0],
  'DELETE /v1/slots/:slotId': [1, 0],
  // The answer is foreseen from the slot and its service.
  'POST /v1/bookings': [2, 0],
  'GET /v1/me/bookings': [1, 0],
  'POST /v1/me/calendar-feed': [1, 0],
  'DELETE /v1/me/calendar-feed': [1, 0],
  'POST /v1/services/:serviceId/calendar-feed': [1, 0],
  'DELETE /v1/services/:serviceId/calendar-feed': [1, 0],
  // What there is to claim is asked first.
  'POST /v1/me/bookings/claim': [2, 0],
  'GET /v1/bookings': [1, 0],
  'GET /v1/bookings/:bookingId/calendar.ics': [1, 0],
  'GET /v1/bookings/:bookingId': [1, 0],
  // The answer is foreseen from the bookings.
  'POST /v1/booking-decisions/bulk': [2, 0],
  // The answer is foreseen from the booking.
  'POST /v1/bookings/:bookingId/confirm': [2, 0],
  // The answer is foreseen from the booking.
  'POST /v1/bookings/:bookingId/decline': [2, 0],
  // The answer is foreseen from the booking.
  'POST /v1/bookings/:bookingId/cancel': [2, 0],
  'DELETE /v1/bookings/:bookingId/contact': [1, 0],
  'GET /v1/page-rules': [1, 0],
  'GET /v1/page-rules/:ruleId': [1, 0],
  // All rules together must not send anybody round.
  'POST /v1/page-rules': [2, 0],
  'PATCH /v1/page-rules/:ruleId': [2, 0],
  'DELETE /v1/page-rules/:ruleId': [2, 0],
  'GET /v1/api-keys': [1, 0],
  'GET /v1/api-keys/:keyId': [1, 0],
  'POST /v1/api-keys': [1, 0],
  // The key's gate is told before the change is acknowledged.
  'PATCH /v1/api-keys/:keyId': [1, 1],
  'DELETE /v1/api-keys/:keyId': [1, 1],
  // The answer is foreseen from the key.
  'POST /v1/api-keys/:keyId/rotate': [2, 1],
  'GET /v1/api-keys/:keyId/usage': [1, 0],
  'GET /v1/audit': [1, 0],
  // The seals, and at the same time the keys that have signed them; then each stretch.
  'GET /v1/audit/verify': [2, 0],
  'GET /v1/events': [1, 0],
  'GET /v1/webhooks': [1, 0],
  // How it is doing its object knows.
  'GET /v1/webhooks/:webhookId': [1, 1],
  // The object is told that there is something to do, as after the changes below.
  'POST /v1/webhooks': [1, 1],
  'PATCH /v1/webhooks/:webhookId': [1, 0],
  'DELETE /v1/webhooks/:webhookId': [1, 1],
  // The answer is foreseen from the webhook.
  'POST /v1/webhooks/:webhookId/rotate': [2, 0],
  'POST /v1/webhooks/:webhookId/ping': [1, 1],
  'GET /v1/webhooks/:webhookId/deliveries': [1, 1],
  'POST /v1/webhooks/:webhookId/deliveries/:deliveryId/replay': [1, 1],
  // The time is looked up in the feed.
  'POST /v1/webhooks/:webhookId/replay': [2, 1],
  'GET /v1/elevations': [1, 0],
  // This one was refused to whoever asks; anybody else has to be looked up.
  'GET /v1/refusals/:requestId': [1, 0],
  // Schema and facts, and what waits.
  'GET /v1/health': [4, 8],
  // Only that the caller still is who they were; a good token costs one trip, in which that is asked.
  'GET /v1/issuers': [1, 0],
  'POST /v1/issuers/check': [1, 0],
  'GET /v1/permissions': [1, 0],
  // An explained write finds whom it is about and the columns of its reads, and undoes what it writes.
  'POST /v1/explain': [3, 0],
  // Each of the objects of visits is asked, at the same time.
  'GET /v1/stats': [1, 4],
  'GET /v1/jobs': [1, 0],
  'GET /v1/jobs/:job/runs': [1, 0],
  'POST /v1/jobs/:job/run': [1, 1],
}

/** Routes that ask D1 for nothing together with the caller, so that it does not matter whether they are known. */
const OF_THE_CALLER_ALONE = new Set([
  'GET /v1/health',
  'GET /v1/whoami',
  'POST /v1/visitors',
  'POST /v1/me/visits',
  'GET /v1/me/visits',
  'GET /v1/elevations',
  'GET /v1/permissions',
  'GET /v1/issuers',
])

/** What a member costs whom the isolate does not know, besides the trip that finds them. */
const MORE_AT_FIRST: Readonly<Record<string, number>> = {
  'POST /v1/badge-rules/:ruleId/preview': 1,
  'POST /v1/services/:serviceId/slots/preview': 1,
  'POST /v1/issuers/check': 1,
  'POST /v1/me/bookings/claim': 1,
  'POST /v1/me/calendar-feed': 1,
  'POST /v1/services/:serviceId/calendar-feed': 1,
  'POST /v1/api-keys': 1,
  'POST /v1/api-keys/:keyId/rotate': 1,
}

/** What a route costs a partner besides the gate: whose refusal it was is looked up if it is not the caller's. */
const MORE_TO_PARTNERS: Readonly<Record<string, number>> = { 'GET /v1/refusals/:requestId': 1 }

/** The costs of open routes without a credential. */
const ANONYMOUS: Readonly<Record<string, Trips>> = {
  'GET /v1/whoami': [0, 0],
  'GET /v1/users/:userId': [1, 0],
  'GET /v1/badges': [1, 0],
  'GET /v1/badges/:badgeId': [1, 0],
  'GET /v1/users/:userId/badges': [1, 0],
  'GET /v1/permissions': [0, 0],
  'GET /v1/services': [1, 0],
  'GET /v1/services/:serviceId': [1, 0],
  'GET /v1/services/:serviceId/slots': [1, 0],
}

const nameOf = ({ method, path }: Route) => `${method} ${path}`
const isForPartners = ({ access, method }: Route) =>
  method === 'GET' && 'may' in access && access.owner !== 'self' && KEY_SCOPES.includes(access.may)
const isOpenRead = ({ access, method }: Route) => method === 'GET' && 'open' in access

describe('nothing is left out', () => {
  test('every route has its price', () => {
    assertComplete(Object.keys(SIGNED_IN), routes.map(nameOf), {
      list: 'SIGNED_IN in test/round-trips.test.ts',
      of: 'route',
      recipe: 'A route',
    })
  })

  test('every open route has its price without a credential', () => {
    assertComplete(Object.keys(ANONYMOUS), routes.filter(isOpenRead).map(nameOf), {
      list: 'ANONYMOUS in test/round-trips.test.ts',
      of: 'open route',
      recipe: 'A route',
    })
  })
})

/** Rights and rules come with one trip; an isolate that is new to the site also finds the key that signs. */
describe('a page', () => {
  test('that is restricted costs one trip to whoever the isolate knows, refused or not', async () => {
    const { storage, costOf } = countingStorage()
    const site = pagesSite(storage)
    await rule('/members/*', 'members')
    await rule('/data', { may: 'profile:read', reach: 'any' })
    const ada = await site.account('ada@example.com')
    const [bob, key] = [await site.member('bob'), await partner(site, { scopes: ['profile:read'] })]
    const costs: Record<string, Trips> = {}
    const asks = {
      'by cookie': () => ada.get('/members/x'),
      'by token': () => bob.get('/members/x'),
      'by key': () => key.get('/data'),
      'by a key without the right': () => key.get('/members/x'),
      'by a token without the right': () => bob.get('/data'),
      'by nobody': () => site.anonymous.get('/members/x'),
      'by nobody who gets to sign in': () => site.browser().get('/members/x', FROM_ELSEWHERE),
    }
    for (const [name, ask] of Object.entries(asks)) {
      await ask()
      const { d1, objects } = await costOf(ask)
      costs[name] = [d1, objects]
    }
    expect(costs).toEqual({
      'by cookie': [1, 0],
      'by token': [1, 0],
      'by key': [1, 1],
      'by a key without the right': [1, 1],
      'by a token without the right': [1, 0],
      'by nobody': [1, 0],
      'by nobody who gets to sign in': [1, 0],
    })
    const odd = () => site.anonymous.get('/members/%2Fx')
    expect(await costOf(odd)).toEqual({ d1: 0, objects: 0 })
  })

  test('costs two trips more to a member whom a new isolate has to find', async () => {
    const { storage, costOf } = countingStorage()
    const met = pagesSite()
    await rule('/members/*', 'members')
    const { token } = await met.member('ada')
    await met.bearer(token).get('/members/x')
    const site = pagesSite(storage)
    await site.anonymous.get('/v1/badges')
    const ask = () => site.bearer(token).get('/members/x')
    expect(await costOf(ask)).toEqual({ d1: 3, objects: 0 })
    expect(await costOf(ask)).toEqual({ d1: 1, objects: 0 })
  })
})

describe('every route costs what the table says', () => {
  test.each([
    { to: 'to a member whom the isolate knows', isKnown: true },
    { to: 'and to one whom it does not, one trip to D1 more', isKnown: false },
  ])('$to', async ({ isKnown }) => {
    const scene = await countedSite()
    const price = isKnown ? scene.costOf : scene.costOfFirst
    const costs: Record<string, Trips> = {}
    for (const route of routes) {
      const arrange = route.method === 'GET' ? undefined : REQUESTS[nameOf(route)]
      const request = arrange ? await arrange(scene) : () => scene.root.get(scene.pathOf(route))
      const { d1, objects } = await price(async () => {
        const { status } = await request()
        expect(`${nameOf(route)}: ${status}`).toMatch(/: 20\d$/)
      })
      const name = nameOf(route)
      const atFirst = OF_THE_CALLER_ALONE.has(name) ? 0 : 1 + (MORE_AT_FIRST[name] ?? 0)
      costs[name] = [isKnown ? d1 : d1 - atFirst, objects]
    }
    expect(costs).toEqual(SIGNED_IN)
  })

  test('to nobody in particular, where it is open', async () => {
    const { site, costOf, pathOf } = await countedSite()
    const costs: Record<string, Trips> = {}
    for (const route of routes.filter(isOpenRead)) {
      const { d1, objects } = await costOf(() => site.anonymous.get(pathOf(route)))
      costs[nameOf(route)] = [d1, objects]
    }
    expect(costs).toEqual(ANONYMOUS)
  })

  test('to a moderator who changes another profile, and to somebody who repeats a visit', async () => {
    const { site, someone, costOf } = await countedSite()
    const [ada, moderator] = [await someone(), await site.memberWith('moderator')]
    const patch = () => moderator.patch(`/v1/users/${ada.userId}`, { bio: 'Moderated' })
    expect((await patch()).status).toBe(200)
    expect(await costOf(patch)).toEqual({ d1: 1, objects: 0 })
    await ada.post('/v1/me/visits')
    const once = { headers: { 'Idempotency-Key': 'visit-1' } }
    const again = () => ada.post('/v1/me/visits', undefined, once)
    expect(await costOf(again)).toEqual({ d1: 1, objects: 1 })
  })

  test('to a partner one object call, and no D1 call for the key', async () => {
    const { site, root, userId, costOf } = await countedSite()
    const { body: key } = await root.post('/v1/api-keys', { name: 'P', scopes: ['profile:read'] })
    const read = (path: string) => site.bearer(key.secret).get(path)
    expect((await read(`/v1/users/${userId}?view=full`)).status).toBe(200)
    for (const path of [`/v1/users/${userId}`, `/v1/users/${userId}?view=full`]) {
      expect(await costOf(() => read(path))).toEqual({ d1: 1, objects: 1 })
    }
    expect(await costOf(() => read('/v1/whoami'))).toEqual({ d1: 0, objects: 1 })
  })

  test('to a partner what it costs a member, and the gate', async () => {
    const { site, costOf, pathOf } = await countedSite()
    const key = await partner(site, { scopes: KEY_SCOPES })
    const costs: Record<string, Trips> = {}
    const usual: Record<string, Trips> = {}
    for (const route of routes.filter(isForPartners)) {
      const name = nameOf(route)
      // The test of what is left out names a route that SIGNED_IN lacks.
      const own = SIGNED_IN[name]
      if (!own) continue
      const { d1, objects } = await costOf(async () => {
        expect(`${name}: ${(await key.get(pathOf(route))).status}`).toMatch(/: 200$/)
      })
      costs[name] = [d1, objects]
      const [trips, calls] = own
      usual[name] = [trips + (MORE_TO_PARTNERS[name] ?? 0), calls + 1]
    }
    // D1 is asked whether the gate is right even by a route that reads nothing.
    expect(costs).toEqual(usual)
  })

  test('no trip more with an Idempotency-Key, and a member’s first request no more than two', async () => {
    const { site, root, costOf } = await countedSite()
    const create = () =>
      root.post(
        '/v1/badges',
        { title: 'Once', slug: 'once', position: 1 },
        { headers: { 'Idempotency-Key': 'badge-1' } },
      )
    expect(await costOf(create)).toEqual({ d1: 1, objects: 0 })
    expect(await costOf(create)).toEqual({ d1: 2, objects: 0 })
    const token = await ISSUER.sign({ sub: 'grace' })
    const first = () => site.bearer(token).get('/v1/whoami')
    expect(await costOf(first)).toEqual({ d1: 2, objects: 0 })
  })

  test('two trips more to a member who is not who they were: one is void, one reads them', async () => {
    const { site, costOf } = await countedSite()
    const moderator = await site.memberWith('moderator')
    const who = () => moderator.get('/v1/me')
    expect(await costOf(who)).toEqual({ d1: 3, objects: 0 })
    expect(await costOf(who)).toEqual({ d1: 1, objects: 0 })
  })
})
