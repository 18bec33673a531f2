/**
 * The way to objects of another generation, which do nothing but what reconciling asks. Only
 * `cron/reconcile.ts` and `cron/put-back.ts` may import it; lint and a walk over the imports keep it so.
 */
import type { KeyId, WebhookId } from '../db/ids.ts'
import type { KeyGate } from './key-gate.ts'
import type { VisitShard } from './visit-shard.ts'
import type { WebhookSending } from './webhooks.ts'

type Of<O, M extends keyof O> = {
  [Name in M]: O[Name] extends (...input: infer I) => infer R
    ? (...input: I) => Promise<Awaited<R>>
    : never
}

export interface Reconciling {
  shard(shard: number): Of<VisitShard, 'survey' | 'members' | 'eraseUnknown' | 'adopt' | 'putBack'>
  gate(key: KeyId): Of<KeyGate, 'told' | 'adopt'>
  sender(webhook: WebhookId): Pick<WebhookSending, 'isDeleted' | 'adopt'>
}

export function reconcilingClient(env: {
  readonly VISITS: DurableObjectNamespace<VisitShard>
  readonly KEYS: DurableObjectNamespace<KeyGate>
  readonly WEBHOOKS: DurableObjectNamespace<WebhookSending>
}): Reconciling {
  return {
    shard(shard) {
      const stub = () => env.VISITS.getByName(`visits-${shard}`)
      return {
        survey: async () => stub().survey(),
        members: async (cursor, limit) => stub().members(cursor, limit),
        eraseUnknown: async (members) => stub().eraseUnknown(members),
        adopt: async (generation, at) => stub().adopt(generation, at),
        putBack: async (at) => stub().putBack(at),
      }
    },
    gate(key) {
      const stub = () => env.KEYS.getByName(key)
      return {
        told: async () => stub().told(),
        adopt: async (generation) => stub().adopt(generation),
      }
    },
    sender(webhook) {
      const stub = () => env.WEBHOOKS.getByName(webhook)
      return {
        isDeleted: async () => stub().isDeleted(),
        adopt: async (generation) => stub().adopt(generation),
      }
    },
  }
}
