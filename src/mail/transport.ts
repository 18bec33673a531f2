/** How mail goes out: through a mail service, the binding of the deployment or, on a laptop, to its console. */
import type { Bindings, Mail, MailBinding } from '../env.ts'
import { SettingsError } from '../settings/settings.ts'
import type { MailSettings } from '../settings/mail.ts'
import { throughService } from './services.ts'

/** The mail service did not take a mail. Its own words may name the address, so they stay out of logs. */
export class MailError extends Error {
  override readonly name = 'MailError'
  /** The service's own code, such as `E_RATE_LIMIT_EXCEEDED`; undefined if it did not answer at all. */
  readonly code: string | undefined

  constructor(code: string | undefined) {
    super(`the mail service did not take it: ${code ?? 'no code'}`)
    this.code = code
  }
}

/** For a request that must not send anything. */
export const NO_MAIL: MailBinding = {
  async send() {
    throw new TypeError('no mail is sent here')
  },
}

const OUTBOX: MailBinding = {
  async send(mail) {
    console.info(printed(mail))
  },
}

/** What mail is from where it is printed. */
const NOBODY = 'nobody@localhost'

export interface Sender {
  readonly from: string
  /** @throws MailError */
  readonly send: (mail: Mail) => Promise<void>
}

/** @returns undefined where nothing is sent */
export function senderOf(
  { MAIL }: Bindings,
  settings: MailSettings | undefined,
): Sender | undefined {
  // It comes first, so that a request that must not send anything reaches no service either.
  if (!settings || MAIL === NO_MAIL) return undefined
  const { mailFrom, service } = settings
  const binding = mailFrom === undefined ? OUTBOX : service ? throughService(service) : MAIL
  if (!binding) return undefined
  const from = mailFrom ?? NOBODY
  return {
    from,
    async send(mail) {
      try {
        await binding.send({ from, ...mail })
      } catch (error) {
        throw new MailError(codeOf(error))
      }
    },
  }
}

/** @throws SettingsError if the deployment has no way to send mail; MailError if it was not taken */
export async function sendMail(
  mail: Mail,
  env: Bindings,
  settings: MailSettings | undefined,
): Promise<void> {
  const sender = senderOf(env, settings)
  if (!sender) {
    throw new SettingsError(
      'MAIL: mail is to be sent, but there is neither a send_email binding MAIL nor a MAIL_SERVICE',
    )
  }
  await sender.send(mail)
}

/** What the outbox of a laptop shows: the text, and what is attached. */
function printed({ to, subject, text, attachments = [] }: Mail): string {
  const files = attachments.map(
    ({ filename, type, content }) =>
      `\n${filename} (${type}):\n${new TextDecoder().decode(content)}`,
  )
  return `mail to ${to}: ${subject}\n\n${text}\n${files.join('')}`
}

function codeOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^\w+$/.test(code) ? code : undefined
}
