/** The document as a Postman collection, run by newman: by itself, and through a validating proxy. */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { freePort } from '../../../local/ports.ts'
import { EXAMPLE_TOKEN } from '../../../src/api/schemas.ts'
import { program } from './journeys.ts'
import { asked, run, type Trying } from './trying.ts'

interface Item {
  readonly name: string
  readonly item?: readonly Item[]
  readonly request?: {
    readonly method: string
    readonly url: { readonly path: readonly string[]; query?: readonly { readonly key: string }[] }
    readonly body?: { raw?: string }
    auth?: unknown
  }
}

interface Collection {
  item: readonly Item[]
  auth?: unknown
  readonly variable: readonly { readonly key: string; value: string }[]
}

interface Execution {
  readonly item: { readonly name: string }
  readonly request: { readonly method: string }
  readonly response?: {
    readonly code: number
    readonly stream: { readonly data: readonly number[] }
  }
}

/** How a request ended, by method and name. */
interface Ended {
  readonly name: string
  readonly status: number
  readonly text: string
}

export async function collectionTried(trying: Trying): Promise<string> {
  const ended = await runAt(trying, trying.site)
  const refused = ended.filter(
    ({ status }) => [0, 400, 401, 403, 415, 422].includes(status) || status >= 500,
  )
  if (refused.length > 0) throw new Error(refused.map(said).join('; '))
  return summary(ended)
}

export async function proxyTried(trying: Trying): Promise<string> {
  const { folder, installed, site } = trying
  const port = await freePort(0)
  const args = ['proxy', join(folder, 'openapi.json'), site, '--errors', '--port', String(port)]
  writeFileSync(join(folder, 'openapi.json'), await (await fetch(`${site}/openapi.json`)).text())
  const prism = spawn(process.execPath, [program('@stoplight/prism-cli', installed), ...args], {
    stdio: 'ignore',
  })
  try {
    const at = `http://127.0.0.1:${port}`
    await served(`${at}/healthz`)
    const ended = await runAt(trying, at)
    const violations = ended.filter(({ text }) => text.includes('stoplight.io/prism'))
    if (violations.length > 0) throw new Error(violations.map(said).join('; '))
    return `${summary(ended)}; no violation`
  } finally {
    prism.kill()
  }
}

/** Waits until somebody answers there, for half a minute. */
async function served(url: string): Promise<void> {
  for (const until = Date.now() + 30_000; ; await setTimeout(200)) {
    try {
      await fetch(url)
      return
    } catch (error) {
      if (Date.now() > until) throw error
    }
  }
}

function said({ name, status, text }: Ended): string {
  return `${name}: ${status} ${text.slice(0, 200)}`
}

function summary(ended: readonly Ended[]): string {
  const good = ended.filter(({ status }) => status < 400).length
  const late = ended.filter(({ status }) => status >= 400)
  const rest = late.map(({ name, status }) => `${name} ${status}`)
  return `${good} of ${ended.length} requests succeed${rest.length > 0 ? `; after the others: ${rest.join(', ')}` : ''}`
}

async function runAt(trying: Trying, at: string): Promise<Ended[]> {
  const { folder, installed, site } = trying
  const require = createRequire(join(installed, 'x.js'))
  const document = await (await fetch(`${site}/openapi.json`)).json()
  const collection = await converted(require(CONVERTER), document)
  for (const variable of collection.variable) if (variable.key === 'baseUrl') variable.value = at
  // A local site has no provider whose ID tokens it takes.
  const requests = all(collection.item).filter(
    ({ request }) => !request?.body?.raw?.includes('"idToken"'),
  )
  for (const { request } of requests) {
    if (!request) continue
    delete request.auth
    // The first page has none, and that of another page is of no list that was read here.
    const { url } = request
    if (url.query) url.query = url.query.filter(({ key }) => key !== 'cursor')
    if (request.body?.raw) request.body.raw = await withTokens(request.body.raw, trying)
  }
  collection.auth = { type: 'bearer', bearer: [{ key: 'token', value: trying.token }] }
  collection.item = requests.toSorted((a, b) => rank(a) - rank(b))
  const [file, report] = [join(folder, 'collection.json'), join(folder, 'report.json')]
  writeFileSync(file, JSON.stringify(collection))
  const reporter = ['--reporters', 'json', '--reporter-json-export', report]
  await run(folder, program('newman', installed), 'run', file, ...reporter, '--suppress-exit-code')
  const { executions } = JSON.parse(readFileSync(report, 'utf8')).run as {
    executions: readonly Execution[]
  }
  return executions.map(({ item, request, response }) => ({
    name: `${request.method} ${item.name}`,
    status: response?.code ?? 0,
    text: Buffer.from(response?.stream.data ?? []).toString(),
  }))
}

/** Installed by the command alone. */
const CONVERTER = 'openapi-to-postmanv2'

/** As who imports it chooses: parameters after the examples. */
const OPTIONS = { parametersResolution: 'Example' }

interface Converter {
  convertV2(
    input: { type: 'json'; data: unknown },
    options: Readonly<Record<string, unknown>>,
    done: (
      error: unknown,
      answer: { output?: readonly { data: Collection }[]; reason?: string },
    ) => void,
  ): void
}

function converted(converter: Converter, data: unknown): Promise<Collection> {
  return new Promise((resolve, reject) =>
    converter.convertV2({ type: 'json', data }, OPTIONS, (error, answer) => {
      const [made] = answer?.output ?? []
      if (made) resolve(made.data)
      else reject(error ?? new Error(answer.reason))
    }),
  )
}

function all(items: readonly Item[]): Item[] {
  return items.flatMap((item) => (item.item ? all(item.item) : [item]))
}

/** Deleted last of all, with what is inside of them. */
const HOLDERS = new Set(['badges', 'services', 'users'])

/** Reads come first, and deletions last; among them long paths first, for what is inside goes first. */
function rank({ request }: Item): number {
  if (!request || request.method === 'GET') return 0
  const { path } = request.url
  if (request.method !== 'DELETE') return 100
  return 200 - path.length + (path.length === 3 && HOLDERS.has(path[1] ?? '') ? 100 : 0)
}

/** A token cannot be written down: it is signed, and ends. */
async function withTokens(body: string, { site, another }: Trying): Promise<string> {
  if (!body.includes(EXAMPLE_TOKEN)) return body
  if (!body.includes('visitorToken')) return body.replace(EXAMPLE_TOKEN, another)
  const { token } = await asked<{ token: string }>(`${site}/v1/visitors`, { method: 'POST' })
  return body.replace(EXAMPLE_TOKEN, token)
}
