import { describe, expect, test } from 'vitest'
import type { UserId } from '../../src/db/ids.ts'
import type { Caller } from '../../src/security/actor.ts'
import type { Target } from '../../src/security/decide.ts'
import {
  assertExercised,
  assertReaches,
  Exercised,
  Grant,
  GrantError,
  withGrant,
} from '../../src/security/grant.ts'
import type { Permission } from '../../src/security/permissions.ts'
import { ADA, BEN, member, partner, suspended, VISITOR } from '../support/actors.ts'

const REQUEST = 'request-1'

describe('a grant', () => {
  test('is lent with the actor, the request and the reach that was decided', async () => {
    const admin = member('admin')
    await withGrant(admin, 'profile:read', { owner: BEN }, REQUEST, async (grant) => {
      expect(grant).toMatchObject({ permission: 'profile:read', scope: 'everyone' })
      expect(grant.exercise('profile:read')).toMatchObject({
        actor: admin,
        scope: { rows: 'everyone' },
        requestId: REQUEST,
        elevation: undefined,
      })
    })
    await withGrant(member(), 'profile:read', 'self', REQUEST, async ({ scope }) => {
      expect(scope).toEqual({ owner: ADA })
    })
  })

  test('dies with its call, whether that succeeds or fails', async () => {
    const leaked: Grant<'profile:read'>[] = []
    const keep = async (grant: Grant<'profile:read'>) => void leaked.push(grant)
    const lend = (work: typeof keep) => withGrant(member(), 'profile:read', 'self', REQUEST, work)
    await lend(keep)
    await expect(
      lend(async (grant) => {
        await keep(grant)
        throw new Error('halfway')
      }),
    ).rejects.toThrow('halfway')
    expect(leaked).toHaveLength(2)
    for (const grant of leaked) {
      expect(() => grant.scope).toThrow(GrantError)
      expect(() => grant.exercise('profile:read')).toThrow(GrantError)
    }
  })

  test('cannot be exercised as another permission, nor be turned into one', async () => {
    await withGrant(member('admin'), 'profile:read', 'site', REQUEST, async (grant) => {
      expect(() => grant.exercise('role:assign' as never)).toThrow(GrantError)
      expect(() => Object.assign(grant, { permission: 'role:assign' })).toThrow(TypeError)
      expect(() => Object.defineProperty(grant, 'exercise', {})).toThrow(TypeError)
      expect(grant.permission).toBe('profile:read')
    })
  })

  test.each<[who: string, Caller, Permission, Target, refusal: object]>([
    [
      'nobody',
      { kind: 'anonymous' },
      'profile:read',
      'self',
      { code: 'unauthenticated', extras: { stage: 'credential' } },
    ],
    [
      'a suspended admin',
      suspended('admin'),
      'profile:read',
      'self',
      { code: 'suspended', extras: { stage: 'session', reach: 'own' } },
    ],
    [
      'a visitor on a route about themselves',
      VISITOR,
      'booking:read',
      'self',
      { code: 'members_only', extras: { stage: 'session' } },
    ],
    [
      'a key on a route about themselves',
      partner('profile:read'),
      'profile:read',
      'self',
      { code: 'members_only', extras: { stage: 'session' } },
    ],
    [
      'a key without the scope',
      partner('profile:list'),
      'profile:read',
      'site',
      {
        code: 'forbidden',
        extras: { stage: 'permission', required: 'profile:read', reach: 'any' },
      },
    ],
    [
      'a member who has only their own',
      member(),
      'profile:read',
      { owner: BEN },
      { code: 'forbidden', extras: { stage: 'ownership', required: 'profile:read', reach: 'any' } },
    ],
    [
      'a member without the permission',
      member(),
      'badge:assign',
      'self',
      {
        code: 'forbidden',
        extras: { stage: 'permission', required: 'badge:assign', reach: 'own' },
      },
    ],
  ])('is refused to %s, and nothing is run', async (_, caller, permission, target, refusal) => {
    let isRun = false
    const asked = withGrant(caller, permission, target, REQUEST, async () => {
      isRun = true
    })
    await expect(asked).rejects.toMatchObject(refusal)
    await expect(asked).rejects.toMatchObject({ detail: expect.stringMatching(/^[A-Z].+\.$/) })
    expect(isRun).toBe(false)
  })

  test('names what would have been enough to whoever is refused', async () => {
    const ask = (target: Target, permission: Permission) =>
      withGrant(member(), permission, target, REQUEST, async () => {})
    await expect(ask({ owner: BEN }, 'profile:update')).rejects.toMatchObject({
      detail: expect.stringMatching(/\bone's own takes profile:update with reach any/),
    })
    await expect(ask('self', 'badge:assign')).rejects.toMatchObject({
      detail: expect.stringMatching(/^This takes badge:assign with reach own/),
    })
  })
})

test('no grant can be made from outside: not by the class, nor by a real one', async () => {
  const from = {
    permission: 'role:assign',
    actor: member(),
    scope: 'everyone',
    requestId: undefined,
  }
  await withGrant(member(), 'profile:read', 'self', REQUEST, async (grant) => {
    for (const forge of [Grant, grant.constructor] as (new (...args: unknown[]) => unknown)[]) {
      expect(() => new forge(from)).toThrow(GrantError)
      expect(() => new forge(Symbol('grant'), from)).toThrow(GrantError)
      expect(() => Reflect.construct(forge, [undefined, from])).toThrow(GrantError)
    }
    class Heir extends (Grant as unknown as new (...args: unknown[]) => object) {}
    expect(() => new Heir(from)).toThrow(GrantError)
  })
})

describe('what was exercised', () => {
  const exercise = (caller: Caller, target: Target) =>
    withGrant(caller, 'profile:update', target, REQUEST, async (grant) =>
      grant.exercise('profile:update'),
    )

  test('passes, and neither a copy nor anything else passes for it', async () => {
    const real = await exercise(member(), 'self')
    expect(() => assertExercised(real)).not.toThrow()
    const forge = Exercised as unknown as new (...args: unknown[]) => unknown
    expect(() => new forge(real)).toThrow(GrantError)
    expect(() => new forge(Symbol('grant'), real)).toThrow(GrantError)
    const fakes = [Object.assign({}, real), Object.create(real), Object.create(Exercised.prototype)]
    for (const fake of fakes) {
      expect(() => assertExercised(fake)).toThrow(GrantError)
      expect(() => assertReaches(fake, ADA)).toThrow(GrantError)
    }
  })

  test('stays what it was', async () => {
    const real = await exercise(member(), 'self')
    expect(() => Object.assign(real, { actor: member('admin') })).toThrow(TypeError)
    expect(real.actor).toEqual(member())
  })

  test('reaches whose it was granted for, and everybody only where it was for everybody', async () => {
    const own = await exercise(member(), 'self')
    expect(() => assertReaches(own, ADA)).not.toThrow()
    expect(() => assertReaches(own, BEN)).toThrow(GrantError)
    const any = await exercise(member('admin'), 'site')
    expect(() => assertReaches(any, BEN)).not.toThrow()
  })
})

test('whose id is not known owns nothing', async () => {
  const stranger: Caller = { ...member(), userId: '' as UserId }
  await expect(
    withGrant(stranger, 'profile:read', { owner: ADA }, REQUEST, async () => 'ran'),
  ).rejects.toMatchObject({ code: 'forbidden' })
})
