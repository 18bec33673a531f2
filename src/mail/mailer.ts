/** Mail to people, where the deployment can send any. */
import type { Bindings } from '../env.ts'
import type { Settings } from '../settings/settings.ts'
import type { Look } from './booking-mails.ts'
import { type Sender, senderOf } from './transport.ts'

export interface Mailer extends Sender {
  /** Whether people are told what becomes of their bookings. */
  readonly tellsBookers: boolean
  /** The origin that links to this site begin with. */
  readonly publicUrl: string
  readonly look: Look
  /** How many mails a day an address without an account gets. */
  readonly perContact: number
}

/** @returns undefined where nobody is told */
export function mailerOf(env: Bindings, { mail, look }: Settings): Mailer | undefined {
  const sender = senderOf(env, mail)
  if (!mail || !sender) return undefined
  return {
    ...sender,
    tellsBookers: mail.tellsBookers,
    publicUrl: mail.publicUrl,
    look: { ...look, url: new URL(look.homeUrl, mail.publicUrl).href },
    perContact: mail.perContact,
  }
}
