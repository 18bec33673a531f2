/** The rights that stand in the way of taking, and how far a right can go at all. */
import { describe, expect, test } from 'vitest'
import { routes } from '../../src/api/index.ts'
import type { Restricted } from '../../src/http/access.ts'
import { missingIn } from '../../src/security/ceiling.ts'
import { ELEVATED_IDENTITIES } from '../../src/security/elevated-identities.ts'
import { PERMISSION_NAMES, PERMISSIONS, ROLES } from '../../src/security/permissions.ts'
import { member, partner } from '../support/actors.ts'
import { assertComplete } from '../support/complete.ts'

const namesOf = (...actor: Parameters<typeof missingIn>) =>
  missingIn(...actor).map(({ permission }) => permission)

describe('who is beyond whom', () => {
  test('nobody is beyond an admin, who has every permission as far as it goes: nothing is left out', () => {
    const farthest = PERMISSION_NAMES.map((name) => `${name}: ${PERMISSIONS[name].reaches.at(-1)}`)
    const given = Object.entries(ROLES.admin).map((entry) => entry.join(': '))
    assertComplete(given, farthest, {
      list: 'ROLES.admin in src/security/permissions.ts',
      of: 'permission, as far as it goes,',
      recipe: 'A permission',
    })
    expect(missingIn(member('admin'))).toEqual([])
  })

  test('beyond a member is everything that not every member has, and who has it by a built-in role', () => {
    const missing = missingIn(member())
    expect(missing.map(({ permission }) => permission)).toEqual(
      PERMISSION_NAMES.filter((name) => name !== 'visit:record' && name !== 'account:delete'),
    )
    expect(missing.find(({ permission }) => permission === 'service:manage')).toEqual({
      permission: 'service:manage',
      reach: 'any',
      roles: ['bookings-manager', 'admin'],
    })
  })

  test('a role, a scope or a custom role is a way to be no less', () => {
    const custom = [{ name: 'reader', rights: { 'audit:read': 'any' } }] as const
    expect(namesOf({ ...member(), customRoles: custom })).not.toContain('audit:read')
    expect(namesOf(partner('audit:read'))).not.toContain('audit:read')
    expect(namesOf(member('moderator'))).not.toContain('user:suspend')
    expect(namesOf(member('moderator'))).toContain('service:manage')
  })
})

describe('every permission can go as far as it says, and no further', () => {
  const restrictions = routes.flatMap(({ access }): Restricted[] =>
    'may' in access ? [access] : access.unless ? [access.unless] : [],
  )
  const elevated = new Set(
    Object.values(ELEVATED_IDENTITIES).flatMap(({ may }): readonly string[] => may),
  )

  test.each(PERMISSION_NAMES)('%s', (permission) => {
    const uses = restrictions.filter(({ may }) => may === permission)
    const isOwn = uses.some(({ owner }) => owner !== undefined)
    // A permission that is no route's own is asked for within other routes, about anybody.
    const isAny = uses.length === 0 || uses.some(({ owner }) => owner !== 'self')
    expect(PERMISSIONS[permission].reaches).toEqual([
      ...(isOwn ? ['own'] : []),
      ...(isAny || elevated.has(permission) ? ['any'] : []),
    ])
  })

  test('and no built-in role has one with a reach that would never apply', () => {
    for (const rights of Object.values(ROLES)) {
      for (const [name, reach] of Object.entries(rights)) {
        const permission = PERMISSION_NAMES.find((each) => each === name)
        expect(permission && PERMISSIONS[permission].reaches).toContain(reach)
      }
    }
  })
})
