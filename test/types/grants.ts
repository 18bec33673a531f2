/** Grants, scopes and ids cannot be misused; the compiler alone checks it. */
import type { Deps } from '../../src/deps.ts'
import type { BadgeId, UserId } from '../../src/db/ids.ts'
import { assignBadges } from '../../src/operations/assign-badges.ts'
import { assignRole } from '../../src/operations/assign-role.ts'
import { deleteUser } from '../../src/operations/delete-user.ts'
import type { Caller, SystemActor } from '../../src/security/actor.ts'
import { elevate } from '../../src/security/elevation.ts'
import { Grant, withGrant, withSystemGrant } from '../../src/security/grant.ts'
import type { Permission } from '../../src/security/permissions.ts'

declare const deps: Deps
declare const caller: Caller
declare const system: SystemActor
declare const userId: UserId
declare const badgeId: BadgeId
declare const assigning: Grant<'badge:assign'>
declare const any: Grant<Permission>
/** A value with all that a grant shows; it lacks what only the class can give it. */
declare const lookalike: Pick<Grant<'badge:assign'>, 'permission' | 'scope' | 'exercise'>
const award = { badgeId, userIds: [userId] }
const elevation = { reason: 'test', bound: { badgeId } }

export async function withProof(): Promise<void> {
  await assignBadges(assigning, award, undefined, deps)
  await withGrant(caller, 'badge:assign', 'site', 'id', (grant) =>
    assignBadges(grant, award, undefined, deps),
  )
  await elevate('badge-awarder', 'badge:assign', elevation, (grant) =>
    assignBadges(grant, award, undefined, deps),
  )
}

export async function withoutProof(): Promise<void> {
  // @ts-expect-error: an operation takes a grant
  await assignBadges(award, undefined, deps)
  // @ts-expect-error: nothing is no grant
  await assignBadges(undefined, award, undefined, deps)
  // @ts-expect-error: the caller is no grant
  await assignBadges(caller, award, undefined, deps)
  // @ts-expect-error: a lookalike of a grant is none
  await assignBadges(lookalike, award, undefined, deps)
  // @ts-expect-error: a grant of one permission is none of another
  await assignRole(assigning, { userId, role: 'moderator' }, deps)
  // @ts-expect-error: a grant of some permission or other is none of this one
  await assignBadges(any, award, undefined, deps)
  // @ts-expect-error: a grant cannot be exercised for another permission
  assigning.exercise('role:assign')
  // @ts-expect-error: only a decision makes a grant
  const made = new Grant(assigning)
  await assignBadges(made, award, undefined, deps)
  // @ts-expect-error: a grant stays as it was made
  assigning.permission = 'badge:assign'
}

export async function beyondTheInventory(): Promise<void> {
  // @ts-expect-error: the identity is not listed for this permission
  await elevate('badge-awarder', 'role:assign', elevation, async () => {})
  // @ts-expect-error: there is no such identity
  await elevate('root', 'badge:assign', elevation, async () => {})
  // @ts-expect-error: the reason is on record, so there has to be one
  await elevate('badge-awarder', 'badge:assign', { bound: {} }, async () => {})
  // @ts-expect-error: an elevation says what its grant may be used for
  await elevate('badge-awarder', 'badge:assign', { reason: 'test' }, async () => {})
  await elevate('badge-awarder', 'badge:assign', elevation, (grant) =>
    // @ts-expect-error: an elevated grant is of one permission like any other
    assignRole(grant, { userId, role: 'moderator' }, deps),
  )
  // @ts-expect-error: who comes in over HTTP is no system
  await withSystemGrant(caller, 'badge:assign', elevation, async () => {})
  // @ts-expect-error: the system does not come in over HTTP
  await withGrant(system, 'badge:assign', 'site', 'id', async () => {})
  // @ts-expect-error: a caller is never nobody by being left out
  await withGrant(null, 'badge:assign', 'site', 'id', async () => {})
}

export async function mixedUp(deleting: Grant<'profile:delete'>, text: string): Promise<void> {
  // @ts-expect-error: a badge is no member
  await deleteUser(deleting, { userId: badgeId, revisions: undefined }, deps)
  // @ts-expect-error: a member is no badge
  await assignBadges(assigning, { badgeId: userId, userIds: [userId] }, deps)
  // @ts-expect-error: text that was not checked is no id
  await deps.users.find('everyone', text)
  // @ts-expect-error: a scope is never left out
  await deps.users.find(undefined, userId)
  // @ts-expect-error: a scope is an owner or everyone, and nothing else
  await deps.users.find('any', userId)
  // @ts-expect-error: the owner of a scope is never nobody
  await deps.users.find({ owner: undefined }, userId)
}
