/**
 * The one decision: may this actor do this, and how far. Pure, total and default-deny; the runtime,
 * the matrix, the OpenAPI document and the tests all call it, and nothing restates it.
 */
import type { Scope } from '../repositories/scope.ts'
import type { Stage } from '../problem.ts'
import type { Actor } from './actor.ts'
import { ELEVATED_IDENTITIES } from './elevated-identities.ts'
import {
  type Rights,
  KEY_SCOPES,
  type Permission,
  type Reach,
  ROLES,
  VISITOR_GRANTS,
} from './permissions.ts'

/** Whose resource an act is about. */
export type Target =
  /** The actor's own, on a route that names nobody: members only. */
  | 'self'
  /** The one whose id it is. */
  | { readonly owner: string }
  /** That of whoever owns the rows: reach `own` finds only the actor's, in the SQL. */
  | 'rows'
  /** Nobody's in particular: only reach `any` will do. */
  | 'site'

export type Decision =
  | { readonly allowed: true; readonly reach: Reach; readonly scope: Scope }
  | { readonly allowed: false; readonly refusal: Refusal }

export interface Refusal {
  readonly code: 'unauthenticated' | 'suspended' | 'members_only' | 'forbidden'
  readonly stage: Stage
  readonly required: Permission
  /** The reach that would have been enough. */
  readonly reach: Reach
}

export function decide(actor: Actor, permission: Permission, target: Target): Decision {
  const self = ownIdOf(actor)
  const namesSelf = typeof target === 'object' && target.owner === self
  const concernsSelf = target === 'self' || target === 'rows' || namesSelf
  const refuse = (code: Refusal['code'], stage: Stage): Decision => ({
    allowed: false,
    refusal: { code, stage, required: permission, reach: concernsSelf ? 'own' : 'any' },
  })

  if (actor.kind === 'anonymous') return refuse('unauthenticated', 'credential')
  if (actor.kind === 'member' && actor.status !== 'active') return refuse('suspended', 'session')
  if (target === 'self' && actor.kind !== 'member') return refuse('members_only', 'session')

  const rights = rightsOf(actor)
  // What an object inherits is no grant, whatever `permission` may be called.
  const reach = Object.hasOwn(rights, permission) ? rights[permission] : undefined
  if (reach === undefined) return refuse('forbidden', 'permission')
  if (target === 'self') return allow(reach, self)
  if (reach === 'any') return { allowed: true, reach, scope: 'everyone' }
  if (target === 'site') return refuse('forbidden', 'permission')
  return concernsSelf ? allow(reach, self) : refuse('forbidden', 'ownership')

  function allow(reach: Reach, owner: string | undefined): Decision {
    // Stryker disable next-line all: whoever has reach own has an id; the compiler cannot know
    if (owner === undefined) return refuse('forbidden', 'ownership')
    return { allowed: true, reach, scope: { owner } }
  }
}

/** Everything the actor may do; for a member the union of `member` and their other roles. */
export function rightsOf(actor: Actor): Rights {
  switch (actor.kind) {
    case 'anonymous':
      return {}
    case 'visitor':
      return VISITOR_GRANTS
    case 'member':
      return actor.status === 'active'
        ? union([
            ROLES.member,
            ...actor.roles.map((role) => ROLES[role]),
            ...(actor.customRoles ?? []).map(({ rights }) => rights),
          ])
        : {}
    case 'partner':
      return union(
        actor.scopes
          .filter((scope) => KEY_SCOPES.includes(scope))
          .map((scope) => ({ [scope]: 'any' })),
      )
    case 'system':
      return union(
        ELEVATED_IDENTITIES[actor.identity].may.map((permission) => ({ [permission]: 'any' })),
      )
  }
}

function union(all: readonly Rights[]): Rights {
  const result: { [P in Permission]?: Reach } = {}
  for (const rights of all) {
    for (const [permission, reach] of entriesOf(rights)) {
      if (result[permission] !== 'any') result[permission] = reach
    }
  }
  return result
}

/** `Rights` is a closed record, so its keys are permissions. */
export function entriesOf(rights: Rights): [Permission, Reach][] {
  return Object.entries(rights) as [Permission, Reach][]
}

function ownIdOf(actor: Actor): string | undefined {
  if (actor.kind === 'member') return actor.userId
  if (actor.kind === 'visitor') return actor.visitorId
  return undefined
}
