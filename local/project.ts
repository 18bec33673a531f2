/**
 * What wrangler makes of this project: the Worker compiled the way it deploys, and wrangler.toml read
 * the way wrangler reads it. Both are made once for each state of the sources and kept, so that a
 * start costs no compiler, and a suite that starts thirty sites compiles once.
 */
import { createHash } from 'node:crypto'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { Project } from './compile.ts'
import { ROOT } from './root.ts'

const KEPT = join(ROOT, 'node_modules/.cache/guildhall')
const A_DAY_MS = 24 * 60 * 60 * 1000

/** All that wrangler and the compiler read; the lock stands for what is installed. */
const SOURCES = [
  'src',
  'migrations',
  'local/compile.ts',
  'wrangler.toml',
  'tsconfig.json',
  'package.json',
  'node_modules/.package-lock.json',
]

/** @param say hears of what takes a while. @throws Refusal with the compiler's own words */
export async function project(say: (what: string) => void = () => {}): Promise<Project> {
  const file = join(KEPT, `${digest()}.json`)
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // These sources have not been compiled here, or whoever did died half-way.
  }
  say('compiling the Worker, once for each change of its sources: up to a minute …')
  const { compiledProject } = await import('./compile.ts')
  const made = await compiledProject()
  mkdirSync(KEPT, { recursive: true })
  dropOld()
  // Two that make the same at once leave one whole file.
  const draft = `${file}.${process.pid}.${crypto.randomUUID()}`
  writeFileSync(draft, JSON.stringify(made))
  renameSync(draft, file)
  return made
}

/** Of the place as well: paths are in what is kept. */
function digest(): string {
  const hash = createHash('sha256').update(`${ROOT}\n${process.version}`)
  for (const file of SOURCES.flatMap((source) => filesIn(join(ROOT, source)))) {
    const text = readFileSync(file)
    hash.update(`\n${file} ${text.length}\n`).update(text)
  }
  return hash.digest('hex')
}

/** None if it is not there, as the lock of an installer other than npm. */
function filesIn(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found) return []
  if (found.isFile()) return [path]
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}

function dropOld(): void {
  for (const name of readdirSync(KEPT)) {
    const path = join(KEPT, name)
    const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
    if (Date.now() - made > A_DAY_MS) rmSync(path, { recursive: true, force: true })
  }
}
