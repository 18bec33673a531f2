/** Mail to people, where the deployment can send any. */
import type { Bindings, Mail } from '../env.ts'
import type { Settings } from '../settings/settings.ts'
import type { Look } from './booking-mails.ts'
import { NO_MAIL, sendMail } from './transport.ts'

export interface Mailer {
  /** Whether people are told what becomes of their bookings. */
  readonly tellsBookers: boolean
  readonly from: string
  /** The origin that links to this site begin with. */
  readonly publicUrl: string
  readonly look: Look
  /** How many mails a day an address without an account gets. */
  readonly perContact: number
  /** @throws MailError */
  readonly send: (mail: Mail) => Promise<void>
}

/** What mail is from where it is printed. */
const NOBODY = 'nobody@localhost'

/** @returns undefined where nobody is told */
export function mailerOf({ MAIL }: Bindings, { mail, look }: Settings): Mailer | undefined {
  if (!mail || MAIL === NO_MAIL) return undefined
  if (mail.mailFrom !== undefined && !MAIL) return undefined
  return {
    tellsBookers: mail.tellsBookers,
    from: mail.mailFrom ?? NOBODY,
    publicUrl: mail.publicUrl,
    look: { ...look, url: new URL(look.homeUrl, mail.publicUrl).href },
    perContact: mail.perContact,
    send: (each) => sendMail(each, mail, MAIL),
  }
}
