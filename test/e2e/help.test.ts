/** Every command of `npm run` says how it is called, and does nothing else when it is asked for that. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../../local/root.ts'
import project from '../../package.json' with { type: 'json' }
import { runScript, tempDir } from './support/site.ts'

const COMMANDS = Object.entries(project.scripts).flatMap(([name, line]) => {
  const [, script] = /^(?:exec )?node local\/([\w-]+)\.ts$/.exec(line) ?? []
  return script === undefined ? [] : [[name, script] as const]
})

test('there are commands, and each goes through the one place that answers --help', () => {
  const others = Object.values(project.scripts).filter((line) => line.includes('node local/'))
  // `pack:client` calls another command, and no file of local/ by itself.
  expect(COMMANDS.length).toBe(others.length)
  const CALLED = /called\(\s*USAGE,/
  const without = COMMANDS.filter(
    ([, script]) => !CALLED.test(readFileSync(join(ROOT, `local/${script}.ts`), 'utf8')),
  )
  expect(without).toEqual([])
})

// Loading what a command needs takes seconds; in a short run, two of them stand for all.
const RUN = process.env['FULL']
  ? COMMANDS
  : COMMANDS.filter(([name]) => name === 'costs' || name === 'time-zone')

test.each(RUN)('npm run %s -- --help prints its usage and succeeds', async (name, script) => {
  const ended = await runScript(script, ['--help'], { STATE_DIR: tempDir() })
  expect(ended).toMatchObject({ code: 0, stderr: '' })
  expect(ended.stdout.startsWith(`usage: npm ${name === 'start' ? '' : 'run '}`)).toBe(true)
  expect(ended.stdout).toContain(name)
})

test('an option that there is none of is named, with the usage and no trace of a stack', async () => {
  const { code, stdout, stderr } = await runScript('costs', ['--what'], { STATE_DIR: tempDir() })
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(/^Unknown option '--what'.*\n\nusage: npm run costs/)
  expect(stderr).not.toMatch(/^ +at /m)
})

test('a time to which nothing can be put back is named before a site is looked for', async () => {
  for (const [at, why] of [
    ['yesterday', '--at yesterday: expected a time, as'],
    ['9999-01-01T00:00:00Z', '--at 9999-01-01T00:00:00Z: expected a time that is over'],
  ] as const) {
    const { code, stderr } = await runScript('put-back', ['--at', at], { STATE_DIR: tempDir() })
    expect({ code, why: stderr.split('\n')[0] }).toEqual({
      code: 2,
      why: expect.stringContaining(why),
    })
  }
})
