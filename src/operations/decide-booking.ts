import type { Action } from '../db/actions.ts'
import type { Deps } from '../deps.ts'
import { type BookingId, newId } from '../db/ids.ts'
import { notFound, Problem } from '../problem.ts'
import type { StoredAnswer } from '../repositories/audited.ts'
import {
  type BookingRow,
  columnsOf,
  isOf,
  type Settled,
  type Transition,
} from '../repositories/bookings.ts'
import { accepts, onlyAt, type Revisions } from '../repositories/scope.ts'
import { actorRef } from '../security/actor.ts'
import { auditColumns, auditRow } from '../security/audit.ts'
import type { Exercised, Grant } from '../security/grant.ts'
import { asForeseen, type Remember } from './foreseen.ts'
import { stale } from './outcome.ts'

interface BookingChange {
  readonly bookingId: BookingId
  readonly revisions?: Revisions
}

/** A change of state, and how the audit log calls it. */
interface Act {
  readonly action: Action
  readonly to: Transition
}

interface Outcome {
  readonly changed: boolean
  readonly row: BookingRow
}

/**
 * @throws Problem `not_found`, `forbidden` for one's own booking, `invalid_state`, `precondition_failed`,
 * `conflict`
 */
export async function confirmBooking(
  grant: Grant<'booking:confirm'>,
  change: BookingChange,
  remember: Remember<BookingRow>,
  deps: Deps,
) {
  const exercised = grant.exercise('booking:confirm', { bookingId: change.bookingId })
  const to = { to: 'confirmed', by: actorRef(exercised.actor) } as const
  return settled(exercised, change, { action: 'booking.confirm', to }, remember, deps)
}

/** @throws as `confirmBooking` does */
export async function declineBooking(
  grant: Grant<'booking:confirm'>,
  change: BookingChange & { readonly reason: string | null },
  remember: Remember<BookingRow>,
  deps: Deps,
) {
  const exercised = grant.exercise('booking:confirm', { bookingId: change.bookingId })
  const to = { to: 'declined', reason: change.reason } as const
  return settled(exercised, change, { action: 'booking.decline', to }, remember, deps)
}

interface Settlements {
  /** Each once. */
  readonly bookingIds: readonly BookingId[]
  readonly to: 'confirmed' | 'declined'
  /** Of a decline. */
  readonly reason: string | null
}

/**
 * Confirms or declines many bookings, each as `confirmBooking` and `declineBooking` would: those that may
 * not be changed stay as they are.
 * @returns what came of each that is there
 * @throws Problem `conflict`
 */
export async function settleBookings(
  grant: Grant<'booking:confirm'>,
  { bookingIds, to, reason }: Settlements,
  remember: Remember<readonly Settled[]>,
  { bookings, now }: Deps,
): Promise<readonly Settled[]> {
  const exercised = grant.exercise('booking:confirm')
  const actor = actorRef(exercised.actor)
  const change =
    to === 'confirmed' ? ({ to, by: actor } as const) : ({ to: 'declined', reason } as const)
  const hasReason = 'reason' in change && change.reason !== null
  const audit = auditColumns(exercised, now, {
    action: to === 'confirmed' ? 'booking.confirm' : 'booking.decline',
    changes: { status: to, ...(hasReason && { fields: ['reason'] }) },
  })
  const candidates = bookingIds.map((bookingId) => ({ bookingId, auditId: newId('aud', now) }))
  return asForeseen(async () => {
    const { scope } = exercised
    const settled = remember && (await bookings.foreseeAll(scope, bookingIds, change, actor))
    const foreseen = settled && { settled, answer: await remember(settled) }
    return bookings.transitionAll(scope, candidates, change, audit, foreseen)
  })
}

/**
 * Cancels a booking: one's own until the limit before the start, or until the start while it is pending;
 * anyone's at any time.
 * @throws Problem `not_found`, `invalid_state`, `precondition_failed`, `conflict`
 */
export async function cancelBooking(
  grant: Grant<'booking:cancel'>,
  change: BookingChange & { readonly reason: string | null },
  remember: Remember<BookingRow>,
  deps: Deps,
) {
  const exercised = grant.exercise('booking:cancel', { bookingId: change.bookingId })
  const when = exercised.scope.rows === 'everyone' ? 'any time' : 'in time'
  const to = { to: 'canceled', reason: change.reason, when } as const
  const act = { action: 'booking.cancel', to } as const
  const { row, changed } = await transitAsForeseen(exercised, change, act, remember, deps)
  if (changed) return row
  assertRevision(row, change.revisions)
  throw new Problem(
    'invalid_state',
    row.status === 'pending' || row.status === 'confirmed'
      ? 'It is too close to its start for its owner to cancel it.'
      : `This booking is ${row.status}.`,
  )
}

