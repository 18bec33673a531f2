import { accessSync, constants, mkdtempSync, rmSync, statfsSync, symlinkSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const root = fileURLToPath(new URL('..', import.meta.url))
const PURE = 'test/**/*.pure.test.ts'

/** Linux keeps this folder in memory; in containers it is often too small. */
const IN_MEMORY = '/dev/shm'
const ROOM_BYTES = 2 ** 30

/** Tells whether databases can be kept in memory; waiting for a disk doubles the time. */
function hasRoomInMemory(): boolean {
  try {
    accessSync(IN_MEMORY, constants.W_OK | constants.X_OK)
    const { bavail, bsize } = statfsSync(IN_MEMORY)
    return bavail * bsize >= ROOM_BYTES
  } catch {
    return false
  }
}

// All that tests start asks for the folder of temporary files by this name.
if (process.env['TMPDIR'] === undefined && hasRoomInMemory()) process.env['TMPDIR'] = IN_MEMORY

function folderForNow(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Wrangler reads the `.dev.vars` beside its configuration, which would be settings of the tests. */
function withoutDevVars(): string {
  const folder = folderForNow('guildhall-config-')
  for (const name of ['wrangler.toml', 'src', 'migrations', 'node_modules'])
    symlinkSync(join(root, name), join(folder, name))
  return join(folder, 'wrangler.toml')
}

const configPath = withoutDevVars()

// Every process that the tests start would compile Miniflare and wrangler anew, which takes it a second.
process.env['NODE_COMPILE_CACHE'] ??= folderForNow('guildhall-compiled-')

/** Tests that pass with the flag that a later compatibility date switches on, and without it. */
const HUNG_UP = 'test/hung-up.test.ts'
const REQUEST_SIGNAL = 'enable_request_signal'

/** The Worker on workerd, with the bindings of wrangler.toml. */
function onWorkerd(compatibilityFlags: readonly string[]) {
  return {
    plugins: [
      cloudflareTest(async () => ({
        main: 'test/support/worker.ts',
        wrangler: { configPath },
        miniflare: {
          // The runtime would remark on odd headers, which naughty requests are full of.
          verbose: false,
          compatibilityFlags: [...compatibilityFlags],
          bindings: {
            TEST_MIGRATIONS: await readD1Migrations(`${root}migrations`),
            FULL: process.env['FULL'] ?? '',
            FLAGS: compatibilityFlags.join(' '),
          },
          // This is the binding of `[[r2_buckets]]` that a site may have.
          r2Buckets: ['BACKUPS'],
          // This is the binding of `[[send_email]]` in wrangler.toml.
          email: { send_email: [{ name: 'MAIL' }] },
        },
      })),
    ],
    // These are of `[alias]` in wrangler.toml.
    resolve: {
      alias: {
        '@better-auth/core/async_hooks': `${root}src/auth/async-hooks.ts`,
        '@peculiar/x509': `${root}src/auth/no-certificates.ts`,
      },
    },
  }
}

const WORKERD = {
  root,
  setupFiles: ['test/support/setup.ts'],
  // Each worker has one runtime for all its files; setup.ts empties every store before each test.
  isolate: false,
  testTimeout: 60_000,
  hookTimeout: 60_000,
}

/** Keeps the files of a project together: a runtime ends when the next file is another's. */
class ByProject extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const order = ['e2e', 'pure', 'workerd, with request signals', 'workerd']
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => order.indexOf(a.project.name) - order.indexOf(b.project.name))
  }
}

export default defineConfig({
  root,
  test: {
    // The log of a failed test is printed, that of a passed one is not.
    silent: 'passed-only',
    maxWorkers: availableParallelism(),
    sequence: { sequencer: ByProject },
    coverage: { provider: 'istanbul', include: ['src/**'], reporter: ['text', 'json-summary'] },
    projects: [
      {
        ...onWorkerd([]),
        test: {
          ...WORKERD,
          name: 'workerd',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', PURE],
        },
      },
      {
        ...onWorkerd([REQUEST_SIGNAL]),
        test: { ...WORKERD, name: 'workerd, with request signals', include: [HUNG_UP] },
      },
      {
        // A pure test imports no binding and no object, so it needs neither workerd nor set-up.
        resolve: {
          alias: { 'cloudflare:workers': `${root}test/support/workers-in-node.ts` },
        },
        test: {
          name: 'pure',
          // Nothing is changed that a file does not put back, and a worker for each file takes half a second.
          isolate: false,
          root,
          environment: 'node',
          include: [PURE],
          // Some pure tests try thousands of cases, on machines that have other things to do.
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          root,
          environment: 'node',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/support/browser-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
