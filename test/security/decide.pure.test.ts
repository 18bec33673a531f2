import { describe, expect, test } from 'vitest'
import type { Actor, SystemActor } from '../../src/security/actor.ts'
import { decide, rightsOf, type Target } from '../../src/security/decide.ts'
import { ELEVATED_IDENTITIES } from '../../src/security/elevated-identities.ts'
import {
  isPermission,
  isRole,
  PERMISSIONS,
  type Permission,
  type Role,
  ROLES,
} from '../../src/security/permissions.ts'
import { ADA, BEN, member, partner, suspended, VISITOR } from '../support/actors.ts'

const PERMISSION_NAMES = Object.keys(PERMISSIONS) as Permission[]
const ROLE_NAMES = Object.keys(ROLES) as Role[]
const IDENTITIES = Object.keys(ELEVATED_IDENTITIES) as SystemActor['identity'][]

const ACTORS: readonly Actor[] = [
  { kind: 'anonymous' },
  VISITOR,
  ...ROLE_NAMES.map((role) => member(role)),
  member(...ROLE_NAMES),
  suspended(...ROLE_NAMES),
  partner(...PERMISSION_NAMES),
  ...IDENTITIES.map((identity) => ({ kind: 'system', identity }) as const),
]
const TARGETS: readonly Target[] = [
  'self',
  { owner: ADA },
  { owner: BEN },
  { owner: '' },
  'rows',
  'site',
]

/** The actors who are allowed the permission, each with the target. */
function allowed(permission: Permission, actors = ACTORS) {
  return actors.flatMap((actor) =>
    TARGETS.filter((target) => decide(actor, permission, target).allowed).map((target) => ({
      actor,
      target,
    })),
  )
}

