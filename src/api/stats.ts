/** The site in figures, as they are at this moment. */
import * as z from 'zod'
import { JOBS } from '../cron/job-names.ts'
import type { Deps } from '../deps.ts'
import { route } from '../http/route.ts'
import { Count, Day, shownName, Timestamp, UtcDay } from './schemas.ts'

const DAYS = 90
const DAY_MS = 86_400_000

const Stats = z
  .object({
    asOf: Timestamp,
    members: z.object({ active: Count, suspended: Count }),
    joinedByDay: z
      .array(z.object({ day: UtcDay, members: Count }))
      .max(DAYS)
      .meta({
        description: `Who has joined on each of the last ${DAYS} days, deleted since or not; days without anybody are left out`,
      }),
    visitsByDay: z
      .array(z.object({ day: Day, visits: Count }))
      .max(DAYS + 1)
      .nullable()
      .meta({ description: 'Of the members there are; null if it cannot be said now' }),
    refusedByDay: z
      .array(z.object({ day: UtcDay, refusals: Count }))
      .max(DAYS)
      .meta({ description: 'Calls that were refused, where refusals are kept' }),
    awardsByDay: z
      .array(z.object({ day: Day, awards: Count }))
      .max(DAYS)
      .meta({ description: 'Badges given, by hand and by rules, taken away since or not' }),
    badgesHeld: Count.meta({ description: 'Badges that are held, each by each member' }),
    bookings: z.object({ pending: Count, confirmed: Count, declined: Count, canceled: Count }),
    jobs: z
      .array(
        z.object({
          job: shownName(),
          status: z.enum(['requested', 'running', 'succeeded', 'failed']),
          startedAt: Timestamp.nullable(),
          finishedAt: Timestamp.nullable(),
          counts: z.record(shownName(), z.number()),
        }),
      )
      .max(100)
      .meta({ description: 'The last run of each job that has run' }),
  })
  .meta({ id: 'Stats' })

export const readStats = route({
  method: 'GET',
  path: '/v1/stats',
  summary: 'The site in figures: members, badges, bookings and the last runs of the jobs',
  access: { may: 'stats:read' },
  input: {},
  output: Stats,
  async run({ deps: { stats, visits, now } }) {
    const since = new Date(now - (DAYS - 1) * DAY_MS).toISOString().slice(0, 10)
    const found = await stats.read(since, Object.keys(JOBS))
    const { countOf, joined, awarded, refused, shards, runs } = found
    return {
      asOf: new Date(now).toISOString(),
      members: { active: countOf('members', 'active'), suspended: countOf('members', 'suspended') },
      joinedByDay: joined.slice(-DAYS).map(({ key, count }) => ({ day: key, members: count })),
      visitsByDay: await visitsByDay(shards, since, visits),
      refusedByDay: refused.slice(-DAYS).map(({ day, count }) => ({ day, refusals: count })),
      awardsByDay: awarded.slice(-DAYS).map(({ day, count }) => ({ day, awards: count })),
      badgesHeld: countOf('awards', 'held'),
      bookings: {
        pending: countOf('bookings', 'pending'),
        confirmed: countOf('bookings', 'confirmed'),
        declined: countOf('bookings', 'declined'),
        canceled: countOf('bookings', 'canceled'),
      },
      jobs: runs,
    }
  },
})

/** Of all shards together, each asked at the same time. */
async function visitsByDay(shards: number, since: string, visits: Deps['visits']) {
  const asked = Array.from({ length: shards }, async (_, shard) => visits.in(shard).totals(since))
  const answers = await Promise.allSettled(asked)
  const sums = new Map<string, number>()
  for (const answer of answers) {
    if (answer.status === 'rejected') return null
    for (const { day, visits: count } of answer.value) sums.set(day, (sums.get(day) ?? 0) + count)
  }
  return [...sums]
    .map(([day, count]) => ({ day, visits: count }))
    .toSorted((a, b) => (a.day < b.day ? -1 : 1))
    .slice(-DAYS)
}
