import type { Deps } from '../deps.ts'
import { newId, type SlotId } from '../db/ids.ts'
import { notFound, Problem } from '../problem.ts'
import type { BookingRow, NewBooking, Offer } from '../repositories/bookings.ts'
import { actorRef, systemRef } from '../security/actor.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import { asForeseen, type Remember } from './foreseen.ts'

export interface BookingWish {
  readonly slotId: SlotId
  readonly note: string | null
  readonly contact: NewBooking['contact']
}

/**
 * Takes a place in a slot for whoever asks; pending until it is confirmed, which
 * follows at once where the service confirms by itself.
 * @throws Problem `not_found`, `invalid_state` for a slot that has begun, `slot_full`, `already_booked`,
 * `conflict`
 */
export async function book(
  grant: Grant<'booking:create'>,
  wish: BookingWish,
  remember: Remember<BookingRow>,
  { bookings, now }: Deps,
): Promise<BookingRow> {
  const exercised = grant.exercise('booking:create')
  const { slotId, note, contact } = wish
  const id = newId('bkg', now)
  const owner = actorRef(exercised.actor)
  const audit = auditRow(exercised, now, {
    action: 'booking.create',
    target: id,
    changes: { slotId },
  })
  return asForeseen(async () => {
    const offer = remember && (await bookings.offer(slotId))
    const serviceRevision = offer?.service.revision
    const booking = { id, slotId, owner, note, contact, serviceRevision }
    const answer = offer && (await remember(foreseen(booking, offer, now)))
    const { row, slot } = await bookings.create(booking, audit, answer)
    if (row) return row
    if (!slot) return notFound('slot')
    if (slot.isPast) throw new Problem('invalid_state', 'This slot has begun.')
    if (slot.isMine) throw new Problem('already_booked', 'You have a live booking of this slot.')
    if (slot.isFull) throw new Problem('slot_full', 'This slot has no free place.')
    // The service was changed since it was offered.
    return undefined
  })
}

/** The booking as it will be answered, for the answer is stored in the transaction that makes it. */
function foreseen(booking: NewBooking, { slot, service }: Offer, now: number): BookingRow {
  const { serviceRevision: _, ...rest } = booking
  const { autoConfirm, holdMinutes } = service
  const at = new Date(now).toISOString()
  const holdEnds = Math.min(now + (holdMinutes ?? 0) * 60_000, Date.parse(slot.startsAt))
  return {
    ...rest,
    serviceId: service.id,
    startsAt: slot.startsAt,
    endsAt: slot.endsAt,
    bookedBy: booking.owner,
    status: autoConfirm ? 'confirmed' : 'pending',
    holdUntil: autoConfirm || holdMinutes === null ? null : new Date(holdEnds).toISOString(),
    confirmedBy: autoConfirm ? systemRef('booking-auto-confirmer') : null,
    reason: null,
    revision: autoConfirm ? 2 : 1,
    createdAt: at,
    updatedAt: at,
    serviceName: service.name,
    cancelUntilMinutes: service.cancelUntilMinutes,
    autoConfirm,
    keyCreator: null,
  }
}
