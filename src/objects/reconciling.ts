/**
 * The way to objects for what the operator asks: those of another generation do nothing but what
 * reconciling asks, and all that objects hold leaves them in a backup. Only `cron/` may import it, and no
 * route reaches that; lint and a walk over the imports keep it so.
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

type Moving = 'dump' | 'beginLoading' | 'load'

export interface Reconciling {
  shard(
    shard: number,
  ): Of<VisitShard, 'survey' | 'members' | 'eraseUnknown' | 'adopt' | 'putBack' | Moving>
  gate(key: KeyId): Of<KeyGate, 'told' | 'adopt' | 'dump' | 'load'>
  sender(webhook: WebhookId): Pick<WebhookSending, 'isDeleted' | 'adopt' | Moving>
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
        dump: async (cursor, generation) => stub().dump(cursor, generation),
        beginLoading: async (backup) => stub().beginLoading(backup),
        load: async (backup, tables) => stub().load(backup, tables),
      }
    },
    gate(key) {
      const stub = () => env.KEYS.getByName(key)
      return {
        told: async () => stub().told(),
        adopt: async (generation) => stub().adopt(generation),
        dump: async (generation) => stub().dump(generation),
        load: async (gate) => stub().load(gate),
      }
    },
    sender(webhook) {
      const stub = () => env.WEBHOOKS.getByName(webhook)
      return {
        isDeleted: async () => stub().isDeleted(),
        adopt: async (generation) => stub().adopt(generation),
        dump: async (cursor, generation) => stub().dump(cursor, generation),
        beginLoading: async (backup) => stub().beginLoading(backup),
        load: async (backup, tables) => stub().load(backup, tables),
      }
    },
  }
}
