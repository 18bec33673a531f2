import { describe, expect, test } from 'vitest'
import type { BadgeId, RuleId } from '../../src/db/ids.ts'
import { ELEVATED_IDENTITIES } from '../../src/security/elevated-identities.ts'
import { elevate } from '../../src/security/elevation.ts'
import { type Grant, GrantError } from '../../src/security/grant.ts'
import type { Problem } from '../../src/problem.ts'
import { PERMISSIONS } from '../../src/security/permissions.ts'
import { testSite } from '../support/site.ts'
import { importersOf, reaching, SOURCES } from '../support/sources.ts'

const ELEVATION = 'security/elevation.ts'
const RECIPE = 'CONTRIBUTING.md, "An elevation", says where it goes instead.'

describe('no way leads from HTTP to elevation', () => {
  test('only cron and events import it', () => {
    const importers = importersOf(ELEVATION).map(({ path }) => path)
    expect(importers).toContain('cron/award-badges.ts')
    expect(
      importers.filter((path) => !/^(cron|events)\//.test(path)),
      `Only a backend trigger elevates; whoever else imports it could be a way from HTTP. ${RECIPE}`,
    ).toEqual([])
  })

  test('and only the worker and the object that runs jobs lead there, through no route', () => {
    const others = reaching(ELEVATION).filter((path) => !/^(cron|events)\//.test(path))
    expect(
      others,
      `These lead to what elevates, and a request may get there by them. ${RECIPE}`,
    ).toEqual(['worker.ts'])
  })

  test('and nothing else takes a system grant, or names what lends one', () => {
    expect(naming('withSystemGrant'), `Only elevate lends a system grant. ${RECIPE}`).toEqual([
      ELEVATION,
      'security/grant.ts',
    ])
    const wholesale = importersOf('security/grant.ts').filter(({ imports }) =>
      imports.some(({ to, names }) => to === 'security/grant.ts' && names.includes('*')),
    )
    expect(wholesale).toEqual([])
  })

  test('and what lends a caller a grant is named by what admits callers alone', () => {
    expect(naming('withGrant')).toEqual(['http/mount.ts', 'security/grant.ts'])
  })

  test('and the walk follows every kind of import there is', () => {
    const edges = [...SOURCES.values()].flatMap(({ path, imports }) =>
      imports
        .filter(({ to }) => !SOURCES.has(to) && /\.tsx?$/.test(to))
        .map(({ to }) => [path, to]),
    )
    expect(edges, 'imports of files that do not exist').toEqual([])
    const computed = [...SOURCES.values()].filter(({ text }) =>
      /\bimport\((?!['"`])|\brequire\(/.test(text),
    )
    expect(
      computed.map(({ path }) => path),
      'imports of what is only known later',
    ).toEqual([])
    const keywords = [...SOURCES.values()].reduce((n, { text }) => n + count(text, /\bfrom '/g), 0)
    const followed = [...SOURCES.values()].reduce((n, { imports }) => n + imports.length, 0)
    expect(followed).toBeGreaterThanOrEqual(keywords)
    expect(reaching('db/client.ts')).toContain('app.ts')
  })

  function naming(name: string): string[] {
    const word = new RegExp(`\\b${name}\\b`)
    return [...SOURCES.values()].filter(({ text }) => word.test(text)).map(({ path }) => path)
  }

  function count(text: string, pattern: RegExp): number {
    return text.match(pattern)?.length ?? 0
  }
})

describe('the inventory', () => {
  test('is what GET /v1/elevations tells, and who may read it is told everything', async () => {
    const root = await testSite().root()
    const { body } = await root.get('/v1/elevations')
    expect(body).toEqual({
      items: Object.entries(ELEVATED_IDENTITIES).map(([identity, rest]) => ({ identity, ...rest })),
      nextCursor: null,
    })
  })

  test.each(Object.keys(ELEVATED_IDENTITIES) as (keyof typeof ELEVATED_IDENTITIES)[])(
    '%s can do what it is listed for, and nothing else',
    async (identity) => {
      const outcomes = Object.keys(PERMISSIONS).map(async (permission) => {
        // What the type checker refuses is refused at run time as well.
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
  ])('does not do its act with %s', async (_, act) => {
    await elevated((grant) => {
      expect(() => grant.exercise('badge:assign', act)).toThrow(GrantError)
      expect(() => grant.exercise('role:assign' as 'badge:assign', bound)).toThrow(GrantError)
      // Nothing was done, so the one act is still to be had.
      expect(grant.exercise('badge:assign', bound).scope.rows).toBe('everyone')
    })
  })

  test('dies with its call, unused or not', async () => {
    const unused = await elevated((grant) => grant)
    expect(() => unused.exercise('badge:assign', bound)).toThrow(GrantError)
    expect(() => unused.scope).toThrow(GrantError)
  })
})
