/**
 * The Worker compiled the way it deploys, once for each state of its sources: a site that starts
 * again, and a suite that starts fifty of them, take what the first one made.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { projectMain, QUIET, ROOT, wranglerOn } from './project.ts'
import { Refusal } from './refusal.ts'

const CACHE = join(ROOT, 'node_modules/.cache/guildhall')
const A_DAY_MS = 24 * 60 * 60 * 1000

/** All that the compiler reads: the lock stands for what is installed. */
const SOURCES = [
  'src',
  'wrangler.toml',
  'tsconfig.json',
  'package.json',
  'node_modules/.package-lock.json',
]

const PLAIN = { NO_COLOR: '1', FORCE_COLOR: '0' }

/**
 * The text of the module that would be deployed.
 * @param options of `wrangler deploy`
 * @throws Refusal with the compiler's own words
 */
export async function bundleWorker(...options: string[]): Promise<string> {
  const kept = join(CACHE, `${digestOf(options)}.js`)
  try {
    return readFileSync(kept, 'utf8')
  } catch {
    // Nobody has compiled these sources here.
  }
  mkdirSync(CACHE, { recursive: true })
  dropOld()
  const outdir = mkdtempSync(join(CACHE, 'build-'))
  try {
    await compile(outdir, options)
    // Whoever compiles the same at the same time sees a whole file or none.
    renameSync(join(outdir, basename(projectMain()).replace(/\.\w+$/, '.js')), kept)
  } finally {
    rmSync(outdir, { recursive: true, force: true })
  }
  return readFileSync(kept, 'utf8')
}

function digestOf(options: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify([process.version, options]))
  for (const source of SOURCES) {
    const path = join(ROOT, source)
    const files = statSync(path).isDirectory() ? filesIn(path) : [path]
    for (const file of files) {
      const text = readFileSync(file)
      hash.update(`\n${file.slice(ROOT.length)} ${text.length}\n`).update(text)
    }
  }
  return hash.digest('hex')
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}

function dropOld(): void {
  for (const name of readdirSync(CACHE)) {
    const path = join(CACHE, name)
    const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
    if (Date.now() - made > A_DAY_MS) rmSync(path, { recursive: true, force: true })
  }
}

async function compile(outdir: string, options: readonly string[]): Promise<void> {
  const args = wranglerOn('deploy', '--dry-run', '--outdir', outdir, ...options)
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, ...QUIET, ...(process.stderr.isTTY ? {} : PLAIN) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stop = () => child.kill()
  process.once('exit', stop)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  const code = await new Promise((resolve, reject) =>
    child.on('error', reject).on('close', resolve),
  )
  process.off('exit', stop)
  if (code !== 0) throw new Refusal(`the Worker does not compile\n${output.trim()}`)
}
