/** Members, times and the way into an object, shared by the tests of visits. */
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import type { RuleId, UserId } from '../../src/db/ids.ts'
import type { VisitShard } from '../../src/objects/visit-shard.ts'
import type { VisitRule } from '../../src/objects/visit-stats.ts'
import type { MemberActor } from '../../src/security/actor.ts'
import type { Once } from '../../src/objects/visit-answers.ts'
import { type VisitingMember, visitsClient } from '../../src/objects/visits.ts'
import { withGrant } from '../../src/security/grant.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

const client = visitsClient(
  env.VISITS,
  async () => {},
  async () => 'g',
)

/** The client, with a grant to record for every member whose visits are asked for. */
export const visits = {
  in: (shard: number) => client.in(shard),
  of: (who: VisitingMember) => ({
    ...client.of(who),
    record: (at: number, day: string, once?: Once) =>
      withGrant(actorOf(who.userId), 'visit:record', 'self', 'request-1', async (grant) =>
        client.of(who).record(grant.exercise('visit:record'), at, day, once),
      ),
  }),
}

function actorOf(userId: UserId): MemberActor {
  return { kind: 'member', userId, status: 'active', roles: [], accessRevision: 1 }
}

export function member(number: number): UserId {
  return `usr_${String(number).padStart(26, '0')}`
}

export function rule(number: number, rest: Partial<VisitRule> = {}): VisitRule {
  const id: RuleId = `rul_${String(number).padStart(26, '0')}`
  return { id, revision: 1, metric: 'visits', threshold: 3, windowDays: null, ...rest }
}

/** The time 12:00 UTC on `day` of January 2026, or so many minutes later. */
export function noon(day: number, minutes = 0): number {
  return Date.UTC(2026, 0, day, 12, minutes)
}

/** The date of `day` of January 2026, as text. */
export function january(day: number): string {
  return new Date(Date.UTC(2026, 0, day)).toISOString().slice(0, 10)
}

/** Runs `work` inside the object, without an RPC for each call. */
export function inShard<T>(
  shard: number,
  work: (shard: VisitShard, state: DurableObjectState) => T | Promise<T>,
): Promise<T> {
  return runInDurableObject(env.VISITS.getByName(`visits-${shard}`), work)
}
