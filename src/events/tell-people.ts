/**
 * Tells people by mail what has become of their bookings: members at their own address, whoever has no
 * account at the one they left. A notice is taken before it is sent, and one of which nobody heard
 * whether it went out stays taken: a mail that is missing is better than one that comes twice.
 */
import type { NoticeOutcome } from '../db/schema.ts'
import type { SystemDeps } from '../deps.ts'
import { describeError, log } from '../log.ts'
import { bookingMail, type Told } from '../mail/booking-mails.ts'
import type { Mailer } from '../mail/mailer.ts'
import { MailError } from '../mail/transport.ts'
import type { Notice } from '../repositories/notices.ts'
import type { MailEnd } from '../security/mail-ends.ts'
import { EmailAddress } from '../settings/email-address.ts'

const MINUTE_MS = 60_000
/** News of a day ago are none. */
export const TOLD_WITHIN_MS = 24 * 60 * MINUTE_MS
const FIRST_WAIT_MS = 5 * MINUTE_MS
const LONGEST_WAIT_MS = 4 * 60 * MINUTE_MS

/** The service has said that it did not take the mail, and may take it later. */
const COMES_LATER = new Set([
  'E_RATE_LIMIT_EXCEEDED',
  'E_DAILY_LIMIT_EXCEEDED',
  'E_DELIVERY_FAILED',
])
/** The service takes no mail to this address any more. */
const GONE_FOR_GOOD = new Set(['E_RECIPIENT_SUPPRESSED'])

interface Recipient {
  readonly email: string
  /** Whether it is the address of the member whose booking it is, which somebody has confirmed. */
  readonly isConfirmed: boolean
}

/** @returns how many mails were sent */
export async function tellPeople(notices: readonly Notice[], deps: SystemDeps): Promise<number> {
  const { mailer } = deps
  if (!mailer?.tellsBookers) return 0
  let sent = 0
  for (const notice of notices) {
    if ((await tell(notice, mailer, deps)) === 'sent') sent += 1
  }
  return sent
}

async function tell(
  notice: Notice,
  mailer: Mailer,
  deps: SystemDeps,
): Promise<NoticeOutcome | undefined> {
  const { notices, now } = deps
  const recipient = recipientOf(notice)
  const before = recipient ? reasonNotTo(notice, now) : 'nobody'
  if (!recipient || before) {
    await notices.note(notice, before ?? 'nobody', null)
    return before
  }
  const { email, isConfirmed } = recipient
  const addressHash = await deps.addressHash(email)
  const told = toldBy(notice)
  const isOn = told === 'requested' || told === 'confirmed'
  const link = isOn ? await deps.mintFeedSecret() : undefined
  const userId = isConfirmed ? notice.memberId : null
  const taken = await notices.take(notice, {
    addressHash,
    perDay: isConfirmed ? undefined : mailer.perContact,
    day: new Date(now).toISOString().slice(0, 'YYYY-MM-DD'.length),
    link: link && { secretHash: link.secretHash, userId },
  })
  if (taken !== 'sending') return taken
  const end: MailEnd = userId ? { userId } : { addressHash }
  const mail = await bookingMail({
    told,
    to: email,
    from: mailer.from,
    look: mailer.look,
    booking: notice,
    timeZone: notice.timeZone ?? deps.settings.siteTimeZone,
    isConfirmed,
    entryUrl: link && `${mailer.publicUrl}/v1/calendar-feeds/booking.ics?feed=${link.secret}`,
    endUrl: `${mailer.publicUrl}/v1/mail-end?link=${await deps.mailEnds.write(end)}`,
  })
  try {
    await mailer.send(mail)
  } catch (error) {
    return refused(notice, error, addressHash, deps)
  }
  await notices.note(notice, 'sent', null)
  return 'sent'
}

/** What a mail service has not taken goes out later, or never; what nobody has heard of never. */
async function refused(
  notice: Notice,
  error: unknown,
  addressHash: string,
  { notices, now }: SystemDeps,
): Promise<NoticeOutcome> {
  log('error', 'mail not taken', { id: notice.id, ...describeError(error) })
  const code = error instanceof MailError ? error.code : undefined
  if (code === undefined) return 'sending'
  if (GONE_FOR_GOOD.has(code)) await notices.suppress(addressHash, 'refused')
  const outcome = COMES_LATER.has(code) ? 'postponed' : 'refused'
  const wait = Math.min(FIRST_WAIT_MS * 2 ** notice.attempts, LONGEST_WAIT_MS)
  const dueAt = outcome === 'postponed' ? new Date(now + wait).toISOString() : null
  await notices.note(notice, outcome, dueAt)
  return outcome
}

/**
 * A member's booking is told to the member, and to nobody if they have no address: what they typed may be
 * anybody's. One for a guest, or of a visitor, is told to the address they left.
 */
function recipientOf(notice: Notice): Recipient | undefined {
  const { memberId, memberEmail, contactEmail } = notice
  const isConfirmed = memberId !== null
  const email = EmailAddress.safeParse(isConfirmed ? memberEmail : contactEmail)
  return email.success ? { email: email.data, isConfirmed } : undefined
}

function reasonNotTo(notice: Notice, now: number): NoticeOutcome | undefined {
  if (!notice.isLatest) return 'overtaken'
  if (!notice.isWanted) return 'unwanted'
  const isOver = Date.parse(notice.endsAt) <= now
  return isOver || now - Date.parse(notice.notedAt) > TOLD_WITHIN_MS ? 'late' : undefined
}

function toldBy({ status, isSlotGone }: Notice): Told {
  if (status === 'pending') return 'requested'
  return status === 'canceled' && isSlotGone ? 'slot removed' : status
}
