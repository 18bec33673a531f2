import type { Deps } from '../deps.ts'
import { newId, type SlotId } from '../db/ids.ts'
import { notFound, Problem } from '../problem.ts'
import type { BookingRow, NewBooking, Offer, VisitorTerms } from '../repositories/bookings.ts'
import { actorRef, systemRef } from '../security/actor.ts'
import { auditRow } from '../security/audit.ts'
import type { Exercised, Grant } from '../security/grant.ts'
import { asForeseen, type Remember } from './foreseen.ts'

export interface BookingWish {
  readonly slotId: SlotId
  readonly note: string | null
  readonly contact: NewBooking['contact']
}

/**
 * Takes a place in a slot: for whoever is named in the contact, if it is asked by somebody who reaches
 * everybody's, otherwise for whoever asks. It is pending until it is confirmed, which follows at once
 * where the service confirms by itself.
 * @throws Problem `not_found`, `invalid_state` for a slot that has begun, `slot_full`, `already_booked`,
 * `too_many_bookings`, `conflict`
 */
export async function book(
  grant: Grant<'booking:create'>,
  wish: BookingWish,
  remember: Remember<BookingRow>,
  deps: Deps,
): Promise<BookingRow> {
  const { bookings, now } = deps
  const exercised = grant.exercise('booking:create')
  const { slotId, note, contact } = wish
  const id = newId('bkg', now)
  const owner = actorRef(exercised.actor)
  const isForGuest = exercised.scope.rows === 'everyone' && contact !== null
  const visitor = await visitorTerms(exercised.actor, deps)
  const wanted = { id, slotId, owner, note, contact, isForGuest, visitor, ...personOf(contact) }
  const audit = auditRow(exercised, now, {
    action: 'booking.create',
    target: id,
    changes: { slotId },
  })
  return asForeseen(async () => {
    const offer = remember && (await bookings.offer(slotId))
    const serviceRevision = offer?.service.revision
    const booking = { ...wanted, serviceRevision }
    const answer = offer && (await remember(foreseen(booking, offer, now)))
    const { row, slot } = await bookings.create(booking, audit, answer)
    if (row) return row
    if (!slot) return notFound('slot')
    if (slot.isPast) throw new Problem('invalid_state', 'This slot has begun.')
    if (slot.isMine)
      throw new Problem('already_booked', 'Whoever books has a live booking of this slot.')
    // Whoever reaches everybody's may know who has booked. Others do not learn it of a slot that is full.
    if (slot.isTheirs && isForGuest) throw bookedFor()
    if (slot.isTooMany) throw tooMany()
    if (slot.isFull) throw new Problem('slot_full', 'This slot has no free place.')
    if (slot.isTheirs) throw bookedFor()
    // The service was changed since it was offered.
    return undefined
  })
}

async function visitorTerms(
  actor: Exercised['actor'],
  { settings: { guests }, network }: Deps,
): Promise<VisitorTerms | undefined> {
  if (actor.kind !== 'visitor') return undefined
  return { ...guests, visitorId: actor.visitorId, network: await network() }
}

/** What a person is told apart by: the same mailbox, however it is written, and the same number. */
function personOf(contact: NewBooking['contact']) {
  const email = contact?.email?.normalize('NFC').toLowerCase() ?? null
  return { guestEmail: email, guestPhone: contact?.phone ?? null }
}

function bookedFor(): Problem {
  return new Problem(
    'already_booked',
    'Whoever has this email address or phone number has a live booking of this slot.',
  )
}

function tooMany(): Problem {
  const detail =
    'Whoever books, or all visitors from one network together, have as many live bookings as they may.'
  return new Problem('too_many_bookings', detail)
}

/** The booking as it will be answered, for the answer is stored in the transaction that makes it. */
function foreseen(booking: NewBooking, { slot, service }: Offer, now: number): BookingRow {
  const { id, slotId, owner, note, contact, visitor } = booking
  const { autoConfirm, name: serviceName, cancelUntilMinutes } = service
  const holdMinutes = service.holdMinutes ?? visitor?.holdMinutes ?? null
  const at = new Date(now).toISOString()
  const holdEnds = Math.min(now + (holdMinutes ?? 0) * 60_000, Date.parse(slot.startsAt))
  return {
    id,
    slotId,
    owner,
    note,
    contact,
    serviceId: service.id,
    startsAt: slot.startsAt,
    endsAt: slot.endsAt,
    bookedBy: owner,
    status: autoConfirm ? 'confirmed' : 'pending',
    holdUntil: autoConfirm || holdMinutes === null ? null : new Date(holdEnds).toISOString(),
    confirmedBy: autoConfirm ? systemRef('booking-auto-confirmer') : null,
    reason: null,
    revision: autoConfirm ? 2 : 1,
    createdAt: at,
    updatedAt: at,
    serviceName,
    cancelUntilMinutes,
    profile: null,
    keyCreator: null,
  }
}
