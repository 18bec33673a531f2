/**
 * Plants what the lint forbids: imports that the floors of test/architecture.pure.test.ts cannot
 * tell apart, circles of files, and what the type checker would let pass.
 */
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const RESTRICTED = 'eslint(no-restricted-imports)'
type Case = [folder: string, source: string]

const elevate = `import { elevate } from '../security/elevation.ts'\nexport const it = elevate`
const worker = `import worker from '../worker.ts'\nexport const it = worker`
const repository = `import { usersRepository } from '../repositories/users.ts'\nexport const it = usersRepository`
const operation = `import { assignBadges } from '../operations/assign-badges.ts'\nexport const it = assignBadges`
const drizzle = `import { sql } from 'drizzle-orm'\nexport const it = sql`
const driver = `import { drizzle } from 'drizzle-orm/d1'\nexport const it = drizzle`
const schema = `import { users } from '../db/schema.ts'\nexport const it = users`
const lend = `import { withSystemGrant } from '../security/grant.ts'\nexport const it = withSystemGrant`
const admit = `import { withGrant } from '../security/grant.ts'\nexport const it = withGrant`

const PROOFS = [
  `import { makeAuditRow } from '../repositories/audited.ts'\nexport const it = makeAuditRow`,
  `import { makeAuditColumns } from '../repositories/audited.ts'\nexport const it = makeAuditColumns`,
  `import { makeWriteScope } from '../repositories/scope.ts'\nexport const it = makeWriteScope`,
  `import { auditOwnAct } from '../security/audit.ts'\nexport const it = auditOwnAct`,
]

const EVERYWHERE = ['api', 'auth', 'cron', 'events', 'http', 'objects', 'operations']

const FORBIDDEN: Case[] = [
  // Nothing imports the worker.
  ...[...EVERYWHERE, 'repositories', 'db', 'security', 'client'].map((each): Case => [
    each,
    worker,
  ]),
  // Only cron and events may elevate, and only elevation may lend a system grant.
  ...EVERYWHERE.filter((each) => each !== 'cron' && each !== 'events').map((each): Case => [
    each,
    elevate,
  ]),
  ...[...EVERYWHERE, 'security'].map((each): Case => [each, lend]),
  // Only the file where requests are admitted may lend a grant to a caller.
  ...[...EVERYWHERE, 'security'].map((each): Case => [each, admit]),
  // Proofs of a right are made only where it is granted.
  ...[...EVERYWHERE, 'repositories', 'security'].flatMap((each) =>
    PROOFS.map((proof): Case => [each, proof]),
  ),
  ['security', `export { elevate } from './elevation.ts'`],
  ['http', `export { elevate } from '../security/elevation.ts'`],
  ['api', `export * from '../security/elevation.ts'`],
  ['api', `import * as all from '../security/grant.ts'\nexport const it = all`],
  [
    'api',
    `import type { elevate } from '../security/elevation.ts'\nexport type It = typeof elevate`,
  ],
  // Routes and operations hold no SQL.
  ...['api', 'operations'].flatMap((each): Case[] => [
    [each, drizzle],
    [each, driver],
    [each, schema],
    [each, `import { openSession } from '../db/client.ts'\nexport const it = openSession`],
  ]),
  // The client takes only types from the rest.
  ['client', `import { routes } from '../api/index.ts'\nexport const it = routes`],
  ['client', `export { routes } from '../api/index.ts'`],
]

const ALLOWED: Case[] = [
  ['cron', operation],
  ['api', operation],
  ['api', `import { newId } from '../db/ids.ts'\nexport const it = newId`],
  ['repositories', drizzle],
  ['repositories', schema],
  ['operations', repository],
  ['client', `import type { declared } from '../api/index.ts'\nexport type It = typeof declared`],
]

const OTHERS: [rule: string, source: string][] = [
  ['unicorn(import-style)', `import { z } from 'zod'\nexport const it = z`],
  ['unicorn(import-style)', `import z from 'zod'\nexport const it = z`],
  [
    'typescript(no-floating-promises)',
    `async function act() {}\nexport function it() {\n  act()\n}`,
  ],
  ['typescript(no-explicit-any)', `export const it: any = 1`],
  ['typescript(no-non-null-assertion)', `export const it = (x?: string) => x!.length`],
  [
    'import(extensions)',
    `import { elevate } from '../security/elevation'\nexport const it = elevate`,
  ],
]

/** Imports that are forbidden all over `src/`, one a line; `%` stands for the way up to it. */
const GUARDED = {
  worker: `import { default as worker } from '%worker.ts'`,
  elevate: `import { elevate } from '%security/elevation.ts'`,
  lend: `import { withSystemGrant } from '%security/grant.ts'`,
  admit: `import { withGrant } from '%security/grant.ts'`,
  forge: `import { makeAuditRow } from '%repositories/audited.ts'`,
}

