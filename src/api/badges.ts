/** The badges a site has. */
import * as z from 'zod'
import type { BadgeId as Id } from '../db/ids.ts'
import { listOf, PageQuery, paginate } from '../http/pagination.ts'
import { route } from '../http/route.ts'
import * as operations from '../operations/manage-badges.ts'
import { notFound } from '../problem.ts'
import type { BadgeRow } from '../repositories/badges.ts'
import { Badge, BadgeId, HttpsUrl, SOME_FIELD, SortNumber, text } from './schemas.ts'

const param = z.object({ badgeId: BadgeId })

const Color = z
  .string()
  .regex(/^#[0-9A-Fa-f]{6}$/, 'expected a colour as #rrggbb')
  .meta({ maxLength: 7 })

const Slug = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'expected lower-case letters, digits and single hyphens')

const writable = {
  slug: Slug,
  title: text(1, 50),
  description: text(0, 1500),
  backgroundColor: Color,
  textColor: Color,
  iconUrl: HttpsUrl.nullable(),
  position: z.int().min(0).max(1_000_000),
}

const NewBadge = z
  .strictObject({
    ...writable,
    slug: Slug.optional(),
    description: writable.description.default(''),
    backgroundColor: Color.default('#334155'),
    textColor: Color.default('#ffffff'),
    iconUrl: writable.iconUrl.default(null),
    position: writable.position.optional(),
  })
  .meta({
    id: 'NewBadge',
    examples: [
      { title: 'Early bird', description: 'Here before nine.', backgroundColor: '#FFAA00' },
    ],
  })

const BadgePatch = z
  .strictObject(writable)
  .partial()
  .refine(...SOME_FIELD)
  .meta({ id: 'BadgePatch', minProperties: 1, examples: [{ title: 'Night owl' }] })

export const listBadges = route({
  method: 'GET',
  path: '/v1/badges',
  summary: 'All badges, by position',
  access: { open: 'What can be earned here is public' },
  input: { query: z.object(PageQuery) },
  output: listOf(Badge),
  async run({ input, deps }) {
    return paginate<BadgeRow, [number, Id]>({
      name: 'badges',
      query: input.query,
      key: z.tuple([SortNumber, BadgeId]),
      keyOf: ({ position, id }) => [position, id],
      read: (after, limit) =>
        deps.badges.list({ after: after && { position: after[0], id: after[1] }, limit }),
    })
  },
})

export const readBadge = route({
  method: 'GET',
  path: '/v1/badges/:badgeId',
  summary: 'A badge',
  access: { open: 'What can be earned here is public' },
  input: { param },
  output: Badge,
  async run({ input, deps }) {
    return (await deps.badges.find(input.param.badgeId)) ?? notFound('badge')
  },
})

export const createBadge = route({
  method: 'POST',
  path: '/v1/badges',
  summary: 'Create a badge',
  access: { may: 'badge:manage' },
  input: { json: NewBadge },
  output: Badge,
  statuses: [201],
  location: ({ id }) => id,
  idempotent: 'd1',
  async run({ input, grant, request: { remember }, deps }) {
    return operations.createBadge(
      grant,
      input.json,
      remember((row) => row),
      deps,
    )
  },
})

export const patchBadge = route({
  method: 'PATCH',
  path: '/v1/badges/:badgeId',
  summary: 'Change a badge',
  access: { may: 'badge:manage' },
  input: { param, json: BadgePatch },
  output: Badge,
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    return operations.updateBadge(
      grant,
      { badgeId: input.param.badgeId, patch: input.json, revisions },
      deps,
    )
  },
})

export const deleteBadge = route({
  method: 'DELETE',
  path: '/v1/badges/:badgeId',
  summary: 'Delete a badge with its assignments and rules; not while a page rule names it',
  access: { may: 'badge:manage' },
  input: { param },
  output: 'nothing',
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    await operations.deleteBadge(grant, { badgeId: input.param.badgeId, revisions }, deps)
  },
})
