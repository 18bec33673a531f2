/** Nothing else passes for the proof that a write was granted; the compiler alone checks it. */
import * as z from 'zod'
import type { BadgeId, BookingId, UserId } from '../../src/db/ids.ts'
import type { Deps } from '../../src/deps.ts'
import { route } from '../../src/http/route.ts'
import { AuditColumns, AuditRow } from '../../src/repositories/audited.ts'
import { type ReadScope, WriteScope } from '../../src/repositories/scope.ts'
import { auditColumns, auditOwnAct, auditRow } from '../../src/security/audit.ts'
import type { Caller } from '../../src/security/actor.ts'
import { Exercised, type Grant } from '../../src/security/grant.ts'

declare const deps: Deps
declare const caller: Exclude<Caller, { kind: 'anonymous' }>
declare const userId: UserId
declare const badgeId: BadgeId
declare const bookingId: BookingId
declare const updating: Grant<'profile:update'>
declare const recording: Grant<'visit:record'>
declare const readable: ReadScope
/** Values with all that the real ones show; they lack what only the class can give each of them. */
declare const lookalike: Pick<AuditRow, keyof AuditRow>
declare const exercisedLookalike: Pick<Exercised, keyof Exercised>
declare const scopeLookalike: Pick<WriteScope, keyof WriteScope>

const now = 0
const act = { action: 'profile.update', target: userId } as const
const patch = { displayName: 'Ada' }
const once = { now, requestId: 'id' }
const columns = {
  at: '2026-01-01T00:00:00.000Z',
  actor: userId,
  accessRevision: null,
  onBehalfOf: null,
  action: 'profile.update',
  reason: null,
  requestId: null,
  changes: {},
}
const literal = { ...columns, id: 'aud_00000000000000000000000001', target: userId } as const

// The control: each call below differs from it by one thing.
export async function withProof(): Promise<void> {
  const exercised = updating.exercise('profile:update')
  const audit = auditRow(exercised, now, act)
  await deps.users.update(exercised.scope, userId, patch, undefined, audit)
  await deps.badges.delete(badgeId, undefined, audit)
  await deps.badgeAssignments.award(
    { badgeId, assignedBy: 'admin', day: '2026-01-01' },
    [],
    auditColumns(exercised, now, act),
  )
  const visits = deps.visits.of({ userId, shard: 0 })
  await visits.record(recording.exercise('visit:record'), now, '2026-01-01')
  await deps.users.find('everyone', userId)
  await deps.users.find(exercised.scope, userId)
  await deps.users.find(readable, userId)
}

export async function madeUpRows(real: AuditRow): Promise<void> {
  // @ts-expect-error: a literal is no row
  await deps.badges.delete(badgeId, undefined, literal)
  // @ts-expect-error: a lookalike of a row is none
  await deps.badges.delete(badgeId, undefined, lookalike)
  // oxlint-disable-next-line typescript/no-misused-spread
  const spread = { ...real, actor: 'usr_somebody_else' }
  // @ts-expect-error: a copy of a row in somebody else's name is none
  await deps.badges.delete(badgeId, undefined, spread)
  // @ts-expect-error: only security/audit.ts makes rows
  const made = new AuditRow(real)
  await deps.badges.delete(badgeId, undefined, made)
  // @ts-expect-error: a row stays as it was made
  real.actor = userId
  // @ts-expect-error: there is no write without a row
  await deps.badges.delete(badgeId, undefined)
}

export async function madeUpColumns(real: AuditColumns): Promise<void> {
  const award = { badgeId, assignedBy: 'admin', day: '2026-01-01' } as const
  // @ts-expect-error: a literal has no columns to give
  await deps.badgeAssignments.award(award, [], columns)
  // oxlint-disable-next-line typescript/no-misused-spread
  const spread = { ...real, actor: 'usr_somebody_else' }
  // @ts-expect-error: a copy of columns in somebody else's name gives none
  await deps.badgeAssignments.award(award, [], spread)
  // @ts-expect-error: only security/audit.ts makes columns
  const made = new AuditColumns(real)
  await deps.badgeAssignments.award(award, [], made)
  // @ts-expect-error: the columns that all rows share are no row
  await deps.badges.delete(badgeId, undefined, real)
}

