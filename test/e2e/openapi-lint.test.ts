import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { routes } from '../../src/api/index.ts'
import { openapiOf } from '../../src/http/documents/openapi.ts'
import { tempDir } from './support/site.ts'

const PROJECT = fileURLToPath(new URL('../..', import.meta.url))

const LINTERS = {
  redocly: {
    bin: 'node_modules/@redocly/cli/bin/cli.js',
    args: ['lint', '--format=json', '--config=test/e2e/redocly.yaml'],
    problems: (output: string): Problem[] => parsed<{ problems: Problem[] }>(output).problems,
    flaw: { security: [{ nothing: [] }] },
  },
  spectral: {
    bin: 'node_modules/@stoplight/spectral-cli/dist/index.js',
    args: ['lint', '--quiet', '--format=json', '--ruleset=test/e2e/spectral.yaml'],
    problems: (output: string): Problem[] => parsed<Problem[]>(output),
    flaw: { servers: [{ url: 'http://members.example', description: 'production' }] },
  },
} as const

interface Problem {
  readonly message: string
}

/** Parses what a linter prints: one JSON value. */
function parsed<T>(output: string): T {
  return JSON.parse(output) as T
}

function lint({ bin, args, problems }: (typeof LINTERS)[keyof typeof LINTERS], document: unknown) {
  const file = join(tempDir(), 'openapi.json')
  writeFileSync(file, JSON.stringify(document))
  // The linters may not call home.
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  return new Promise<string[]>((resolve) => {
    execFile(
      process.execPath,
      [join(PROJECT, bin), ...args, file],
      { cwd: PROJECT, env },
      (_, out) => resolve(problems(out).map((problem) => JSON.stringify(problem))),
    )
  })
}

describe.each(Object.entries(LINTERS))('%s', (_, linter) => {
  it('finds nothing in the OpenAPI document, not even a warning', async () => {
    const document = await openapiOf(routes, 'https://members.example')
    expect(await lint(linter, document)).toEqual([])
  })

  it('would find it', async () => {
    // One route lints in no time; it leaves components unused, which is found as well.
    const document = await openapiOf(routes.slice(0, 1), 'https://members.example')
    const found = await lint(linter, document)
    expect(await lint(linter, { ...document, ...linter.flaw })).not.toEqual(found)
  })
})
