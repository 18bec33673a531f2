/** The pages name only what is there, and a wrong page is told which of its lines is wrong. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { mistakesIn, pagesIn, treeAt, type Tree } from '../../local/pages.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const IN_THE_TREE = new Set([
  'src/',
  'src/app.ts',
  'src/http/',
  'src/http/mount.ts',
  'docs/a.md',
  'docs/decisions/a.md',
])
const TREE: Tree = { has: (path) => IN_THE_TREE.has(path), scripts: new Set(['docs']) }

/** The mistakes found in a page of that text, without the page's name. */
function saidOf(text: string, page = 'docs/page.md', others: [string, string][] = []): string[] {
  return mistakesIn(new Map([[page, text], ...others]), TREE).map(
    (line) => line.split(': ')[1] ?? '',
  )
}

test('the pages of the project name only what is there', () => {
  const pages = pagesIn(ROOT)
  expect([...pages.keys()]).toEqual(
    expect.arrayContaining([
      'README.md',
      'SECURITY.md',
      'docs/decisions/ids.md',
      'src/security/README.md',
    ]),
  )
  expect(mistakesIn(pages, treeAt(ROOT))).toEqual([])
})

test('test/README.md says what each helper gives', () => {
  const help = pagesIn(ROOT).get('test/README.md') ?? ''
  const helpers = ['support', 'e2e/support'].flatMap((folder) =>
    readdirSync(join(ROOT, 'test', folder)).map((name) => `${folder}/${name}`),
  )
  const missing = helpers.filter(
    (path) => !/\.d\.ts$|\.js$/.test(path) && !help.includes(`\`${path}`),
  )
  expect(missing, 'the last table of test/README.md lacks these helpers').toEqual([])
})

describe('a path is missed', () => {
  test.each([
    ['in a link', 'See [it](gone.md).', 'gone.md'],
    ['in a link to a place on a page', 'See [it](../src/gone.ts#part).', '../src/gone.ts'],
    ['in code', 'It is `src/gone.ts`.', 'src/gone.ts'],
    ['in code, from src/', 'It is `http/gone.ts`.', 'http/gone.ts'],
    ['in code, as a folder', 'It is in `gone/`.', 'gone/'],
    ['in code, as a pattern', 'They are `src/gone/*.ts`.', 'src/gone/*.ts'],
    ['in a drawn tree', '```\nsrc/\n├── app.ts  it\n└── gone.ts  it\n```', 'src/gone.ts'],
    ['deep in a drawn tree', '```\nsrc/\n├── http/\n│   └── gone.ts\n```', 'src/http/gone.ts'],
  ])('%s', (_, text, path) => {
    expect(saidOf(text)).toEqual([
      `${path} is not in the tree. Correct the path, or what is said of it.`,
    ])
  })

  test.each([
    ['a link beside the page', 'See [it](a.md) and [that](#part).'],
    [
      'a link elsewhere',
      'See [it](https://example.com/gone.md) or [a release](../../../releases/x.md).',
    ],
    ['code', 'It is `src/app.ts`, `app.ts`, `http/mount.ts` or `src/http/*.ts`.'],
    [
      'what is a path of the API, or made when it runs',
      'It is `/jwks.json`, `/auth/*` or `.guildhall/x.ts`.',
    ],
    ['a drawn tree', '```\nsrc/\n├── app.ts\n└── http/\n    └── mount.ts\n```'],
  ])('but not %s', (_, text) => {
    expect(saidOf(text)).toEqual([])
  })
})

test('a script that package.json does not have is missed', () => {
  expect(saidOf('Run `npm run docs`, `npm run gone` and `npm run -s gone:too`.')).toEqual([
    '`npm run gone` is no script of package.json. Correct its name.',
    '`npm run -s gone:too` is no script of package.json. Correct its name.',
  ])
})

describe('a decision', () => {
  const list: [string, string] = ['docs/decisions/README.md', '- [A](a.md)']
  const whole = '# A\n\nDecided on 2026-11-21.\n\nBecause.\n\n## What this does not fix\nMuch.\n'
  const said = (text: string, others = [list]) => saidOf(text, 'docs/decisions/a.md', others)

  test('has a date, its limits, and a line in the list', () => {
    expect(said(whole)).toEqual([])
  })

  test.each([
    ['no date', whole.replace('Decided on 2026-11-21.\n\n', ''), 'no date'],
    ['no limits', whole.split('## ')[0] ?? '', 'its last section is not'],
    ['limits without a word', whole.replace('Much.\n', ''), 'its last section is not'],
    ['a section after its limits', `${whole}\n## More\nMore.\n`, 'its last section is not'],
  ])('with %s is told so', (_, text, start) => {
    expect(said(text)).toEqual([expect.stringMatching(`^${start}`)])
  })

  test('that is not listed is told so', () => {
    expect(said(whole, [])).toEqual(['docs/decisions/README.md does not list it.'])
  })
})
