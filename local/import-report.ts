/** What `npm run import` says of what it has done. */
import { closeSync, existsSync, openSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Imported } from './import-members.ts'
import { Refusal } from './refusal.ts'

/** All of them are listed in a file; these say whether one cause is behind most. */
const MOST_REASONS = 3

/** @returns lines to print */
export function summaryOf(done: Imported, isDryRun: boolean): string[] {
  const { read, made, existing, erased, refused, reasons, unread } = done
  const often = [...reasons].toSorted(([, one], [, other]) => other - one)
  return [
    isDryRun ? 'It would come to this:' : 'Done:',
    `  records read: ${read}`,
    `  members made: ${made}`,
    `  here already, and left as they are: ${existing}`,
    `  deleted here, and left out: ${erased}`,
    `  refused: ${refused}`,
    ...often.slice(0, MOST_REASONS).map(([reason, count]) => `    ${count}: ${reason}`),
    ...(often.length > MOST_REASONS ? ['    and others, for other reasons'] : []),
    ...(unread.length > 0 ? [`  columns that are not read: ${unread.join(', ')}`] : []),
  ]
}

/**
 * Makes sure that a list of what is refused can be written, for the first to be listed may come when many
 * members are made. A list that is there stays.
 * @throws Refusal
 */
export function assertWritable(path: string): void {
  if (!existsSync(dirname(path))) throw new Refusal(`there is no folder ${dirname(path)}`)
  const isNew = !existsSync(path)
  try {
    closeSync(openSync(path, 'a', 0o600))
    if (isNew) rmSync(path)
  } catch {
    throw new Refusal(
      `${path}, to list what is refused, cannot be written: name another by --report`,
    )
  }
}
