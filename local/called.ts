/** How a command is called: what it was given, or its usage. */
import * as z from 'zod'
import { Refusal } from './refusal.ts'

/**
 * Ends the process with the usage on stdout where `--help` asks for it, and with status 2 and the usage
 * on stderr where the command cannot be called as it was, after which of its arguments is wrong.
 * @param read returns undefined for what is no way to call it, or throws what says why: a Refusal, or
 *   what zod or `parseArgs` throw
 */
export function called<T>(usage: string, read: () => T | undefined): T {
  if (process.argv.slice(2).some((each) => each === '--help' || each === '-h')) {
    console.log(usage)
    process.exit(0)
  }
  try {
    const given = read()
    if (given !== undefined) return given
  } catch (error) {
    console.error(`${faultsOf(error)}\n`)
  }
  console.error(usage)
  process.exit(2)
}

function faultsOf(error: unknown): string {
  if (error instanceof z.ZodError)
    return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n')
  const isPlain = error instanceof Refusal || (error instanceof TypeError && 'code' in error)
  if (!isPlain) throw error
  return error.message
}
