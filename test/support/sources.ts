/// <reference types="vite/types/importMeta.d.ts" />
/** The source of the Worker as text, and who imports what from whom. */

export interface Import {
  /** Path under `src/`, or the name of a package. */
  readonly to: string
  /** The imported names as they are in the other module; `*` stands for all of it. */
  readonly names: readonly string[]
  /** Tells whether the import is gone once it is compiled. */
  readonly isType: boolean
}

export interface Source {
  /** The path under `src/`. */
  readonly path: string
  readonly text: string
  readonly imports: readonly Import[]
}

const ROOT = '../../src/'

// There is no type argument: by the text `import.meta.glob(` vitest sees that its cache is stale.
const FILES = import.meta.glob('../../src/**/*.{ts,tsx}', {
  query: '?raw',
  import: 'default',
  eager: true,
})

/** Matches `import … from`, `export … from`, `import 'x'`, and `import('x')` wherever it stands. */
const IMPORT =
  /^(?:import|export)\s+(type\s)?([^'"();=]*?)\s*from\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]|\bimport\(\s*['"`]([^'"`]+)['"`]/gm

export const SOURCES: ReadonlyMap<string, Source> = new Map(
  Object.entries(FILES).map(([file, text]) => {
    const path = file.slice(ROOT.length)
    const imports = [...text.matchAll(IMPORT)].map(
      ([, type, clause = '*', from, bare, dynamic]) => ({
        to: resolve(path, from ?? bare ?? dynamic ?? ''),
        names: namesIn(clause),
        isType: type !== undefined,
      }),
    )
    return [path, { path, text, imports }]
  }),
)

/** Every module that loads `path` when it runs, directly or through others. */
export function reaching(path: string): string[] {
  const found = new Set<string>()
  const open = [path]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const importer of importersOf(next)) {
      if (found.has(importer.path)) continue
      found.add(importer.path)
      open.push(importer.path)
    }
  }
  return [...found].sort()
}

export function importersOf(path: string): Source[] {
  return [...SOURCES.values()].filter(({ imports }) =>
    imports.some(({ to, isType }) => to === path && !isType),
  )
}

function resolve(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  return new URL(specifier, `file:///${from}`).pathname.slice(1)
}

function namesIn(clause: string): string[] {
  const names = clause
    .replaceAll(/[{}]/g, ',')
    .split(',')
    .map((part) => part.trim().replace(/\s+as\s+.*$/, ''))
  return names.filter((name) => name !== '' && !name.startsWith('type '))
}

/** Everything that is loaded before the first request for one of the `lazy` modules. */
export function loadedAtStart(lazy: readonly string[]): {
  modules: Set<string>
  packages: Set<string>
} {
  const [modules, packages] = [new Set<string>(), new Set<string>()]
  const open = ['worker.ts']
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (modules.has(path) || lazy.includes(path)) continue
    modules.add(path)
    for (const { to, isType } of SOURCES.get(path)?.imports ?? []) {
      if (isType) continue
      if (SOURCES.has(to)) open.push(to)
      else packages.add(to)
    }
  }
  return { modules, packages }
}
