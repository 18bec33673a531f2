/** Which roles there are: those built in, and those of the site's own making. */
import * as z from 'zod'
import { answerFields } from '../http/answer-fields.ts'
import { listOf, pageOf, PageQuery } from '../http/pagination.ts'
import { Answer, route } from '../http/route.ts'
import { defineRole, deleteRole } from '../operations/define-role.ts'
import type { RoleRow } from '../repositories/roles.ts'
import { entriesOf } from '../security/decide.ts'
import { rightsFrom } from '../security/held-roles.ts'
import {
  isRole,
  type Rights,
  type Permission,
  PERMISSION_NAMES,
  PERMISSIONS,
  type Reach as ReachName,
  ROLES,
} from '../security/permissions.ts'
import { MANY, PermissionName, Revision, RoleName, shownName, Timestamp } from './schemas.ts'

const Reach = z.enum(['own', 'any']).meta({
  description: '`own` reaches what is theirs, `any` everybody’s',
})

const Role = z
  .object({
    name: shownName(41),
    builtIn: z.boolean().meta({ description: 'The same on every site, and never changed' }),
    permissions: z.array(z.object({ permission: shownName(), reach: Reach })).max(MANY),
    revision: Revision.optional(),
    createdAt: Timestamp.optional(),
    updatedAt: Timestamp.optional(),
  })
  .meta({ id: 'Role' })
  .register(answerFields, { etag: ({ revision }) => revision })

const Right = z
  .strictObject({ permission: PermissionName, reach: Reach })
  .superRefine(({ permission, reach }, context) => {
    const reaches: readonly ReachName[] = PERMISSIONS[permission].reaches
    if (reaches.includes(reach)) return
    const message = `expected ${reaches.join(' or ')}: ${permission} is never asked for with another reach`
    context.addIssue({ code: 'custom', path: ['reach'], message })
  })

const RoleDefinition = z
  .strictObject({
    permissions: z
      .array(Right)
      .max(PERMISSION_NAMES.length)
      .refine((all) => new Set(all.map(({ permission }) => permission)).size === all.length, {
        error: 'expected each permission at most once',
      })
      .meta({
        description:
          'Everything a holder may do besides what every member may; with a reach that never applies, ' +
          'as in `badge:assign` with `own`, it is 422',
      }),
  })
  .meta({
    id: 'RoleDefinition',
    examples: [{ permissions: [{ permission: 'badge:assign', reach: 'any' }] }],
  })

const param = z.object({ role: RoleName })

export const listRoles = route({
  method: 'GET',
  path: '/v1/roles',
  summary: 'Every role of this site with its permissions; the built-in ones come first',
  access: { may: 'profile:read', owner: 'self' },
  input: { query: z.object(PageQuery) },
  output: listOf(Role),
  async run({ input, deps }) {
    const names = Object.keys(ROLES)
    const builtIn = Object.entries(ROLES).map(([name, rights]) => ({
      name,
      builtIn: true,
      permissions: permissionsOf(rights),
    }))
    return pageOf({
      name: 'roles',
      query: input.query,
      key: z.tuple([RoleName]),
      keyOf: ({ name }): [string] => [name],
      order: ([name]) => [isRole(name) ? names.indexOf(name) : names.length, name],
      all: [...builtIn, ...(await deps.roles.list()).map(shown)],
    })
  },
})

export const putRoleDefinition = route({
  method: 'PUT',
  path: '/v1/roles/:role',
  summary: 'Define a role, or redefine it for everybody who has it, from this moment on',
  access: { may: 'role:define', takesFrom: 'everybody who has the role' },
  input: { param, json: RoleDefinition },
  output: Role,
  statuses: [200, 201],
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    const permissions: Rights = Object.fromEntries(
      input.json.permissions.map(({ permission, reach }) => [permission, reach]),
    )
    const { created, row } = await defineRole(
      grant,
      { role: input.param.role, permissions, revisions },
      deps,
    )
    return new Answer(created ? 201 : 200, shown(row))
  },
})

export const deleteRoleDefinition = route({
  method: 'DELETE',
  path: '/v1/roles/:role',
  summary: 'Delete a role, and take it from everybody who has it, from this moment on',
  access: { may: 'role:define', takesFrom: 'everybody who has the role' },
  input: { param },
  output: 'nothing',
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    await deleteRole(grant, { role: input.param.role, revisions }, deps)
  },
})

function shown(row: RoleRow) {
  return { ...row, builtIn: false, permissions: permissionsOf(rightsFrom(row.permissions)) }
}

function permissionsOf(rights: Rights): { permission: Permission; reach: 'own' | 'any' }[] {
  return entriesOf(rights).map(([permission, reach]) => ({ permission, reach }))
}
