/** The local runner from outside: its scripts as processes, each on its own state directory. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, onTestFinished } from 'vitest'

type Environment = Readonly<Record<string, string>>

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Server {
  readonly url: string
  readonly pid: number
  readonly stateDir: string
  stdout(): string
  stderr(): string
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>
}

interface ServerOptions {
  readonly env?: Environment
  readonly stateDir?: string
  /** The working directory, where `.dev.vars` is looked for. */
  readonly cwd?: string
}

/** Has something done when the test, or the file, has ended. */
type AtEnd = (undo: () => unknown) => void

const withTest: AtEnd = (undo) => onTestFinished(async () => void (await undo()))

/** An empty directory, for the length of a test unless told otherwise. */
export function tempDir(atEnd = withTest): string {
  const dir = mkdtempSync(join(tmpdir(), 'guildhall-'))
  atEnd(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** The real start script on a free port, once it has said that it is ready. */
export async function startServer(
  options: ServerOptions = {},
  atEnd: AtEnd = withTest,
): Promise<Server> {
  const { env, stateDir = tempDir(atEnd), cwd = stateDir } = options
  const script = run('start', [], { PORT: '0', STATE_DIR: stateDir, ...env }, cwd, atEnd)
  const url = await Promise.race([
    script.line(/^ready on (.+)$/m),
    script.ended.then(({ stderr }) => Promise.reject(new Error(`it ended: ${stderr}`))),
  ])
  const { pid = 0 } = script.child
  const { stdout, stderr } = script
  return { url, pid, stateDir, stdout, stderr, stop: (signal) => script.end(signal) }
}

/**
 * One server for all tests of a file, which leave it as it is.
 * @returns a function that gives the server once the tests run
 */
export function serverForFile(): () => Server {
  const undo: (() => unknown)[] = []
  let server: Server | undefined
  beforeAll(async () => {
    server = await startServer({}, (step) => undo.push(step))
  })
  afterAll(async () => {
    for (const step of undo.toReversed()) await step()
  })
  return () => {
    if (!server) throw new Error('the server has not started')
    return server
  }
}

/** Runs a script that is expected to end by itself. */
export function runScript(name: string, args: readonly string[], env: Environment): Promise<Ended> {
  return run(name, args, env, tempDir()).ended
}

/** A token of the development issuer, made by the script for it. */
export async function token(stateDir: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runScript('token', args, { STATE_DIR: stateDir })
  if (code !== 0) throw new Error(stderr)
  return stdout.trim()
}

/** The children of a process, and their children. */
export function descendants(pid: number): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' })
    .split('\n')
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , state]) => !state?.startsWith('Z'))
  const of = (parent: number): number[] =>
    rows
      .filter((row) => Number(row[1]) === parent)
      .flatMap(([child]) => [Number(child), ...of(Number(child))])
  return of(pid)
}

/** Those of the processes that still run; a zombie does not. */
export function running(pids: readonly number[]): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,stat='], { encoding: 'utf8' }).split('\n')
  const alive = new Map(rows.map((row) => row.trim().split(/\s+/) as [string, string]))
  return pids.filter((pid) => alive.has(String(pid)) && !alive.get(String(pid))?.startsWith('Z'))
}

/** What a script keeps of the environment of the tests: where programs are, and what was compiled already. */
const { PATH, HOME, NODE_COMPILE_CACHE } = process.env
const KEPT_SETTINGS = { PATH, HOME, NODE_COMPILE_CACHE }

/** Starts the script without waiting for anything. In the end it is killed, if need be. */
export function run(
  name: string,
  args: readonly string[],
  env: Environment,
  cwd: string,
  atEnd = withTest,
) {
  const script = fileURLToPath(new URL(`../../../local/${name}.ts`, import.meta.url))
  const child = spawn(process.execPath, [script, ...args], {
    cwd,
    env: { ...KEPT_SETTINGS, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: collect(child.stdout), stderr: collect(child.stderr) }
  const { stdout, stderr } = output
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code) => resolve({ code, stdout: stdout(), stderr: stderr() }))
  })
  atEnd(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await ended
  })
  const end = (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal)
    return ended
  }
  return {
    child,
    stdout,
    stderr,
    ended,
    end,
    line: (pattern: RegExp) => line(child, stdout, pattern),
  }
}

function line(child: ChildProcess, output: () => string, pattern: RegExp): Promise<string> {
  return new Promise((resolve) => {
    child.stdout?.on('data', () => {
      const [, found] = pattern.exec(output()) ?? []
      if (found !== undefined) resolve(found)
    })
  })
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk) => {
    text += chunk
  })
  return () => text
}
