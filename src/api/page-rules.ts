/** The rules that say who may open which pages of the site. */
import * as z from 'zod'
import type { PageRuleId as Id } from '../db/ids.ts'
import { answerFields, nobody } from '../http/answer-fields.ts'
import { listOf, PageQuery, paginate } from '../http/pagination.ts'
import { route } from '../http/route.ts'
import * as operations from '../operations/manage-page-rules.ts'
import { notFound } from '../problem.ts'
import { canonicalPath } from '../security/pages/canonical-path.ts'
import { MAX_PATTERN_LENGTH, MAX_POSITION, patternKey } from '../security/pages/page-rule.ts'
import { isProductPath } from '../security/pages/product-paths.ts'
import { PERMISSIONS } from '../security/permissions.ts'
import {
  BadgeId,
  Count,
  idOf,
  PermissionName,
  ProfileBadge,
  Revision,
  shownId,
  shownName,
  shownText,
  SOME_FIELD,
  SortNumber,
  Timestamp,
} from './schemas.ts'

const PageRuleId = idOf('pgr', 'Id of a page rule')
const param = z.object({ ruleId: PageRuleId })

const Pattern = z
  .string()
  .max(MAX_PATTERN_LENGTH, { abort: true })
  .refine((pattern) => patternKey(pattern) !== undefined, {
    error:
      'expected a path of literal segments, `:name` for any one segment and `*` as the last one; anything else percent-encoded',
    abort: true,
  })
  .refine((pattern) => !isProductPath(patternKey(pattern) ?? ''), {
    error: 'expected a path of the site: no rule is about the pages of Guildhall itself',
  })
  .meta({
    description:
      'Which pages: literal segments, `:name` for any one segment, and `*` at the end for everything below, ' +
      'the page itself included. Compared without regard to case or to a slash at the end',
    pattern: '^/',
  })

/** A page that somebody is sent to, in its one spelling. */
const Place = z
  .string()
  .max(MAX_PATTERN_LENGTH)
  .refine((path) => !/[?#]/.test(path) && 'path' in canonicalPath(path), {
    error: 'expected the path of a page of this site, without a query',
    abort: true,
  })
  .overwrite((path) => {
    const spelling = canonicalPath(path)
    return 'path' in spelling ? spelling.path : path
  })
  .refine((path) => path.length <= MAX_PATTERN_LENGTH, {
    error: `expected at most ${MAX_PATTERN_LENGTH} characters, percent-encoded`,
  })
  .meta({ pattern: '^/' })

const Access = z
  .union(
    [
      z.enum(['anyone', 'visitors-only', 'members']),
      z
        .strictObject({
          may: PermissionName,
          reach: z.enum(['own', 'any']).default('any'),
        })
        .refine(({ may, reach }) => reach === 'own' || goesFar(may), {
          error: 'nobody has this permission with reach any',
          path: ['reach'],
        }),
      z.strictObject({ badge: BadgeId }),
    ],
    {
      error:
        'expected "anyone", "visitors-only", "members", { may, reach? } with a permission, or { badge } with an id',
    },
  )
  .meta({
    id: 'PageAccess',
    description:
      'Who may open it. `own` is for those who have the permission with any reach; `any` is what is meant by default',
  })

function goesFar(may: keyof typeof PERMISSIONS): boolean {
  const { reaches } = PERMISSIONS[may]
  return reaches.some((reach) => reach === 'any')
}

const OnUnauthenticated = z.enum(['sign-in', '401', '404']).meta({
  description:
    'What whoever is signed out is answered. With `404`, those who lack the right are answered 404 as well',
})

const writable = {
  path: Pattern,
  access: Access,
  onUnauthenticated: OnUnauthenticated,
  signInPath: Place.nullable().meta({ description: 'Null for the sign-in of this site' }),
  forbiddenPath: Place.nullable().meta({
    description:
      'Where a navigation without the right is sent; null for a page that says what is missing',
  }),
  webSocket: z.boolean().meta({
    description:
      'Whether an upgrade to a websocket is handed on; nothing is checked once it is open',
  }),
  position: z.int().min(0).max(MAX_POSITION),
}

