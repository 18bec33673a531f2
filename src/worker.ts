/** Where the platform comes in: requests, cron ticks and the Durable Object classes. Wiring only. */
import { createApp } from './app.ts'
import { tick } from './cron/schedule.ts'
import type { Bindings } from './env.ts'
import { followUp } from './events/index.ts'

export { JobRunner } from './cron/job-runner.ts'
export { KeyGate } from './objects/key-gate.ts'
export { VisitShard } from './objects/visit-shard.ts'

const app = createApp(followUp)

export default {
  fetch(request: Request, env: Bindings, ctx: ExecutionContext): Promise<Response> {
    const answer = Promise.resolve(app.fetch(request, env, ctx))
    // Otherwise all work ends when the client hangs up, also between a commit and what follows from it.
    ctx.waitUntil(answer)
    return answer
  },
  scheduled: (controller, env) => tick(controller.cron, env, controller.scheduledTime),
} satisfies ExportedHandler<Bindings>
