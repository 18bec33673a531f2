/** How a command is called: what it was given, or its usage. */
import { Refusal } from './refusal.ts'

/**
 * Ends the process with the usage on stdout where `--help` asks for it, and with status 2 and the usage
 * on stderr where the command cannot be called as it was.
 * @param read returns undefined, or throws, for what is no way to call it; a Refusal says why
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
    if (error instanceof Refusal) console.error(`${error.message}\n`)
  }
  console.error(usage)
  process.exit(2)
}
