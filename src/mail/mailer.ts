/** Mail about bookings, where the deployment can send any and people are to be told. */
import type { Bindings, Mail } from '../env.ts'
import type { MailSettings } from '../settings/mail.ts'
import type { Settings } from '../settings/settings.ts'
import type { Look } from './booking-mails.ts'
import { NO_MAIL, sendMail } from './transport.ts'

export interface Mailer {
  readonly from: string
  readonly look: Look
  /** How many mails a day an address without an account gets. */
  readonly perContact: number
  /** @throws MailError */
  readonly send: (mail: Mail) => Promise<void>
}

/** What mail is from where it is printed. */
const NOBODY = 'nobody@localhost'

/** @returns undefined where nobody is told */
export function mailerOf({ MAIL }: Bindings, { mail }: Settings): Mailer | undefined {
  if (!mail?.tellsBookers || MAIL === NO_MAIL) return undefined
  if (mail.mailFrom !== undefined && !MAIL) return undefined
  return {
    from: mail.mailFrom ?? NOBODY,
    look: lookOf(mail),
    perContact: mail.perContact,
    send: (each) => sendMail(each, mail, MAIL),
  }
}

function lookOf({ publicUrl: url }: MailSettings): Look {
  return { name: new URL(url).hostname, url, accent: '#36c' }
}
