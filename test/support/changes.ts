/**
 * The difference between two dumps, with ids, times and random names masked: they are always new.
 */
import type { Dump } from './dump.ts'

const ALWAYS_NEW: readonly (readonly [RegExp, string])[] = [
  [/[a-z]{3}_[0-7][0-9a-z]{25}/g, 'ID'],
  [/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID'],
  [/(?<=")[\w-]{43,}(?=\\?")/g, 'CODE'],
  [/(?<="sealed\\":\\")[^"\\]+/g, 'SEALED'],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'],
  [/\b\d{13}\b/g, 'MS'],
  [/\b[a-z]+-\d+@example\.com\b/g, 'EMAIL'],
  [/\+49301\d{6}\b/g, 'PHONE'],
  [/(\\?"(?:position|seq|since)\\?"):\d+/g, '$1:N'],
  // What a counter has come to depends on what was there before.
  [/("kind":"[\w-]+","key":"[^"]*","count"):\d+/g, '$1:N'],
  [/("day":"[\d-]+","count"):\d+/g, '$1:N'],
]

const COUNTS = new Set(['counters', 'awards_by_day'])

/**
 * Rows that came (`+`) and went (`-`), by table; a row that was changed does both. Of counters only what
 * they have come to: whether they were there before depends on what happened before. What every tick notes
 * of the stores is left out.
 */
export function changesBetween(before: Dump, after: Dump): string[] {
  const tables = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...tables]
    .filter((table) => !/\bstore_(marks|shards)$/.test(table))
    .flatMap((table) => {
      const [old, now] = [textsOf(before[table]), textsOf(after[table])]
      // Tables of the same name count as one, whichever object they are in.
      const name = table.split('.').at(-1) ?? table
      const gone = COUNTS.has(name) ? [] : [...old].filter((row) => !now.has(row))
      return [
        ...gone.map((row) => `${name} - ${masked(row)}`),
        ...[...now].filter((row) => !old.has(row)).map((row) => `${name} + ${masked(row)}`),
      ]
    })
    .toSorted()
}

function textsOf(rows: Dump[string] | undefined): Set<string> {
  return new Set((rows ?? []).map((row) => JSON.stringify(row)))
}

function masked(row: string): string {
  return ALWAYS_NEW.reduce((text, [pattern, name]) => text.replaceAll(pattern, name), row)
}
