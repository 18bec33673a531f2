/** Routes can write nothing that is not audited; the compiler alone checks it. */
import * as z from 'zod'
import type { Deps } from '../../src/deps.ts'
import type { Handlers } from '../../src/events/handlers.ts'
import { route } from '../../src/http/route.ts'
import type { AuditRow } from '../../src/repositories/audited.ts'

const declaration = {
  method: 'GET',
  path: '/v1/names',
  summary: 'All names',
  access: { open: 'Everybody may ask' },
  input: {},
  output: z.unknown(),
} as const

// The control: each declaration below differs from it by one thing.
export const reads = route({ ...declaration, run: ({ deps }) => deps.badges.list({ limit: 1 }) })

const member = { userId: 'usr_1', shard: 0 } as const

export const writes = [
  // @ts-expect-error: an event is closed by what follows it up
  route({ ...declaration, run: ({ deps }) => deps.outbox.close([]) }),
  // @ts-expect-error: a route cannot make it look as if nothing had happened
  route({ ...declaration, run: async ({ deps }) => deps.happened.splice(0) }),
  // @ts-expect-error: visits are erased because their member was deleted
  route({ ...declaration, run: ({ deps }) => deps.visits.of(member).erase() }),
  // @ts-expect-error: crossings are settled by the job that has awarded the badge
  route({ ...declaration, run: ({ deps }) => deps.visits.in(0).settle(1) }),
  // @ts-expect-error: a job forgets old visits
  route({ ...declaration, run: ({ deps }) => deps.visits.in(0).prune('2026-01-01') }),
  // @ts-expect-error: a job forgets old answers
  route({ ...declaration, run: ({ deps }) => deps.idempotency.prune('2026-01-01', 1) }),
  // @ts-expect-error: a job forgets old records of the login
  route({ ...declaration, run: ({ deps }) => deps.loginRecords.prune(0, 0, 1) }),
  // @ts-expect-error: a job forgets old runs
  route({ ...declaration, run: ({ deps }) => deps.jobRuns.prune('run_1', 1) }),
  // @ts-expect-error: a run is taken by whoever runs it
  route({ ...declaration, run: ({ deps }) => deps.jobRuns.claim('run_1', '2026-01-01') }),
  // @ts-expect-error: what is refused is written after the answer, by whoever has answered
  route({ ...declaration, run: ({ deps }) => deps.refusals.write([], []) }),
  // @ts-expect-error: the object is woken because a run was asked for
  route({ ...declaration, run: ({ deps }) => deps.jobRunner.wake() }),
  // @ts-expect-error: gates are told of a change by what follows it up
  route({ ...declaration, run: ({ deps }) => deps.keyGates.refresh([]) }),
  // @ts-expect-error: usage is written by the object that counts it
  route({ ...declaration, run: ({ deps }) => deps.apiKeys.recordUsage('key_1', [], 'g') }),
  // @ts-expect-error: a generation is begun by what finds that a store was put back
  route({ ...declaration, run: ({ deps }) => deps.stores.begin('g') }),
  // @ts-expect-error: objects are bound by the tick
  route({ ...declaration, run: async ({ deps }) => deps.visits.in(0).bind }),
  // @ts-expect-error: members are made at the entry
  route({ ...declaration, run: async ({ deps }) => deps.identities.provision }),
]

type Methods = { readonly [name: string]: unknown }
/** The methods that routes get and that take no audit row. */
type Unaudited = {
  [Name in keyof Deps]: Deps[Name] extends Methods ? UnauditedIn<Name & string, Deps[Name]> : never
}[keyof Deps]
type UnauditedIn<Name extends string, Of> = {
  [M in keyof Of & string]: Of[M] extends (...input: infer Input) => unknown
    ? Extract<Input[number], Pick<AuditRow, 'at' | 'actor' | 'action'>> extends never
      ? `${Name}.${M}`
      : never
    : never
}[keyof Of & string]

/**
 * Methods without an audit row, all of which only read. A new one is missing here and does not
 * compile until somebody has looked at it.
 */
export const READS: Readonly<Record<Unaudited, true>> = {
  'apiKeys.find': true,
  'apiKeys.list': true,
  'apiKeys.usage': true,
  'auditLog.list': true,
  'auditSeals.entriesOf': true,
  'auditSeals.page': true,
  'badgeAssignments.foresee': true,
  'badgeAssignments.ofUser': true,
  'badgeAssignments.wouldGain': true,
  'badgeRules.enabled': true,
  'badgeRules.find': true,
  'badgeRules.findWithShards': true,
  'badgeRules.list': true,
  'badgeRules.progressOf': true,
  'badges.find': true,
  'badges.list': true,
  'badges.surroundings': true,
  'bookingClaims.ofVisitor': true,
  'bookings.expiredHolds': true,
  'bookings.find': true,
  'bookings.lastEnd': true,
  'bookings.list': true,
  'bookings.offer': true,
  'feed.hasNews': true,
  'feed.positionBefore': true,
  'feed.read': true,
  'jobRuns.latest': true,
  'jobRuns.list': true,
  'linkedIdentities.list': true,
  'mailPreferences.find': true,
  'profileSync.find': true,
  'memberExport.first': true,
  'memberExport.page': true,
  'pageRules.find': true,
  'pageRules.forPage': true,
  'pageRules.list': true,
  'pageRules.surroundings': true,
  'refusals.find': true,
  'roles.find': true,
  'roles.list': true,
  'roles.reopen': true,
  'services.bookingsOf': true,
  'services.find': true,
  'services.list': true,
  'services.slotsOf': true,
  'users.find': true,
  'users.list': true,
  'webhooks.find': true,
  'webhooks.list': true,
  'webhookSenders.deliveries': true,
  'webhookSenders.state': true,
  // The object looks for what there is to send, and sends only that.
  'webhookSenders.wake': true,
  // These take what was exercised, and the act is put on record before.
  'webhookSenders.ping': true,
  'webhookSenders.replay': true,
  'webhookSenders.replayFrom': true,
  // These two give clients of objects, and `Deps` names each of their methods.
  'visits.in': true,
  'visits.of': true,
  'sessions.list': true,
  'stats.read': true,
  'bookings.foreseeAll': true,
}

// @ts-expect-error: every kind of event has a handler
export const handlers: Handlers = {}

export const unknown: Handlers = {
  ...handlers,
  // @ts-expect-error: there is no such kind of event
  'member-praised': handlers['keys-changed'],
}
