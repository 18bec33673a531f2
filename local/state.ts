/**
 * The state directory, and who serves it. Two servers on one directory would corrupt it, so whoever
 * serves holds `server.json` there for as long as it runs.
 */
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { type Asked, control } from './control.ts'
import { accepts, listen } from './ports.ts'
import { Refusal } from './refusal.ts'

const FILE = 'server.json'

/** Files below the state directory that let in whoever can read them. */
export const SECRETS = {
  authSecret: 'auth-secret',
  devIssuer: 'dev-issuer.json',
  /** What `npm run dev` gives to wrangler. */
  devSettings: 'dev-settings.env',
  /** Mail, and so links that choose a password. */
  outbox: 'outbox.txt',
} as const

/** Set where everybody may make files, as in /tmp. */
const STICKY = 0o1000
const OTHERS = 0o077

export interface RunningServer {
  readonly url: string
  readonly pid: number
  /** Accepts connections for as long as the process lives; unlike a pid it is never inherited. */
  readonly lockPort: number
  /** Lets a command that can read the state directory have the process work for it, on that port. */
  readonly secret: string
}

/**
 * The absolute path. Directory and secrets are for their owner alone, also if they were there before.
 * @throws Refusal
 */
export function openStateDir(dir: string): string {
  const path = resolve(dir)
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
    if (statSync(path).mode & STICKY) throw new Error('it is for everybody')
    const secrets = Object.values(SECRETS).map((name) => join(path, name))
    for (const each of [path, ...secrets.filter((file) => existsSync(file))]) closeToOthers(each)
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'no reason given'
    throw new Refusal(
      `the state directory cannot be used (${reason}): choose another with STATE_DIR=<path>`,
    )
  }
  return path
}

/**
 * The state directory that the environment names, with the site that was started in it. One that is made
 * for the moment would be backed up, or found in order, for months before anybody looks.
 * @throws Refusal if there is none
 */
export function siteStateDir(): string {
  const dir = process.env['STATE_DIR'] || '.guildhall'
  if (!existsSync(join(dir, 'v3')))
    throw new Refusal(`${resolve(dir)} has no site: name that of yours with STATE_DIR=<path>`)
  return openStateDir(dir)
}

function closeToOthers(path: string): void {
  const mode = statSync(path).mode & 0o777
  if (mode & OTHERS) chmodSync(path, mode & ~OTHERS)
}

/** The server on this state directory, if one is alive. */
export async function runningServer(stateDir: string): Promise<RunningServer | undefined> {
  const held = readClaim(join(stateDir, FILE))
  return held && (await accepts(held.lockPort)) ? held : undefined
}

/** @throws Refusal when somebody serves this state directory */
export async function refuseIfServed(stateDir: string): Promise<void> {
  const other = await runningServer(stateDir)
  if (other) {
    throw new Refusal(
      `${stateDir} is already being served on ${other.url} by process ${other.pid}: ` +
        `stop that one first, or choose another directory with STATE_DIR=<path>`,
    )
  }
}

/**
 * Takes the directory and returns how to give it back.
 * @param asked does what a command asks of this process
 * @throws Refusal when it is being served
 */
export async function claim(stateDir: string, url: string, asked: Asked): Promise<() => void> {
  await refuseIfServed(stateDir)
  const secret = crypto.randomUUID()
  const lock = control(secret, asked)
  const lockPort = await listen(lock, 0, '127.0.0.1')
  lock.unref()
  const file = join(stateDir, FILE)
  rmSync(file, { force: true })
  const claimed = { url, pid: process.pid, lockPort, secret }
  writeFileSync(file, `${JSON.stringify(claimed)}\n`, { flag: 'wx', mode: 0o600 })
  const release = () => {
    process.off('exit', release)
    rmSync(file, { force: true })
    lock.close()
  }
  process.on('exit', release)
  return release
}

/** Nothing when there is none, or when its writer died half-way. */
function readClaim(file: string): RunningServer | undefined {
  try {
    const { url, pid, lockPort, secret = '' } = JSON.parse(readFileSync(file, 'utf8'))
    const isClaim = URL.canParse(url) && Number.isInteger(lockPort)
    return isClaim ? { url, pid, lockPort, secret } : undefined
  } catch {
    return undefined
  }
}
