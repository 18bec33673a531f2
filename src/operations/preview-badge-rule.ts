import type { Deps } from '../deps.ts'
import type { RuleId, UserId } from '../db/ids.ts'
import type { BadgeRulePatch } from '../repositories/badge-rules.ts'
import { siteDay } from '../calendar/site-day.ts'
import { notFound } from '../problem.ts'
import type { Grant } from '../security/grant.ts'

const PAGE = 1000
const SAMPLE = 10

/**
 * Who would get the rule's badge if a tick ran now: measured by the shards and admitted by the SQL
 * that the award itself uses. Changes nothing; a disabled rule is previewed as if it were enabled.
 * @param change what of the rule is to be thought of as changed
 * @throws Problem `not_found`
 */
export async function previewBadgeRule(
  grant: Grant<'badge-rule:manage'>,
  ruleId: RuleId,
  change: Pick<BadgeRulePatch, 'metric' | 'threshold' | 'windowDays'>,
  deps: Deps,
) {
  grant.exercise('badge-rule:manage')
  const { badgeRules, badgeAssignments, visits, now, settings } = deps
  const found = (await badgeRules.findWithShards(ruleId)) ?? notFound('badge rule')
  const { shards } = found
  const rule = {
    ...found.rule,
    ...(change.metric !== undefined && { metric: change.metric }),
    ...(change.threshold !== undefined && { threshold: change.threshold }),
    ...(change.windowDays !== undefined && { windowDays: change.windowDays }),
  }
  const today = siteDay(now, settings.siteTimeZone)
  const sample: { userId: UserId; displayName: string; have: number }[] = []
  let wouldGain = 0
  for (let shard = 0; shard < shards; shard++) {
    let cursor: UserId | null = null
    do {
      const page = await visits.in(shard).eligible(rule, today, cursor, PAGE)
      const have = new Map(page.members.map((each) => [each.member, each.have]))
      const award = { badgeId: rule.badgeId, assignedBy: 'rule' } as const
      const gaining = have.size > 0 ? await badgeAssignments.wouldGain(award, [...have.keys()]) : []
      wouldGain += gaining.length
      for (const each of gaining.slice(0, SAMPLE - sample.length)) {
        sample.push({ ...each, have: have.get(each.userId) ?? 0 })
      }
      cursor = page.next
    } while (cursor !== null)
  }
  return { asOf: new Date(now).toISOString(), wouldGain, sample }
}
