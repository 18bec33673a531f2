/**
 * How far taking goes: from somebody whose rights, beyond those of every member, are all among the
 * actor's own. These are the rights they are not to have; the SQL of `repositories/ceiling.ts` asks.
 */
import type { MissingRight } from '../repositories/scope.ts'
import type { Actor } from './actor.ts'
import { rightsOf } from './decide.ts'
import {
  type Permission,
  PERMISSION_NAMES,
  PERMISSIONS,
  type Reach,
  type Rights,
  ROLES,
} from './permissions.ts'

interface Right {
  readonly permission: Permission
  readonly reach: Reach
}

/** Everything that a role can give and that not every member has. */
const BEYOND_MEMBERS: readonly Right[] = PERMISSION_NAMES.flatMap((permission) =>
  PERMISSIONS[permission].reaches
    .map((reach) => ({ permission, reach }))
    .filter((right) => !includes(ROLES.member, right)),
)

/**
 * What is beyond every member, and beyond this actor as well; nothing for admins, nor for what is elevated
 * for one act with what it is bound to.
 */
export function missingIn(actor: Actor): MissingRight[] {
  if (actor.kind === 'system') return []
  const rights = rightsOf(actor)
  return BEYOND_MEMBERS.filter((right) => !includes(rights, right)).map((right) => ({
    ...right,
    roles: rolesWith(right),
  }))
}

function includes(rights: Rights, { permission, reach }: Right): boolean {
  return rights[permission] === 'any' || rights[permission] === reach
}

function rolesWith(right: Right): string[] {
  return Object.entries<Rights>(ROLES).flatMap(([name, rights]) =>
    includes(rights, right) ? [name] : [],
  )
}
