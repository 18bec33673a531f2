/** What visits add up to. */
import * as z from 'zod'
import type { Deps } from '../deps.ts'
import { route } from '../http/route.ts'
import { siteDay } from '../calendar/site-day.ts'
import type { VisitingMember } from '../objects/visits.ts'
import { notFound } from '../problem.ts'
import { Count, Day, MANY, Timestamp, UserId } from './schemas.ts'

export const VisitSummary = z
  .object({
    total: Count.meta({ description: 'Visits counted, ever' }),
    days: Count.meta({ description: 'Days with a visit, ever' }),
    currentStreak: Count.meta({ description: 'Days in a row up to today, or yesterday' }),
    longestStreak: Count,
    lastVisitAt: Timestamp.nullable(),
    byDay: z
      .array(z.object({ day: Day, visits: Count }))
      .max(MANY)
      .meta({ description: 'Newest first, for about the last 400 days' }),
  })
  .meta({ id: 'VisitSummary' })

export async function visitSummaryOf(member: VisitingMember, { visits, now, settings }: Deps) {
  const summary = await visits.of(member).read(siteDay(now, settings.siteTimeZone))
  const { lastVisitAt } = summary
  return {
    ...summary,
    lastVisitAt: lastVisitAt === null ? null : new Date(lastVisitAt).toISOString(),
  }
}

export const readUserVisits = route({
  method: 'GET',
  path: '/v1/users/:userId/visits',
  summary: "A member's visits and streaks",
  access: { may: 'visit:read', owner: ':userId' },
  input: { param: z.object({ userId: UserId }) },
  output: VisitSummary,
  async run({ input, grant, deps }) {
    const { userId } = input.param
    const row = (await deps.users.find(grant.scope, userId)) ?? notFound('member')
    return visitSummaryOf({ userId, shard: row.visitShard }, deps)
  },
})
