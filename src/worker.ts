/** Where the platform comes in: requests, cron ticks and the Durable Object classes. Wiring only. */
import { createApp, createLateApp } from './app.ts'
import { onTrigger } from './cron/on-request.ts'
import type { Bindings } from './env.ts'
import { followUp } from './events/index.ts'
import { arrive } from './http/arrival.ts'
import { gatherRefusal } from './http/refusals.ts'
import { logRequest, shownMethod } from './http/request-log.ts'
import { commits } from './db/commits.ts'
import { describeError, log, tallied } from './log.ts'
import { ringBell } from './objects/webhooks.ts'

export { JobRunner } from './cron/job-runner.ts'
export { KeyGate } from './objects/key-gate.ts'
export { WebhookBell } from './events/webhook-bell.ts'
export { WebhookSender } from './events/webhook-sender.ts'
export { VisitShard } from './objects/visit-shard.ts'

/** How long a request waits for what it needs, storage above all. */
const REQUEST_LIMIT_MS = 5_000

const app = createApp(followUp)
const lateApp = createLateApp()

export default {
  fetch(request: Request, env: Bindings, ctx: ExecutionContext): Promise<Response> {
    const before = commits()
    const { requestId, record, isLate, end } = arrive(request, REQUEST_LIMIT_MS)
    const arrivedAt = Date.now()
    const answer = tallied(record, async () => app.fetch(request, env, ctx)).finally(end)
    // Otherwise all work ends when the client hangs up, or is told that the time is up, also between a
    // commit and what follows from it.
    ctx.waitUntil(answer.then(() => tellWebhooks(before, env)))
    return Promise.race([answer, isLate.then(() => lateApp.fetch(request, env, ctx))]).then(
      (response) => {
        const method = shownMethod(request)
        const { status } = response
        const milliseconds = Date.now() - arrivedAt
        logRequest(record, { requestId, method, status, milliseconds }, env)
        const refused = { requestId, method, status, now: Date.now() }
        const written = gatherRefusal(record, refused, env)
        if (written) ctx.waitUntil(written)
        return response
      },
    )
  },
  scheduled: (controller, env) => onTrigger(controller.cron, env, controller.scheduledTime),
} satisfies ExportedHandler<Bindings>

/** Has webhooks look for what was committed since; nobody waits for it, and the next tick does it anyway. */
async function tellWebhooks(before: number, { BELL }: Bindings): Promise<void> {
  if (commits() === before) return
  try {
    await ringBell(BELL, Date.now())
  } catch (error) {
    log('warn', 'webhooks postponed', describeError(error))
  }
}
