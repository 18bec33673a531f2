/** A populated site: somebody of every kind, and fresh things for them to act on. */
import { env } from 'cloudflare:workers'
import * as z from 'zod'
import { openSession } from '../../src/db/client.ts'
import { documentedPath, type Route } from '../../src/http/route.ts'
import { refusalsRepository } from '../../src/repositories/refusals.ts'
import { KEY_SCOPES } from '../../src/security/permissions.ts'
import { CALLER_NAMES, type CallerName } from '../../src/http/matrix.ts'
import { bookingOf, bookingScene, CONTACT } from './bookings.ts'
import { type CastName, isOutcast, type Target } from './cells.ts'
import { idTokenFor } from './identities.ts'
import { partner } from './keys.ts'
import { anySessionOf, sessionOf } from './sessions.ts'
import { type Client, ISSUER, type Member, type Site } from './site.ts'

export type Caller = Client & {
  readonly userId?: string
  readonly bookingId?: string
  readonly token?: string
}
export type Cast = Readonly<Record<CastName, Caller>>

/** All callers are signed in already, so that being seen for the first time changes nothing. */
export async function castOf(site: Site): Promise<Cast> {
  const root = await site.root()
  const suspended = await site.member('suspended')
  const deleted = await site.member('deleted')
  await root.post(`/v1/users/${suspended.userId}/suspend`)
  await root.delete(`/v1/users/${deleted.userId}`)
  const revoked = await partner(site)
  await root.delete(`/v1/api-keys/${revoked.id}`)
  return {
    ...(await callersOf(site)),
    suspended,
    deleted,
    'bad token': site.bearer(await ISSUER.sign({ sub: 'member', exp: 1 })),
    'unknown key': site.bearer(`guild_${'0'.repeat(40)}`),
    'revoked key': revoked,
    'key without scopes': await partner(site),
  }
}

/** The record has an entry for every caller, because it is made from the list of all. */
async function callersOf(site: Site) {
  const callers = []
  for (const name of CALLER_NAMES) callers.push([name, await signIn(site, name, name)])
  return Object.fromEntries(callers) as Record<CallerName, Caller>
}

/** A caller of this kind; everybody but `anonymous` has a booking. */
async function signIn(site: Site, name: CallerName, subject: string): Promise<Caller> {
  if (name === 'anonymous') return site.anonymous
  const caller = await credentialed(site, name, subject)
  return { ...caller, bookingId: await bookingBy(caller, site) }
}

async function credentialed(
  site: Site,
  name: Exclude<CallerName, 'anonymous'>,
  subject: string,
): Promise<Caller> {
  switch (name) {
    case 'visitor':
      return site.visitor()
    case 'member':
      return site.member(subject)
    case 'partner':
      return partner(site, { scopes: KEY_SCOPES })
    default:
      return site.memberWith(name, subject)
  }
}

/** Books a new slot. @returns the id of the booking */
async function bookingBy(caller: Client, site: Site): Promise<string> {
  const { slot } = await bookingScene(site)
  return (await bookingOf(caller, await slot())).id
}

/** Somebody else of the same kind, for a call that may change the caller too. */
export async function anotherOf(site: Site, cast: Cast, name: CastName): Promise<Caller> {
  return isOutcast(name) ? cast[name] : signIn(site, name, `${name} ${crypto.randomUUID()}`)
}

/** The things that requests are about; each is made when it is first asked for. */
export type Things = ReturnType<typeof thingsFor>

