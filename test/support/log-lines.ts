/** Lines of the log, each of which has to be in a form that docs/log.schema.json has. */
import { type Schema, Validator } from '@cfworker/json-schema'
import text from '../../docs/log.schema.json?raw'
import type { LogEvent } from '../../src/log.ts'

const validator = new Validator(JSON.parse(text) as Schema, '2020-12')

// Tests say what they expect of a line.
// oxlint-disable-next-line typescript/no-explicit-any
export type Line = { readonly event: LogEvent } & Readonly<Record<string, any>>

/** What was given to the console, if that is a line. @throws Error for a line in no form of the schema */
export function lineOf(given: readonly unknown[]): Line | undefined {
  const [text, ...more] = given
  if (typeof text !== 'string' || more.length > 0 || !text.startsWith('{"time":')) return undefined
  const line = JSON.parse(text)
  const { valid, errors } = validator.validate(line)
  if (!valid) throw new Error(`${text}\n${JSON.stringify(errors, null, 2)}`)
  return line
}

/** The lines among the calls of a spy on the console. */
export function linesOf(spy: { mock: { calls: readonly (readonly unknown[])[] } }): Line[] {
  return spy.mock.calls.flatMap((given) => lineOf(given) ?? [])
}

const faults: unknown[] = []

/**
 * Has every line checked that is written while no test listens. Those about requests and jobs that went as
 * they should are not printed, for there are tens of thousands of them.
 */
export function checkLines(): void {
  for (const method of ['info', 'warn', 'error'] as const) {
    const print = console[method].bind(console)
    console[method] = (...given: unknown[]) => {
      try {
        const line = lineOf(given)
        if (line?.['level'] === 'info') return
      } catch (error) {
        faults.push(error)
      }
      print(...given)
    }
  }
}

/** @throws the first fault since this was called last */
export function assertLines(): void {
  const [fault] = faults.splice(0)
  if (fault) throw fault
}