export async function ownActs(): Promise<void> {
  const own = auditOwnAct('first valid request', userId, once)
  // @ts-expect-error: an act of one's own proves no grant for a write
  await deps.badges.delete(badgeId, undefined, own)
  // @ts-expect-error: an act of one's own proves no grant for many writes
  await deps.badgeAssignments.award({ badgeId, assignedBy: 'admin', day: '2026-01-01' }, [], own)
  const granted = auditRow(await exercised(), now, act)
  // @ts-expect-error: a granted act is no act of one's own
  await deps.identities.bootstrap('issuer', 'subject', userId, granted)
  // @ts-expect-error: there is no such act
  auditOwnAct('felt like it', userId, once)
}

export function madeUpExercised(real: Exercised): void {
  const literal = {
    permission: 'badge:assign',
    actor: caller,
    scope: real.scope,
    requestId: 'id',
    elevation: undefined,
  } as const
  // @ts-expect-error: a literal is nothing that was exercised
  auditRow(literal, now, act)
  // @ts-expect-error: a lookalike of what was exercised makes no row
  auditRow(exercisedLookalike, now, act)
  // oxlint-disable-next-line typescript/no-misused-spread
  const spread = { ...real, actor: caller }
  // @ts-expect-error: a copy in somebody else's name makes no row
  auditRow(spread, now, act)
  // @ts-expect-error: only a grant can be exercised
  auditRow(new Exercised(real), now, act)
  // @ts-expect-error: a grant that was not exercised makes no row
  auditRow(updating, now, act)
  // @ts-expect-error: the actor stays who has exercised the grant
  real.actor = caller
}

export async function madeUpScopes(audit: AuditRow): Promise<void> {
  // @ts-expect-error: the scope everyone is for reads
  await deps.users.update('everyone', userId, patch, undefined, audit)
  // @ts-expect-error: the scope of an owner is for reads
  await deps.users.update({ owner: userId }, userId, patch, undefined, audit)
  // @ts-expect-error: a lookalike of a scope for writes is none
  await deps.users.update(scopeLookalike, userId, patch, undefined, audit)
  // @ts-expect-error: a scope for reads is none for writes
  await deps.users.update(readable, userId, patch, undefined, audit)
  // @ts-expect-error: the scope of a grant is for reads
  await deps.users.update(updating.scope, userId, patch, undefined, audit)
  // @ts-expect-error: a role is taken only with a scope for writes, which has the ceiling
  await deps.members.removeRole('everyone', userId, 'admin', audit)
  // @ts-expect-error: bookings are not written with a scope for reads
  await deps.bookings.transition('everyone', bookingId, { to: 'declined', reason: null }, [], audit)
  const name = { issuer: 'issuer', subject: 'subject' }
  // @ts-expect-error: identities are not written with a scope for reads
  await deps.linkedIdentities.unlink('everyone', name, name, audit)
  // @ts-expect-error: only a grant makes a scope for writes
  const made = new WriteScope('everyone')
  await deps.users.update(made, userId, patch, undefined, audit)
}

export async function madeUpVisits(): Promise<void> {
  const visits = deps.visits.of({ userId, shard: 0 })
  // @ts-expect-error: a visit takes what was exercised
  await visits.record(now, '2026-01-01')
  // @ts-expect-error: a visit takes that the recording of visits was exercised
  await visits.record(await exercised(), now, '2026-01-01')
  // @ts-expect-error: a visit does not take the grant itself
  await visits.record(recording, now, '2026-01-01')
}

const Nothing = z.object({})

// An open route has everything but a grant: with what it has, it changes nothing.
export const open = route({
  method: 'POST',
  path: '/v1/everybody',
  summary: 'Renames somebody',
  access: { open: 'Everybody may try' },
  input: {},
  output: Nothing,
  async run({ grant, deps }) {
    // @ts-expect-error: a literal is no audit row
    await deps.users.update('everyone', userId, patch, undefined, literal)
    // @ts-expect-error: there is no grant to exercise
    grant.exercise('profile:update')
    // @ts-expect-error: there is nothing to make a row of
    await deps.badges.delete(badgeId, undefined, auditRow(grant, now, act))
    // @ts-expect-error: there is no visit to record
    await deps.visits.of({ userId, shard: 0 }).record(grant, now, '2026-01-01')
    return {}
  },
})

async function exercised() {
  return updating.exercise('profile:update')
}
