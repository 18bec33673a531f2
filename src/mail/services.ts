/** Mail through the HTTP API of a mail service, for who has no `send_email` binding of Cloudflare's. */
import { base64url } from 'jose'
import * as z from 'zod'
import type { MailBinding } from '../env.ts'
import type { MailService } from '../settings/mail.ts'

type Message = Parameters<MailBinding['send']>[0]

const Said = z.object({ ErrorCode: z.int().nonnegative() })

interface Dialect {
  readonly url: string
  readonly credential: (key: string) => Readonly<Record<string, string>>
  readonly body: (message: Message) => object
  /** The codes are those of the binding, where it has one for the same thing. */
  readonly codeOf: (answer: Response) => Promise<string>
}

/** Longer is not waited for: somebody may be sitting in front of a form. */
const LIMIT_MS = 10_000

const DIALECTS: Readonly<Record<MailService['name'], Dialect>> = {
  /** https://resend.com/docs/api-reference/emails/send-email */
  resend: {
    url: 'https://api.resend.com/emails',
    credential: (key) => ({ Authorization: `Bearer ${key}` }),
    body: ({ attachments = [], ...message }) => ({
      ...message,
      attachments: attachments.map(({ filename, type, content }) => ({
        filename,
        content_type: type,
        content: base64(content),
      })),
    }),
    codeOf: async ({ status }) => (status === 429 ? 'E_RATE_LIMIT_EXCEEDED' : `E_HTTP_${status}`),
  },
  /** https://postmarkapp.com/developer/api/email-api */
  postmark: {
    url: 'https://api.postmarkapp.com/email',
    credential: (key) => ({ 'X-Postmark-Server-Token': key }),
    body: ({ from, to, subject, text, html, headers = {}, attachments = [] }) => ({
      From: from,
      To: to,
      Subject: subject,
      TextBody: text,
      HtmlBody: html,
      Headers: Object.entries(headers).map(([Name, Value]) => ({ Name, Value })),
      Attachments: attachments.map(({ filename, type, content }) => ({
        Name: filename,
        ContentType: type,
        Content: base64(content),
      })),
      MessageStream: 'outbound',
    }),
    async codeOf(answer) {
      if (answer.status === 429) return 'E_RATE_LIMIT_EXCEEDED'
      // What stands between may answer in words of its own: that it is refused is in the status.
      const said = Said.safeParse(await answer.json().catch(() => undefined))
      if (!said.success) return `E_HTTP_${answer.status}`
      const { ErrorCode } = said.data
      return ErrorCode === INACTIVE ? 'E_RECIPIENT_SUPPRESSED' : `E_POSTMARK_${ErrorCode}`
    },
  },
}

/** Postmark's number for an address that has bounced or complained. */
const INACTIVE = 406

/** Sends as the binding does. A service that fails itself leaves it unknown whether a mail goes out. */
export function throughService({ name, key }: MailService): MailBinding {
  const { url, credential, body, codeOf } = DIALECTS[name]
  return {
    async send(message) {
      const answer = await fetch(url, {
        method: 'POST',
        headers: {
          ...credential(key),
          'Content-Type': 'application/json',
          Accept: 'application/json',
          // Resend refuses whoever does not say who they are.
          'User-Agent': 'Guildhall',
        },
        body: JSON.stringify(body(message)),
        redirect: 'manual',
        signal: AbortSignal.timeout(LIMIT_MS),
      })
      if (answer.ok || answer.status >= 500) await answer.body?.cancel()
      if (answer.ok) return
      const code = answer.status < 500 ? await codeOf(answer) : undefined
      throw Object.assign(new Error('the mail service refused'), { code })
    },
  }
}

function base64(content: ArrayBuffer): string {
  const text = base64url.encode(new Uint8Array(content)).replaceAll('-', '+').replaceAll('_', '/')
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}
