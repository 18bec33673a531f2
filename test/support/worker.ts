/** The Worker as the tests run it: the real one, and a note of every object that is awake. */
import real, {
  JobRunner as RealJobRunner,
  KeyGate as RealKeyGate,
  VisitShard as RealVisitShard,
  WebhookSender as RealWebhookSender,
} from '../../src/worker.ts'
import { noteAwake } from './awake.ts'
import { entered } from './entrance.ts'

export default {
  ...real,
  fetch: (request: Request, env: Cloudflare.Env, ctx: ExecutionContext) =>
    entered(env, ctx, (...given) => real.fetch(request, ...given)),
}

export class VisitShard extends RealVisitShard {
  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env)
    noteAwake('VISITS', state.id)
  }
}

export class JobRunner extends RealJobRunner {
  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env)
    noteAwake('JOBS', state.id)
  }
}

export { WebhookBell } from '../../src/worker.ts'

export class WebhookSender extends RealWebhookSender {
  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env)
    noteAwake('WEBHOOKS', state.id)
  }
}

export class KeyGate extends RealKeyGate {
  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env)
    noteAwake('KEYS', state.id)
  }
}
