/** The calling member's own things. These routes take no user id: it is the session's. */
import * as z from 'zod'
import type { RuleId as Id } from '../db/ids.ts'
import { Answer, type CallerContext, route } from '../http/route.ts'
import { siteDay } from '../calendar/site-day.ts'
import type { VisitingMember } from '../objects/visits.ts'
import { deleteSelf } from '../operations/delete-self.ts'
import { fillProfile } from '../operations/fill-profile.ts'
import { recordVisit } from '../operations/record-visit.ts'
import { updateProfile } from '../operations/update-profile.ts'
import { notFound } from '../problem.ts'
import { listOf, pageOf, PageQuery } from '../http/pagination.ts'
import { measured } from './badge-rules.ts'
import { profileOf } from './profiles.ts'
import {
  Badge,
  Count,
  Day,
  EXAMPLE_TOKEN,
  FullProfile,
  NoBody,
  ProfilePatch,
  RuleId,
  shownId,
  SortNumber,
  Timestamp,
  Token,
} from './schemas.ts'
import { VisitSummary, visitSummaryOf } from './visits.ts'

export const readMe = route({
  method: 'GET',
  path: '/v1/me',
  summary: 'Your own profile, private fields included',
  access: { may: 'profile:read', owner: 'self' },
  input: {},
  output: FullProfile,
  async run({ grant, caller, deps }) {
    return profileOf(
      (await deps.users.find(grant.scope, selfOf(caller).userId)) ?? notFound('member'),
    )
  },
})

export const patchMe = route({
  method: 'PATCH',
  path: '/v1/me',
  summary: 'Change your own profile',
  access: { may: 'profile:update', owner: 'self' },
  input: { json: ProfilePatch },
  output: FullProfile,
  conditional: true,
  async run({ input, grant, caller, request: { revisions }, deps }) {
    const { userId } = selfOf(caller)
    return profileOf(await updateProfile(grant, { userId, patch: input.json, revisions }, deps))
  },
})

export const deleteMe = route({
  method: 'DELETE',
  path: '/v1/me',
  summary: 'Delete yourself, having just signed in, where the site allows it',
  access: { may: 'account:delete', owner: 'self' },
  input: {},
  output: 'nothing',
  conditional: true,
  async run({ grant, caller: { authenticated: by }, request: { revisions }, deps }) {
    await deleteSelf(grant, { by, revisions }, deps)
  },
})

const SentIdToken = z
  .strictObject({
    idToken: Token.meta({
      description:
        'An ID token about you, from the issuer of the token you came with, for one of its clients that this site lists',
    }),
  })
  .meta({ id: 'SentIdToken', examples: [{ idToken: EXAMPLE_TOKEN }] })

export const fillMyProfile = route({
  method: 'POST',
  path: '/v1/me/id-token',
  summary: 'Fill in your name and address from an ID token; it is no credential and links nothing',
  access: { may: 'profile:update', owner: 'self' },
  input: { json: SentIdToken },
  output: FullProfile,
  async run({ input, grant, caller: { identity }, deps }) {
    if (!identity) return notFound('identity')
    return profileOf(await fillProfile(grant, { ...input.json, identity }, deps))
  },
})

const RecordedVisit = z
  .object({
    counted: z.boolean().meta({ description: 'False within 30 minutes of the last counted visit' }),
    day: Day,
    total: Count,
  })
  .meta({ id: 'RecordedVisit' })

export const createMyVisit = route({
  method: 'POST',
  path: '/v1/me/visits',
  summary: 'Record that you are here now',
  access: { may: 'visit:record', owner: 'self' },
  input: { json: NoBody },
  output: RecordedVisit,
  statuses: [201, 200],
  idempotent: 'object',
  async run({ grant, caller, request, deps }) {
    const visit = await recordVisit(
      grant,
      { member: visiting(caller), once: request.idempotency },
      deps,
    )
    return new Answer(visit.counted ? 201 : 200, visit, { replayed: visit.replayed === true })
  },
})

export const readMyVisits = route({
  method: 'GET',
  path: '/v1/me/visits',
  summary: 'Your visits and streaks',
  access: { may: 'visit:read', owner: 'self' },
  input: {},
  output: VisitSummary,
  async run({ caller, deps }) {
    return visitSummaryOf(visiting(caller), deps)
  },
})

const Progress = z
  .object({
    ruleId: shownId('rul'),
    badge: Badge,
    have: Count,
    need: Count,
    metric: measured.metric,
    windowDays: Count.nullable(),
    earnedAt: Timestamp.nullable(),
  })
  .meta({ id: 'Progress' })

export const readMyProgress = route({
  method: 'GET',
  path: '/v1/me/progress',
  summary: 'How far you are with every rule that awards a badge',
  access: { may: 'visit:read', owner: 'self' },
  input: { query: z.object(PageQuery) },
  output: listOf(Progress),
  async run({ input, caller, deps }) {
    const member = visiting(caller)
    const standings = await deps.badgeRules.progressOf(member.userId)
    const rules = standings.map(({ rule }) => rule)
    const today = siteDay(deps.now, deps.settings.siteTimeZone)
    const have = new Map(
      (await deps.visits.of(member).standing(rules, today)).map((each) => [each.ruleId, each.have]),
    )
    const items = standings.map(({ rule, badge, earnedAt }) => ({
      ruleId: rule.id,
      badge,
      have: have.get(rule.id) ?? 0,
      need: rule.threshold,
      metric: rule.metric,
      windowDays: rule.windowDays,
      earnedAt,
    }))
    return pageOf({
      name: 'progress',
      query: input.query,
      key: z.tuple([SortNumber, RuleId]),
      keyOf: ({ badge, ruleId }): [number, Id] => [badge.position, ruleId],
      all: items,
    })
  },
})

/** Who is admitted to a route about `self` is a member. */
export function selfOf({ actor }: CallerContext) {
  return actor.kind === 'member' ? actor : notFound('member')
}

function visiting(caller: CallerContext): VisitingMember {
  const { userId } = selfOf(caller)
  const { visitShard: shard } = caller
  return shard === undefined ? notFound('member') : { userId, shard }
}
