/**
 * A request for every route that changes something. It can be repeated, and has its effect once.
 */
import { env } from 'cloudflare:workers'
import { bookingOf, bookingScene, CONTACT } from './bookings.ts'
import { decodeJwt } from 'jose'
import { idTokenFor } from './identities.ts'
import { partner } from './keys.ts'
import { badgeWithRule } from './population.ts'
import { sessionOf } from './sessions.ts'
import { type Client, ISSUER, type Reply, type Site } from './site.ts'

export type Request = () => Promise<Reply>

/** A site, its first admin, and ways to make one more of each thing. */
export type Scene = Awaited<ReturnType<typeof sceneOf>>

export async function sceneOf(site: Site) {
  const root = await site.root()
  const make = async (path: string, body: unknown): Promise<{ readonly id: string }> =>
    (await root.post(path, body)).body
  const someone = () => site.member(crypto.randomUUID())
  /** A visitor who has made a request, so that the site has the key of their token at hand. */
  const visitor = async () => {
    const somebody = await site.visitor()
    await somebody.get('/v1/whoami')
    return somebody
  }
  const badge = () => make('/v1/badges', { title: crypto.randomUUID() })
  const rule = async () =>
    make('/v1/badge-rules', { badgeId: (await badge()).id, metric: 'visits', threshold: 9 })
  const pageRule = () =>
    make('/v1/page-rules', { path: `/pages/${crypto.randomUUID()}`, access: 'members' })
  const key = () => partner(site)
  /** A webhook that is told nothing. */
  const webhook = async () => {
    const url = `https://${crypto.randomUUID()}.example/`
    const { id } = await make('/v1/webhooks', { url, types: ['job.fail'] })
    await root.patch(`/v1/webhooks/${id}`, { enabled: false })
    return { id }
  }
  const { service, slotOf, slot } = await bookingScene(site)
  const booking = async (by: Client) => bookingOf(by, await slot(), CONTACT)
  return {
    site,
    root,
    someone,
    visitor,
    badge,
    rule,
    pageRule,
    key,
    webhook,
    service,
    slotOf,
    slot,
    booking,
  }
}

const once = () => ({ 'Idempotency-Key': crypto.randomUUID() })

const TOMORROW = {
  startsAt: new Date(Date.now() + 24 * 3_600_000).toISOString(),
  endsAt: new Date(Date.now() + 25 * 3_600_000).toISOString(),
}

/** Requests by visitors or about their bookings, in the form of `REQUESTS`. */
export const BY_VISITORS: typeof REQUESTS = {
  'POST /v1/bookings, by a visitor': async ({ slot, visitor }) => {
    const [me, slotId, headers] = [await visitor(), await slot(), once()]
    const body = { slotId, contact: CONTACT }
    return () => me.post('/v1/bookings', body, { headers })
  },
  'POST /v1/bookings/:bookingId/confirm, of a visitor': async ({ root, booking, visitor }) => {
    const [{ id }, headers] = [await booking(await visitor()), once()]
    return () => root.post(`/v1/bookings/${id}/confirm`, {}, { headers })
  },
  'POST /v1/bookings/:bookingId/cancel, by a visitor': async ({ booking, visitor }) => {
    const [me, headers] = [await visitor(), once()]
    const { id } = await booking(me)
    return () => me.post(`/v1/bookings/${id}/cancel`, {}, { headers })
  },
}

