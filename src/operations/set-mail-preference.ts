import type { Deps } from '../deps.ts'
import type { UserId } from '../db/ids.ts'
import { notFound } from '../problem.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'

/**
 * Whether the member wants mail about bookings. Whoever wants some gets it, also if they have ended it
 * for their address by the link in a mail. @throws Problem `not_found`
 */
export async function setMailPreference(
  grant: Grant<'profile:update'>,
  { userId, isWanted }: { readonly userId: UserId; readonly isWanted: boolean },
  { mailPreferences, addressHash, now }: Deps,
): Promise<{ readonly bookingMails: boolean }> {
  const exercised = grant.exercise('profile:update')
  const { scope } = exercised
  const email = isWanted ? (await mailPreferences.find(scope, userId))?.email : undefined
  const audit = auditRow(exercised, now, {
    action: 'user.update',
    target: userId,
    changes: { bookingMails: isWanted },
  })
  const hash = email ? await addressHash(email) : undefined
  return (await mailPreferences.write(scope, userId, isWanted, hash, audit)) ?? notFound('member')
}