const NewPageRule = z
  .strictObject({
    ...writable,
    onUnauthenticated: OnUnauthenticated.optional(),
    signInPath: writable.signInPath.default(null),
    forbiddenPath: writable.forbiddenPath.default(null),
    webSocket: writable.webSocket.default(false),
    position: writable.position.optional().meta({ description: 'After all others if left out' }),
  })
  .meta({ id: 'NewPageRule', examples: [{ path: '/members/*', access: 'members' }] })

const Step = z.strictObject({ to: z.enum(['up', 'down']), past: PageRuleId }).meta({
  id: 'PageRuleStep',
  description:
    'Alone: one step past the rule next to it, which takes its place; 409 if that is another by now',
})

const PageRulePatch = z
  .strictObject({ ...writable, step: Step })
  .partial()
  .refine(...SOME_FIELD)
  .refine(({ step, ...fields }) => step === undefined || Object.keys(fields).length === 0, {
    error: 'expected nothing else beside it',
    path: ['step'],
  })
  .meta({ id: 'PageRulePatch', minProperties: 1, examples: [{ webSocket: true }] })

const PageRule = z
  .object({
    id: shownId('pgr'),
    path: shownText(MAX_PATTERN_LENGTH),
    access: z.union([
      z.enum(['anyone', 'visitors-only', 'members']),
      z.object({ may: shownName(), reach: z.enum(['own', 'any']) }),
      z.object({ badge: shownId('bdg') }),
    ]),
    onUnauthenticated: OnUnauthenticated,
    signInPath: shownText(MAX_PATTERN_LENGTH).nullable(),
    forbiddenPath: shownText(MAX_PATTERN_LENGTH).nullable(),
    webSocket: z.boolean(),
    position: Count,
    badge: ProfileBadge.nullable().optional().meta({
      description: 'In the list alone: what people know the badge by, if it names one',
    }),
    revision: Revision,
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: 'PageRule' })
  .register(answerFields, { etag: ({ revision }) => revision, about: nobody })

const access = { may: 'page:manage' } as const

export const listPageRules = route({
  method: 'GET',
  path: '/v1/page-rules',
  summary: 'All page rules, in the order in which they are asked',
  access,
  input: { query: z.object(PageQuery) },
  output: listOf(PageRule),
  async run({ input, deps }) {
    return paginate<Awaited<ReturnType<typeof deps.pageRules.list>>[number], [number, Id]>({
      name: 'page-rules',
      query: input.query,
      key: z.tuple([SortNumber, PageRuleId]),
      keyOf: ({ position, id }) => [position, id],
      read: (after, limit) =>
        deps.pageRules.list({ after: after && { position: after[0], id: after[1] }, limit }),
    })
  },
})

export const readPageRule = route({
  method: 'GET',
  path: '/v1/page-rules/:ruleId',
  summary: 'A page rule',
  access,
  input: { param },
  output: PageRule,
  async run({ input, deps }) {
    return (await deps.pageRules.find(input.param.ruleId)) ?? notFound('page rule')
  },
})

export const createPageRule = route({
  method: 'POST',
  path: '/v1/page-rules',
  summary: 'Say who may open a page, or all pages of a folder',
  access,
  input: { json: NewPageRule },
  output: PageRule,
  statuses: [201],
  location: ({ id }) => id,
  idempotent: 'd1',
  async run({ input, grant, request: { remember }, deps }) {
    return operations.createPageRule(
      grant,
      input.json,
      remember((row) => row),
      deps,
    )
  },
})

export const patchPageRule = route({
  method: 'PATCH',
  path: '/v1/page-rules/:ruleId',
  summary: 'Change a page rule; the next request for a page is decided by it',
  access,
  input: { param, json: PageRulePatch },
  output: PageRule,
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    const { step, ...patch } = input.json
    const of = { ruleId: input.param.ruleId, revisions }
    if (step) return operations.movePageRule(grant, { ...of, step }, deps)
    return operations.updatePageRule(grant, { ...of, patch }, deps)
  },
})

export const deletePageRule = route({
  method: 'DELETE',
  path: '/v1/page-rules/:ruleId',
  summary: 'Delete a page rule; its pages are decided by the next one that is about them',
  access,
  input: { param },
  output: 'nothing',
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    await operations.deletePageRule(grant, { ruleId: input.param.ruleId, revisions }, deps)
  },
})