/** Files that may do one of the guarded things, and are kept from all the others. */
const OPENED: [path: string, may: keyof typeof GUARDED][] = [
  ['http/mount', 'admit'],
  ['security/elevation', 'lend'],
  ['cron/opened', 'elevate'],
  ['events/opened', 'elevate'],
  ['security/audit', 'forge'],
  ['security/grant', 'forge'],
  ['security/callers/first-request', 'forge'],
  ['auth/audit', 'forge'],
]

/** Two files that need each other, by what the one takes from the other. */
const CIRCLES = {
  values: [
    `import { b } from './b.ts'\nexport const a = () => b`,
    `import { a } from './a.ts'\nexport const b = () => a`,
  ],
  types: [
    `import type { B } from './b.ts'\nexport type A = B[]`,
    `import { type A } from './a.ts'\nexport interface B { a: A }`,
  ],
}

/** All that oxlint has found in the one run. */
let found: {
  readonly filename: string
  readonly code: string
  readonly labels: readonly { readonly span: { readonly line: number } }[]
}[] = []
let folder = ''

/** Oxlint runs once over all cases, in the layout of the project and with its configuration. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'guildhall-lint-'))
  for (const file of ['.oxlintrc.json', 'tsconfig.json'])
    cpSync(join(ROOT, file), join(folder, file))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  FORBIDDEN.forEach(([where, source], index) => write(`src/${where}/forbidden-${index}.ts`, source))
  ALLOWED.forEach(([where, source], index) => write(`src/${where}/allowed-${index}.ts`, source))
  for (const [path] of OPENED) {
    const up = '../'.repeat(path.split('/').length - 1)
    const lines = Object.values(GUARDED).map((line) => line.replace('%', up))
    const names = lines.map((line) => /(\w+) }/.exec(line)?.[1])
    write(`src/${path}.ts`, `${lines.join('\n')}\nexport const all = [${names.join(', ')}]`)
  }
  for (const [kind, [a = '', b = '']] of Object.entries(CIRCLES)) {
    write(`src/circle-of-${kind}/a.ts`, a)
    write(`src/circle-of-${kind}/b.ts`, b)
  }
  OTHERS.forEach(([, source], index) => write(`src/api/other-${index}.ts`, source))
  const oxlint = join(ROOT, 'node_modules/.bin/oxlint')
  const { stdout, stderr } = spawnSync(oxlint, ['--format=json', 'src'], {
    cwd: folder,
    encoding: 'utf8',
  })
  if (!stdout.startsWith('{')) throw new Error(`oxlint: ${stdout}${stderr}`)
  found = JSON.parse(stdout).diagnostics
})

afterAll(() => rmSync(folder, { recursive: true }))

function write(path: string, source: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true })
  writeFileSync(join(folder, path), `${source}\n`)
}

/** @param name under `src/`, without its ending */
function rulesAgainst(name: string): string[] {
  return found.filter(({ filename }) => filename.endsWith(`src/${name}.ts`)).map(({ code }) => code)
}

describe('the lint', () => {
  test.each(
    FORBIDDEN.map(([where, source], index) => [where, source.split('\n')[0], index] as const),
  )('refuses in src/%s: %s', (where, _, index) => {
    expect(rulesAgainst(`${where}/forbidden-${index}`)).toContain(RESTRICTED)
  })

  test.each(
    ALLOWED.map(([where, source], index) => [where, source.split('\n')[0], index] as const),
  )('allows in src/%s: %s', (where, _, index) => {
    expect(existsSync(join(folder, `src/${where}/allowed-${index}.ts`))).toBe(true)
    expect(rulesAgainst(`${where}/allowed-${index}`)).toEqual([])
  })

  test.each(OPENED)('lets src/%s.ts %s, and do nothing else that is guarded', (path, may) => {
    const refused = found
      .filter(({ filename, code }) => filename.endsWith(`src/${path}.ts`) && code === RESTRICTED)
      .flatMap(({ labels }) => labels.map(({ span }) => Object.keys(GUARDED)[span.line - 1]))
    expect(refused.sort()).toEqual(
      Object.keys(GUARDED)
        .filter((what) => what !== may)
        .sort(),
    )
  })

  test.each(Object.keys(CIRCLES))('refuses a circle of files that take %s', (kind) => {
    expect(rulesAgainst(`circle-of-${kind}/a`)).toEqual(['import(no-cycle)'])
    expect(rulesAgainst(`circle-of-${kind}/b`)).toEqual(['import(no-cycle)'])
  })

  test.each(OTHERS.map(([rule, source], index) => [rule, source.split('\n')[0], index] as const))(
    'refuses by %s: %s',
    (rule, _, index) => {
      expect(rulesAgainst(`api/other-${index}`)).toContain(rule)
    },
  )
})
