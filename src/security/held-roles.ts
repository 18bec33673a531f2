/** Roles as they are stored with a member, as what `decide` works with. */
import type { MemberActor } from './actor.ts'
import {
  type CustomRole,
  type Rights,
  isPermission,
  isRole,
  type Permission,
  type Reach,
} from './permissions.ts'

export interface StoredRole {
  readonly name: string
  /** Null for roles that the site has not defined: built-in ones, and what is left of deleted ones. */
  readonly permissions: Readonly<Record<string, Reach>> | null
}

/** A built-in name always means the built-in role. What this version does not know grants nothing. */
export function heldRoles(
  stored: readonly StoredRole[],
): Required<Pick<MemberActor, 'roles' | 'customRoles'>> {
  return {
    roles: stored.map(({ name }) => name).filter(isRole),
    customRoles: stored.flatMap(({ name, permissions }): CustomRole[] =>
      permissions === null || isRole(name) ? [] : [{ name, rights: rightsFrom(permissions) }],
    ),
  }
}

export function rightsFrom(permissions: Readonly<Record<string, Reach>>): Rights {
  const known = Object.entries(permissions).filter((entry): entry is [Permission, Reach] =>
    isPermission(entry[0]),
  )
  return Object.fromEntries(known)
}

/** Roles in the form of every answer: `member`, which everybody is, and the others by name. */
export function roleNamesOf({ roles, customRoles = [] }: MemberActor): string[] {
  return ['member', ...[...roles, ...customRoles.map(({ name }) => name)].sort()]
}
