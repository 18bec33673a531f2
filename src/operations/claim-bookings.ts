import type { Deps } from '../deps.ts'
import { newId, type VisitorId } from '../db/ids.ts'
import { Problem } from '../problem.ts'
import { auditColumns } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import { asForeseen, type Remember } from './foreseen.ts'
import { memberOf } from './member-of.ts'

/**
 * Makes everything a visitor has booked the member's; who booked it stays on record. To be called for
 * a visitor whose token the member has. Repeating it is harmless.
 * @returns how many bookings have changed hands
 * @throws Problem `members_only`; `invalid_state` if the member has confirmed one, `already_booked` if both
 * hold a live booking of one slot, `conflict`; nothing is changed then
 */
export async function claimBookings(
  grant: Grant<'booking:create'>,
  visitorId: VisitorId,
  remember: Remember<number>,
  { bookingClaims, now }: Deps,
): Promise<number> {
  const exercised = grant.exercise('booking:create')
  const userId = memberOf(exercised, 'booking:create')
  const audit = auditColumns(exercised, now, {
    action: 'booking.claim',
    changes: { owner: userId, formerOwner: visitorId },
  })
  return asForeseen(async () => {
    const theirs = await bookingClaims.ofVisitor(visitorId)
    if (theirs.length === 0 && !remember) return 0
    const candidates = theirs.map(({ id }) => ({ bookingId: id, auditId: newId('aud', now) }))
    const { claimed, inTheWay, ownConfirmed } = await bookingClaims.claim(
      visitorId,
      userId,
      candidates,
      audit,
      await remember?.(theirs.length),
    )
    const [confirmed] = ownConfirmed
    if (confirmed) {
      throw new Problem(
        'invalid_state',
        `You confirmed ${confirmed.id} yourself, and nobody confirms what they have booked; cancel it first.`,
      )
    }
    const [second] = inTheWay
    if (second) {
      throw new Problem(
        'already_booked',
        `You have a live booking of the slot of ${second.id}, too; cancel one of the two first.`,
      )
    }
    // If it is fewer, one of them has changed hands since they were read.
    return claimed === theirs.length ? claimed : undefined
  })
}
