/**
 * `npm run test:clients`: tries tools that others use with the OpenAPI document on a local site of their
 * own each, and writes what came of it into docs/client.md. The tools weigh more than this project, so
 * they are installed into a cache, in the versions named here.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DEV_ROOT, sign } from '../../../local/dev-issuer.ts'
import { exampleThings } from '../../../local/example-things.ts'
import { localSettings } from '../../../local/settings.ts'
import { startSite } from '../../../local/site.ts'
import { collectionTried, proxyTried } from './collection.ts'
import {
  checked,
  EXPECTED,
  generate,
  GENERATED,
  type Generated,
  program,
  travelled,
} from './journeys.ts'
import { asked, run, type Trying } from './trying.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const PAGE = join(ROOT, 'docs/client.md')
const MARKS = ['<!-- clients: written by npm run test:clients -->', '<!-- /clients -->'] as const

interface Tool {
  readonly packages: Readonly<Record<string, string>>
  readonly what: string
  /** @returns what came of it @throws Error with what went wrong */
  readonly tried: (trying: Trying) => Promise<string>
}

const CLIENT = 'generated, compiled with `strict`; minimal bodies, a list, `If-Match`, a key'

const TOOLS: Readonly<Record<string, Tool>> = {
  ...Object.fromEntries(
    Object.entries<Generated>(GENERATED).map(([name, generated]) => [
      name,
      {
        packages: generated.packages,
        what: CLIENT,
        tried: (trying: Trying) => used(generated, trying),
      },
    ]),
  ),
  'openapi-zod-client': {
    packages: { 'openapi-zod-client': '1.18.3' },
    what: 'generated and parsed',
    tried: zodTried,
  },
  'openapi-mcp-generator': {
    packages: { 'openapi-mcp-generator': '4.0.1' },
    what: 'generated; which credential each tool sends first',
    tried: mcpTried,
  },
  'Postman (openapi-to-postmanv2) and newman': {
    packages: { 'openapi-to-postmanv2': '6.3.3', newman: '6.2.2' },
    what: 'the whole collection with its examples, without cursors, and but for the ID token of a provider',
    tried: collectionTried,
  },
  'prism as a validating proxy': {
    packages: {
      '@stoplight/prism-cli': '5.16.0',
      'openapi-to-postmanv2': '6.3.3',
      newman: '6.2.2',
    },
    what: 'the collection through it: requests and answers against the document',
    tried: proxyTried,
  },
}

async function used(generated: Generated, trying: Trying): Promise<string> {
  await generate(generated, trying)
  const mistakes = await checked(trying)
  if (mistakes) throw new Error(`does not compile: ${mistakes.slice(0, 500)}`)
  const key = { name: 'Tried', scopes: ['profile:read'] }
  const { secret } = await post<{ secret: string }>(trying, '/v1/api-keys', key)
  const told = JSON.stringify(await travelled(trying, trying.token, secret))
  if (told !== JSON.stringify(EXPECTED)) throw new Error(`answered ${told}`)
  return 'works'
}

async function post<T>({ site, token }: Trying, path: string, json: object): Promise<T> {
  const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
  return asked(`${site}${path}`, { method: 'POST', headers, body: JSON.stringify(json) })
}

async function zodTried({ folder, installed, site }: Trying): Promise<string> {
  const document = join(folder, 'openapi.json')
  writeFileSync(document, await (await fetch(`${site}/openapi.json`)).text())
  await run(folder, program('openapi-zod-client', installed), document, '--output', 'api.ts')
  const { transform } = await import('esbuild')
  await transform(readFileSync(join(folder, 'api.ts'), 'utf8'), { loader: 'ts' })
  return 'works'
}

async function mcpTried({ folder, installed, site }: Trying): Promise<string> {
  const made = ['--input', `${site}/openapi.json`, '--output', 'mcp', '--force']
  await run(folder, program('openapi-mcp-generator', installed), ...made)
  const source = readFileSync(join(folder, 'mcp/src/index.ts'), 'utf8')
  const lists = source.match(/securityRequirements: (\[.*\])/g) ?? []
  const anonymous = lists.filter((list) => !list.includes('[{"bearer":[]}'))
  if (lists.length < 70 || anonymous.length > 0)
    throw new Error(`${anonymous.length} of ${lists.length} tools send no credential`)
  return `works: ${lists.length} tools, each with the credential`
}

/** All tools together, installed once for each choice of versions. */
function install(): string {
  const dependencies = Object.assign({}, ...Object.values(TOOLS).map(({ packages }) => packages))
  const text = JSON.stringify({ private: true, type: 'module', dependencies }, undefined, 2)
  const name = createHash('sha256').update(text).digest('hex').slice(0, 12)
  const folder = join(ROOT, 'node_modules/.cache/guildhall', `clients-${name}`)
  if (existsSync(join(folder, 'installed'))) return folder
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), text)
  const options = ['--no-audit', '--no-fund', '--ignore-scripts']
  execFileSync('npm', ['install', ...options], { cwd: folder, stdio: 'inherit' })
  writeFileSync(join(folder, 'installed'), '')
  return folder
}

/** A seeded site, and a folder inside of which the packages can be imported. */
async function onASite<T>(installed: string, work: (trying: Trying) => Promise<T>): Promise<T> {
  const stateDir = mkdtempSync(join(tmpdir(), 'guildhall-clients-'))
  const folder = mkdtempSync(join(installed, 'tried-'))
  const site = await startSite({ stateDir, settings: await localSettings(stateDir, stateDir) })
  try {
    const token = await sign(stateDir, DEV_ROOT, {}, 3600)
    const headers = { Authorization: `Bearer ${token}` }
    const { userId } = await asked<{ userId: string }>(`${site.url}/v1/whoami`, { headers })
    for (const { sql, values } of exampleThings(userId, new Date().toISOString()))
      await site.db
        .prepare(sql)
        .bind(...values)
        .run()
    const another = await sign(stateDir, 'another', {}, 3600)
    return await work({ folder, installed, site: site.url, token, another })
  } finally {
    await site.stop()
    rmSync(stateDir, { recursive: true, force: true })
    rmSync(folder, { recursive: true, force: true })
  }
}

function table(rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

const wanted = process.argv[2] ?? ''
const installed = install()
const rows = [
  ['tool', 'version', 'tried with', 'result'],
  ['---', '---', '---', '---'],
]
for (const [name, { packages, what, tried }] of Object.entries(TOOLS)) {
  if (!name.includes(wanted)) continue
  let result: string
  try {
    result = await onASite(installed, tried)
  } catch (error) {
    process.exitCode = 1
    const said = error instanceof Error ? error.message : String(error)
    result = `**fails**: ${said.replaceAll(/\s+/g, ' ').replaceAll('|', '/').slice(0, 300)}`
  }
  console.log(`${name}: ${result}`)
  rows.push([name, Object.values(packages).slice(0, 2).join(', '), what, result])
}
if (wanted === '') {
  const [before = '', , after = ''] = readFileSync(PAGE, 'utf8').split(new RegExp(MARKS.join('|')))
  writeFileSync(PAGE, `${before}${MARKS[0]}\n${table(rows)}\n${MARKS[1]}${after}`)
}
