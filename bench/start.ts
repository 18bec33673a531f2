/**
 * `npm run bench:start`: the CPU that a fresh runtime takes until it listens, and until it has answered
 * once: with the site, with a Worker that answers two letters over the same bindings, and with the
 * commit that `--baseline` names. `--write` writes it to docs/performance.md. It reads `/proc`, so it
 * runs on Linux alone.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import type { Project } from '../local/compile.ts'
import { sign, trustedIssuer } from '../local/dev-issuer.ts'
import { project } from '../local/project.ts'
import { projectAt } from '../local/project-at.ts'
import { ROOT } from '../local/root.ts'
import { DIRECT, migrated, QUIET, trusting } from './measured.ts'
import { report } from './report.ts'

const ROUNDS = 9

interface Fresh {
  readonly listening: number
  readonly answered: number
}

const { values } = parseArgs({
  options: { baseline: { type: 'string' }, write: { type: 'boolean' } },
})
const places: string[] = []
try {
  const made = await project()
  const measured: Record<string, () => Promise<Fresh>> = {
    'an answer of two letters': await starter({ ...made, code: twoLetters() }),
    'the site': await starter(made),
  }
  // Its bindings are the same, as in the bench of requests.
  if (values.baseline) {
    const { code, migrations } = projectAt(values.baseline)
    measured['the baseline'] = await starter({ ...made, code, migrations })
  }
  const found = Object.entries(measured).map(([name, start]) => ({
    name,
    start,
    all: [] as Fresh[],
  }))
  for (let round = 0; round < ROUNDS; round++) {
    for (const { start, all } of found) all.push(await start())
  }
  const table = found.map(({ name, all }) => ({
    'a runtime with': name,
    'ms of CPU until it listens': median(all.map(({ listening }) => listening)),
    '… and until its first answer': median(all.map(({ answered }) => answered)),
  }))
  console.table(table)
  if (values.write) report('bench:start', table)
} finally {
  for (const place of places) rmSync(place, { recursive: true, force: true })
}

/** Makes a site with its database and one member. @returns what starts it, asks once and ends it */
async function starter({ worker, code, migrations }: Project): Promise<() => Promise<Fresh>> {
  const place = mkdtempSync(join(tmpdir(), 'guildhall-bench-'))
  places.push(place)
  const issuer = await trustedIssuer(place)
  const options = convertV4MiniflareOptions({
    ...QUIET,
    workers: [
      {
        ...worker,
        ...DIRECT,
        name: 'measured',
        bindings: trusting(issuer),
        modules: [{ type: 'ESModule', path: 'worker.js', contents: code }],
      },
    ],
  })
  const start = () => new Miniflare({ ...options, resourcePersistencePath: place })
  const headers = { Authorization: `Bearer ${await sign(place, 'ada', {}, 36_000)}` }
  await migrate(start(), migrations)
  const ask = () => fresh(start(), headers)
  // The first call makes the member, and every other one finds them.
  await ask()
  return ask
}

/** A Worker with the classes that wrangler.toml names, which does nothing. */
function twoLetters(): string {
  const configuration = readFileSync(join(ROOT, 'wrangler.toml'), 'utf8')
  const named = Array.from(configuration.matchAll(/class_name = "(\w+)"/g), ([, name]) => name)
  const classes = Array.from(
    new Set(named),
    (name) => `export class ${name} extends DurableObject {}`,
  )
  return `import { DurableObject } from 'cloudflare:workers'
${classes.join('\n')}
export default { fetch: () => new Response('hi') }`
}

async function migrate(miniflare: Miniflare, migrations: Project['migrations']): Promise<void> {
  try {
    await migrated(miniflare, 'measured', migrations)
  } finally {
    await miniflare.dispose()
  }
}

/** Asks a runtime that starts once, and ends it. @returns milliseconds of its CPU since its start */
async function fresh(miniflare: Miniflare, headers: HeadersInit): Promise<Fresh> {
  try {
    const { origin } = await miniflare.unsafeGetDirectURL('measured')
    const listening = cpuOfRuntime()
    const answer = await fetch(`${origin}/v1/whoami`, { headers })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${answer.status}: ${text}`)
    return { listening, answered: cpuOfRuntime() }
  } finally {
    await miniflare.dispose()
  }
}

/** Of all threads of the one child that is a runtime (proc(5), `schedstat`: nanoseconds on a CPU). */
function cpuOfRuntime(): number {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ')
  const runtimes = children.filter(
    (pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'workerd',
  )
  if (runtimes.length !== 1) throw new Error(`${runtimes.length} runtimes are running`)
  const tasks = `/proc/${runtimes[0]}/task`
  const spent = readdirSync(tasks).map((task) =>
    Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]),
  )
  return spent.reduce((sum, each) => sum + each, 0) / 1e6
}

function median(all: readonly number[]): number {
  return Math.round(all.toSorted((one, other) => one - other)[Math.floor(all.length / 2)] ?? 0)
}
