/**
 * Tries the recipes of CONTRIBUTING.md in a copy of the tree: after the first steps of all, the
 * checks have to ask for what the page says and for nothing else; after all steps they are content.
 */
import { spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NOT_OURS } from '../../local/pages.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** The recipes take a minute on two idle cores, and much longer on a busy machine. */
const PATIENCE_MS = 900_000

/** A part of the titles of all tests that compare a list with what there is. */
const LISTS = 'nothing is left out'

/** Tests that find the finished examples by themselves: the file, and a part of the title. */
const TRIALS: Readonly<Record<string, string>> = {
  'test/round-trips.test.ts': 'every route costs what the table says to a member',
  'test/faults.test.ts': 'leaves no half of PUT /v1/badges/:badgeId/pin',
  'test/security/operations.pure.test.ts': 'pinBadge',
  'test/objects/visit-stats.pure.test.ts': 'measure of a rule',
  'test/e2e/cedar.test.ts': 'agree on every case there is',
}

interface Recipe {
  readonly name: string
  readonly first: readonly string[]
  /** The expected messages as `<check>: <message>`; a check is `tsc`, `docs` or a test file. */
  readonly asks: readonly string[]
  readonly rest: readonly string[]
}

const page = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8')
const RECIPES = page.split('\n## Recipes\n')[1]?.split('\n### ').slice(1).map(recipeOf) ?? []

function recipeOf(section: string): Recipe {
  const [before = '', asks = '', after = ''] = section.split(/^```text\n([^]*?)^```$/m)
  const steps = (text: string) =>
    [...text.matchAll(/^```diff\n([^]*?)^```$/gm)].map(([, step = '']) => step)
  return {
    name: section.split('\n')[0] ?? '',
    first: steps(before),
    asks: asks.trim().split('\n'),
    rest: steps(after),
  }
}

/** Applies a step: `@@ path`, then lines to find (' ' and '-') and lines to leave (' ' and '+'). */
function take(recipe: string, step: string): void {
  for (const hunk of step.split(/^@@ /m).slice(1)) {
    const [path = '', ...lines] = hunk.trimEnd().split('\n')
    const without = (mark: string) =>
      lines
        .filter((line) => !line.startsWith(mark))
        .map((line) => `${line.slice(1)}\n`)
        .join('')
    const [found, left] = [without('+'), without('-')]
    const file = join(copy, path)
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    const times = found === '' ? Number(text === '') : text.split(found).length - 1
    if (times !== 1)
      throw new Error(
        `CONTRIBUTING.md, "${recipe}": these lines are ${times} times in ${path}, and have to be there once. If you changed them, change the recipe with them.\n${found}`,
      )
    writeFileSync(file, found === '' ? left : text.replace(found, () => left))
  }
}

/** Runs a script of the copy. @returns all that it prints */
async function run(script: string, ...args: string[]): Promise<string> {
  // The vitest of the copy must not take itself for a worker of this one.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')),
  )
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(copy, script), ...args], { cwd: copy, env })
    let printed = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (part: Buffer) => (printed += part.toString()))
    child.on('close', () => resolve(printed))
  })
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

/** The messages of failed tests, and of files that could not be read. */
async function failures(titles: readonly string[], files: readonly string[]): Promise<string[]> {
  const filter = titles.map((title) => title.replaceAll(/[/:]/g, '\\$&')).join('|')
  const isInNode = (path: string) => /\.pure\.test\.ts$|^test\/e2e\//.test(path)
  const [node, workerd] = [files.filter(isInNode), files.filter((path) => !isInNode(path))]
  return [
    ...(await failuresIn(['pure', 'e2e'], filter, node)),
    ...(await failuresIn(['workerd'], filter, workerd)),
  ]
}

