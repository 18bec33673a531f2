import { siteDay } from '../calendar/site-day.ts'
import type { Deps } from '../deps.ts'
import { type BadgeId, newId, type RuleId, type UserId } from '../db/ids.ts'
import { notFound, Problem } from '../problem.ts'
import { type AssignedBy, type Given, textOf } from '../repositories/badge-assignments.ts'
import type { BadgeRow } from '../repositories/badges.ts'
import { type Actor, actorRef } from '../security/actor.ts'
import { auditColumns, auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import { asForeseen, type Remember } from './foreseen.ts'

interface Held extends Given {
  readonly assignedAt: string
  readonly assignedBy: AssignedBy
}

export interface Assignment {
  readonly badge: BadgeRow
  readonly holders: readonly Held[]
  readonly selves: readonly Given[]
}

export interface BadgeAward {
  readonly badgeId: BadgeId
  readonly userIds: readonly UserId[]
  /** Set when a rule awards: at the revision the members were measured by. */
  readonly rule?: { readonly id: RuleId; readonly revision: number }
}

/**
 * Gives one badge to many members: one assignment and one audit row for each who did not hold it,
 * all in one transaction, however often it is repeated. A rule gives only to active members, and
 * nothing once it was changed or disabled; nor does it give back what was taken away.
 * @returns the badge, with every member who holds it now, when and by whom they got it; and those who
 * would have given it to themselves, which nobody does
 * @throws Problem `not_found` if there is no such badge, `conflict`
 */
export async function assignBadges(
  grant: Grant<'badge:assign'>,
  award: BadgeAward,
  remember: Remember<readonly Given[]>,
  { badgeAssignments, now, settings }: Deps,
): Promise<Assignment> {
  const { badgeId, userIds, rule } = award
  const exercised = grant.exercise('badge:assign', { badgeId, ...(rule && { ruleId: rule.id }) })
  const audit = auditColumns(exercised, now, {
    action: 'badge.assign',
    changes: { badgeId, ...(rule && { ruleId: rule.id }) },
  })
  const candidates = userIds.map((userId) => ({ userId, auditId: newId('aud', now) }))
  const assignedBy = assignerOf(exercised.actor)
  return asForeseen(async () => {
    const actor = actorRef(exercised.actor)
    const given = remember && (await badgeAssignments.foresee(badgeId, userIds, actor))
    const foreseen = given && { given, answer: await remember(given) }
    const { badge, holders } = await badgeAssignments.award(
      { badgeId, assignedBy, day: siteDay(now, settings.siteTimeZone), rule },
      candidates,
      audit,
      foreseen,
    )
    if (!badge) return notFound('badge')
    const selves = holders.flatMap(({ userId, isSelf }) =>
      isSelf === 1 ? [{ userId, created: false, isSelf: true }] : [],
    )
    const holding = holders.flatMap(({ userId, assignedAt, assignedBy, created, isSelf }) =>
      assignedAt && assignedBy && isSelf === 0
        ? [{ userId, assignedAt, assignedBy, created: created === 1, isSelf: false }]
        : [],
    )
    const isAsForeseen = !given || textOf(given) === textOf([...holding, ...selves])
    return isAsForeseen ? { badge, holders: holding, selves } : undefined
  })
}

/**
 * Gives a badge to one member, as `assignBadges` does.
 * @throws Problem `not_found`, `forbidden` to oneself
 */
export async function assignBadge(
  grant: Grant<'badge:assign'>,
  { badgeId, userId }: { readonly badgeId: BadgeId; readonly userId: UserId },
  deps: Deps,
): Promise<{ readonly badge: BadgeRow; readonly holder: Held }> {
  const award = { badgeId, userIds: [userId] }
  const { badge, holders, selves } = await assignBadges(grant, award, undefined, deps)
  if (selves.length > 0) {
    const detail = 'Nobody gives themselves a badge, nor does an API key give one to its creator.'
    const refusal = { stage: 'ownership', required: 'badge:assign', reach: 'any' } as const
    throw new Problem('forbidden', detail, refusal)
  }
  return { badge, holder: holders[0] ?? notFound('member') }
}

/** Takes a badge away; a rule does not give it back. @throws Problem `not_found` if it is not held */
export async function removeBadge(
  grant: Grant<'badge:assign'>,
  { userId, badgeId }: { readonly userId: UserId; readonly badgeId: BadgeId },
  { badgeAssignments, now }: Deps,
): Promise<void> {
  const exercised = grant.exercise('badge:assign', { badgeId })
  const audit = auditRow(exercised, now, {
    action: 'badge.remove',
    target: userId,
    changes: { badgeId },
  })
  if (!(await badgeAssignments.remove(userId, badgeId, audit))) notFound('badge assignment')
}

function assignerOf(actor: Actor) {
  if (actor.kind === 'system') return 'rule'
  return actor.kind === 'partner' ? 'partner' : 'admin'
}
