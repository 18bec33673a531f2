/** A deployment without pages runs nothing of them; test/e2e/without-pages.test.ts looks at what is uploaded. */
import { expect, test } from 'vitest'
import { importersOf, loadedAtStart, SOURCES } from '../support/sources.ts'

const LAZY = ['pages/front.ts', 'pages/page-access.ts']

test('the hot path of the API loads nothing of pages, and nothing of it is asked for the API', () => {
  const { modules } = loadedAtStart(LAZY)
  expect([...modules].filter((path) => path.startsWith('pages/'))).toEqual(['pages/mount.ts'])
  expect(modules.has('security/tokens/page-assertions.ts')).toBe(false)
})

test.for(LAZY)('%s is reached by one import alone, which waits for the first request', (path) => {
  expect(importersOf(path).map((importer) => importer.path)).toEqual(['pages/mount.ts'])
  const name = path.replace('pages/', './')
  const parts = SOURCES.get('pages/mount.ts')?.text.split(`await import('${name}')`) ?? []
  expect(parts.length).toBe(2)
  expect(parts.join('')).not.toContain(name)
})
