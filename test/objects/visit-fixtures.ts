/** Members, times and a slow, obvious way to count, shared by the tests of visits. */
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

const client = visitsClient(env.VISITS)

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

/** 12:00 UTC on `day` of January 2026, or so many minutes later. */
export function noon(day: number, minutes = 0): number {
  return Date.UTC(2026, 0, day, 12, minutes)
}

/** January 2026, as text. */
export function january(day: number): string {
  return new Date(Date.UTC(2026, 0, day)).toISOString().slice(0, 10)
}

/** Works inside the object, without an RPC for each call. */
export function inShard<T>(
  shard: number,
  work: (shard: VisitShard, state: DurableObjectState) => T | Promise<T>,
): Promise<T> {
  return runInDurableObject(env.VISITS.getByName(`visits-${shard}`), work)
}

/** Counts by the book: `days` has the day number of every counted visit of one member, in any order. */
export function byTheBook(
  { metric, windowDays }: Pick<VisitRule, 'metric' | 'windowDays'>,
  days: readonly number[],
  today: number,
): number {
  const end = Math.max(today, ...days)
  const inside = days.filter((day) => windowDays === null || day > end - windowDays)
  if (metric === 'visits') return inside.length
  const distinct = new Set(inside)
  if (metric === 'visitDays') return distinct.size
  return Math.max(0, ...[...distinct].map((day) => runFrom(day, distinct)))
}

export function currentByTheBook(days: readonly number[], today: number): number {
  const distinct = new Set(days)
  const last = Math.max(...days)
  if (last < today - 1) return 0
  let first = last
  while (distinct.has(first - 1)) first -= 1
  return runFrom(first, distinct)
}

function runFrom(day: number, distinct: ReadonlySet<number>): number {
  let length = 0
  while (distinct.has(day + length)) length += 1
  return length
}
