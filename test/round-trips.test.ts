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
import { partner } from './support/keys.ts'
import { REQUESTS } from './support/mutating-requests.ts'
import { ISSUER } from './support/site.ts'

type Trips = readonly [d1: number, objects: number]

/**
 * The costs for a member whom the site knows: one trip finds them and their rights, the rest is the
 * route's. A POST that writes is asked with an Idempotency-Key, which takes D1 one trip more; and
 * if the answer depends on what there is, it takes one to foresee it.
 */
const SIGNED_IN: Readonly<Record<string, Trips>> = {
  'GET /v1/whoami': [1, 0],
  // The one trip finds the key that signs; a visitor is stored nowhere.
  'POST /v1/visitors': [1, 0],
  'GET /v1/me': [2, 0],
  'PATCH /v1/me': [2, 0],
  'POST /v1/me/visits': [1, 1],
  'GET /v1/me/visits': [1, 1],
  'GET /v1/me/progress': [2, 1],
  'GET /v1/me/identities': [2, 0],
  'POST /v1/me/identities': [3, 0],
  'DELETE /v1/me/identities/:identityId': [3, 0],
  'GET /v1/users': [2, 0],
  'GET /v1/users/:userId': [2, 0],
  'PATCH /v1/users/:userId': [2, 0],
  'DELETE /v1/users/:userId': [3, 1],
  'POST /v1/users/:userId/suspend': [4, 0],
  'POST /v1/users/:userId/reinstate': [5, 1],
  'GET /v1/users/:userId/visits': [2, 1],
  'GET /v1/roles': [2, 0],
  'PUT /v1/roles/:role': [3, 0],
  'DELETE /v1/roles/:role': [3, 0],
  'PUT /v1/users/:userId/roles/:role': [2, 0],
  'DELETE /v1/users/:userId/roles/:role': [2, 0],
  'GET /v1/badges': [2, 0],
  'GET /v1/badges/:badgeId': [2, 0],
  'POST /v1/badges': [4, 0],
  'PATCH /v1/badges/:badgeId': [2, 0],
  'DELETE /v1/badges/:badgeId': [2, 0],
  'GET /v1/users/:userId/badges': [2, 0],
  'PUT /v1/users/:userId/badges/:badgeId': [2, 0],
  'DELETE /v1/users/:userId/badges/:badgeId': [2, 0],
  'POST /v1/badge-assignments/bulk': [4, 0],
  'GET /v1/badge-rules': [2, 0],
  'GET /v1/badge-rules/:ruleId': [2, 0],
  'POST /v1/badge-rules': [3, 0],
  'PATCH /v1/badge-rules/:ruleId': [2, 0],
  'DELETE /v1/badge-rules/:ruleId': [2, 0],
  // D1 finds the rule with the number of shards, and hears of a shard only if it found members.
  'POST /v1/badge-rules/:ruleId/preview': [3, 4],
  'GET /v1/audit': [2, 0],
  'GET /v1/elevations': [1, 0],
  'GET /v1/permissions': [1, 0],
  // An explained write finds both callers and the columns of its reads, and undoes what it writes.
  'POST /v1/explain': [4, 0],
  'GET /v1/jobs': [2, 0],
  'GET /v1/jobs/:job/runs': [2, 0],
  'POST /v1/jobs/:job/run': [3, 1],
  'GET /v1/api-keys': [2, 0],
  'GET /v1/api-keys/:keyId': [2, 0],
  'POST /v1/api-keys': [3, 0],
  // The key's gate is told before the change is acknowledged.
  'PATCH /v1/api-keys/:keyId': [2, 1],
  'DELETE /v1/api-keys/:keyId': [2, 1],
  'POST /v1/api-keys/:keyId/rotate': [4, 1],
  'GET /v1/api-keys/:keyId/usage': [2, 0],
  'GET /v1/services': [2, 0],
  'GET /v1/services/:serviceId': [2, 0],
  'POST /v1/services': [3, 0],
  'PATCH /v1/services/:serviceId': [2, 0],
  'DELETE /v1/services/:serviceId': [2, 0],
  'GET /v1/services/:serviceId/slots': [2, 0],
  'POST /v1/services/:serviceId/slots': [4, 0],
  'DELETE /v1/slots/:slotId': [2, 0],
  'POST /v1/bookings': [4, 0],
  'GET /v1/me/bookings': [2, 0],
  // The claim asks what there is to claim first.
  'POST /v1/me/bookings/claim': [4, 0],
  'GET /v1/bookings': [2, 0],
  'GET /v1/bookings/:bookingId{.+\\.ics}': [2, 0],
  'GET /v1/bookings/:bookingId': [2, 0],
  'POST /v1/bookings/:bookingId/confirm': [4, 0],
  'POST /v1/bookings/:bookingId/decline': [4, 0],
  'POST /v1/bookings/:bookingId/cancel': [4, 0],
  'DELETE /v1/bookings/:bookingId/contact': [2, 0],
}

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

describe('every route costs what the table says', () => {
  test('to a member', async () => {
    const scene = await countedSite()
    const costs: Record<string, Trips> = {}
    for (const route of routes) {
      const arrange = route.method === 'GET' ? undefined : REQUESTS[nameOf(route)]
      const request = arrange ? await arrange(scene) : () => scene.root.get(scene.pathOf(route))
      const { d1, objects } = await scene.costOf(async () => {
        const { status } = await request()
        expect(`${nameOf(route)}: ${status}`).toMatch(/: 20\d$/)
      })
      costs[nameOf(route)] = [d1, objects]
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
    expect(await costOf(patch)).toEqual({ d1: 2, objects: 0 })
    expect((await patch()).status).toBe(200)
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

  test('to a partner what it costs a member, with the gate in place of the trip that finds them', async () => {
    const { site, costOf, pathOf } = await countedSite()
    const key = await partner(site, { scopes: KEY_SCOPES })
    const costs: Record<string, Trips> = {}
    const usual: Record<string, Trips> = {}
    for (const route of routes.filter(isForPartners)) {
      const name = nameOf(route)
      const { d1, objects } = await costOf(async () => {
        expect(`${name}: ${(await key.get(pathOf(route))).status}`).toMatch(/: 200$/)
      })
      costs[name] = [d1, objects]
      const [trips = 0, calls = 0] = SIGNED_IN[name] ?? []
      usual[name] = [trips - 1, calls + 1]
    }
    // D1 is asked whether the gate is right even by a route that reads nothing.
    expect(costs).toEqual({ ...usual, 'GET /v1/elevations': [1, 1] })
  })

  test('one trip more with an Idempotency-Key, and a member’s first request no more than two', async () => {
    const { site, root, costOf } = await countedSite()
    const create = () =>
      root.post('/v1/badges', { title: 'Once' }, { headers: { 'Idempotency-Key': 'badge-1' } })
    expect(await costOf(create)).toEqual({ d1: 4, objects: 0 })
    expect(await costOf(create)).toEqual({ d1: 2, objects: 0 })
    const token = await ISSUER.sign({ sub: 'grace' })
    const first = () => site.bearer(token).get('/v1/whoami')
    expect(await costOf(first)).toEqual({ d1: 2, objects: 0 })
  })
})
