/** How mail goes out: through the binding of the deployment or, on a laptop, to its console. */
import type { Mail, MailBinding } from '../env.ts'
import { SettingsError } from '../settings/settings.ts'
import type { MailSettings } from '../settings/mail.ts'

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

/** @throws SettingsError if the deployment has no way to send mail; MailError if it was not taken */
export async function sendMail(
  mail: Mail,
  { mailFrom }: Pick<MailSettings, 'mailFrom'>,
  binding: MailBinding | undefined,
): Promise<void> {
  if (mailFrom === undefined) {
    console.info(printed(mail))
    return
  }
  if (!binding) {
    throw new SettingsError('MAIL: mail is to be sent, but there is no send_email binding MAIL')
  }
  try {
    await binding.send({ from: mailFrom, ...mail })
  } catch (error) {
    throw new MailError(codeOf(error))
  }
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
