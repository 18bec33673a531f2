/** Giving roles to members. */
import * as z from 'zod'
import { route } from '../http/route.ts'
import { assignRole, revokeRole } from '../operations/assign-role.ts'
import { profileOf } from './profiles.ts'
import { MANY, NoBody, RoleName, shownId, shownName, UserId } from './schemas.ts'

const param = z.object({ userId: UserId, role: RoleName })

const UserRoles = z
  .object({ userId: shownId('usr'), roles: z.array(shownName()).max(MANY) })
  .meta({ id: 'UserRoles' })

function rolesOf(row: Parameters<typeof profileOf>[0] & { id: string }) {
  const { id, roles } = profileOf(row)
  return { userId: id, roles }
}

export const putUserRole = route({
  method: 'PUT',
  path: '/v1/users/:userId/roles/:role',
  summary: 'Give a member a role',
  access: { may: 'role:assign' },
  input: { param, json: NoBody },
  output: UserRoles,
  async run({ input, grant, deps }) {
    return rolesOf(await assignRole(grant, input.param, deps))
  },
})

export const deleteUserRole = route({
  method: 'DELETE',
  path: '/v1/users/:userId/roles/:role',
  summary: 'Take a role away from a member, from this moment on',
  access: { may: 'role:assign', takesFrom: 'the member' },
  input: { param },
  output: UserRoles,
  async run({ input, grant, deps }) {
    return rolesOf(await revokeRole(grant, input.param, deps))
  },
})
