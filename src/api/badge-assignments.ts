/** Who holds which badge. */
import * as z from 'zod'
import { answerFields, nobody } from '../http/answer-fields.ts'
import type { BadgeId as Id } from '../db/ids.ts'
import { listOf, PageQuery, paginate } from '../http/pagination.ts'
import { Answer, route } from '../http/route.ts'
import { assignBadge, assignBadges, removeBadge } from '../operations/assign-badges.ts'
import { notFound } from '../problem.ts'
import type { Given } from '../repositories/badge-assignments.ts'
import {
  Badge,
  BadgeId,
  exampleId,
  NoBody,
  shownId,
  SortNumber,
  Timestamp,
  UserId,
} from './schemas.ts'

const assignment = {
  badge: Badge,
  userId: shownId('usr'),
  assignedAt: Timestamp,
  assignedBy: z.enum(['rule', 'admin', 'partner']),
}
const Assignment = z.object(assignment).meta({ id: 'BadgeAssignment' })
const Assigned = z
  .object({
    created: z.boolean().meta({ description: 'False if it was held already' }),
    ...assignment,
  })
  .meta({ id: 'AssignedBadge' })

const param = z.object({ userId: UserId, badgeId: BadgeId })

export const listUserBadges = route({
  method: 'GET',
  path: '/v1/users/:userId/badges',
  summary: 'The badges a member holds',
  access: { open: 'Badges are part of the public profile' },
  input: { param: z.object({ userId: UserId }), query: z.object(PageQuery) },
  output: listOf(Assignment),
  async run({ input, deps }) {
    const { userId } = input.param
    return paginate<z.input<typeof Assignment>, [number, Id]>({
      name: `badges of ${userId}`,
      query: input.query,
      key: z.tuple([SortNumber, BadgeId]),
      keyOf: ({ badge }) => [badge.position, badge.id as Id],
      read: async (after, limit) => {
        const page = { after: after && { position: after[0], id: after[1] }, limit }
        return (await deps.badgeAssignments.ofUser(userId, page)) ?? notFound('member')
      },
    })
  },
})

export const putUserBadge = route({
  method: 'PUT',
  path: '/v1/users/:userId/badges/:badgeId',
  summary: 'Give a member a badge, but never oneself',
  access: { may: 'badge:assign' },
  input: { param, json: NoBody },
  output: Assigned,
  statuses: [201, 200],
  async run({ input, grant, deps }) {
    const { badge, holder } = await assignBadge(grant, input.param, deps)
    return new Answer(holder.created ? 201 : 200, { badge, ...holder })
  },
})

export const deleteUserBadge = route({
  method: 'DELETE',
  path: '/v1/users/:userId/badges/:badgeId',
  summary: 'Take a badge away from a member',
  access: { may: 'badge:assign' },
  input: { param },
  output: 'nothing',
  async run({ input, grant, deps }) {
    await removeBadge(grant, input.param, deps)
  },
})

const BulkAssignment = z
  .strictObject({ badgeId: BadgeId, userIds: z.array(UserId).min(1).max(100) })
  .meta({
    id: 'BulkAssignment',
    examples: [{ badgeId: exampleId('bdg'), userIds: [exampleId('usr')] }],
  })

const BulkResult = z
  .object({
    badgeId: shownId('bdg'),
    results: z
      .array(
        z.object({
          userId: shownId('usr'),
          status: z.enum(['created', 'held', 'not_found', 'forbidden']).meta({
            description: '`forbidden` for oneself, and for the creator of the API key that asks',
          }),
          created: z.boolean(),
        }),
      )
      .max(100),
  })
  .meta({ id: 'BulkAssignmentResult' })
  .register(answerFields, { about: nobody })

export const createBadgeAssignments = route({
  method: 'POST',
  path: '/v1/badge-assignments/bulk',
  summary: 'Give one badge to up to 100 members, with a result for each',
  access: { may: 'badge:assign' },
  input: { json: BulkAssignment },
  output: BulkResult,
  idempotent: 'd1',
  async run({ input, grant, request: { remember }, deps }) {
    const { badgeId, userIds } = input.json
    const answer = (given: readonly Given[]) => ({ badgeId, results: resultsOf(userIds, given) })
    const award = { badgeId, userIds: [...new Set(userIds)] }
    const { holders, selves } = await assignBadges(grant, award, remember(answer), deps)
    return answer([...holders, ...selves])
  },
})

function resultsOf(userIds: readonly Given['userId'][], given: readonly Given[]) {
  const known = new Map(given.map((each) => [each.userId, each]))
  // An id that was sent twice was given the badge once, by its first mention.
  const seen = new Set<string>()
  return userIds.map((userId) => {
    const holder = known.get(userId)
    const created = holder?.created === true && !seen.has(userId)
    seen.add(userId)
    if (!holder) return { userId, status: 'not_found', created } as const
    if (holder.isSelf) return { userId, status: 'forbidden', created } as const
    return { userId, status: created ? 'created' : 'held', created } as const
  })
}
