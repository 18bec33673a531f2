/**
 * Writes the parts of the documents that follow from the code: docs/AUTHORIZATION.md, and the policy
 * table in the README. With `--check` it writes nothing and fails if they are not up to date, or if
 * a page names what is not there.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { routes } from '../src/api/index.ts'
import { CALLER_NAMES, matrixOf, pageMatrix } from '../src/http/matrix.ts'
import { documentedPath } from '../src/http/route.ts'
import { rightsOf } from '../src/security/decide.ts'
import { CALLERS } from '../src/http/matrix.ts'
import { ELEVATED_IDENTITIES } from '../src/security/elevated-identities.ts'
import { PERMISSIONS, type Permission } from '../src/security/permissions.ts'
import { called } from './called.ts'
import { mistakesIn, pagesIn, treeAt } from './pages.ts'

const ROOT = new URL('../', import.meta.url)
const MARKS = ['<!-- policy: written by npm run docs -->', '<!-- /policy -->'] as const

type Row = readonly string[]

function table([head = [], ...rows]: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Permissions by caller: what each kind of caller has, and how far. */
function policy(): string {
  const callers = CALLER_NAMES.filter((name) => name !== 'anonymous')
  const rows = Object.keys(PERMISSIONS).map((name) => {
    const permission = name as Permission
    return [`\`${name}\``, ...callers.map((caller) => rightsOf(CALLERS[caller])[permission] ?? '')]
  })
  return table([['permission', ...callers], ...rows])
}

function matrix(): string {
  const rows = matrixOf(routes).map(({ method, path, access, answers }) => [
    `\`${method} ${path}\``,
    access.startsWith('open:') ? access : `\`${access}\``,
    ...CALLER_NAMES.map((name) => answers[name]),
  ])
  return table([['route', 'takes', ...CALLER_NAMES], ...rows])
}

/** Kinds of page rules by caller. */
function pages(): string {
  const rows = pageMatrix().map(({ access, answers }) => [
    access.startsWith('no rule') ? access : `\`${access}\``,
    ...CALLER_NAMES.map((name) => answers[name]),
  ])
  return table([['access', ...CALLER_NAMES], ...rows])
}

/** Routes that take something away, and whose rights that takes. */
function ceilings(): string {
  const rows = routes.flatMap(({ method, path, access }) =>
    'may' in access && access.takesFrom
      ? [[`\`${method} ${documentedPath(path)}\``, `\`${access.may}\``, access.takesFrom]]
      : [],
  )
  return table([['route', 'takes', 'and the rights of'], ...rows])
}

function elevations(): string {
  const rows = Object.entries(ELEVATED_IDENTITIES).map(([name, { may, why, trigger }]) => [
    `\`system:${name}\``,
    may.map((permission) => `\`${permission}\``).join(', '),
    trigger,
    why,
  ])
  return table([['identity', 'may', 'minted by', 'why'], ...rows])
}

function authorization(): string {
  return `# Who may do what

Written by \`npm run docs\` from the route declarations and the policy page; a check fails when it is stale.
The same figures are served by \`GET /v1/permissions\` and \`GET /v1/elevations\`.

## Permissions
\`own\` reaches what belongs to the caller, \`any\` everybody's. A member with a role has what members have, too.
The partner here is an API key with every scope that a key may have.

${policy()}

## Routes
\`allowed\`: for any resource. \`own\`: only for their own. 401: a credential is needed. 403: known, and refused.

${matrix()}

## Pages
The site's own pages, by what a [page rule](pages.md) says. \`303\`: sent to \`/\`. 401: whoever navigates is sent to the
sign-in instead, and 404 is answered in place of 401 and 403 where the rule says so. Nobody here holds the badge:
members who do are let through. Suspended members are 403 on all but \`anyone\`. Which rules a site has,
\`GET /v1/page-rules\` tells those with \`page:manage\`; whether one opens a page to somebody, \`POST /v1/explain\`.

${pages()}

## Taking away
\`allowed\` does not mean from anybody: these take every right of whom it concerns that not every member has, too. The
statement that writes asks, so the 403 (stage \`permission\`, \`required\` names what is missing) comes after 422 and 404.
Nobody is in their own way, and one's own API key can always be revoked.

${ceilings()}

Two refusals with stage \`ownership\` are in no table either: nobody confirms or declines a booking of their own, and
nobody gives themselves a badge; nor does an API key of theirs.

## Elevated identities
Backend triggers that do one restricted act which no caller may do; no HTTP route can reach them.

${elevations()}
`
}

async function render(): Promise<ReadonlyMap<string, string>> {
  const readme = await readFile(new URL('README.md', ROOT), 'utf8')
  const [before = '', , after = ''] = readme.split(new RegExp(MARKS.join('|')))
  const written = `${before}${MARKS[0]}\n${policy()}\n${MARKS[1]}${after}`
  return new Map([
    ['docs/AUTHORIZATION.md', authorization()],
    ['README.md', written],
  ])
}

const USAGE = `usage: npm run docs -- [--check]

  --check  changes nothing, and fails if a page is not up to date or a link leads nowhere`

const { check: isCheck } = called(
  USAGE,
  () => parseArgs({ options: { check: { type: 'boolean', default: false } } }).values,
)
const mistakes: string[] = []
for (const [name, text] of await render()) {
  const url = new URL(name, ROOT)
  const current = await readFile(url, 'utf8').catch(() => '')
  if (current === text) continue
  if (isCheck) mistakes.push(`${name}: not up to date. Run npm run docs and commit the result.`)
  else await writeFile(url, text)
}
if (isCheck) {
  const root = fileURLToPath(ROOT)
  mistakes.push(...mistakesIn(pagesIn(root), treeAt(root)))
}
if (mistakes.length > 0) {
  console.error(mistakes.join('\n'))
  process.exitCode = 1
}
