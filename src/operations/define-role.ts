import type { Deps } from '../deps.ts'
import { notFound, Problem } from '../problem.ts'
import type { RoleRow } from '../repositories/roles.ts'
import { accepts, type Revisions } from '../repositories/scope.ts'
import { auditRow } from '../security/audit.ts'
import type { Grant } from '../security/grant.ts'
import { rightsFrom } from '../security/held-roles.ts'
import { type Rights, isRole } from '../security/permissions.ts'
import { assertMayGive } from './may-give.ts'
import { assertMayTake } from './may-take.ts'
import { changedRow, stale } from './outcome.ts'

interface RoleDefinition {
  readonly role: string
  readonly permissions: Rights
  readonly revisions: Revisions
}

/**
 * Makes a role, or redefines one for all who hold it. Repeating it is harmless.
 * @throws Problem `forbidden` for a role that is, or is to be, wider than who defines it, and for one
 * held by somebody who is, `conflict`, `precondition_failed`
 */
export async function defineRole(
  grant: Grant<'role:define'>,
  { role: name, permissions, revisions }: RoleDefinition,
  deps: Deps,
): Promise<{ readonly created: boolean; readonly row: RoleRow }> {
  const exercised = grant.exercise('role:define')
  assertMayGive(exercised, permissions)
  const current = await deps.roles.find(name)
  if (current) assertMayGive(exercised, rightsFrom(current.permissions))
  assertCustom(name)
  const audit = auditRow(exercised, deps.now, {
    action: 'role.define',
    target: name,
    changes: { permissions },
  })
  if (!current) {
    if (!accepts(revisions, undefined)) throw stale('role')
    const { changed, row } = await deps.roles.create({ name, permissions }, audit)
    if (!changed || !row) throw accepts(revisions, row?.revision) ? overtaken() : stale('role')
    return { created: true, row }
  }
  if (accepts(revisions, current.revision) && isSame(current.permissions, permissions)) {
    await deps.roles.reopen(name)
    return { created: false, row: current }
  }
  const outcome = await deps.roles.update(exercised.scope, current, permissions, revisions, audit)
  const { changed, row, inTheWay } = outcome
  assertMayTake(inTheWay)
  if (!changed) throw accepts(revisions, row?.revision) ? overtaken() : stale('role')
  return { created: false, row: changedRow({ changed, row }, 'role') }
}

/**
 * Deletes a role and takes it from all who hold it.
 * @throws Problem `forbidden` for a role that is wider than who deletes it or held by somebody who is,
 * `not_found`, `conflict` for a built-in one, `precondition_failed`
 */
export async function deleteRole(
  grant: Grant<'role:define'>,
  { role: name, revisions }: Pick<RoleDefinition, 'role' | 'revisions'>,
  deps: Deps,
): Promise<void> {
  const exercised = grant.exercise('role:define')
  assertCustom(name)
  const current = await deps.roles.find(name)
  if (!current) {
    // What follows from a deletion before this may not have been done.
    if (!(await deps.roles.reopen(name))) notFound('role')
    return
  }
  assertMayGive(exercised, rightsFrom(current.permissions))
  const audit = auditRow(exercised, deps.now, { action: 'role.delete', target: name })
  const { scope } = exercised
  const { isDeleted, inTheWay } = await deps.roles.delete(scope, current, revisions, audit)
  assertMayTake(inTheWay)
  if (!isDeleted) throw revisions ? stale('role') : overtaken()
}

function assertCustom(name: string): void {
  if (isRole(name)) {
    throw new Problem('conflict', `${name} is a built-in role; these are the same on every site.`)
  }
}

function overtaken(): Problem {
  return new Problem('conflict', 'This role was changed by somebody else just now.')
}

function isSame(a: RoleRow['permissions'], b: RoleRow['permissions']): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}
