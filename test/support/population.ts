/** Many members with many visits, straight into storage: thousands take a moment, not minutes. */
import { env } from 'cloudflare:workers'
import { type BadgeId, newId, type RuleId, type UserId } from '../../src/db/ids.ts'
import { siteDay } from '../../src/calendar/site-day.ts'
import type { BadgeRuleRow } from '../../src/repositories/badge-rules.ts'
import { inShard } from '../objects/visit-fixtures.ts'

export interface Visitor {
  readonly userId: UserId
  readonly shard: number
}

/** Stores members, spread evenly over the shards of a site that has so many. */
export async function populate(count: number, shards: number): Promise<Visitor[]> {
  const now = Date.now()
  const visitors = Array.from({ length: count }, (_, index) => ({
    userId: newId('usr', now),
    shard: index % shards,
  }))
  await env.DB.batch([
    env.DB.prepare(
      `insert into site (key, value) values ('visit_shards', ?), ('time_zone', 'UTC')
        on conflict do nothing`,
    ).bind(String(shards)),
    env.DB.prepare(
      `insert into users (id, display_name, name_key, status, access_revision, visit_shard,
         revision, created_at, updated_at)
       select value ->> 'userId', 'Member', 'member', 'active', 1, value ->> 'shard', 1, ?2, ?2
       from json_each(?1)`,
    ).bind(JSON.stringify(visitors), new Date(now).toISOString()),
  ])
  return visitors
}

/** Counts one visit of each member at `at` (milliseconds). */
export async function visit(visitors: readonly Visitor[], at = Date.now()): Promise<void> {
  const byShard = Map.groupBy(visitors, ({ shard }) => shard)
  for (const [shard, members] of byShard) {
    await inShard(shard, (object) => {
      for (const { userId } of members) object.record(userId, at, siteDay(at, 'UTC'))
    })
  }
}

/** A badge, and a rule that gives it for `threshold` visits. */
export async function badgeWithRule(
  rule: Partial<BadgeRuleRow> = {},
): Promise<{ badgeId: BadgeId; ruleId: RuleId }> {
  const now = Date.now()
  const at = new Date(now).toISOString()
  const badgeId = rule.badgeId ?? newId('bdg', now)
  const ruleId = newId('rul', now)
  const { metric = 'visits', threshold = 1, windowDays = null } = rule
  await env.DB.batch([
    env.DB.prepare(
      `insert into badges (id, slug, title, description, background_color, text_color, position,
         revision, created_at, updated_at)
       values (?1, ?1, 'Badge', '', '#000000', '#ffffff', 1, 1, ?2, ?2) on conflict do nothing`,
    ).bind(badgeId, at),
    env.DB.prepare(
      `insert into badge_rules (id, badge_id, metric, threshold, window_days, enabled, revision,
         created_at, updated_at) values (?1, ?2, ?3, ?4, ?5, 1, 1, ?6, ?6)`,
    ).bind(ruleId, badgeId, metric, threshold, windowDays, at),
  ])
  return { badgeId, ruleId }
}

/** All rows of `query`, read past the storage that a test counts or lets fail. */
export async function rowsOf<Row = Record<string, unknown>>(
  query: string,
  ...values: unknown[]
): Promise<Row[]> {
  const { results } = await env.DB.prepare(query)
    .bind(...values)
    .all<Row>()
  return results
}

/** Members counted by their assignments and audit rows of awards, as `{ "1/1": members }`. */
export async function awardsPerMember(badgeId: BadgeId): Promise<Record<string, number>> {
  const rows = await rowsOf<{ tally: string; members: number }>(
    `select assigned || '/' || audited as tally, count(*) as members from (
       select (select count(*) from badge_assignments
           where user_id = users.id and badge_id = ?1 and removed_at is null) as assigned,
         (select count(*) from audit_log where target = users.id and action = 'badge.assign'
           and changes ->> 'badgeId' = ?1) as audited
       from users) group by tally`,
    badgeId,
  )
  return Object.fromEntries(rows.map(({ tally, members }) => [tally, members]))
}
