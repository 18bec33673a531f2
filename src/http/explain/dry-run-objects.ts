/**
 * The Durable Objects as they would be: what only reads reaches the real ones, what an object can
 * foresee is foreseen, being told of a change is accepted, and everything else throws. A method that
 * an object gets is missing here until somebody has decided which it is.
 */
import type { DurableObject } from 'cloudflare:workers'
import type { Bindings } from '../../env.ts'
import type { JobBell } from '../../objects/jobs.ts'
import type { KeyGate } from '../../objects/key-gate.ts'
import type { VisitShard } from '../../objects/visit-shard.ts'
import type { WebhookRinging, WebhookSending } from '../../objects/webhooks.ts'

type Methods<O> = {
  [M in Exclude<keyof O, keyof DurableObject>]: O[M] extends (...input: infer I) => infer R
    ? (...input: I) => Promise<Awaited<R>>
    : never
}

type Objects = 'VISITS' | 'KEYS' | 'JOBS' | 'WEBHOOKS' | 'BELL'

export function dryRunObjects(env: Pick<Bindings, Objects>): Pick<Bindings, Objects> {
  return {
    VISITS: namespaceOf<VisitShard>((name) => {
      const shard = () => env.VISITS.getByName(name)
      return {
        read: async (...about) => shard().read(...about),
        standing: async (...about) => shard().standing(...about),
        eligible: async (...about) => shard().eligible(...about),
        record: async (...visit) => shard().foresee(...visit),
        totals: async (...since) => shard().totals(...since),
        size: async () => shard().size(),
        recheck: accepted,
        erase: accepted,
        foresee: refused,
        due: refused,
        settle: refused,
        prune: refused,
        milestones: refused,
        reported: refused,
        bind: refused,
        survey: refused,
        members: refused,
        eraseUnknown: refused,
        adopt: refused,
        putBack: refused,
        dump: refused,
        beginLoading: refused,
        load: refused,
      }
    }),
    KEYS: namespaceOf<KeyGate>((name) => ({
      foresee: async (keyId) => env.KEYS.getByName(name).foresee(keyId),
      refresh: accepted,
      verify: refused,
      told: refused,
      adopt: refused,
      dump: refused,
      load: refused,
    })),
    JOBS: namespaceOf<JobBell>(() => ({ wake: accepted })),
    WEBHOOKS: namespaceOf<WebhookSending>((name) => {
      const sender = () => env.WEBHOOKS.getByName(name)
      return {
        state: async (...about) => sender().state(...about),
        deliveries: async (...about) => sender().deliveries(...about),
        isKnown: async (id) => sender().isKnown(id),
        replay: async (_, id) => sender().isKnown(id),
        wake: accepted,
        ping: accepted,
        replayFrom: accepted,
        isDeleted: refused,
        adopt: refused,
        dump: refused,
        beginLoading: refused,
        load: refused,
      }
    }),
    BELL: namespaceOf<WebhookRinging>(() => ({ ring: async () => false })),
  }
}

async function accepted(): Promise<void> {}

async function refused(): Promise<never> {
  throw new Error('this is not for dry runs')
}

/** The clients call `getByName` only; the rest of a namespace is absent, and throws when it is called. */
function namespaceOf<O extends Rpc.DurableObjectBranded>(
  stub: (name: string) => Methods<O>,
): DurableObjectNamespace<O> {
  return { getByName: stub } as unknown as DurableObjectNamespace<O>
}
