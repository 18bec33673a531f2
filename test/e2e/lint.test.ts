/** The arrows between the folders: each import that the architecture forbids turns the lint red. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
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
const cron = `import { tick } from '../cron/schedule.ts'\nexport const it = tick`
const lend = `import { withSystemGrant } from '../security/grant.ts'\nexport const it = withSystemGrant`
const admit = `import { withGrant } from '../security/grant.ts'\nexport const it = withGrant`

const EVERYWHERE = ['api', 'auth', 'cron', 'events', 'http', 'objects', 'operations']

const FORBIDDEN: Case[] = [
  // Nothing imports the worker.
  ...[...EVERYWHERE, 'repositories', 'db', 'security', 'client'].map((each): Case => [
    each,
    worker,
  ]),
  // Elevation only from cron and events, and the loan of a system grant only from elevation.
  ...EVERYWHERE.filter((each) => each !== 'cron' && each !== 'events').map((each): Case => [
    each,
    elevate,
  ]),
  ...[...EVERYWHERE, 'security'].map((each): Case => [each, lend]),
  // The loan of a grant to a caller only from where requests are admitted.
  ...[...EVERYWHERE, 'security']
    .filter((each) => each !== 'http')
    .map((each): Case => [each, admit]),
  ['security', `export { elevate } from './elevation.ts'`],
  ['http', `export { elevate } from '../security/elevation.ts'`],
  ['api', `export * from '../security/elevation.ts'`],
  ['api', `import * as all from '../security/grant.ts'\nexport const it = all`],
  [
    'api',
    `import type { elevate } from '../security/elevation.ts'\nexport type It = typeof elevate`,
  ],
  // Repositories know of no authorization.
  ['repositories', `import { decide } from '../security/decide.ts'\nexport const it = decide`],
  ['repositories', `import type { Actor } from '../security/actor.ts'\nexport type It = Actor`],
  ['db', `import { decide } from '../security/decide.ts'\nexport const it = decide`],
  // Routes hold no SQL, operations neither.
  ...['api', 'operations'].flatMap((each): Case[] => [
    [each, drizzle],
    [each, driver],
    [each, schema],
    [each, `import { openSession } from '../db/client.ts'\nexport const it = openSession`],
  ]),
  [
    'api',
    `import { isUniqueViolation } from '../db/errors.ts'\nexport const it = isUniqueViolation`,
  ],
  // Nothing on the way of a request reaches what elevates.
  ...['api', 'http', 'operations'].flatMap((each): Case[] => [
    [each, cron],
    [each, `import { awardBadges } from '../cron/award-badges.ts'\nexport const it = awardBadges`],
  ]),
  // The client takes only types from the rest.
  ['client', `import { routes } from '../api/index.ts'\nexport const it = routes`],
  ['client', `export { routes } from '../api/index.ts'`],
]

const ALLOWED: Case[] = [
  ['cron', elevate],
  ['events', elevate],
  ['cron', operation],
  ['http', admit],
  ['api', operation],
  ['api', `import { newId } from '../db/ids.ts'\nexport const it = newId`],
  ['api', `import { JOBS } from '../cron/job-names.ts'\nexport const it = JOBS`],
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

/** By the index of the case. */
let found: { readonly filename: string; readonly code: string }[] = []
let folder = ''

/** One run over all cases, in the layout of the project and with its configuration. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'guildhall-lint-'))
  for (const file of ['.oxlintrc.json', 'tsconfig.json'])
    cpSync(join(ROOT, file), join(folder, file))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  FORBIDDEN.forEach(([where, source], index) => write(`src/${where}/forbidden-${index}.ts`, source))
  ALLOWED.forEach(([where, source], index) => write(`src/${where}/allowed-${index}.ts`, source))
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

function rulesAgainst(name: string): string[] {
  return found.filter(({ filename }) => filename.endsWith(`/${name}.ts`)).map(({ code }) => code)
}

describe('the lint', () => {
  test.each(
    FORBIDDEN.map(([where, source], index) => [where, source.split('\n')[0], index] as const),
  )('refuses in src/%s: %s', (_, __, index) => {
    expect(rulesAgainst(`forbidden-${index}`)).toContain(RESTRICTED)
  })

  test.each(
    ALLOWED.map(([where, source], index) => [where, source.split('\n')[0], index] as const),
  )('allows in src/%s: %s', (_, __, index) => {
    expect(rulesAgainst(`allowed-${index}`)).toEqual([])
  })

  test.each(OTHERS.map(([rule, source], index) => [rule, source.split('\n')[0], index] as const))(
    'refuses by %s: %s',
    (rule, _, index) => {
      expect(rulesAgainst(`other-${index}`)).toContain(rule)
    },
  )
})
