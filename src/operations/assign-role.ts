import type { Deps } from '../deps.ts'
import type { UserId } from '../db/ids.ts'
import { notFound, Problem } from '../problem.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import { rightsFrom } from '../security/held-roles.ts'
import { type Rights, isRole, ROLES } from '../security/permissions.ts'
import { assertMayGive } from './may-give.ts'
import { assertMayTake } from './may-take.ts'
import { lastAdmin } from './set-status.ts'

interface RoleChange {
  readonly userId: UserId
  readonly role: string
}

/**
 * Gives a member a role; every member is a `member` already.
 * @throws Problem `not_found`, `forbidden` for a role that may more than who gives it, `conflict`
 */
export async function assignRole(
  grant: Grant<'role:assign'>,
  { userId, role }: RoleChange,
  deps: Deps,
) {
  const { members, users, now } = deps
  const exercised = grant.exercise('role:assign')
  const { rights, revision } = await definitionOf(role, deps)
  assertMayGive(exercised, rights)
  if (role === 'member') return (await users.find(exercised.scope, userId)) ?? notFound('member')
  const audit = auditRow(exercised, now, {
    action: 'role.assign',
    target: userId,
    changes: { role },
  })
  const row = (await members.addRole(userId, role, revision, audit)) ?? notFound('member')
  if (!row.roles.includes(role)) {
    throw new Problem('conflict', 'This role was changed by somebody else just now.')
  }
  return row
}

/**
 * Takes a role away. Requests that were admitted with it, and have not written yet, will not.
 * @throws Problem `not_found`, `forbidden` for somebody with more rights, `last_admin`; `conflict` for
 * `member`, which cannot be taken away
 */
export async function revokeRole(
  grant: Grant<'role:assign'>,
  { userId, role }: RoleChange,
  deps: Deps,
) {
  const { members, users, now } = deps
  const exercised = grant.exercise('role:assign')
  await definitionOf(role, deps)
  if (role === 'member') {
    if (!(await users.find(exercised.scope, userId))) notFound('member')
    throw new Problem('conflict', 'Every member is a member; suspend or delete them instead.')
  }
  const audit = auditRow(exercised, now, {
    action: 'role.revoke',
    target: userId,
    changes: { role },
  })
  const outcome = await members.removeRole(exercised.scope, userId, role, audit)
  const row = outcome.row ?? notFound('member')
  assertMayTake(outcome.inTheWay)
  if (row.roles.includes(role)) throw lastAdmin()
  return row
}

/** The revision is that of a custom role. @throws Problem `not_found` */
async function definitionOf(
  role: string,
  { roles }: Deps,
): Promise<{ readonly rights: Rights; readonly revision?: number }> {
  if (isRole(role)) return { rights: ROLES[role] }
  const { permissions, revision } = (await roles.find(role)) ?? notFound('role')
  return { rights: rightsFrom(permissions), revision }
}