/** Things that nobody has touched; they are not the caller's, unless a comment says so. */
export function thingsFor(site: Site, caller: Caller, given?: Promise<Member>) {
  const name = crypto.randomUUID()
  const other = once(() => given ?? site.member(name))
  const service = once(async () => (await bookingScene(site)).service())
  /** A badge that both the other member and the caller hold. */
  const badgeId = once(async () => {
    const root = await site.root()
    const { body } = await root.post('/v1/badges', { title: name })
    for (const { userId } of [await other(), caller]) {
      if (userId) await root.put(`/v1/users/${userId}/badges/${body.id}`)
    }
    return body.id as string
  })
  /** A webhook that is told nothing. */
  const webhookId = once(async () => {
    const root = await site.root()
    const { body } = await root.post('/v1/webhooks', {
      url: `https://${name}.example/`,
      types: ['job.fail'],
    })
    await root.patch(`/v1/webhooks/${body.id}`, { enabled: false })
    return body.id as string
  })
  return {
    other,
    badgeId,
    serviceId: async () => (await service()).id,
    slotId: once(async () => {
      const { slotOf } = await bookingScene(site)
      return (await slotOf((await service()).id)).id
    }),
    userId: async () => (await other()).userId,
    bookingId: once(async () => bookingBy(await other(), site)),
    keyId: once(async () => (await partner(site)).id),
    ruleId: once(async () => {
      const rule = { badgeId: await badgeId(), metric: 'visits', threshold: 3 }
      return (await (await site.root()).post('/v1/badge-rules', rule)).body.id as string
    }),
    pageRuleId: once(async () => {
      const rule = { path: `/pages/${name}/*`, access: 'members' }
      return (await (await site.root()).post('/v1/page-rules', rule)).body.id as string
    }),
    webhookId,
    deliveryId: once(async () => {
      const root = await site.root()
      return (await root.post(`/v1/webhooks/${await webhookId()}/ping`)).body.deliveryId as string
    }),
    role: once(async () => {
      const role = `role-${name}`
      await (await site.root()).put(`/v1/roles/${role}`, { permissions: [] })
      return role
    }),
    /** An identity of the caller, or of the other member if the caller can have none. */
    identityId: once(async () => (await linked(caller)) ?? (await linked(await other())) ?? ''),
    userIdentityId: once(async () => (await linked(await other())) ?? ''),
    sessionId: once(async () => sessionOf((await other()).userId)),
    identityToken: freshIdentity,
    idToken: () => idTokenFor(caller.token, { name: 'Ada' }),
    requestId: once(() => refusedRequest(site)),
    job: async () => 'prune-records',
    /** The token of a visitor who has a booking. */
    visitorToken: once(async () => {
      const visitor = await site.visitor()
      await bookingBy(visitor, site)
      return visitor.token
    }),
  }
}

/** A refusal of the first admin, as it is written down after an answer. @returns the id of the request */
export async function refusedRequest(site: Site): Promise<string> {
  const requestId = crypto.randomUUID()
  const { userId } = await site.root()
  const row = { requestId, at: new Date().toISOString(), caller: userId, method: 'GET' }
  const why = { status: 403, code: 'forbidden', stage: 'permission', required: 'job:run' }
  const refusal = { ...row, ...why, route: '/v1/jobs', reach: 'any' as const }
  await refusalsRepository(openSession(env.DB, 'primary').db).write([refusal], [])
  return requestId
}

/** A token of somebody whom the site has not met. */
function freshIdentity(): Promise<string> {
  return ISSUER.sign({ sub: crypto.randomUUID() })
}

async function linked(member: Client): Promise<string | undefined> {
  return (await member.post('/v1/me/identities', { token: await freshIdentity() })).body?.id
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return async () => (made ??= make())
}

const NO_SUCH = '0'.repeat(26)
const ABSENT: Record<string, string> = {
  userId: `usr_${NO_SUCH}`,
  badgeId: `bdg_${NO_SUCH}`,
  ruleId: `rul_${NO_SUCH}`,
  pageRuleId: `pgr_${NO_SUCH}`,
  keyId: `key_${NO_SUCH}`,
  webhookId: `whk_${NO_SUCH}`,
  deliveryId: `evt_${NO_SUCH}`,
  serviceId: `svc_${NO_SUCH}`,
  slotId: `slt_${NO_SUCH}`,
  bookingId: `bkg_${NO_SUCH}`,
  role: 'emperor',
  identityId: `idn_${'0'.repeat(32)}`,
  userIdentityId: `idn_${'0'.repeat(32)}`,
  sessionId: 'no-such-session',
  requestId: '00000000-0000-4000-8000-000000000000',
  job: 'no-such-job',
}

/** The path of a request. @throws Error for a parameter that nobody has said how to fill */
export async function pathFor(path: string, target: Target, things: Things, caller: Caller) {
  const named = documentedPath(path)
  const values: Record<string, string> = {}
  for (const [, name = ''] of named.matchAll(/\{(\w+)\}/g)) {
    values[name] = await valueOf(thingNamed(named, name), target, things, caller)
  }
  return named.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '')
}

/** What a parameter of a path names: two kinds of things are called rules, and identities are of two people. */
export function thingNamed(path: string, name: string): string {
  if (name === 'identityId' && path.startsWith('/v1/users/')) return 'userIdentityId'
  return name === 'ruleId' && path.startsWith('/v1/page-rules/') ? 'pageRuleId' : name
}

async function valueOf(name: string, target: Target, things: Things, caller: Caller) {
  const absent = ABSENT[name]
  if (!absent || !isThing(name, things)) throw new Error(noValues(name))
  if (target === 'absent') return absent
  if (target === 'malformed') return 'not%20an-id'
  if (target === 'own' && name === 'sessionId' && caller.userId)
    return (await anySessionOf(caller.userId)) ?? sessionOf(caller.userId)
  const own =
    name === 'userId' ? caller.userId : name === 'bookingId' ? caller.bookingId : undefined
  return (target === 'own' && own) || things[name]()
}

