/** Members as others see and manage them. */
import * as z from 'zod'
import { listOf, PageQuery, paginate } from '../http/pagination.ts'
import { route } from '../http/route.ts'
import type { UserId as Id } from '../db/ids.ts'
import * as operations from '../operations/delete-user.ts'
import { reinstate, suspend } from '../operations/set-status.ts'
import { updateProfile } from '../operations/update-profile.ts'
import { notFound } from '../problem.ts'
import type { UserRow } from '../repositories/users.ts'
import { EmailAddress } from '../settings/email-address.ts'
import { profileOf } from './profiles.ts'
import {
  FullProfile,
  MemberStatus,
  NoBody,
  ProfilePatch,
  PublicProfile,
  RoleName,
  SortName,
  text,
  UserId,
} from './schemas.ts'

const param = z.object({ userId: UserId })

const Suspension = z
  .strictObject({
    reason: text(1, 500).nullable().default(null).meta({
      description: 'Why; the member is shown it, and so is whoever may read their profile',
    }),
  })
  .meta({ id: 'Suspension', examples: [{ reason: 'Advertised in the comments' }] })

const View = z.enum(['public', 'full']).optional().meta({ description: 'How much of each profile' })

export const listUsers = route({
  method: 'GET',
  path: '/v1/users',
  summary: 'All members by display name, or those whom the filters find',
  access: {
    may: 'profile:list',
    // Whoever may not read these may not find out by them either.
    filters: {
      email: { may: 'profile:read' },
      role: { may: 'profile:read' },
      status: { may: 'profile:read' },
    },
    more: { query: ['view', 'full'], may: 'profile:read', output: listOf(FullProfile) },
  },
  input: {
    query: z.object({
      ...PageQuery,
      q: text(1, 80)
        .optional()
        .meta({ description: 'Start of the display name', examples: ['Ada'] }),
      email: EmailAddress.optional().meta({
        description: 'The whole address, in any case',
        examples: ['ada@example.com'],
      }),
      role: RoleName.optional().meta({ description: 'Everybody who has this role' }),
      status: MemberStatus.optional(),
      view: View,
    }),
  },
  output: listOf(PublicProfile),
  async run({ input, grant, deps }) {
    const { q, email, role, status } = input.query
    const given = role === 'member' ? undefined : role
    const filter = { prefix: q, email, role: given, status }
    const others = [email, given, status]
    const isByName = others.every((each) => each === undefined)
    const page = await paginate<Awaited<ReturnType<typeof deps.users.list>>[number], [string, Id]>({
      name: `users?q=${q ?? ''}${isByName ? '' : JSON.stringify(others)}`,
      query: input.query,
      key: z.tuple([SortName, UserId]),
      keyOf: ({ nameKey, id }) => [nameKey, id],
      read: (last, limit) => {
        const after = last && { nameKey: last[0], id: last[1] }
        return deps.users.list(grant.scope, filter, { after, limit })
      },
    })
    return { ...page, items: page.items.map(profileOf) }
  },
})

export const readUser = route({
  method: 'GET',
  path: '/v1/users/:userId',
  summary: 'A member: the public profile, or all of it with `view=full`',
  access: {
    open: 'Public profiles are public',
    unless: { query: ['view', 'full'], may: 'profile:read', owner: ':userId', output: FullProfile },
  },
  input: {
    param,
    query: z.object({
      view: View,
    }),
  },
  output: PublicProfile,
  async run({ input, grant, deps }) {
    const scope = grant?.scope ?? 'everyone'
    return profileOf((await deps.users.find(scope, input.param.userId)) ?? notFound('member'))
  },
})

export const patchUser = route({
  method: 'PATCH',
  path: '/v1/users/:userId',
  summary: "Change a profile: your own, or anyone's as a moderator",
  access: { may: 'profile:update', owner: ':userId', takesFrom: 'the member' },
  input: { param, json: ProfilePatch },
  output: FullProfile,
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    const change = { userId: input.param.userId, patch: input.json, revisions }
    return profileOf(await updateProfile(grant, change, deps))
  },
})

export const deleteUser = route({
  method: 'DELETE',
  path: '/v1/users/:userId',
  summary: 'Delete a member and erase their personal data everywhere, visits included',
  access: { may: 'profile:delete', takesFrom: 'the member' },
  input: { param },
  output: 'nothing',
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    await operations.deleteUser(grant, { userId: input.param.userId, revisions }, deps)
  },
})

export const suspendUser = route({
  method: 'POST',
  path: '/v1/users/:userId/suspend',
  summary: 'Suspend a member, from this moment on',
  access: { may: 'user:suspend', takesFrom: 'the member' },
  input: { param, json: Suspension },
  output: FullProfile,
  idempotent: 'd1',
  async run({ input, grant, request, deps }) {
    const remember = request.remember((row: UserRow) => profileOf(row))
    const suspension = { userId: input.param.userId, reason: input.json.reason }
    return profileOf(await suspend(grant, suspension, remember, deps))
  },
})

export const reinstateUser = route({
  method: 'POST',
  path: '/v1/users/:userId/reinstate',
  summary: 'Reinstate a suspended member',
  access: { may: 'user:suspend', takesFrom: 'the member' },
  input: { param, json: NoBody },
  output: FullProfile,
  idempotent: 'd1',
  async run({ input, grant, request, deps }) {
    const remember = request.remember((row: UserRow) => profileOf(row))
    return profileOf(await reinstate(grant, input.param.userId, remember, deps))
  },
})
