/**
 * What the pages say about the tree: each path, script and decision they name has to be there. It is
 * what `npm run docs -- --check` looks at besides the generated parts.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'

/** A page by its path from the root, as in `docs/operations.md`. */
export type Pages = ReadonlyMap<string, string>

export interface Tree {
  /** Whether there is a file or folder at this path from the root. */
  readonly has: (path: string) => boolean
  /** The scripts of package.json. */
  readonly scripts: ReadonlySet<string>
}

/** What is installed, made or local. */
export const NOT_OURS = new Set([
  'node_modules',
  '.git',
  '.wrangler',
  '.guildhall',
  'coverage',
  'dist',
])
const DECISION = /^docs\/decisions\/(?!README)[\w-]+\.md$/
const LAST_SECTION = '## What this does not fix'

/** Every Markdown page under the folder. */
export function pagesIn(root: string): Pages {
  const pages = new Map<string, string>()
  const open = ['']
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = posix.join(folder, entry.name)
      if (entry.isDirectory() && !NOT_OURS.has(entry.name)) open.push(path)
      if (entry.isFile() && path.endsWith('.md'))
        pages.set(path, readFileSync(join(root, path), 'utf8'))
    }
  }
  return pages
}

export function treeAt(root: string): Tree {
  const manifest: { scripts: object } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return {
    has: (path) => existsSync(join(root, path)),
    scripts: new Set(Object.keys(manifest.scripts)),
  }
}

/** One line for each thing that is wrong with the pages: which page, what is missing, what to do. */
export function mistakesIn(pages: Pages, tree: Tree): string[] {
  return [...pages].flatMap(([page, text]) => [
    ...pathsIn(page, text)
      .filter(({ candidates }) => !candidates.some(tree.has))
      .map(
        ({ cited }) =>
          `${page}: ${cited} is not in the tree. Correct the path, or what is said of it.`,
      ),
    ...[...text.matchAll(/\bnpm run (?:-s )?([\w:-]+)/g)]
      .filter(([, script = '']) => !tree.scripts.has(script))
      .map(([call]) => `${page}: \`${call}\` is no script of package.json. Correct its name.`),
    ...(DECISION.test(page) ? decisionMistakes(page, text, pages) : []),
  ])
}

interface Cited {
  readonly cited: string
  /** Where it may be, from the root. */
  readonly candidates: readonly string[]
}

/** Links, code spans that look like a path, and drawn trees. */
function pathsIn(page: string, text: string): Cited[] {
  const prose = text.replaceAll(/^```[^]*?^```/gm, '')
  const links = [...prose.matchAll(/\]\((?!\w+:|#)([^)\s#]+)/g)].map(([, cited = '']) => ({
    cited,
    candidates: [posix.join(dirname(page), cited)],
  }))
  const spans = [...prose.matchAll(/`([^`\n]+)`/g)]
    .map(([, cited = '']) => cited)
    .filter((cited) => /^\.?[\w-]+(\/[\w.*-]+)*(\.(ts|js|sql|sh)|\/|\/[\w-]+\.\w+)$/.test(cited))
    .map((cited) => ({ cited, candidates: placesOf(page, cited.replace(/\/[^/]*\*.*$/, '/')) }))
  const drawn = [...text.matchAll(/^```\n([^]*?)^```/gm)].flatMap(([, block = '']) =>
    drawnIn(block),
  )
  return [...links, ...spans, ...drawn].filter(
    ({ cited, candidates: [first = ''] }) =>
      // A link past the root is one to the page of a release on the site that hosts the repository.
      !first.startsWith('../') && !NOT_OURS.has(cited.split('/')[0] ?? ''),
  )
}

/** A path in a code span is from the root, from `src/`, or from the folder of the page. */
function placesOf(page: string, cited: string): string[] {
  return [cited, posix.join('src', cited), posix.join(dirname(page), cited)]
}

/** The paths of a tree drawn with `├──`, each under the folder it is drawn under. */
function drawnIn(block: string): Cited[] {
  if (!block.includes('├──')) return []
  const above: string[] = []
  return block.split('\n').flatMap((line) => {
    const [, indent = '', name] = /^([│├└─ ]*)([\w.-]+\/?)/.exec(line) ?? []
    if (name === undefined || indent.length % 4 !== 0) return []
    const depth = indent.length / 4
    above.splice(depth, above.length, name)
    const path = above.join('')
    return [{ cited: path, candidates: [path] }]
  })
}

function decisionMistakes(page: string, text: string, pages: Pages): string[] {
  const [, dated] = text.split('\n\n')
  const last = text.slice(text.lastIndexOf('\n## ') + 1)
  const isListed = pages.get('docs/decisions/README.md')?.includes(`(${page.split('/').at(-1)})`)
  return [
    ...(/^Decided on \d{4}-\d\d-\d\d\.$/.test(dated ?? '')
      ? []
      : [`${page}: no date. The line below the title says "Decided on 2026-01-31."`]),
    ...(last.startsWith(`${LAST_SECTION}\n`) && last.trim() !== LAST_SECTION
      ? []
      : [`${page}: its last section is not "${LAST_SECTION}". Say what is knowingly left open.`]),
    ...(isListed ? [] : [`${page}: docs/decisions/README.md does not list it.`]),
  ]
}
