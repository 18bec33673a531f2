/** The floors of `src/`: which folder may import from which, and how a wrong import is told. */

/** The part of a file that the floors look at; `Source` in sources.ts has it. */
export interface Importer {
  /** The path under `src/`. */
  readonly path: string
  readonly imports: readonly { readonly to: string; readonly isType: boolean }[]
}

/**
 * The floors from the ground up. A folder imports only from the floors below it, types included. A
 * file directly in `src/` goes by its name. A new folder has to be added here.
 */
export const FLOORS: readonly (readonly string[])[] = [
  ['problem', 'log', 'trace'],
  ['crypto', 'calendar'],
  ['db'],
  ['settings'],
  ['repositories'],
  ['security'],
  ['objects'],
  ['env'],
  ['readiness'],
  ['mail'],
  ['deps'],
  ['operations'],
  ['events'],
  ['cron'],
  ['http'],
  ['api'],
  ['look'],
  ['auth'],
  ['pages'],
  ['client'],
  ['console'],
  ['app'],
  ['worker'],
]

/** Imports that may go up, as `a.ts → b.ts`, each with its reason; at most two. */
export const EXCEPTIONS: Readonly<Record<string, string>> = {}

interface Ban {
  readonly folders: readonly string[]
  readonly from: string
  readonly except: readonly string[]
  readonly why: string
}

/** Imports that go down and are forbidden all the same. */
export const BANS: readonly Ban[] = [
  {
    folders: ['api'],
    from: 'db',
    except: ['db/actions.ts', 'db/ids.ts'],
    why: 'Routes hold no SQL and know nothing of storage: that is for repositories/.',
  },
  {
    folders: ['http', 'api', 'look', 'auth', 'pages', 'client', 'console', 'app'],
    from: 'cron',
    except: ['cron/job-names.ts'],
    why: 'A request must not reach what elevates; it can ask for a run by the name of the job.',
  },
  {
    folders: ['console'],
    from: 'http',
    except: ['http/context.ts'],
    why: 'A page is a client of the API and nothing else: call it, and show what it answers.',
  },
  ...[
    'db',
    'repositories',
    'security',
    'objects',
    'deps',
    'operations',
    'events',
    'api',
    'auth',
    'env',
  ].map((from) => ({
    folders: ['look', 'console'],
    from,
    except: [],
    why: 'A page is a client of the API and nothing else: call it, and show what it answers.',
  })),
]

/** The folder of a path: `security/grant.ts` is in `security`, `app.ts` is `app`. */
export function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : path.replace(/\.tsx?$/, '')
}

/** @returns a sentence for each import that goes up or sideways, or that is banned */
export function forbiddenImports(files: Iterable<Importer>): string[] {
  return [...files].flatMap(({ path, imports }) =>
    imports
      .filter(({ to }) => /\.tsx?$/.test(to) && folderOf(to) !== folderOf(path))
      .flatMap(({ to, isType }) => {
        const why = whyNot(path, to)
        const what = isType ? 'takes a type from' : 'imports'
        return why === undefined ? [] : [`src/${path} ${what} src/${to}. ${why}`]
      }),
  )
}

function whyNot(path: string, to: string): string | undefined {
  const [mine, theirs] = [floorOf(path), floorOf(to)]
  if (mine < 0 || theirs < 0) {
    const unplaced = folderOf(mine < 0 ? path : to)
    return `${unplaced} has no floor: give it one in FLOORS of test/support/floors.ts.`
  }
  if (theirs >= mine && !(`${path} → ${to}` in EXCEPTIONS)) {
    const below = FLOORS.slice(0, mine).flat()
    return `${folderOf(path)} imports only from ${below.join(', ') || 'nothing'}.`
  }
  return BANS.find(
    ({ folders, from, except }) =>
      folders.includes(folderOf(path)) && from === folderOf(to) && !except.includes(to),
  )?.why
}

function floorOf(path: string): number {
  return FLOORS.findIndex((floor) => floor.includes(folderOf(path)))
}

/** @returns the shortest circle through each file that is on one, each once, as `a → b → a` */
export function circles(files: Iterable<Importer>): string[] {
  const graph = new Map(
    [...files].map(({ path, imports }) => [path, new Set(imports.map(({ to }) => to))] as const),
  )
  const found = new Map<string, string>()
  for (const start of graph.keys()) {
    const way = wayBack(graph, start)
    const key = way?.toSorted().join()
    if (way && key !== undefined && !found.has(key)) found.set(key, [...way, start].join(' → '))
  }
  return [...found.values()]
}

/** The shortest way along the imports from a file to itself, without its end. */
function wayBack(
  graph: ReadonlyMap<string, ReadonlySet<string>>,
  start: string,
): readonly string[] | undefined {
  const seen = new Set<string>()
  for (let ways = [[start]]; ways.length > 0;) {
    const next: string[][] = []
    for (const way of ways) {
      for (const to of graph.get(way.at(-1) ?? start) ?? []) {
        if (to === start) return way
        if (seen.has(to)) continue
        seen.add(to)
        next.push([...way, to])
      }
    }
    ways = next
  }
  return undefined
}
