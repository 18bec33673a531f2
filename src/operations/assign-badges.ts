import type { Deps } from '../deps.ts'
import { type BadgeId, newId, type RuleId, type UserId } from '../db/ids.ts'
import { notFound } from '../problem.ts'
import { type AssignedBy, type Given, textOf } from '../repositories/badge-assignments.ts'
import type { BadgeRow } from '../repositories/badges.ts'
import type { Actor } from '../security/actor.ts'
import { auditColumns, auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import { asForeseen, type Remember } from './foreseen.ts'

interface Held extends Given {
  readonly assignedAt: string
  readonly assignedBy: AssignedBy
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
 * @returns the badge, and every member who exists with when and by whom they got it
 * @throws Problem `not_found` if there is no such badge, `conflict`
 */
export async function assignBadges(
  grant: Grant<'badge:assign'>,
  award: BadgeAward,
  remember: Remember<readonly Given[]>,
  { badgeAssignments, now }: Deps,
): Promise<{ readonly badge: BadgeRow; readonly holders: readonly Held[] }> {
  const { badgeId, userIds, rule } = award
  const exercised = grant.exercise('badge:assign', { badgeId, ...(rule && { ruleId: rule.id }) })
  const audit = auditColumns(exercised, now, {
    action: 'badge.assign',
    changes: { badgeId, ...(rule && { ruleId: rule.id }) },
  })
  const candidates = userIds.map((userId) => ({ userId, auditId: newId('aud', now) }))
  const assignedBy = assignerOf(exercised.actor)
  return asForeseen(async () => {
    const given = remember && (await badgeAssignments.foresee(badgeId, userIds))
    const foreseen = given && { given, answer: await remember(given) }
    const { badge, holders } = await badgeAssignments.award(
      { badgeId, assignedBy, rule },
      candidates,
      audit,
      foreseen,
    )
    if (!badge) return notFound('badge')
    const holding = holders.flatMap(({ userId, assignedAt, assignedBy, created }) =>
      assignedAt && assignedBy ? [{ userId, assignedAt, assignedBy, created: created === 1 }] : [],
    )
    const isAsForeseen = !given || textOf(given) === textOf(holding)
    return isAsForeseen ? { badge, holders: holding } : undefined
  })
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
