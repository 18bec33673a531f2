/** Mail about bookings, where the deployment can send any and people are to be told. */
import type { Bindings, Mail } from '../env.ts'
import type { Settings } from '../settings/settings.ts'
import type { Look } from './booking-mails.ts'
import { NO_MAIL, sendMail } from './transport.ts'

export interface Mailer {
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
  if (!mail?.tellsBookers || MAIL === NO_MAIL) return undefined
  if (mail.mailFrom !== undefined && !MAIL) return undefined
  return {
    from: mail.mailFrom ?? NOBODY,
    publicUrl: mail.publicUrl,
    look: { ...look, url: new URL(look.homeUrl, mail.publicUrl).href },
    perContact: mail.perContact,
    send: (each) => sendMail(each, mail, MAIL),
  }
}
