/**
 * The rest of the Worker's way to the visits. Each call is one RPC on a stub of its own, because a stub
 * that has thrown stays broken.
 */
import type { RuleId, UserId } from '../db/ids.ts'
import { countCall } from '../log.ts'
import { assertReaches, type Exercised } from '../security/grant.ts'
import type { Binding, Bound } from './belonging.ts'
import type { Once } from './visit-answers.ts'
import type { Pruned } from './visit-log.ts'
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
  prune(before: string, limit?: number, after?: UserId | null): Promise<Pruned>
  milestones(limit: number): Promise<Milestones>
  totals(since: string): Promise<ShardTotal[]>
  reported(upTo: number): Promise<void>
  /** For the tick alone, which tells the shard which state of the database it works with. */
  bind(binding: Binding): Promise<Bound>
}

type Stub = DurableObjectStub<VisitShard>

export interface Visits {
  of(member: VisitingMember): MemberVisits
  in(shard: number): ShardVisits
}

/**
 * @param confirm what has to be so before anything is done outside of D1, where nothing can be void
 * @param generationOf which generation of the stores whoever asks belongs to
 */
export function visitsClient(
  namespace: DurableObjectNamespace<VisitShard>,
  confirm: () => Promise<void>,
  generationOf: () => Promise<string>,
): Visits {
  const ask = async <T>(
    shard: number,
    call: (stub: Stub, generation: string) => Promise<T>,
  ): Promise<T> => {
    await confirm()
    const generation = await generationOf()
    countCall('objects')
    return call(namespace.getByName(`visits-${shard}`), generation)
  }
  return {
    of: ({ userId, shard }) => ({
      record: async (exercised, at, day, once) => {
        assertReaches(exercised, userId)
        return ask(shard, async (stub, told) => stub.record(userId, at, day, once, told))
      },
      read: async (today) => ask(shard, async (stub, told) => stub.read(userId, today, told)),
      standing: async (rules, today) =>
        ask(shard, async (stub, told) => stub.standing(userId, rules, today, told)),
      recheck: async (today) => ask(shard, async (stub, told) => stub.recheck(userId, today, told)),
      erase: async () => ask(shard, async (stub, told) => stub.erase(userId, told)),
    }),
    in: (shard) => ({
      due: async (rules, today, limit, after) =>
        ask(shard, async (stub, told) => stub.due(rules, today, limit, after, told)),
      settle: async (upTo, ruleIds, after) =>
        ask(shard, async (stub, told) => stub.settle(upTo, ruleIds, after, told)),
      eligible: async (rule, today, cursor, limit) =>
        ask(shard, async (stub, told) => stub.eligible(rule, today, cursor, limit, told)),
      prune: async (before, limit, after) =>
        ask(shard, async (stub, told) => stub.prune(before, limit, told, after)),
      totals: async (since) => ask(shard, async (stub, told) => stub.totals(since, told)),
      milestones: async (limit) => ask(shard, async (stub, told) => stub.milestones(limit, told)),
      reported: async (upTo) => ask(shard, async (stub, told) => stub.reported(upTo, told)),
      bind: async (binding) => ask(shard, async (stub) => stub.bind(binding)),
    }),
  }
}

const NOBODY = 'usr_'

/** How a shard is, for whoever only looks. */
export function shardProbe(namespace: DurableObjectNamespace<VisitShard>, shard: number) {
  const stub = () => {
    countCall('objects')
    return namespace.getByName(`visits-${shard}`)
  }
  return {
    /**
     * Whether it can read its tables, and is of this generation of the stores; in a way that objects of the
     * former version have, too.
     */
    async ping(generation: string | undefined): Promise<void> {
      await stub().read(NOBODY, '1970-01-01', generation)
    },
    size: async (): Promise<ShardSize> => stub().size(),
  }
}
