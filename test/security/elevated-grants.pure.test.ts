/** A backend trigger may do the one act that its elevated grant is for, and no other. */
import { describe, expect, test } from 'vitest'
import type { BadgeId, RuleId } from '../../src/db/ids.ts'
import { ELEVATED_IDENTITIES } from '../../src/security/elevated-identities.ts'
import { elevate } from '../../src/security/elevation.ts'
import { type Grant, GrantError } from '../../src/security/grant.ts'
import type { Problem } from '../../src/problem.ts'
import { PERMISSIONS } from '../../src/security/permissions.ts'

describe('an elevated identity', () => {
  test.each(Object.keys(ELEVATED_IDENTITIES) as (keyof typeof ELEVATED_IDENTITIES)[])(
    '%s can do what it is listed for, and nothing else',
    async (identity) => {
      const outcomes = Object.keys(PERMISSIONS).map(async (permission) => {
        // Run time refuses what the type checker refuses.
        const asked = permission as 'badge:assign'
        const elevation = { reason: 'test', bound: {} }
        const outcome = elevate(identity, asked, elevation, async () => 'done')
        return [permission, await outcome.catch(({ code }: Problem) => code)]
      })
      const may: readonly string[] = ELEVATED_IDENTITIES[identity].may
      expect(await Promise.all(outcomes)).toEqual(
        Object.keys(PERMISSIONS).map((each) => [each, may.includes(each) ? 'done' : 'forbidden']),
      )
    },
  )

  test.each(['root', 'admin', '', 'constructor', '__proto__', 'toString'])(
    'knows no identity %j, which can therefore do nothing',
    async (name) => {
      let isRun = false
      const attempt = elevate(
        name as 'badge-awarder',
        'badge:assign',
        { reason: 'test', bound: {} },
        async () => {
          isRun = true
        },
      )
      await expect(attempt).rejects.toThrow(Error)
      expect(isRun).toBe(false)
    },
  )
})

describe('an elevated grant', () => {
  const badgeId: BadgeId = 'bdg_00000000000000000000000001'
  const ruleId: RuleId = 'rul_00000000000000000000000001'
  const bound = { badgeId, ruleId }

  function elevated<R>(work: (grant: Grant<'badge:assign'>) => R): Promise<R> {
    const elevation = { reason: 'a rule', bound, onBehalfOf: 'rul_1' }
    return elevate('badge-awarder', 'badge:assign', elevation, async (grant) => work(grant))
  }

  test('brings the identity, the reason and no request into what it is exercised for', async () => {
    const exercised = await elevated((grant) => grant.exercise('badge:assign', bound))
    expect(Object.assign({}, exercised, { scope: exercised.scope.rows })).toEqual({
      actor: { kind: 'system', identity: 'badge-awarder' },
      permission: 'badge:assign',
      scope: 'everyone',
      requestId: undefined,
      elevation: { reason: 'a rule', bound, onBehalfOf: 'rul_1' },
    })
  })

  test('is spent by one act', async () => {
    await elevated((grant) => {
      grant.exercise('badge:assign', bound)
      expect(() => grant.exercise('badge:assign', bound)).toThrow(GrantError)
      expect(() => grant.scope).toThrow(GrantError)
    })
  })

  test.each([
    ['another badge', { ...bound, badgeId: 'bdg_00000000000000000000000002' }],
    ['another rule', { ...bound, ruleId: 'rul_00000000000000000000000002' }],
    ['no rule', { badgeId }],
    ['nothing named', {}],
    ['one thing more', { ...bound, userId: 'usr_00000000000000000000000001' }],
  ])('does not do its act with %s', async (_, act) => {
    await elevated((grant) => {
      expect(() => grant.exercise('badge:assign', act)).toThrow(GrantError)
      expect(() => grant.exercise('role:assign' as 'badge:assign', bound)).toThrow(GrantError)
      // Nothing was done, so the one act is still to be had.
      expect(grant.exercise('badge:assign', bound).scope.rows).toBe('everyone')
    })
  })

  test.each([{}, { badgeId }])('that is bound to nothing does nothing, as with %j', async (act) => {
    await elevate('badge-awarder', 'badge:assign', { reason: 'test', bound: {} }, async (grant) => {
      expect(() => grant.exercise('badge:assign', act)).toThrow(GrantError)
    })
  })

  test('dies with its call, unused or not', async () => {
    const unused = await elevated((grant) => grant)
    expect(() => unused.exercise('badge:assign', bound)).toThrow(GrantError)
    expect(() => unused.scope).toThrow(GrantError)
  })
})
