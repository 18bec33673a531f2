/**
 * Clients that generators make of what the running site serves, compiled at their strictest, and used.
 * `npm run test:clients` tries more of them.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checked, EXPECTED, generate, GENERATED, travelled } from './clients/journeys.ts'
import { ROOT } from './support/consumer.ts'
import { localSite } from './support/local-site.ts'

const site = localSite()
const installed = join(ROOT, 'test/e2e/generators')
const cache = join(ROOT, 'node_modules/.cache')

describe.each([['openapi-typescript and openapi-fetch'], ['@hey-api/openapi-ts']] as const)(
  '%s',
  (name) => {
    mkdirSync(cache, { recursive: true })
    const folder = mkdtempSync(join(cache, 'generated-'))
    const place = {
      folder,
      installed,
      get site() {
        return site.url
      },
    }
    beforeAll(() => generate(GENERATED[name], place))
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    test('takes bodies that say only what has to be said, and no mistakes', async () => {
      expect(await checked(place)).toBe('')
      const journey = readFileSync(join(folder, 'journey.ts'), 'utf8')
      writeFileSync(
        join(folder, 'mistake.ts'),
        journey.replaceAll("title: 'Night owl'", 'title: 7'),
      )
      expect(await checked(place, 'mistake.ts')).toContain("'number' is not assignable")
    })

    test('creates once, lists, changes what has not changed, and sends a key once', async () => {
      const key = { name: 'Generated', scopes: ['profile:read'] }
      const { secret } = await site.admin<{ secret: string }>('POST', '/v1/api-keys', key)
      expect(await travelled(place, await site.token(), secret)).toEqual(EXPECTED)
    })
  },
)
