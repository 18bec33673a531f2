import type { Deps } from '../deps.ts'
import { isCheckViolation } from '../db/errors.ts'
import { newId, type RuleId } from '../db/ids.ts'
import { notFound, Problem } from '../problem.ts'
import type { BadgeRulePatch, BadgeRuleRow } from '../repositories/badge-rules.ts'
import type { Revisions } from '../repositories/scope.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import type { Remember } from './foreseen.ts'
import { assertDeleted, changedRow } from './outcome.ts'

export type NewBadgeRule = Omit<BadgeRuleRow, 'id' | 'revision' | 'createdAt' | 'updatedAt'>

/** Members whose visits satisfy it already get the badge at one of the next ticks. @throws Problem `not_found`, `validation_failed` */
export async function createBadgeRule(
  grant: Grant<'badge-rule:manage'>,
  rule: NewBadgeRule,
  remember: Remember<BadgeRuleRow>,
  { badgeRules, now }: Deps,
): Promise<BadgeRuleRow> {
  const exercised = grant.exercise('badge-rule:manage')
  const at = new Date(now).toISOString()
  const row = { ...rule, id: newId('rul', now), revision: 1, createdAt: at, updatedAt: at }
  const audit = auditRow(exercised, now, {
    action: 'badge-rule.create',
    target: row.id,
    changes: { ...rule },
  })
  if (!(await satisfiable(badgeRules.create(row, audit, await remember?.(row))))) {
    return notFound('badge')
  }
  return row
}

/** @throws Problem `not_found`, `precondition_failed`, `validation_failed` */
export async function updateBadgeRule(
  grant: Grant<'badge-rule:manage'>,
  change: {
    readonly ruleId: RuleId
    readonly patch: BadgeRulePatch
    readonly revisions: Revisions
  },
  { badgeRules, now }: Deps,
) {
  const exercised = grant.exercise('badge-rule:manage')
  const { ruleId, patch, revisions } = change
  const audit = auditRow(exercised, now, {
    action: 'badge-rule.update',
    target: ruleId,
    changes: patch,
  })
  const outcome = await satisfiable(badgeRules.update(ruleId, patch, revisions, audit))
  return changedRow(outcome, 'badge rule')
}

/** Badges it has given stay. @throws Problem `not_found`, `precondition_failed` */
export async function deleteBadgeRule(
  grant: Grant<'badge-rule:manage'>,
  { ruleId, revisions }: { readonly ruleId: RuleId; readonly revisions: Revisions },
  { badgeRules, now }: Deps,
): Promise<void> {
  const audit = auditRow(grant.exercise('badge-rule:manage'), now, {
    action: 'badge-rule.delete',
    target: ruleId,
  })
  assertDeleted(await badgeRules.delete(ruleId, revisions, audit), 'badge rule')
}

/** The table refuses rules that nobody could satisfy, whatever the order of changes that lead there. */
async function satisfiable<T>(write: Promise<T>): Promise<T> {
  try {
    return await write
  } catch (error) {
    if (!isCheckViolation(error, 'satisfiable')) throw error
    throw new Problem('validation_failed', 'Nobody could ever satisfy this rule.', {
      errors: [
        {
          in: 'json',
          path: 'threshold',
          message: 'expected at most windowDays, for the metric counts days',
        },
      ],
      cause: error,
    })
  }
}
