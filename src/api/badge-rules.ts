/** The rules by which visits earn badges. */
import * as z from 'zod'
import { answerFields, nobody } from '../http/answer-fields.ts'
import type { RuleId as Id } from '../db/ids.ts'
import { listOf, PageQuery, paginate } from '../http/pagination.ts'
import { route } from '../http/route.ts'
import * as operations from '../operations/manage-badge-rules.ts'
import { previewBadgeRule as preview } from '../operations/preview-badge-rule.ts'
import { notFound } from '../problem.ts'
import {
  BadgeId,
  Count,
  exampleId,
  ProfileBadge,
  Revision,
  RuleId,
  shownId,
  shownText,
  SOME_FIELD,
  Timestamp,
} from './schemas.ts'

const param = z.object({ ruleId: RuleId })

export const measured = {
  metric: z.enum(['visits', 'visitDays', 'streakDays']),
  threshold: z.int().min(1).max(1_000_000),
  windowDays: z
    .int()
    .min(1)
    .max(365)
    .nullable()
    .meta({ description: 'Days back from today; null for ever' }),
  enabled: z.boolean(),
}

const Rule = z
  .object({
    id: shownId('rul'),
    badgeId: shownId('bdg'),
    ...measured,
    revision: Revision,
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: 'BadgeRule' })
  .register(answerFields, { etag: ({ revision }) => revision, about: nobody })

/** In a list, with what people know it by. */
const ListedRule = Rule.extend({ badge: ProfileBadge }).meta({ id: 'ListedBadgeRule' })

const NewRule = z
  .strictObject({
    badgeId: BadgeId,
    ...measured,
    windowDays: measured.windowDays.default(null),
    enabled: measured.enabled.default(true),
  })
  .meta({
    id: 'NewBadgeRule',
    examples: [{ badgeId: exampleId('bdg'), metric: 'visits', threshold: 10, windowDays: 30 }],
  })

const RulePatch = z
  .strictObject(measured)
  .partial()
  .refine(...SOME_FIELD)
  .meta({ id: 'BadgeRulePatch', minProperties: 1, examples: [{ threshold: 20 }] })

const { enabled: _, ...imagined } = measured

const PreviewedChange = z
  .strictObject(imagined)
  .partial()
  .meta({
    id: 'PreviewedChange',
    description: 'What of the rule is thought of as changed; nothing for the rule as it is',
    examples: [{ threshold: 20 }],
  })

const Preview = z
  .object({
    asOf: Timestamp,
    wouldGain: Count,
    sample: z
      .array(z.object({ userId: shownId('usr'), displayName: shownText(80), have: Count }))
      .max(100),
  })
  .meta({ id: 'BadgeRulePreview' })

export const listBadgeRules = route({
  method: 'GET',
  path: '/v1/badge-rules',
  summary: 'All rules, oldest first',
  access: { may: 'badge-rule:manage' },
  input: { query: z.object(PageQuery) },
  output: listOf(ListedRule),
  async run({ input, deps }) {
    return paginate<Awaited<ReturnType<typeof deps.badgeRules.list>>[number], [Id]>({
      name: 'badge-rules',
      query: input.query,
      key: z.tuple([RuleId]),
      keyOf: ({ id }) => [id],
      read: (after, limit) => deps.badgeRules.list({ after: after?.[0], limit }),
    })
  },
})

export const readBadgeRule = route({
  method: 'GET',
  path: '/v1/badge-rules/:ruleId',
  summary: 'A rule',
  access: { may: 'badge-rule:manage' },
  input: { param },
  output: Rule,
  async run({ input, deps }) {
    return (await deps.badgeRules.find(input.param.ruleId)) ?? notFound('badge rule')
  },
})

export const createBadgeRule = route({
  method: 'POST',
  path: '/v1/badge-rules',
  summary: 'Create a rule; it applies to past visits too',
  access: { may: 'badge-rule:manage' },
  input: { json: NewRule },
  output: Rule,
  statuses: [201],
  location: ({ id }) => id,
  idempotent: 'd1',
  async run({ input, grant, request: { remember }, deps }) {
    return operations.createBadgeRule(
      grant,
      input.json,
      remember((row) => row),
      deps,
    )
  },
})

export const patchBadgeRule = route({
  method: 'PATCH',
  path: '/v1/badge-rules/:ruleId',
  summary: 'Change a rule; everybody is measured again',
  access: { may: 'badge-rule:manage' },
  input: { param, json: RulePatch },
  output: Rule,
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    return operations.updateBadgeRule(
      grant,
      { ruleId: input.param.ruleId, patch: input.json, revisions },
      deps,
    )
  },
})

export const deleteBadgeRule = route({
  method: 'DELETE',
  path: '/v1/badge-rules/:ruleId',
  summary: 'Delete a rule; the badges it has given stay',
  access: { may: 'badge-rule:manage' },
  input: { param },
  output: 'nothing',
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    await operations.deleteBadgeRule(grant, { ruleId: input.param.ruleId, revisions }, deps)
  },
})

export const previewBadgeRule = route({
  method: 'POST',
  path: '/v1/badge-rules/:ruleId/preview',
  summary:
    'Who would get the badge if the rule, or a change of it, were applied now; changes nothing',
  access: { may: 'badge-rule:manage' },
  input: { param, json: PreviewedChange },
  output: Preview,
  asksAgain: true,
  async run({ input, grant, deps }) {
    return preview(grant, input.param.ruleId, input.json, deps)
  },
})