function isThing(
  name: string,
  things: Things,
): name is Exclude<keyof Things, 'other' | 'identityToken' | 'idToken'> {
  return Object.hasOwn(things, name)
}

const BODIES: Record<string, (things: Things) => Promise<object> | object> = {
  'PATCH /v1/me': () => ({ displayName: 'Renamed' }),
  'POST /v1/me/id-token': async ({ idToken }) => ({ idToken: await idToken() }),
  'PATCH /v1/me/notifications': () => ({ bookingMails: true }),
  'POST /v1/me/identities': async ({ identityToken }) => ({ token: await identityToken() }),
  'PATCH /v1/users/:userId': () => ({ displayName: 'Renamed' }),
  'PUT /v1/roles/:role': () => ({ permissions: [{ permission: 'audit:read', reach: 'any' }] }),
  'POST /v1/badges': () => ({ title: 'New' }),
  'PATCH /v1/badges/:badgeId': () => ({ title: 'Renamed' }),
  'POST /v1/badge-assignments/bulk': async ({ badgeId, userId }) => ({
    badgeId: await badgeId(),
    userIds: [await userId()],
  }),
  'POST /v1/badge-rules': async ({ badgeId }) => ({
    badgeId: await badgeId(),
    metric: 'visits',
    threshold: 5,
  }),
  'PATCH /v1/badge-rules/:ruleId': () => ({ threshold: 7 }),
  'POST /v1/page-rules': () => ({ path: `/new/${crypto.randomUUID()}`, access: 'members' }),
  'PATCH /v1/page-rules/:ruleId': () => ({ access: 'anyone' }),
  'POST /v1/api-keys': () => ({ name: 'New', scopes: ['profile:read'] }),
  'PATCH /v1/api-keys/:keyId': () => ({ name: 'Renamed' }),
  'POST /v1/webhooks': () => ({
    url: `https://${crypto.randomUUID()}.example/`,
    types: ['job.fail'],
  }),
  'PATCH /v1/webhooks/:webhookId': () => ({ types: ['job.fail'] }),
  'POST /v1/webhooks/:webhookId/replay': () => ({ since: '2026-01-01T00:00:00Z' }),
  'POST /v1/services': () => ({ name: 'New' }),
  'PATCH /v1/services/:serviceId': () => ({ name: 'Renamed' }),
  'POST /v1/services/:serviceId/slots': () => ({
    startsAt: '2040-01-01T10:00:00Z',
    endsAt: '2040-01-01T11:00:00Z',
  }),
  'POST /v1/services/:serviceId/slots/preview': () => ({
    startsAt: '2040-01-01T10:00:00Z',
    endsAt: '2040-01-01T11:00:00Z',
  }),
  'POST /v1/explain': () => ({ method: 'PATCH', path: '/v1/me', body: { bio: 'New' } }),
  'POST /v1/bookings': async ({ slotId }) => ({ slotId: await slotId(), contact: CONTACT }),
  'POST /v1/booking-decisions/bulk': async ({ bookingId }) => ({
    action: 'confirm',
    bookingIds: [await bookingId()],
  }),
  'POST /v1/me/bookings/claim': async ({ visitorToken }) => ({
    visitorToken: await visitorToken(),
  }),
}

/** A body, if the route takes one. @throws Error for a route that `BODIES` has no valid one for */
export async function bodyFor({ method, path, input }: Route, things: Things): Promise<unknown> {
  if (!input.json) return undefined
  const body = (await BODIES[`${method} ${path}`]?.(things)) ?? {}
  if (z.safeParse(input.json, body).success) return body
  throw new Error(noBody(`${method} ${path}`))
}

const noBody = (route: string) =>
  `BODIES in test/support/world.ts has no valid body for ${route}: add one. CONTRIBUTING.md, "An operation".`

const noValues = (name: string) =>
  `thingsFor and ABSENT in test/support/world.ts have no {${name}}: say how to make one. CONTRIBUTING.md, "A route".`

/** Sentences about the parameters and the body of a request that nobody has said how to fill. */
export function unfilled({ method, path, input }: Route, things: Things): string[] {
  const name = `${method} ${path}`
  const takesNone = !input.json || z.safeParse(input.json, {}).success
  const params = [...documentedPath(path).matchAll(/\{(\w+)\}/g)].map(([, param = '']) => param)
  return [
    ...params.filter((param) => !ABSENT[param] || !isThing(param, things)).map(noValues),
    ...(takesNone || Object.hasOwn(BODIES, name) ? [] : [noBody(name)]),
  ]
}
