/** The console is code of its own: loaded by its first page, and by nothing else. */
import { expect, test } from 'vitest'
import { importersOf, loadedAtStart, SOURCES } from '../support/sources.ts'

const SITE = 'console/site.tsx'

test('the hot path of the API loads nothing of the console', () => {
  const { modules, packages } = loadedAtStart([SITE, 'auth/site.ts'])
  expect([...modules].filter((path) => path.startsWith('console/'))).toEqual(['console/mount.ts'])
  expect([...packages].filter((name) => name.startsWith('hono/jsx'))).toEqual([])
})

test('it is reached by one import alone, which waits for the first request', () => {
  expect(importersOf(SITE).map(({ path }) => path)).toEqual(['console/mount.ts'])
  const parts = SOURCES.get('console/mount.ts')?.text.split("await import('./site.tsx')") ?? []
  expect(parts.length).toBe(2)
  expect(parts.join('')).not.toContain('site.tsx')
})

test('what says where a request began is named in two files: one passes it on, one reads it', () => {
  const naming = [...SOURCES.values()].filter(
    ({ path, text }) =>
      path.startsWith('console/') && /['"`](?:origin|sec-fetch-site|cookie)['"`]/i.test(text),
  )
  expect(naming.map(({ path }) => path).toSorted()).toEqual([
    'console/api.ts',
    'console/own-requests.ts',
  ])
  const words = naming.flatMap(({ text }) => text.match(/\.(?:set|append)\(/g) ?? [])
  // The one that passes on sets what it was given, by the names of its list.
  expect(words).toEqual(['.set('])
  expect(naming[0]?.text).toContain('own.set(name, value)')
})
