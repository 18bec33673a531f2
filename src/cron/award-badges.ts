/**
 * Awards badges to the members whose visits have satisfied a rule. The badge comes from the rule an
 * admin wrote, the members from the shards, the permission from a list of one. A shard forgets what
 * it reported only after the award is committed, so a crash anywhere repeats harmlessly.
 */
import type { SystemDeps } from '../deps.ts'
import type { RuleId, UserId } from '../db/ids.ts'
import { siteDay } from '../calendar/site-day.ts'
import { assignBadges } from '../operations/assign-badges.ts'
import { Problem } from '../problem.ts'
import type { BadgeRuleRow } from '../repositories/badge-rules.ts'
import { elevate } from '../security/elevation.ts'
import { failureOf, type JobContext, type JobResult } from './job.ts'

/** Members per shard and round. */
const PAGE = 1000
/** Shards at a time; a Worker has six connections, and what a wave finds shares transactions. */
const WAVE = 8
/** The rules and the number of shards. */
const CALLS_TO_BEGIN = 2
/** Members per transaction: as many as other requests may wait for, and the statements of a trigger allow. */
const TRANSACTION = 1000
/** What a round costs: per shard `due` and `settle`, per transaction the statements of one award. */
const CALLS_PER_SHARD = 2
const CALLS_PER_AWARD = 5

/** A shard, and how far into its crossings this run has come. */
interface Position {
  readonly shard: number
  readonly after: number
}

interface Run {
  readonly deps: SystemDeps
  readonly affords: JobContext['affords']
  readonly rules: readonly BadgeRuleRow[]
  readonly counts: { rules: number; shards: number; considered: number; awarded: number }
  readonly failures: string[]
  /** Rules whose award has failed; the others go on, and the next run tries these again. */
  readonly failing: Set<RuleId>
}

export async function awardBadges({ deps, cursor, affords }: JobContext): Promise<JobResult> {
  if (!affords(CALLS_TO_BEGIN)) return { counts: {}, cursor, failures: [] }
  const [rules, shards] = await Promise.all([deps.badgeRules.enabled(), deps.site.visitShards()])
  const counts = { rules: rules.length, shards: 0, considered: 0, awarded: 0 }
  const failures: string[] = []
  const run: Run = { deps, affords, rules, counts, failures, failing: new Set() }
  const first = Number(cursor ?? 0)
  const all = Array.from({ length: shards }, (_, index) => (first + index) % shards)
  for (let done = 0; done < shards; done += WAVE) {
    const wave = all.slice(done, done + WAVE)
    let open = wave.map((shard): Position => ({ shard, after: 0 }))
    while (open[0]) {
      const calls = CALLS_PER_SHARD * open.length + CALLS_PER_AWARD
      if (!affords(calls)) return { counts, cursor: String(open[0].shard), failures }
      open = await awardRound(open, run)
    }
    counts.shards += wave.length
  }
  return { counts, cursor: null, failures }
}

/** One page of each shard, with one award paid for. @returns the shards to go on with */
async function awardRound(open: readonly Position[], run: Run): Promise<Position[]> {
  const { deps, affords, rules, failures, failing } = run
  const today = siteDay(deps.now, deps.settings.siteTimeZone)
  const pages = await forEachShard(open, failures, async ({ shard, after }) => ({
    shard,
    after,
    ...(await deps.visits.in(shard).due(rules, today, PAGE, after)),
  }))

  const crossings = pages.flatMap((page) => page.crossings)
  const awards = rules
    .filter(({ id }) => !failing.has(id))
    .map((rule) => ({
      rule,
      members: crossings
        .filter(({ ruleId, revision }) => ruleId === rule.id && revision === rule.revision)
        .flatMap((crossing) => crossing.members),
    }))
    .filter(({ members }) => members.length > 0)
  const parts = awards.flatMap(({ rule, members }) =>
    inParts(members, TRANSACTION).map((part) => ({ rule, members: part })),
  )
  const awarded = new Map(awards.map(({ rule }) => [rule.id, rule.revision]))
  let tried = 0
  for (const { rule, members } of parts) {
    // The first is paid for, so that some are awarded however many rules there are.
    if (tried > 0 && !affords(CALLS_PER_AWARD)) break
    tried += 1
    if (!(await award(rule, members, run))) awarded.delete(rule.id)
  }
  for (const { rule } of parts.slice(tried)) awarded.delete(rule.id)

  const settled = await forEachShard(pages, failures, async (page) => {
    const { shard, after, upTo, crossings } = page
    // Members of another revision of the rule are left out, because they were not awarded here.
    const done = crossings.filter(({ ruleId, revision }) => awarded.get(ruleId) === revision)
    const ruleIds = done.map(({ ruleId }) => ruleId)
    if (ruleIds.length > 0) await deps.visits.in(shard).settle(upTo, ruleIds, after)
    return page
  })
  if (tried < parts.length) return [...open]
  return settled.filter(({ more }) => more).map(({ shard, upTo }) => ({ shard, after: upTo }))
}

/** A shard that fails is noted and left to the next run; the others go on. */
async function forEachShard<T extends Position, R>(
  shards: readonly T[],
  failures: string[],
  work: (shard: T) => Promise<R>,
): Promise<R[]> {
  const results = await Promise.all(
    shards.map(async (each) => {
      try {
        return [await work(each)]
      } catch (error) {
        failures.push(`shard ${each.shard}: ${failureOf(error)}`)
        return []
      }
    }),
  )
  return results.flat()
}

function inParts<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, part) =>
    all.slice(part * size, (part + 1) * size),
  )
}

/** @returns whether it is committed */
async function award(rule: BadgeRuleRow, userIds: readonly UserId[], run: Run): Promise<boolean> {
  if (run.failing.has(rule.id)) return false
  try {
    const { id, revision, badgeId } = rule
    const elevation = { reason: reasonOf(rule), bound: { badgeId, ruleId: id } }
    const { holders } = await elevate('badge-awarder', 'badge:assign', elevation, (grant) =>
      assignBadges(grant, { badgeId, userIds, rule: { id, revision } }, undefined, run.deps),
    )
    run.counts.considered += userIds.length
    run.counts.awarded += holders.filter(({ created }) => created).length
    return true
  } catch (error) {
    // The badge was deleted while its members were looked for, and the rule with it.
    if (error instanceof Problem && error.code === 'not_found') return true
    run.failing.add(rule.id)
    run.failures.push(`rule ${rule.id}: ${failureOf(error)}`)
    return false
  }
}

function reasonOf({ id, metric, threshold, windowDays }: BadgeRuleRow): string {
  const period = windowDays === null ? '' : ` within ${windowDays} days`
  return `${id}: ${threshold} ${metric}${period}`
}