/** Ends a pending booking that nobody has answered in time. @returns whether it was */
export async function expireHold(grant: Grant<'booking:cancel'>, bookingId: BookingId, deps: Deps) {
  const exercised = grant.exercise('booking:cancel', { bookingId })
  const to = {
    to: 'canceled',
    reason: 'It was not confirmed in time.',
    when: 'hold is over',
  } as const
  const act = { action: 'booking.expire', to } as const
  const { changed } = await transit(exercised, { bookingId }, act, deps)
  return changed
}

/**
 * Erases what was written on a booking about whoever it is for; doing it again changes nothing.
 * @throws Problem `not_found`, `precondition_failed`
 */
export async function eraseContact(
  grant: Grant<'booking:cancel'>,
  { bookingId, revisions }: BookingChange,
  { bookings, now }: Deps,
): Promise<void> {
  const exercised = grant.exercise('booking:cancel', { bookingId })
  const audit = auditRow(exercised, now, {
    action: 'booking.erase',
    target: bookingId,
    changes: { fields: ['contact', 'note', 'reason'] },
  })
  const { row, changed } = await bookings.erase(exercised.scope, bookingId, revisions, audit)
  if (!changed) assertRevision(row ?? notFound('booking'), revisions)
}

/** A booking as it is shown to somebody who confirms, with how to reach its member; that is on record. */
export async function readWithProfile(
  grant: Grant<'booking:read'>,
  bookingId: BookingId,
  { bookings, now }: Deps,
): Promise<BookingRow> {
  const exercised = grant.exercise('booking:read')
  const audit = auditColumns(exercised, now, { action: 'profile.read', changes: { bookingId } })
  const row = await bookings.findOnRecord(exercised.scope, bookingId, newId('aud', now), audit)
  return row ?? notFound('booking')
}

async function settled(
  exercised: Exercised,
  change: BookingChange,
  act: Act,
  remember: Remember<BookingRow>,
  deps: Deps,
): Promise<BookingRow> {
  const { row, changed } = await transitAsForeseen(exercised, change, act, remember, deps)
  if (changed) return row
  if (isOf(actorRef(exercised.actor), row)) {
    const detail = 'Nobody confirms or declines what they, or an API key of theirs, have booked.'
    const refusal = { stage: 'ownership', required: 'booking:confirm', reach: 'any' } as const
    throw new Problem('forbidden', detail, refusal)
  }
  assertRevision(row, change.revisions)
  const held = row.status === 'pending' ? 'its place is not held any more' : `it is ${row.status}`
  throw new Problem(
    'invalid_state',
    `Only a pending booking can be confirmed or declined; ${held}.`,
  )
}

/** Changes the state; with an Idempotency-Key, of the booking as it was read, so that the answer fits. */
async function transitAsForeseen(
  exercised: Exercised,
  change: BookingChange,
  act: Act,
  remember: Remember<BookingRow>,
  deps: Deps,
): Promise<Outcome> {
  const { bookingId, revisions } = change
  if (!remember) return transit(exercised, change, act, deps)
  return asForeseen(async () => {
    const current = (await deps.bookings.find(exercised.scope, bookingId)) ?? notFound('booking')
    const { revision } = current
    const updatedAt = new Date(deps.now).toISOString()
    const next = { ...current, ...columnsOf(act.to), revision: revision + 1, updatedAt }
    const asRead = {
      bookingId,
      revisions: onlyAt(revision, revisions),
      answer: await remember(next),
    }
    const { changed, row } = await transit(exercised, asRead, act, deps)
    if (changed) return { changed, row: next }
    return row.revision === revision ? { changed, row } : undefined
  })
}

async function transit(
  exercised: Exercised,
  { bookingId, revisions, answer }: BookingChange & { readonly answer?: StoredAnswer },
  { action, to }: Act,
  { bookings, now }: Deps,
): Promise<Outcome> {
  const hasReason = 'reason' in to && to.reason !== null
  const audit = auditRow(exercised, now, {
    action,
    target: bookingId,
    changes: { status: to.to, ...(hasReason && { fields: ['reason'] }) },
  })
  const { changed, row } = await bookings.transition(
    exercised.scope,
    bookingId,
    to,
    revisions,
    audit,
    answer,
  )
  return { changed, row: row ?? notFound('booking') }
}

function assertRevision({ revision }: BookingRow, revisions: Revisions): void {
  if (!accepts(revisions, revision)) throw stale('booking')
}