/** A function for each route that makes what its request needs. @returns the request, repeatable */
export const REQUESTS: Readonly<Record<string, (scene: Scene) => Promise<Request>>> = {
  'GET /v1/whoami': async ({ site }) => {
    const newcomer = site.bearer(await ISSUER.sign({ sub: crypto.randomUUID() }))
    return () => newcomer.get('/v1/whoami')
  },
  'PATCH /v1/me': async ({ someone }) => {
    const me = await someone()
    const headers = { 'If-Match': '"1"' }
    return () => me.patch('/v1/me', { displayName: 'New', address: { city: 'Ulm' } }, { headers })
  },
  'DELETE /v1/me': async ({ site }) => {
    const claims = { sub: crypto.randomUUID(), auth_time: Math.floor(Date.now() / 1000) }
    const me = site.bearer(await ISSUER.sign(claims))
    await me.get('/v1/me')
    return () => me.delete('/v1/me')
  },
  'PATCH /v1/me/notifications': async ({ someone }) => {
    const me = await someone()
    return () => me.patch('/v1/me/notifications', { bookingMails: true })
  },
  'POST /v1/me/calendar-feed': async ({ someone }) => {
    const [me, headers] = [await someone(), once()]
    await me.post('/v1/me/calendar-feed')
    return () => me.post('/v1/me/calendar-feed', undefined, { headers })
  },
  'DELETE /v1/me/calendar-feed': async ({ someone }) => {
    const me = await someone()
    await me.post('/v1/me/calendar-feed')
    return () => me.delete('/v1/me/calendar-feed')
  },
  'POST /v1/services/:serviceId/calendar-feed': async ({ root, service }) => {
    const [{ id }, headers] = [await service(), once()]
    return () => root.post(`/v1/services/${id}/calendar-feed`, undefined, { headers })
  },
  'DELETE /v1/services/:serviceId/calendar-feed': async ({ root, service }) => {
    const { id } = await service()
    await root.post(`/v1/services/${id}/calendar-feed`)
    return () => root.delete(`/v1/services/${id}/calendar-feed`)
  },
  'POST /v1/me/id-token': async ({ someone }) => {
    const me = await someone()
    // A younger one would also move the time until when the provider has been followed.
    const { iat } = decodeJwt(me.token)
    const idToken = await idTokenFor(me.token, { name: 'Ada', iat })
    return () => me.post('/v1/me/id-token', { idToken })
  },
  'POST /v1/me/visits': async ({ someone }) => {
    const [me, headers] = [await someone(), once()]
    return () => me.post('/v1/me/visits', {}, { headers })
  },
  'POST /v1/me/identities': async ({ someone }) => {
    const [me, headers] = [await someone(), once()]
    const token = await ISSUER.sign({ sub: crypto.randomUUID() })
    return () => me.post('/v1/me/identities', { token }, { headers })
  },
  'DELETE /v1/me/identities/:identityId': async ({ someone }) => {
    const me = await someone()
    const token = await ISSUER.sign({ sub: crypto.randomUUID() })
    const { body } = await me.post('/v1/me/identities', { token })
    return () => me.delete(`/v1/me/identities/${body.id}`)
  },
  'PATCH /v1/users/:userId': async ({ root, someone }) => {
    const [{ userId }, headers] = [await someone(), { 'If-Match': '"1"' }]
    return () => root.patch(`/v1/users/${userId}`, { bio: 'New' }, { headers })
  },
  'DELETE /v1/users/:userId': async ({ root, someone, badge }) => {
    const [member, { id }] = [await someone(), await badge()]
    await member.post('/v1/me/visits')
    await root.put(`/v1/users/${member.userId}/badges/${id}`)
    await root.put(`/v1/users/${member.userId}/roles/moderator`)
    return () => root.delete(`/v1/users/${member.userId}`)
  },
  'POST /v1/users/:userId/suspend': async ({ root, someone }) => {
    const [{ userId }, headers] = [await someone(), once()]
    return () => root.post(`/v1/users/${userId}/suspend`, {}, { headers })
  },
  'POST /v1/users/:userId/reinstate': async ({ site, root, someone }) => {
    const [member, headers] = [await someone(), once()]
    await env.DB.exec('update badge_rules set enabled = 0')
    await badgeWithRule()
    await member.post('/v1/me/visits')
    await root.post(`/v1/users/${member.userId}/suspend`)
    await site.tick()
    return () => root.post(`/v1/users/${member.userId}/reinstate`, {}, { headers })
  },
  'DELETE /v1/users/:userId/sessions': async ({ root, someone }) => {
    const { userId } = await someone()
    await sessionOf(userId)
    await sessionOf(userId)
    return () => root.delete(`/v1/users/${userId}/sessions`)
  },
  'DELETE /v1/users/:userId/sessions/:sessionId': async ({ root, someone }) => {
    const { userId } = await someone()
    const id = await sessionOf(userId)
    return () => root.delete(`/v1/users/${userId}/sessions/${id}`)
  },
  'DELETE /v1/users/:userId/identities/:identityId': async ({ root, someone }) => {
    const member = await someone()
    const token = await ISSUER.sign({ sub: crypto.randomUUID() })
    const { body } = await member.post('/v1/me/identities', { token })
    return () => root.delete(`/v1/users/${member.userId}/identities/${body.id}`)
  },
  'PUT /v1/users/:userId/roles/:role': async ({ root, someone }) => {
    const { userId } = await someone()
    return () => root.put(`/v1/users/${userId}/roles/moderator`)
  },
  'DELETE /v1/users/:userId/roles/:role': async ({ root, someone }) => {
    const { userId } = await someone()
    await root.put(`/v1/users/${userId}/roles/moderator`)
    return () => root.delete(`/v1/users/${userId}/roles/moderator`)
  },
  'PUT /v1/roles/:role': async ({ root, someone }) => {
    const { userId } = await someone()
    const role = `role-${crypto.randomUUID()}`
    await root.put(`/v1/roles/${role}`, { permissions: [] })
    await root.put(`/v1/users/${userId}/roles/${role}`)
    const permissions = [{ permission: 'audit:read', reach: 'any' }]
    return () => root.put(`/v1/roles/${role}`, { permissions })
  },
  'DELETE /v1/roles/:role': async ({ root, someone }) => {
    const { userId } = await someone()
    const role = `role-${crypto.randomUUID()}`
    await root.put(`/v1/roles/${role}`, { permissions: [] })
    await root.put(`/v1/users/${userId}/roles/${role}`)
    return () => root.delete(`/v1/roles/${role}`)
  },
  'POST /v1/badges': async ({ root }) => {
    const [title, headers] = [crypto.randomUUID(), once()]
    return () => root.post('/v1/badges', { title }, { headers })
  },
  'PATCH /v1/badges/:badgeId': async ({ root, badge }) => {
    const [{ id }, headers] = [await badge(), { 'If-Match': '"1"' }]
    return () => root.patch(`/v1/badges/${id}`, { description: 'New' }, { headers })
  },
  'DELETE /v1/badges/:badgeId': async ({ root, badge, someone }) => {
    const [{ id }, { userId }] = [await badge(), await someone()]
    await root.put(`/v1/users/${userId}/badges/${id}`)
    await root.post('/v1/badge-rules', { badgeId: id, metric: 'visits', threshold: 9 })
    return () => root.delete(`/v1/badges/${id}`)
  },
  'PUT /v1/users/:userId/badges/:badgeId': async ({ root, badge, someone }) => {
    const [{ id }, { userId }] = [await badge(), await someone()]
    return () => root.put(`/v1/users/${userId}/badges/${id}`)
  },
  'DELETE /v1/users/:userId/badges/:badgeId': async ({ root, badge, someone }) => {
    const [{ id }, { userId }] = [await badge(), await someone()]
    await root.put(`/v1/users/${userId}/badges/${id}`)
    return () => root.delete(`/v1/users/${userId}/badges/${id}`)
  },
  'POST /v1/badge-assignments/bulk': async ({ root, badge, someone }) => {
    const [{ id }, headers] = [await badge(), once()]
    const userIds = [(await someone()).userId, (await someone()).userId]
    return () => root.post('/v1/badge-assignments/bulk', { badgeId: id, userIds }, { headers })
  },
  'POST /v1/badge-rules': async ({ root, badge }) => {
    const [{ id }, headers] = [await badge(), once()]
    const rule = { badgeId: id, metric: 'visits', threshold: 9 }
    return () => root.post('/v1/badge-rules', rule, { headers })
  },
  'PATCH /v1/badge-rules/:ruleId': async ({ root, rule }) => {
    const [{ id }, headers] = [await rule(), { 'If-Match': '"1"' }]
    return () => root.patch(`/v1/badge-rules/${id}`, { threshold: 10 }, { headers })
  },
  'DELETE /v1/badge-rules/:ruleId': async ({ root, rule }) => {
    const { id } = await rule()
    return () => root.delete(`/v1/badge-rules/${id}`)
  },
  'POST /v1/badge-rules/:ruleId/preview': async ({ root, rule }) => {
    const { id } = await rule()
    return () => root.post(`/v1/badge-rules/${id}/preview`)
  },
  'POST /v1/page-rules': async ({ root }) => {
    const [headers, rule] = [once(), { path: `/new/${crypto.randomUUID()}/*`, access: 'members' }]
    return () => root.post('/v1/page-rules', rule, { headers })
  },
  'PATCH /v1/page-rules/:ruleId': async ({ root, pageRule }) => {
    const [{ id }, headers] = [await pageRule(), { 'If-Match': '"1"' }]
    return () => root.patch(`/v1/page-rules/${id}`, { access: 'anyone' }, { headers })
  },
  'DELETE /v1/page-rules/:ruleId': async ({ root, pageRule }) => {
    const { id } = await pageRule()
    return () => root.delete(`/v1/page-rules/${id}`)
  },
  'POST /v1/api-keys': async ({ root }) => {
    const headers = once()
    return () => root.post('/v1/api-keys', { name: 'Partner', scopes: [] }, { headers })
  },
  'PATCH /v1/api-keys/:keyId': async ({ root, key }) => {
    const [{ id }, headers] = [await key(), { 'If-Match': '"1"' }]
    return () => root.patch(`/v1/api-keys/${id}`, { name: 'New' }, { headers })
  },
  'DELETE /v1/api-keys/:keyId': async ({ root, key }) => {
    const { id } = await key()
    return () => root.delete(`/v1/api-keys/${id}`)
  },
  'POST /v1/api-keys/:keyId/rotate': async ({ root, key }) => {
    const [{ id }, headers] = [await key(), once()]
    return () => root.post(`/v1/api-keys/${id}/rotate`, { graceSeconds: 60 }, { headers })
  },
  'POST /v1/webhooks': async ({ root }) => {
    const [headers, url] = [once(), `https://${crypto.randomUUID()}.example/`]
    return () => root.post('/v1/webhooks', { url, types: ['job.fail'] }, { headers })
  },
  'PATCH /v1/webhooks/:webhookId': async ({ root, webhook }) => {
    const [{ id }, headers] = [await webhook(), { 'If-Match': '"2"' }]
    return () => root.patch(`/v1/webhooks/${id}`, { types: ['job.fail'] }, { headers })
  },
  'DELETE /v1/webhooks/:webhookId': async ({ root, webhook }) => {
    const { id } = await webhook()
    return () => root.delete(`/v1/webhooks/${id}`)
  },
  'POST /v1/webhooks/:webhookId/rotate': async ({ root, webhook }) => {
    const [{ id }, headers] = [await webhook(), once()]
    return () => root.post(`/v1/webhooks/${id}/rotate`, {}, { headers })
  },
  'POST /v1/webhooks/:webhookId/ping': async ({ root, webhook }) => {
    const { id } = await webhook()
    return () => root.post(`/v1/webhooks/${id}/ping`)
  },
  'POST /v1/webhooks/:webhookId/deliveries/:deliveryId/replay': async ({ root, webhook }) => {
    const { id } = await webhook()
    const { deliveryId } = (await root.post(`/v1/webhooks/${id}/ping`)).body
    return () => root.post(`/v1/webhooks/${id}/deliveries/${deliveryId}/replay`)
  },
  'POST /v1/webhooks/:webhookId/replay': async ({ root, webhook }) => {
    const { id } = await webhook()
    return () => root.post(`/v1/webhooks/${id}/replay`, { since: '2026-01-01T00:00:00Z' })
  },
  'POST /v1/services': async ({ root }) => {
    const headers = once()
    return () => root.post('/v1/services', { name: 'Yoga' }, { headers })
  },
  'PATCH /v1/services/:serviceId': async ({ root, service }) => {
    const [{ id }, headers] = [await service(), { 'If-Match': '"1"' }]
    return () => root.patch(`/v1/services/${id}`, { name: 'New' }, { headers })
  },
  'DELETE /v1/services/:serviceId': async ({ root, service, slotOf }) => {
    const { id } = await service()
    await slotOf(id)
    return () => root.delete(`/v1/services/${id}`)
  },
  'POST /v1/services/:serviceId/slots': async ({ root, service }) => {
    const [{ id }, headers] = [await service(), once()]
    return () => root.post(`/v1/services/${id}/slots`, TOMORROW, { headers })
  },
  'POST /v1/services/:serviceId/slots/preview': async ({ root, service }) => {
    const { id } = await service()
    return () => root.post(`/v1/services/${id}/slots/preview`, TOMORROW)
  },
  'DELETE /v1/slots/:slotId': async ({ root, slot }) => {
    const id = await slot()
    return () => root.delete(`/v1/slots/${id}`)
  },
  'POST /v1/bookings': async ({ slot, someone }) => {
    const [me, slotId, headers] = [await someone(), await slot(), once()]
    return () => me.post('/v1/bookings', { slotId }, { headers })
  },
  'POST /v1/visitors': async ({ site }) => {
    // The first visitor of a site makes the key that signs their tokens.
    await site.visitor()
    return () => site.anonymous.post('/v1/visitors')
  },
  'POST /v1/me/bookings/claim': async ({ booking, someone, visitor }) => {
    const [me, former, headers] = [await someone(), await visitor(), once()]
    await booking(former)
    await booking(former)
    return () => me.post('/v1/me/bookings/claim', { visitorToken: former.token }, { headers })
  },
  'POST /v1/booking-decisions/bulk': async ({ root, booking, someone }) => {
    const bookingIds = [(await booking(await someone())).id, (await booking(await someone())).id]
    const headers = once()
    return () =>
      root.post('/v1/booking-decisions/bulk', { action: 'decline', bookingIds }, { headers })
  },
  'POST /v1/bookings/:bookingId/confirm': async ({ root, booking, someone }) => {
    const [{ id }, headers] = [await booking(await someone()), once()]
    return () => root.post(`/v1/bookings/${id}/confirm`, {}, { headers })
  },
  'POST /v1/bookings/:bookingId/decline': async ({ root, booking, someone }) => {
    const [{ id }, headers] = [await booking(await someone()), once()]
    return () => root.post(`/v1/bookings/${id}/decline`, { reason: 'Closed' }, { headers })
  },
  'POST /v1/bookings/:bookingId/cancel': async ({ booking, someone }) => {
    const [me, headers] = [await someone(), once()]
    const { id } = await booking(me)
    return () => me.post(`/v1/bookings/${id}/cancel`, {}, { headers })
  },
  'DELETE /v1/bookings/:bookingId/contact': async ({ root, booking, someone }) => {
    const { id } = await booking(await someone())
    return () => root.delete(`/v1/bookings/${id}/contact`)
  },
  'POST /v1/explain': async ({ someone }) => {
    const me = await someone()
    return () => me.post('/v1/explain', { method: 'PATCH', path: '/v1/me', body: { bio: 'New' } })
  },
  'POST /v1/jobs/:job/run': async ({ root }) => {
    const headers = once()
    return () => root.post('/v1/jobs/prune-records/run', {}, { headers })
  },
}

/** Requests that are on record each time they are made, although the second one changes nothing more. */
const ON_RECORD_EACH_TIME = new Set([
  'PATCH /v1/me/notifications',
  'POST /v1/webhooks/:webhookId/ping',
  'POST /v1/webhooks/:webhookId/deliveries/:deliveryId/replay',
  'POST /v1/webhooks/:webhookId/replay',
])

/** The changes by such a request that was made more than once, as if it had been made once. */
export function onceIn(name: string, changes: readonly string[]): readonly string[] {
  return ON_RECORD_EACH_TIME.has(name) ? [...new Set(changes)] : changes
}
