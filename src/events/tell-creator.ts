/** Whoever has made a webhook hears by mail that it was disabled, and it is noted that they have. */
import type { WebhookId } from '../db/ids.ts'
import type { SystemDeps } from '../deps.ts'
import { describeError, log } from '../log.ts'
import { webhookMail } from '../mail/webhook-mail.ts'
import type { DisabledBecause } from '../repositories/webhooks.ts'
import { EmailAddress } from '../settings/email-address.ts'

/** Nobody is told where no mail can be sent, or where the creator has no address. */
export async function tellCreator(
  webhookId: WebhookId,
  because: Exclude<DisabledBecause, 'asked'>,
  { mailer, notices }: Pick<SystemDeps, 'mailer' | 'notices'>,
): Promise<void> {
  if (!mailer) return
  const { url, creatorEmail, disabledAt } = (await notices.disabledWebhook(webhookId)) ?? {}
  const to = EmailAddress.safeParse(creatorEmail)
  if (url === undefined || !disabledAt || !to.success) return
  const host = URL.parse(url)?.host ?? webhookId
  const { look } = mailer
  try {
    await mailer.send(await webhookMail({ to: to.data, look, webhookId, host, because }))
  } catch (error) {
    log('error', 'mail not taken', { id: webhookId, ...describeError(error) })
    return
  }
  await notices.noteDisabled(webhookId, disabledAt)
}
