/**
 * The rest of the Worker's way to the visits. Each call is one RPC on a stub of its own, because a stub
 * that has thrown stays broken.
 */
import type { RuleId, UserId } from '../db/ids.ts'
import { countCall } from '../log.ts'
import { assertReaches, type Exercised } from '../security/grant.ts'
import type { Once } from './visit-answers.ts'
import type {
  Due,
  Eligible,
  Recorded,
  ShardSize,
  ShardTotal,
  Standing,
  VisitShard,
  VisitSummary,
} from './visit-shard.ts'
import type { Milestones } from './visit-milestones.ts'
import type { VisitRule } from './visit-stats.ts'

/** The shard is stored with the member when it is created and never changes. */
export interface VisitingMember {
  readonly userId: UserId
  readonly shard: number
}

/** One member's visits. For units and what each call guarantees see `VisitShard`. */
export interface MemberVisits {
  /** @throws GrantError unless it was granted for this member */
  record(
    exercised: Exercised<'visit:record'>,
    at: number,
    day: string,
    once?: Once,
  ): Promise<Recorded>
  read(today: string): Promise<VisitSummary>
  standing(rules: readonly VisitRule[], today: string): Promise<Standing[]>
  recheck(today: string): Promise<void>
  erase(): Promise<void>
}

/** One shard, for jobs that go through all of them. */
export interface ShardVisits {
  due(rules: readonly VisitRule[], today: string, limit?: number, after?: number): Promise<Due>
  settle(upTo: number, ruleIds?: readonly RuleId[], after?: number): Promise<void>
  eligible(rule: VisitRule, today: string, cursor: UserId | null, limit: number): Promise<Eligible>
  prune(before: string, limit?: number): Promise<{ pruned: number; more: boolean }>
  size(): Promise<ShardSize>
  /** Whether it can read its tables; in a way that objects of the former version have, too. */
  ping(): Promise<void>
  milestones(limit: number): Promise<Milestones>
  totals(since: string): Promise<ShardTotal[]>
  reported(upTo: number): Promise<void>
}

const NOBODY = 'usr_'

type Stub = DurableObjectStub<VisitShard>

export interface Visits {
  of(member: VisitingMember): MemberVisits
  in(shard: number): ShardVisits
}

/** @param confirm what has to be so before anything is done outside of D1, where nothing can be void */
export function visitsClient(
  namespace: DurableObjectNamespace<VisitShard>,
  confirm: () => Promise<void>,
): Visits {
  const ask = async <T>(shard: number, call: (stub: Stub) => Promise<T>): Promise<T> => {
    await confirm()
    countCall('objects')
    return call(namespace.getByName(`visits-${shard}`))
  }
  return {
    of: ({ userId, shard }) => ({
      record: async (exercised, at, day, once) => {
        assertReaches(exercised, userId)
        return ask(shard, async (stub) => stub.record(userId, at, day, once))
      },
      read: async (today) => ask(shard, async (stub) => stub.read(userId, today)),
      standing: async (rules, today) =>
        ask(shard, async (stub) => stub.standing(userId, rules, today)),
      recheck: async (today) => ask(shard, async (stub) => stub.recheck(userId, today)),
      erase: async () => ask(shard, async (stub) => stub.erase(userId)),
    }),
    in: (shard) => ({
      due: async (rules, today, limit, after) =>
        ask(shard, async (stub) => stub.due(rules, today, limit, after)),
      settle: async (upTo, ruleIds, after) =>
        ask(shard, async (stub) => stub.settle(upTo, ruleIds, after)),
      eligible: async (rule, today, cursor, limit) =>
        ask(shard, async (stub) => stub.eligible(rule, today, cursor, limit)),
      prune: async (before, limit) => ask(shard, async (stub) => stub.prune(before, limit)),
      size: async () => ask(shard, async (stub) => stub.size()),
      ping: async () => {
        await ask(shard, async (stub) => stub.read(NOBODY, '1970-01-01'))
      },
      totals: async (since) => ask(shard, async (stub) => stub.totals(since)),
      milestones: async (limit) => ask(shard, async (stub) => stub.milestones(limit)),
      reported: async (upTo) => ask(shard, async (stub) => stub.reported(upTo)),
    }),
  }
}
