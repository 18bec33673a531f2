/** Writes what was measured or computed into a page, between the two marks of its name. */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../local/root.ts'

/** @throws Error if the page has no such marks */
export function report(
  name: string,
  rows: readonly Readonly<Record<string, unknown>>[],
  page = 'docs/performance.md',
): void {
  const file = join(ROOT, page)
  const text = readFileSync(file, 'utf8')
  const [start, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`${page} has no place for ${name}`)
  const columns = Object.keys(rows[0] ?? {})
  const line = (cells: readonly unknown[]) => `| ${cells.map(String).join(' | ')} |`
  const table = [
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map((row) => line(columns.map((column) => row[column] ?? ''))),
  ]
  const [cpu] = cpus()
  const where = `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpu?.model ?? 'unknown'}), Node ${process.versions.node}`
  // What is computed is the same on every machine.
  const below = page === 'docs/performance.md' ? `\n${where}.\n` : ''
  const section = `\n${table.join('\n')}\n${below}\n`
  writeFileSync(file, text.slice(0, from + start.length) + section + text.slice(to))
}
