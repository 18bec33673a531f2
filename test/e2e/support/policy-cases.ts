/** Every case that a policy can tell apart: who, what and whose. */
import type { UserId, VisitorId } from '../../../src/db/ids.ts'
import type { Actor, MemberActor, PartnerActor, SystemActor } from '../../../src/security/actor.ts'
import type { Target } from '../../../src/security/decide.ts'
import { ELEVATED_IDENTITIES } from '../../../src/security/elevated-identities.ts'
import type { Permission, Role } from '../../../src/security/permissions.ts'

/** The permissions that a key may have as scopes, by the contract. */
export const KEY_SCOPES: readonly Permission[] = [
  'profile:read',
  'profile:list',
  'profile:update',
  'badge:assign',
  'visit:read',
  'booking:create',
  'booking:cancel',
  'booking:read',
  'audit:read',
  'health:read',
  'event:read',
]
export const NO_SCOPES: readonly Permission[] = [
  'profile:delete',
  'account:delete',
  'profile:export',
  'user:suspend',
  'session:end',
  'identity:manage',
  'role:assign',
  'role:define',
  'badge:manage',
  'badge-rule:manage',
  'visit:record',
  'service:manage',
  'booking:confirm',
  'page:manage',
  'api-key:manage',
  'stats:read',
  'webhook:manage',
  'job:run',
  'issuer:read',
  'explain:others',
]
const UNKNOWN = ['profile:*', 'constructor', '__proto__'].map((name) => name as Permission)
export const PERMISSIONS = [...KEY_SCOPES, ...NO_SCOPES, ...UNKNOWN]
export const ROLES: readonly Role[] = ['member', 'moderator', 'bookings-manager', 'admin']

const ELEVATED = Object.keys(ELEVATED_IDENTITIES) as SystemActor['identity'][]

const ADA = 'usr_1'
const VISITOR = 'vis_1'
export const TARGETS = ['self', 'own', 'other', 'rows', 'site'] as const
export type TargetName = (typeof TARGETS)[number]

function member(roles: readonly Role[], status: MemberActor['status']): MemberActor {
  return { kind: 'member', userId: ADA, status, roles, accessRevision: 1 }
}

function partner(scopes: readonly Permission[]): PartnerActor {
  return { kind: 'partner', keyId: 'key_1', scopes, accessRevision: 1 }
}

function subsetsOf<T>(all: readonly T[]): T[][] {
  return Array.from({ length: 2 ** all.length }, (_, bits) =>
    all.filter((_, index) => (bits >> index) % 2 === 1),
  )
}

/** All sets of scopes with `npm run test:full`; otherwise those that have or lack up to two. */
function setsOfScopes(): Permission[][] {
  const all = subsetsOf(KEY_SCOPES)
  if (process.env['FULL'] === '1') return all
  return all.filter(({ length }) => length <= 2 || length >= KEY_SCOPES.length - 2)
}

/**
 * Every actor that a policy can tell from the others: each set of roles, active or suspended; sets
 * of scopes that a key may have, and all of these with one that it may not have.
 */
export const ACTORS: readonly Actor[] = [
  { kind: 'anonymous' },
  { kind: 'visitor', visitorId: VISITOR },
  ...subsetsOf(ROLES).flatMap((roles) => [member(roles, 'active'), member(roles, 'suspended')]),
  ...setsOfScopes().map(partner),
  ...[...NO_SCOPES, ...UNKNOWN].map((scope) => partner([...KEY_SCOPES, scope])),
  ...ELEVATED.map((identity) => ({ kind: 'system', identity }) as const),
]

/** Every set of built-in roles of a member from whom something is taken. */
export const ROLES_OF_OTHERS = subsetsOf(ROLES)

export function ownIdOf(actor: Actor): string {
  if (actor.kind === 'visitor') return actor.visitorId
  return actor.kind === 'member' ? actor.userId : ADA
}

export function targetOf(name: TargetName, actor: Actor, other: string): Target {
  if (name === 'self' || name === 'rows' || name === 'site') return name
  return { owner: name === 'own' ? ownIdOf(actor) : other }
}

export interface Case {
  readonly actor: Actor
  readonly permission: Permission
  readonly target: TargetName
}

export function forEachCase(visit: (each: Case) => void): void {
  for (const actor of ACTORS) {
    for (const permission of PERMISSIONS) {
      for (const target of TARGETS) visit({ actor, permission, target })
    }
  }
}

/** The name of a case, whatever the ids are, and in whatever order roles and scopes are listed. */
export function keyOf(actor: Actor, permission: string, target: TargetName): string {
  const { kind } = actor
  const status = kind === 'member' ? actor.status : ''
  const identity = kind === 'system' ? actor.identity : ''
  const listed = kind === 'member' ? actor.roles : kind === 'partner' ? actor.scopes : []
  return [kind, status, identity, [...new Set<string>(listed)].sort(), permission, target].join('|')
}

export function withId(actor: Actor, id: string): Actor {
  if (actor.kind === 'member') return { ...actor, userId: id as UserId }
  return actor.kind === 'visitor' ? { ...actor, visitorId: id as VisitorId } : actor
}

/** The actor with its roles or scopes in another order, and one of them twice. */
export function shuffled(actor: Actor, random: () => number): Actor {
  const rotated = <T>(all: readonly T[]): T[] => {
    const start = Math.floor(random() * all.length)
    return [...all.slice(start), ...all.slice(0, start + 1)]
  }
  if (actor.kind === 'member') return { ...actor, roles: rotated(actor.roles) }
  return actor.kind === 'partner' ? { ...actor, scopes: rotated(actor.scopes) } : actor
}
