/** What `npm run import` says of what it has done. */
import type { Imported } from './import-members.ts'

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
