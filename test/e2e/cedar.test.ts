import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { routes } from '../../src/api/index.ts'
import { missingIn } from '../../src/security/ceiling.ts'
import { decide } from '../../src/security/decide.ts'
import { ELEVATED_IDENTITIES } from '../../src/security/elevated-identities.ts'
import { PERMISSIONS as POLICY, ROLES as BUILT_IN_ROLES } from '../../src/security/permissions.ts'
import { assertComplete } from '../support/complete.ts'
import { seeded } from '../support/seeded.ts'
import { cedarAllows, cedarAllowsTaking, loadContract } from './support/cedar.ts'
import {
  ACTORS,
  type Case,
  forEachCase,
  KEY_SCOPES,
  keyOf,
  NO_SCOPES,
  ownIdOf,
  PERMISSIONS,
  ROLES,
  ROLES_OF_OTHERS,
  shuffled,
  type TargetName,
  targetOf,
  TARGETS,
  withId,
} from './support/policy-cases.ts'

/** Tells whoever changed the policy what to do. */
const ONCE_MORE =
  'test/e2e/contract.cedar says who has which permission once more. CONTRIBUTING.md, "A permission".'

const told = (differences: readonly string[]) => [...differences.slice(0, 10), ONCE_MORE].join('\n')

/** Cedar's verdicts, by the key of the case. */
const verdicts = new Map<string, boolean>()

/** The difference between the two in words; undefined if they agree, also on how far it goes. */
function differenceOn({ actor, permission, target }: Case, other: string): string | undefined {
  const cedar = (on: TargetName) => verdicts.get(keyOf(actor, permission, on))
  const decision = decide(actor, permission, targetOf(target, actor, other))
  const reachesAll = cedar('other') === true
  const own = { owner: ownIdOf(actor) }
  const expected = cedar(target)
    ? {
        allowed: true,
        reach: reachesAll ? 'any' : 'own',
        scope: reachesAll && target !== 'self' ? 'everyone' : own,
      }
    : { allowed: false }
  const { allowed } = decision
  const actual = allowed ? decision : { allowed }
  if (JSON.stringify(actual) === JSON.stringify(expected)) return undefined
  return `${keyOf(actor, permission, target)}: ${JSON.stringify(actual)}`
}

test('nothing is left out: the cases have every permission and role that the code has', () => {
  const recipe = 'A permission'
  assertComplete([...KEY_SCOPES, ...NO_SCOPES], Object.keys(POLICY), {
    list: 'KEY_SCOPES or NO_SCOPES in test/e2e/support/policy-cases.ts',
    of: 'permission',
    recipe,
  })
  const list = 'ROLES in test/e2e/support/policy-cases.ts'
  assertComplete(ROLES, Object.keys(BUILT_IN_ROLES), { list, of: 'role', recipe })
})

test('nothing is left out: the contract names every elevated identity', () => {
  const contract = readFileSync(new URL('contract.cedar', import.meta.url), 'utf8')
  const named = [...contract.matchAll(/System::"([^"]+)"/g)].map(([, name = '']) => name)
  assertComplete(named, Object.keys(ELEVATED_IDENTITIES), {
    list: 'test/e2e/contract.cedar',
    of: 'elevated identity',
    recipe: 'An elevation',
  })
})

describe('decide and Cedar agree', () => {
  beforeAll(() => {
    loadContract()
    forEachCase((each) => {
      verdicts.set(keyOf(each.actor, each.permission, each.target), cedarAllows(each))
    })
  })

  test('on every case there is, and on how far it goes', () => {
    const differences: string[] = []
    forEachCase((each) => {
      const difference = differenceOn(each, 'usr_2')
      if (difference !== undefined) differences.push(difference)
    })
    expect(differences.length, told(differences)).toBe(0)
    expect(verdicts.size).toBe(ACTORS.length * PERMISSIONS.length * TARGETS.length)
    const allowed = [...verdicts.values()].filter(Boolean).length
    expect(allowed).toBeGreaterThan(verdicts.size / 20)
  })

  test('on whom something is taken from: every act that takes, from everybody by everybody', () => {
    const taking = new Set(
      routes.flatMap(({ access }) => ('may' in access && access.takesFrom ? [access.may] : [])),
    )
    const outcomes = { taken: 0, refused: 0 }
    for (const actor of ACTORS) {
      const beyond = new Set(missingIn(actor).flatMap(({ roles }) => roles))
      for (const permission of taking) {
        // The cases above tell of permissions that the actor has over nobody.
        if (!decide(actor, permission, { owner: 'usr_2' }).allowed) continue
        for (const roles of ROLES_OF_OTHERS) {
          const isTaken = !roles.some((role) => beyond.has(role))
          const said = cedarAllowsTaking(actor, permission, roles)
          expect({ actor, permission, roles, isTaken }).toEqual({
            actor,
            permission,
            roles,
            isTaken: said,
          })
          outcomes[isTaken ? 'taken' : 'refused'] += 1
        }
      }
    }
    expect(Math.min(outcomes.taken, outcomes.refused)).toBeGreaterThan(100)
  })

  test('on cases at random, a million with `npm run test:full`, whatever the ids and the order of things', () => {
    const random = seeded(1)
    const pick = <T>(all: readonly T[]): T => {
      const picked = all[Math.floor(random() * all.length)]
      if (picked === undefined) throw new Error('nothing to pick from')
      return picked
    }
    const differences: string[] = []
    for (let i = 0; i < (process.env['FULL'] === '1' ? 1_000_000 : 50_000); i++) {
      const id = `usr_${Math.floor(random() * 1e9)}`
      const actor = withId(shuffled(pick(ACTORS), random), id)
      const each = { actor, permission: pick(PERMISSIONS), target: pick(TARGETS) }
      const difference = differenceOn(each, pick([`${id}0`, id.slice(0, -1), id.toUpperCase(), '']))
      if (difference !== undefined) differences.push(difference)
    }
    expect(differences.length, told(differences)).toBe(0)
  })
})
