/**
 * `npm run mutation` measures with Stryker how much of what is broken on purpose the tests notice.
 * The pure part is run in full, the rest as a sample: `-- --sample 150 --seed 1`. `--only <room>`
 * runs one room of rooms.ts, so that a long run can be had in pieces.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { parseArgs } from 'node:util'
import type { Mutant, MutantResult } from '@stryker-mutator/api/core'
import type { Logger } from '@stryker-mutator/api/logging'
import { Stryker } from '@stryker-mutator/core'
import { Instrumenter } from '@stryker-mutator/instrumenter'
import { keyOf, texts } from './plugin.ts'
import { PURE_ROOMS, type Room, roomOf, SAMPLED_ROOMS, sampledFiles } from './rooms.ts'

const ignore = () => {}
const SILENT: Logger = {
  isTraceEnabled: () => false,
  isDebugEnabled: () => false,
  isInfoEnabled: () => false,
  isWarnEnabled: () => false,
  isErrorEnabled: () => false,
  isFatalEnabled: () => false,
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  fatal: ignore,
}

const { values } = parseArgs({
  options: {
    sample: { type: 'string', default: '150' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
})
const seed = Number(values.seed)
const size = Number(values.sample)
const rooms = { ...PURE_ROOMS, ...SAMPLED_ROOMS }
if (values.only && !(values.only in rooms)) {
  throw new Error(`--only takes one of ${Object.keys(rooms).join(', ')}`)
}
const wanted = (room: string) => values.only === undefined || values.only === room

const pure: MutantResult[] = []
for (const [name, room] of Object.entries(PURE_ROOMS)) {
  if (wanted(name)) pure.push(...(await run(name, 'pure', room)))
}
const sample = await drawn()
process.env['SAMPLE'] = JSON.stringify(sample.map(keyOf))
const sampled: MutantResult[] = []
for (const [name, room] of Object.entries(filesOf(sample))) {
  if (wanted(name)) sampled.push(...(await run(name, 'workerd', room, ['sample'])))
}
if (pure.length > 0) report('The pure part, in full', pure)
if (sampled.length > 0) report(`A sample of the rest (seed ${seed})`, sampled)

/** Draws as many mutants as are asked for from files that are not pure, in an order by the seed. */
async function drawn(): Promise<Mutant[]> {
  const names = sampledFiles()
  const files = names.map((name) => ({
    name: `/${name}`,
    mutate: true,
    content: readFileSync(name, 'utf8'),
  }))
  const options = { plugins: null, excludedMutations: [], ignorers: [texts] }
  const { mutants } = await new Instrumenter(SILENT).instrument(files, options)
  const alive = mutants.filter(({ status }) => status !== 'Ignored')
  console.log(`${alive.length} mutants outside the pure part; a sample of ${size}, seed ${seed}`)
  const rank = (mutant: Mutant) =>
    createHash('sha256')
      .update(`${seed} ${keyOf(mutant)}`)
      .digest('hex')
  const ranked = alive.map((mutant) => ({ mutant, rank: rank(mutant) }))
  ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1))
  return ranked.slice(0, size).map(({ mutant }) => mutant)
}

/** Rooms with those of their files that are in the sample. */
function filesOf(mutants: readonly Mutant[]): Record<string, Room> {
  const mutated = new Set(mutants.map(({ fileName }) => fileName.slice(1)))
  const files = new Map<string, string[]>(Object.keys(SAMPLED_ROOMS).map((room) => [room, []]))
  for (const file of sampledFiles()) {
    const room = roomOf(file)
    if (mutated.has(file)) files.get(room)?.push(file)
  }
  const found = Object.entries(SAMPLED_ROOMS).map(([name, { tests }]): [string, Room] => [
    name,
    { mutate: files.get(name) ?? [], tests },
  ])
  return Object.fromEntries(found.filter(([, { mutate }]) => mutate.length > 0))
}

/** Runs Stryker on the mutants of a room, and leaves what it found in `reports/mutation`. */
function run(
  name: string,
  project: 'pure' | 'workerd',
  { mutate, tests }: Room,
  checkers: string[] = [],
): Promise<MutantResult[]> {
  process.env['GUARDED_BY'] = JSON.stringify({ project, tests })
  return new Stryker({
    mutate: [...mutate],
    checkers,
    testRunner: 'vitest',
    vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
    plugins: ['@stryker-mutator/vitest-runner', new URL('plugin.ts', import.meta.url).pathname],
    ignorers: ['texts'],
    coverageAnalysis: 'perTest',
    concurrency: 1,
    // A mutant that is slow on a busy machine must not pass for one that hangs.
    timeoutMS: 60_000,
    dryRunTimeoutMinutes: 60,
    reporters: ['progress-append-only', 'json'],
    jsonReporter: { fileName: `reports/mutation/${name}.json` },
    ignorePatterns: [
      '/.wrangler',
      '/.guildhall',
      '/.stryker-tmp',
      '/coverage',
      '/dist',
      '/reports',
    ],
    // Stryker rewrites this file for compilers in its sandbox, and none is run there.
    tsconfigFile: 'none',
  }).runMutationTest()
}

/** Prints the score, and each mutant that no test noticed. */
function report(title: string, results: readonly MutantResult[]): void {
  const count = (status: string) => results.filter((mutant) => mutant.status === status).length
  const survivors = results.filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
  const killed = count('Killed') + count('Timeout')
  const mutants = killed + survivors.length
  const score = ((100 * killed) / mutants).toFixed(1)
  console.log(`\n${title}: ${mutants} mutants, ${killed} killed, ${score} %.`)
  console.log(`${count('Timeout')} of the killed hung; ${count('Ignored')} are left out.`)
  for (const survivor of survivors) console.log(lineOf(survivor))
}

function lineOf({ fileName, location, mutatorName, replacement, status }: MutantResult): string {
  const { line, column } = location.start
  const unreached = status === 'NoCoverage' ? ' (no test reaches it)' : ''
  const code = replacement.replaceAll(/\s+/g, ' ').slice(0, 100)
  return `${relative(process.cwd(), fileName)}:${line}:${column} ${mutatorName}${unreached}: ${code}`
}
