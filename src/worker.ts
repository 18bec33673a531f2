/** Where the platform comes in: requests, cron ticks and the Durable Object classes. Wiring only. */
import { createApp, createLateApp } from './app.ts'
import { onTrigger } from './cron/on-request.ts'
import type { Bindings } from './env.ts'
import { followUp } from './events/index.ts'
import { arrive } from './http/arrival.ts'

export { JobRunner } from './cron/job-runner.ts'
export { KeyGate } from './objects/key-gate.ts'
export { VisitShard } from './objects/visit-shard.ts'

/** How long a request waits for what it needs, storage above all. */
const REQUEST_LIMIT_MS = 5_000

const app = createApp(followUp)
const lateApp = createLateApp()

export default {
  fetch(request: Request, env: Bindings, ctx: ExecutionContext): Promise<Response> {
    const { isLate, end } = arrive(request, REQUEST_LIMIT_MS)
    const answer = Promise.resolve(app.fetch(request, env, ctx)).finally(end)
    // Otherwise all work ends when the client hangs up, or is told that the time is up, also between a
    // commit and what follows from it.
    ctx.waitUntil(answer)
    return Promise.race([answer, isLate.then(() => lateApp.fetch(request, env, ctx))])
  },
  scheduled: (controller, env) => onTrigger(controller.cron, env, controller.scheduledTime),
} satisfies ExportedHandler<Bindings>
