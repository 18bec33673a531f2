import { describe, expect, test } from 'vitest'
import { ELEVATED_IDENTITIES } from '../../src/security/elevated-identities.ts'
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
})
