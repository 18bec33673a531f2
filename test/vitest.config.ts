import { fileURLToPath } from 'node:url'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('..', import.meta.url))

export default defineConfig({
  root,
  test: {
    coverage: { provider: 'istanbul', include: ['src/**'], reporter: ['text', 'json-summary'] },
    projects: [
      {
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: `${root}wrangler.toml` },
            miniflare: {
              bindings: {
                TEST_MIGRATIONS: await readD1Migrations(`${root}migrations`),
                FULL: process.env['FULL'] ?? '',
              },
              // As `[[send_email]]` in wrangler.toml binds it.
              email: { send_email: [{ name: 'MAIL' }] },
            },
          })),
        ],
        test: {
          name: 'workerd',
          root,
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**'],
          setupFiles: ['test/support/setup.ts'],
          // One isolate for all files is three times faster; setup.ts empties every store before each test.
          isolate: false,
          maxWorkers: 1,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          root,
          environment: 'node',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