async function failuresIn(projects: readonly string[], filter: string, files: readonly string[]) {
  const report = join(copy, 'report.json')
  const printed = await run(
    'node_modules/vitest/vitest.mjs',
    // A second worker takes longer to start than it saves.
    ...['run', '--config', 'test/vitest.config.ts', '--maxWorkers=1', '-t', filter],
    ...projects.map((name) => `--project=${name}`),
    ...['--reporter=json', `--outputFile=${report}`, ...files],
  )
  if (!existsSync(report)) throw new Error(printed)
  const { testResults }: Report = JSON.parse(readFileSync(report, 'utf8'))
  rmSync(report)
  return testResults.flatMap(({ name, message, assertionResults }) =>
    [
      ...(assertionResults.length === 0 ? [message] : []),
      ...assertionResults.flatMap(({ status, failureMessages }) =>
        status === 'failed' ? failureMessages : [],
      ),
    ].flatMap((text) => sentences(text).map((line) => `${name.slice(copy.length + 1)}: ${line}`)),
  )
}

/** The sentences of a message that each name a missing thing; without one, its first line. */
function sentences(message: string): string[] {
  const lines = message.split('\n')
  const each = lines.filter((line) => /: (add it there|take it out)\.$/.test(line))
  return each.length > 0 ? each : lines.slice(0, 1)
}

/** All that the checks say of the tree as it is, in the form that the page has. */
async function said(trials: Readonly<Record<string, string>>): Promise<string[]> {
  const lists = testFiles()
    .filter((path) => readFileSync(join(copy, path), 'utf8').includes(LISTS))
    .filter((path) => !path.endsWith('/recipes.test.ts'))
  const files = [...new Set([...lists, ...Object.keys(trials)])]
  const [types, docs, tests] = await Promise.all([
    run('node_modules/typescript/bin/tsc', '--pretty', 'false', '--tsBuildInfoFile', 'types.json'),
    run('local/docs.ts', '--check'),
    failures([LISTS, ...Object.values(trials)], files),
  ])
  const linesOf = (text: string) => text.split('\n').filter((line) => /^\S/.test(line))
  return [
    ...linesOf(types).map((line) => `tsc: ${line}`),
    ...linesOf(docs).map((line) => `docs: ${line}`),
    ...tests,
  ]
}

function testFiles(): string[] {
  return readdirSync(join(copy, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => `test/${path}`)
}

function isSaid(ask: string, lines: readonly string[]): boolean {
  const [, check = '', message = ''] = /^(\S+): (.*)$/.exec(ask) ?? []
  return lines.some((line) => line.startsWith(`${check}: `) && line.includes(message))
}

let copy = ''
let begun: string[] = []
let finished: string[] = []

beforeAll(async () => {
  copy = mkdtempSync(join(tmpdir(), 'guildhall-recipes-'))
  for (const entry of readdirSync(ROOT).filter((name) => !NOT_OURS.has(name)))
    cpSync(join(ROOT, entry), join(copy, entry), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  for (const { name, first } of RECIPES) for (const step of first) take(name, step)
  begun = await said({})
  for (const { name, rest } of RECIPES) for (const step of rest) take(name, step)
  await run('local/docs.ts')
  finished = await said(TRIALS)
}, PATIENCE_MS)

afterAll(() => rmSync(copy, { recursive: true, force: true }))

describe('after the first step of every recipe', () => {
  test.each(RECIPES)('the checks ask for what "$name" says', ({ asks }) => {
    const unheard = asks.filter((ask) => !isSaid(ask, begun))
    expect(unheard, `they said:\n${begun.join('\n')}`).toEqual([])
  })

  test('they ask for nothing else', () => {
    const asks = RECIPES.flatMap((recipe) => recipe.asks)
    expect(begun.filter((line) => !asks.some((ask) => isSaid(ask, [line])))).toEqual([])
  })
})

test('after the rest of the steps they ask for nothing', () => {
  expect(finished).toEqual([])
})

test('every recipe that a message leads to is on the page', () => {
  const sources = testFiles().concat('test/support/world.ts')
  const named = sources.flatMap((path) => {
    const text = readFileSync(join(copy, path), 'utf8')
    return [...text.matchAll(/\brecipe(?::| =) '([^']+)'|CONTRIBUTING\.md, "(An? [^"]+)"/g)]
  })
  const names = new Set(named.map(([, entry, text]) => entry ?? text))
  expect(names.size).toBeGreaterThan(5)
  expect([...names].filter((name) => !RECIPES.some((recipe) => recipe.name === name))).toEqual([])
})
