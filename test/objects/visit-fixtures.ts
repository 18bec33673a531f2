/** Members, times and the way into an object, shared by the tests of visits. */
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import type { RuleId, UserId } from '../../src/db/ids.ts'
import type { VisitShard } from '../../src/objects/visit-shard.ts'
import type { VisitRule } from '../../src/objects/visit-stats.ts'
import { visitsClient } from '../../src/objects/visits.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export const visits = visitsClient(env.VISITS)

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
