/**
 * Tells whoever has made a webhook that it was disabled. It names the host alone: an address may hold what
 * only its receiver should know.
 */
import { html } from 'hono/html'
import type { Mail } from '../env.ts'
import type { DisabledBecause } from '../repositories/webhooks.ts'
import type { Look } from './booking-mails.ts'

interface WebhookMail {
  readonly to: string
  readonly look: Look
  readonly webhookId: string
  readonly host: string
  readonly because: Exclude<DisabledBecause, 'asked'>
}

const SAYS: Readonly<Record<WebhookMail['because'], string>> = {
  failing: 'It took nothing for three days. Have it mended, then enable the webhook.',
  gone: 'It answered 410, which says that it wants to be told nothing any more.',
  secret:
    'Its secret was sealed under another AUTH_SECRET and cannot be read. Rotate it, give the new secret to the receiver, then enable the webhook.',
  address: 'Its address is none that is called any more. Enter another one, then enable it.',
}
const KEPT = 'Nothing is lost as long as events are kept: it goes on where it stopped.'

export async function webhookMail(mail: WebhookMail): Promise<Mail> {
  const { to, look, webhookId, host, because } = mail
  const headline = `The webhook to ${host} was disabled`
  const reason = SAYS[because]
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${headline}</title>
      </head>
      <body style="margin:0;padding:24px;font:16px/1.5 system-ui,sans-serif;color:#222">
        <div
          style="max-width:34em;margin:auto;border-top:4px solid ${look.accent};padding-top:16px"
        >
          <h1 style="margin:0 0 8px;font-size:22px">${headline}</h1>
          <p>${reason}</p>
          <p>${KEPT}</p>
          <p style="margin-top:32px;color:#666;font-size:13px">
            ${webhookId}<br />
            <a href="${look.url}" style="color:inherit">${look.name}</a>
          </p>
        </div>
      </body>
    </html>`
  return {
    to,
    subject: headline,
    text: `${headline}: ${webhookId}\n\n${reason}\n\n${KEPT}\n\n-- \n${look.name}\n${look.url}\n`,
    html: page.toString(),
  }
}
