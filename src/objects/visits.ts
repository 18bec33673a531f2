/**
 * The rest of the Worker's way to the visits. Each call is one RPC on a stub of its own, because a stub
 * that has thrown stays broken.
 */
import type { RuleId, UserId } from '../db/ids.ts'
import { assertReaches, type Exercised } from '../security/grant.ts'
import type { Once } from './visit-answers.ts'
import type { Due, Eligible, Recorded, Standing, VisitShard, VisitSummary } from './visit-shard.ts'
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
}

export interface Visits {
  of(member: VisitingMember): MemberVisits
  in(shard: number): ShardVisits
}

export function visitsClient(namespace: DurableObjectNamespace<VisitShard>): Visits {
  const shardOf = (shard: number) => namespace.getByName(`visits-${shard}`)
  return {
    of: ({ userId, shard }) => ({
      record: async (exercised, at, day, once) => {
        assertReaches(exercised, userId)
        return shardOf(shard).record(userId, at, day, once)
      },
      read: async (today) => shardOf(shard).read(userId, today),
      standing: async (rules, today) => shardOf(shard).standing(userId, rules, today),
      recheck: async (today) => shardOf(shard).recheck(userId, today),
      erase: async () => shardOf(shard).erase(userId),
    }),
    in: (shard) => ({
      due: async (rules, today, limit, after) => shardOf(shard).due(rules, today, limit, after),
      settle: async (upTo, ruleIds, after) => shardOf(shard).settle(upTo, ruleIds, after),
      eligible: async (rule, today, cursor, limit) =>
        shardOf(shard).eligible(rule, today, cursor, limit),
      prune: async (before, limit) => shardOf(shard).prune(before, limit),
    }),
  }
}
