/** Every file is on its floor: its path tells what it may import. */
import { describe, expect, it } from 'vitest'
import page from '../docs/architecture.md?raw'
import promises from '../docs/reliability.md?raw'
import {
  BANS,
  circles,
  EXCEPTIONS,
  FLOORS,
  folderOf,
  forbiddenImports,
  type Importer,
} from './support/floors.ts'
import { SOURCES } from './support/sources.ts'

const files = [...SOURCES.values()]
const seen = Map.groupBy(files, ({ path }) => folderOf(path))

const PAGE = 'docs/architecture.md has the floors and says what is on each.'

function assertNone(told: readonly string[], how: string): void {
  if (told.length > 0) throw new Error([...told, how, PAGE].join('\n'))
}

const FLOOR_HOW =
  'An import that goes up makes the lower folder depend on all that is above it, and one day on itself:\n' +
  'move what is needed down to the floor that uses it, or hand it in as a parameter.'
const CIRCLE_HOW =
  'None of the files of a circle can be read, tested or loaded without the others, even if only types\n' +
  'are taken: move what both sides need to a file of its own.'

describe('the source', () => {
  it('has files on every floor, and no folder without one', () => {
    const counts = FLOORS.flat().map((folder) => [folder, seen.get(folder)?.length ?? 0] as const)
    const empty = counts.filter(([, count]) => count === 0).map(([folder]) => folder)
    const unplaced = [...seen.keys()].filter((folder) => !FLOORS.flat().includes(folder))
    assertNone(
      [
        ...empty.map((folder) => `FLOORS has ${folder}, of which no file was seen under src/.`),
        ...unplaced.map((folder) => `src/${folder} has no floor.`),
      ],
      'Every folder of src/, and every file directly in it, has one place in FLOORS of test/support/floors.ts.',
    )
    expect(new Set(FLOORS.flat()).size).toBe(FLOORS.flat().length)
  })

  it('is on its page as it is: the floors in their order, and a line for each', () => {
    const [, said = ''] = /^## Floors\n`([^`]+)`/m.exec(page) ?? []
    const floors = FLOORS.map((folders) => folders.join(', '))
    expect(said.replaceAll(/\s+/g, ' ').split(' < ')).toEqual(floors)
    const inTree = (folder: string) => new RegExp(`── (\\S+, )*${folder}(/|\\.ts) `).test(page)
    expect(FLOORS.flat().filter((folder) => !inTree(folder))).toEqual([])
  })

  it('imports only from the floors below, types included', () => {
    const edges = files.flatMap(({ imports }) => imports.filter(({ to }) => SOURCES.has(to)))
    expect(edges.some(({ isType }) => isType) && edges.some(({ isType }) => !isType)).toBe(true)
    assertNone(forbiddenImports(files), FLOOR_HOW)
  })

  it('has at most two exceptions, each with a reason, and each still there', () => {
    expect(Object.keys(EXCEPTIONS).length).toBeLessThanOrEqual(2)
    expect(Object.values(EXCEPTIONS).every((reason) => reason !== '')).toBe(true)
    const all = new Set(
      files.flatMap(({ path, imports }) => imports.map(({ to }) => `${path} → ${to}`)),
    )
    expect(Object.keys(EXCEPTIONS).filter((exception) => !all.has(exception))).toEqual([])
  })

  it('has bans that are about files there are', () => {
    const named = BANS.flatMap(({ folders, from }) => [...folders, from])
    expect(named.filter((folder) => !seen.has(folder))).toEqual([])
    expect(BANS.flatMap(({ except }) => except).filter((path) => !SOURCES.has(path))).toEqual([])
  })

  it('has no circle of files', () => {
    assertNone(circles(files), CIRCLE_HOW)
  })

  it('sends batches by name, so that nothing is found by counting', () => {
    const senders = files
      .filter(({ text }) => /\.batch(?:<.*?>)?\(/.test(text))
      .map(({ path }) => path)
    const ALLOWED = ['client', 'commits', 'dry-run', 'first-call', 'in-time'].map(
      (name) => `db/${name}.ts`,
    )
    expect(ALLOWED.filter((path) => !senders.includes(path))).toEqual([])
    assertNone(
      senders
        .filter((path) => !ALLOWED.includes(path))
        .map((path) => `src/${path} calls .batch().`),
      'Results by position shift when a statement is added: use `batch` of src/db/client.ts.',
    )
  })
})

describe('an import that is forbidden is told, with what to do', () => {
  const importing = (path: string, to: string, isType = false): Importer => ({
    path,
    imports: [{ to, isType }],
  })

  it.each([
    ['up', 'repositories/site.ts', 'security/decide.ts'],
    ['up', 'db/ids.ts', 'security/decide.ts'],
    ['up', 'operations/book.ts', 'cron/award-badges.ts'],
    ['up', 'security/decide.ts', 'objects/keys.ts'],
    ['sideways', 'problem.ts', 'log.ts'],
    ['sideways', 'crypto/digest.ts', 'calendar/site-day.ts'],
    ['into the worker', 'app.ts', 'worker.ts'],
    ['from what elevates', 'api/jobs.ts', 'cron/schedule.ts'],
    ['from what elevates', 'http/mount.ts', 'cron/award-badges.ts'],
    ['from storage', 'api/badges.ts', 'db/errors.ts'],
    ['from storage', 'api/badges.ts', 'db/schema.ts'],
    ['from the API itself', 'console/site.tsx', 'api/index.ts'],
    ['from what decides', 'console/site.tsx', 'security/decide.ts'],
    ['from storage', 'console/pages/members.tsx', 'repositories/users.ts'],
    ['from what is restricted', 'look/parts.tsx', 'operations/book.ts'],
    ['from what runs the API', 'console/site.tsx', 'http/mount.ts'],
  ])('%s: %s from %s, and its types', (_, path, to) => {
    for (const isType of [false, true]) {
      const [told, ...others] = forbiddenImports([importing(path, to, isType)])
      expect(others).toEqual([])
      expect(told).toMatch(new RegExp(`^src/${path} (imports|takes a type from) src/${to}\\. .+`))
      expect(() => assertNone([told ?? ''], FLOOR_HOW)).toThrow('docs/architecture.md')
    }
  })

  it('says of a folder without a floor that it needs one', () => {
    const [told] = forbiddenImports([importing('app.ts', 'novel/idea.ts')])
    expect(told).toContain('novel has no floor')
  })

  it.each([
    ['down', 'http/mount.ts', 'security/grant.ts'],
    ['within its folder', 'security/elevation.ts', 'security/grant.ts'],
    ['of a package', 'db/ids.ts', 'uuidv7'],
    ['of ids by a route', 'api/badges.ts', 'db/ids.ts'],
    ['of the names of jobs by a route', 'api/jobs.ts', 'cron/job-names.ts'],
    ['of what elevates by the worker', 'worker.ts', 'cron/schedule.ts'],
  ])('and nothing is said %s', (_, path, to) => {
    expect(forbiddenImports([importing(path, to)])).toEqual([])
  })
})

describe('a circle of files is printed', () => {
  const graph = (edges: Readonly<Record<string, readonly string[]>>): Importer[] =>
    Object.entries(edges).map(([path, tos]) => ({
      path,
      imports: tos.map((to) => ({ to, isType: true })),
    }))

  it.each([
    ['of one', { 'a.ts': ['a.ts'] }, ['a.ts → a.ts']],
    ['of two', { 'a.ts': ['b.ts'], 'b.ts': ['a.ts'] }, ['a.ts → b.ts → a.ts']],
    [
      'of three, and not the file that leads to it',
      {
        '0.ts': ['a.ts'],
        'a.ts': ['b.ts', 'd.ts'],
        'b.ts': ['c.ts'],
        'c.ts': ['a.ts'],
        'd.ts': [],
      },
      ['a.ts → b.ts → c.ts → a.ts'],
    ],
    [
      'and the next one',
      { 'a.ts': ['b.ts'], 'b.ts': ['a.ts'], 'c.ts': ['d.ts', 'a.ts'], 'd.ts': ['c.ts'] },
      ['a.ts → b.ts → a.ts', 'c.ts → d.ts → c.ts'],
    ],
  ])('%s', (_, edges, expected) => {
    expect(circles(graph(edges))).toEqual(expected)
  })

  it('and none is seen where two ways meet', () => {
    const diamond = { 'a.ts': ['b.ts', 'c.ts'], 'b.ts': ['d.ts'], 'c.ts': ['d.ts'], 'd.ts': [] }
    expect(circles(graph(diamond))).toEqual([])
  })
})

describe('docs/reliability.md', () => {
  it('names tests that there are', () => {
    const paths = Object.keys(import.meta.glob('./**/*.test.ts'))
    const tests = new Set(paths.map((path) => path.replace('./', 'test/')))
    const named = [...promises.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, path]) => path)
    expect(named.length).toBeGreaterThan(30)
    expect(named.filter((path) => !tests.has(path ?? ''))).toEqual([])
  })
})