describe('decide', () => {
  // The last five names are properties that every object has.
  test.each([
    '',
    '*',
    'profile:*',
    'any',
    'admin',
    'profile:READ',
    'profile:read ',
    'constructor',
    '__proto__',
    'toString',
    'hasOwnProperty',
    'valueOf',
  ])('allows nobody the unknown permission %j', (name) => {
    expect(allowed(name as Permission)).toEqual([])
  })

  test('allows somebody each permission there is', () => {
    const unused = PERMISSION_NAMES.filter((permission) => allowed(permission).length === 0)
    expect(unused).toEqual([])
  })

  test('allows nobody and the suspended nothing at all', () => {
    for (const permission of PERMISSION_NAMES) {
      expect(allowed(permission, [{ kind: 'anonymous' }, suspended(...ROLE_NAMES)])).toEqual([])
    }
    expect(rightsOf({ kind: 'anonymous' })).toEqual({})
    expect(rightsOf(suspended('admin'))).toEqual({})
  })

  test('tells the suspended so, whatever they were and whatever they ask for', () => {
    for (const permission of PERMISSION_NAMES) {
      for (const target of TARGETS) {
        const [admin, other] = [suspended('admin'), suspended()]
        const decision = decide(admin, permission, target)
        expect(decision).toMatchObject({ refusal: { code: 'suspended', stage: 'session' } })
        expect(decision).toEqual(decide(other, permission, target))
      }
    }
  })

  test('lets only members do anything on a route about themselves', () => {
    const others = ACTORS.filter(({ kind }) => kind !== 'member')
    const decisions = others.map((actor) => decide(actor, 'booking:read', 'self'))
    expect(decisions.map((each) => each.allowed || each.refusal.code)).toEqual(
      others.map(({ kind }) => (kind === 'anonymous' ? 'unauthenticated' : 'members_only')),
    )
    for (const permission of PERMISSION_NAMES) {
      const onSelf = allowed(permission, others).filter(({ target }) => target === 'self')
      expect(onSelf).toEqual([])
    }
  })

  test('gives reach to everybody only where it is needed, and else to the one it is about', () => {
    for (const actor of ACTORS) {
      for (const permission of PERMISSION_NAMES) {
        const decisions = TARGETS.map((target) => decide(actor, permission, target))
        const everyone = decisions.map((each) => each.allowed && each.scope === 'everyone')
        const own = decisions.flatMap((each) =>
          each.allowed && each.scope !== 'everyone' ? [each.scope.owner] : [],
        )
        const reachesAll = rightsOf(actor)[permission] === 'any'
        expect(everyone).toEqual(TARGETS.map((target) => reachesAll && target !== 'self'))
        const self = actor.kind === 'visitor' ? actor.visitorId : ADA
        expect([...new Set(own)].filter((owner) => owner !== self)).toEqual([])
      }
    }
  })

  test('gives an API key its scopes, but none that no key may have', () => {
    const ofKeys = PERMISSION_NAMES.filter((permission) => PERMISSIONS[permission].keyScope)
    expect(Object.keys(rightsOf(partner(...PERMISSION_NAMES))).sort()).toEqual(ofKeys.sort())
    expect(Object.keys(rightsOf(partner('audit:read')))).toEqual(['audit:read'])
    expect(decide(partner('role:assign'), 'role:assign', 'site').allowed).toBe(false)
  })

  test('gives an elevated identity exactly what the inventory lists', () => {
    for (const identity of IDENTITIES) {
      const actor = { kind: 'system', identity } as const
      const granted = PERMISSION_NAMES.filter((each) => decide(actor, each, 'site').allowed)
      expect(granted).toEqual([...ELEVATED_IDENTITIES[identity].may])
    }
  })

  test('adds up roles, in any order and as often as they are named', () => {
    const both = rightsOf(member('moderator', 'bookings-manager'))
    expect(rightsOf(member('bookings-manager', 'moderator', 'member', 'moderator'))).toEqual(both)
    expect(both).toMatchObject({ 'user:suspend': 'any', 'booking:confirm': 'any' })
    expect(both).not.toHaveProperty('badge:assign')
  })

  test('adds what roles of the site’s own making give', () => {
    const rights = { 'audit:read': 'any', 'visit:read': 'own' } as const
    const auditor: Actor = { ...member(), customRoles: [{ name: 'auditor', rights }] }
    expect(rightsOf(auditor)).toEqual({ ...rightsOf(member()), ...rights })
  })

  test('lets a visitor book, read and cancel for themselves, and do nothing else', () => {
    const own = { allowed: true, reach: 'own', scope: { owner: VISITOR.visitorId } }
    for (const permission of PERMISSION_NAMES) {
      const decisions = [{ owner: VISITOR.visitorId }, 'rows' as const].map((target) =>
        decide(VISITOR, permission, target),
      )
      const may = ['booking:create', 'booking:read', 'booking:cancel'].includes(permission)
      const expected = may ? own : { allowed: false }
      expect(decisions).toMatchObject([expected, expected])
      expect(decide(VISITOR, permission, { owner: ADA })).toMatchObject({ allowed: false })
    }
  })

  test('gives an API key what it may do with everything there is', () => {
    expect(decide(partner('audit:read'), 'audit:read', 'site')).toEqual({
      allowed: true,
      reach: 'any',
      scope: 'everyone',
    })
  })

  test('says whether another permission is missing, or only its reach', () => {
    const refusal = (target: Target) => decide(member(), 'profile:update', target)
    expect(refusal('site')).toMatchObject({
      refusal: { code: 'forbidden', stage: 'permission', reach: 'any' },
    })
    expect(refusal({ owner: BEN })).toMatchObject({
      refusal: { code: 'forbidden', stage: 'ownership', reach: 'any' },
    })
  })

  test('never takes the owner of nothing for the actor', () => {
    expect(allowed('profile:update', [member()])).toEqual([
      { actor: member(), target: 'self' },
      { actor: member(), target: { owner: ADA } },
      { actor: member(), target: 'rows' },
    ])
    expect(decide(partner(), 'profile:read', { owner: '' }).allowed).toBe(false)
  })
})

test('permissions and roles are known by their names, not by what every object inherits', () => {
  expect(PERMISSION_NAMES.filter((name) => !isPermission(name))).toEqual([])
  expect(ROLE_NAMES.filter((name) => !isRole(name))).toEqual([])
  for (const name of ['', 'constructor', '__proto__', 'toString']) {
    expect(isPermission(name) || isRole(name)).toBe(false)
  }
})
