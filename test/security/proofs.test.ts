import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { openSession } from '../../src/db/client.ts'
import type { BadgeId } from '../../src/db/ids.ts'
import { visitsClient } from '../../src/objects/visits.ts'
import { AuditColumns, AuditRow } from '../../src/repositories/audited.ts'
import { badgesRepository } from '../../src/repositories/badges.ts'
import { WriteScope } from '../../src/repositories/scope.ts'
import { usersRepository } from '../../src/repositories/users.ts'
import { auditOwnAct, auditRow } from '../../src/security/audit.ts'
import { Exercised, GrantError, withGrant } from '../../src/security/grant.ts'
import type { Permission } from '../../src/security/permissions.ts'
import { ADA, BEN, member } from '../support/actors.ts'
import { SOURCES } from '../support/sources.ts'

const NOW = Date.UTC(2026, 0, 1)
const MOMENT = { now: NOW, requestId: 'request-1' }
const ACT = { action: 'badge.delete', target: 'bdg_00000000000000000000000001' } as const
const BADGE: BadgeId = 'bdg_00000000000000000000000001'

describe('what proves that something was granted', () => {
  test.each([
    ['makeAuditRow', ['repositories/audited.ts', 'security/audit.ts']],
    ['makeAuditColumns', ['repositories/audited.ts', 'security/audit.ts']],
    ['makeWriteScope', ['repositories/scope.ts', 'security/grant.ts']],
    [
      'auditOwnAct',
      [
        'auth/audit.ts',
        'security/audit.ts',
        'security/callers/first-request.ts',
        'security/mail-ends.ts',
      ],
    ],
  ])('is made where it has to be: %s is named by nothing else', (name, files) => {
    const word = new RegExp(`\\b${name}\\b`)
    expect(pathsOf((text) => word.test(withoutComments(text)))).toEqual(files)
  })

  test('and its makers are never imported wholesale', () => {
    const makers = /^(?:repositories\/(?:audited|scope)|security\/audit)\.ts$/
    const wholesale = [...SOURCES.values()].filter(({ imports }) =>
      imports.some(({ to, names }) => makers.test(to) && names.includes('*')),
    )
    expect(wholesale.map(({ path }) => path)).toEqual([])
  })

  test('and nothing is cast to it, where casts are allowed either', () => {
    const cast =
      /\bas\s+(?:unknown\s+as\s+)?[^,;)}]*\b(?:AuditRow|AuditColumns|WriteScope|Exercised|Grant)\b/
    expect(cast.test('return row as unknown as AuditRow')).toBe(true)
    expect(pathsOf((text) => cast.test(withoutImports(withoutComments(text))))).toEqual([])
  })
})

describe('no proof can be made from outside', () => {
  const { db } = openSession(env.DB, 'primary')
  const badges = badgesRepository(db)

  test('by no class of theirs, nor by that of a real one', async () => {
    await granted('badge:manage', (exercised) => {
      const row = auditRow(exercised, NOW, ACT)
      for (const real of [AuditRow, AuditColumns, WriteScope, Exercised, row.constructor]) {
        const make = real as unknown as new (...args: unknown[]) => object
        expect(() => new make('grant', row)).toThrow(/only/)
        expect(() => new make(Symbol('audit row'), 'grant', row)).toThrow(/only/)
        expect(() => Reflect.construct(make, [undefined, 'grant', row])).toThrow(/only/)
        class Heir extends make {}
        expect(() => new Heir('grant', row)).toThrow(/only/)
      }
    })
  })

  test('by changing a real one', async () => {
    await granted('badge:manage', (exercised) => {
      const row = auditRow(exercised, NOW, ACT)
      for (const real of [row, exercised, exercised.scope]) {
        expect(() => Object.assign(real, { actor: BEN, rows: 'everyone' })).toThrow(TypeError)
      }
    })
  })

  test('by a copy, which no write takes for a row', async () => {
    await granted('badge:manage', async (exercised) => {
      const row = auditRow(exercised, NOW, ACT)
      const copies = [
        Object.assign({}, row, { actor: BEN }),
        structuredClone(Object.assign({}, row)),
        JSON.parse(JSON.stringify(row)),
        Object.create(row),
        new Proxy(row, {}),
        auditOwnAct('first valid request', ADA, MOMENT),
      ]
      for (const copy of copies) {
        const deleted = badges.delete(BADGE, undefined, copy as AuditRow)
        await expect(deleted).rejects.toThrow(TypeError)
      }
      // Only the database refuses the real row, because it has no such admin.
      await expect(badges.delete(BADGE, undefined, row)).rejects.toThrow('access changed')
    })
  })

  test('nor does a copy of what was exercised make a row', async () => {
    await granted('badge:manage', (exercised) => {
      const copies = [
        Object.assign({}, exercised, { actor: member() }),
        Object.create(exercised),
        new Proxy(exercised, {}),
      ]
      for (const copy of copies) {
        expect(() => auditRow(copy as Exercised, NOW, ACT)).toThrow(GrantError)
      }
    })
  })

  test('nor does a copy of a scope reach any row', async () => {
    await granted('profile:update', async (exercised) => {
      const row = auditRow(exercised, NOW, ACT)
      for (const scope of [Object.create(exercised.scope), new Proxy(exercised.scope, {})]) {
        const update = usersRepository(db).update(scope, BEN, { bio: 'x' }, undefined, row)
        await expect(update).rejects.toThrow(TypeError)
      }
    })
  })
})

test('a visit is recorded only for the member it was granted to', async () => {
  const visits = visitsClient(
    env.VISITS,
    async () => {},
    async () => 'g',
  )
  await granted('visit:record', async (exercised) => {
    const [mine, theirs] = [ADA, BEN].map((userId) => visits.of({ userId, shard: 0 }))
    await expect(theirs?.record(exercised, NOW, '2026-01-01')).rejects.toThrow(GrantError)
    await expect(
      mine?.record(Object.assign({}, exercised) as never, NOW, '2026-01-01'),
    ).rejects.toThrow(GrantError)
    expect(await mine?.record(exercised, NOW, '2026-01-01')).toMatchObject({ counted: true })
    expect(await theirs?.read('2026-01-01')).toMatchObject({ total: 0 })
  })
})

/** Runs `work` with the proof that an admin has exercised the permission. */
async function granted<P extends Permission>(
  permission: P,
  work: (exercised: Exercised<P>) => void | Promise<void>,
): Promise<void> {
  await withGrant(member('admin'), permission, 'self', 'request-1', async (grant) =>
    work(grant.exercise(permission)),
  )
}

function pathsOf(isMeant: (text: string) => boolean): string[] {
  return [...SOURCES.values()]
    .filter(({ text }) => isMeant(text))
    .map(({ path }) => path)
    .sort()
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
}

function withoutImports(text: string): string {
  return text.replaceAll(/^(?:import|export)\b[^'"]*from\s*['"][^'"]*['"]/gm, '')
}
