/** Webhooks are woken by what happens; this makes up for a call that was lost. */
import { isId, type WebhookId } from '../db/ids.ts'
import { failureOf, type JobContext, type JobResult } from './job.ts'

const PAGE = 20

export async function wakeWebhooks({ deps, cursor, affords }: JobContext): Promise<JobResult> {
  const failures: string[] = []
  let woken = 0
  let after: WebhookId | undefined = cursor !== null && isId('whk', cursor) ? cursor : undefined
  while (affords(PAGE + 1)) {
    const page = await deps.webhooks.enabled({ after, limit: PAGE })
    for (const { id } of page) {
      try {
        await deps.webhookSenders.wake(id)
        woken += 1
      } catch (error) {
        failures.push(`${id}: ${failureOf(error)}`)
      }
    }
    after = page.at(-1)?.id
    if (page.length < PAGE) return { counts: { woken }, cursor: null, failures }
  }
  return { counts: { woken }, cursor: after ?? null, failures }
}
