/** Somebody else's project: an empty folder with the packed client, and the strictest compiler. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll } from 'vitest'

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

export interface Consumer {
  readonly folder: string
  /** The folder where the package is installed. */
  readonly installed: string
  /** Compiles a module. @returns what the compiler says; nothing if all is in order */
  compiled(source: string, options?: object): string
}

/** One project for all tests of a file. The tarball is installed with nothing else within reach. */
export function consumerForFile(): Consumer {
  const folder = mkdtempSync(join(tmpdir(), 'guildhall-consumer-'))
  beforeAll(() => {
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    install(folder)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return {
    folder,
    installed: join(folder, 'node_modules/guildhall'),
    compiled(source, options) {
      writeFileSync(join(folder, 'main.ts'), source)
      return compile(folder, ['main.ts'], options)
    },
  }
}

function install(folder: string): void {
  const made = join(folder, 'made')
  mkdirSync(made)
  execFileSync(process.execPath, [join(ROOT, 'local/build-client.ts'), join(made, 'dist')])
  npm(made, 'pack', './dist')
  const tarball = readdirSync(made).find((name) => name.endsWith('.tgz')) ?? ''
  npm(folder, 'install', '--offline', '--cache', join(made, 'cache'), join(made, tarball))
}

function npm(cwd: string, ...args: readonly string[]): void {
  execFileSync('npm', [...args, '--no-audit', '--no-fund'], { cwd, stdio: 'pipe' })
}

/** @returns what the compiler says of the files of a folder */
export function compile(folder: string, files: readonly string[], options: object = {}): string {
  const args = compilation(folder, files, options)
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  return stdout + stderr
}

/** Arguments of Node that compile the files of a folder. */
export function compilation(
  folder: string,
  files: readonly string[],
  options: object = {},
): string[] {
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2022', 'dom', 'dom.iterable'],
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    types: [],
    noEmit: true,
    ...options,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  return [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder]
}
