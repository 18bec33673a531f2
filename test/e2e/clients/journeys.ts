/**
 * What is done with clients that generators make of the OpenAPI document: the same in each of them, with
 * a token, an API key and nothing as the credential, and bodies that say only what has to be said. Each
 * is compiled at the strictest and run.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { compilation } from '../support/consumer.ts'
import { run } from './trying.ts'

export interface Generated {
  /** The packages that make it and that it needs, with the versions that were tried. */
  readonly packages: Readonly<Record<string, string>>
  /** The package whose program makes it. */
  readonly generator: string
  /** Arguments of the program. @param at where the site is */
  readonly args: (document: string, at: string) => readonly string[]
  /** Written before the program runs. */
  readonly config?: (
    document: string,
    at: string,
  ) => { readonly name: string; readonly text: string }
  /** A module that exports `journey(site, token, key)`. */
  readonly journey: string
}

export interface Told {
  readonly title: string
  readonly again: string
  readonly listed: number
  readonly changed: string
  readonly stale: string
  readonly kind: string
}

const OPENAPI_FETCH = `
import createClient from 'openapi-fetch'
import type { paths } from './api'

export async function journey(site: string, token: string, key: string) {
  let credential = token
  const client = createClient<paths>({ baseUrl: site })
  client.use({
    onRequest: ({ request }) => request.headers.set('Authorization', \`Bearer \${credential}\`),
  })
  const create = { body: { title: 'Early bird' }, params: { header: { 'Idempotency-Key': crypto.randomUUID() } } }
  const badge = (await client.POST('/v1/badges', create)).data
  const again = (await client.POST('/v1/badges', create)).data
  if (!badge || !again) throw new Error('no badge')
  await client.POST('/v1/services', { body: { name: 'Tour' } })
  await client.POST('/v1/badge-rules', { body: { badgeId: badge.id, metric: 'visits', threshold: 3 } })
  const list = await client.GET('/v1/badges', { params: { query: { limit: 10 } } })
  const change = {
    params: { path: { badgeId: badge.id }, header: { 'If-Match': \`"\${badge.revision}"\` } },
    body: { title: 'Night owl' },
  }
  const changed = await client.PATCH('/v1/badges/{badgeId}', change)
  const stale = await client.PATCH('/v1/badges/{badgeId}', change)
  credential = key
  const me = await client.GET('/v1/whoami')
  return {
    title: badge.title,
    again: again.id === badge.id ? 'same' : 'another',
    listed: list.data?.items.filter(({ id }) => id === badge.id).length ?? 0,
    changed: changed.data?.title ?? '',
    stale: stale.error?.code ?? '',
    kind: me.data?.kind ?? '',
  }
}
`

const HEY_API = `
import { client } from './client/client.gen'
import {
  createBadge, createBadgeRule, createService, listBadges, patchBadge, readWhoami,
} from './client/sdk.gen'

export async function journey(site: string, token: string, key: string) {
  client.setConfig({ baseUrl: site, auth: () => token })
  const create = { body: { title: 'Early bird' }, headers: { 'Idempotency-Key': crypto.randomUUID() } }
  const badge = (await createBadge(create)).data
  const again = (await createBadge(create)).data
  if (!badge || !again) throw new Error('no badge')
  await createService({ body: { name: 'Tour' } })
  await createBadgeRule({ body: { badgeId: badge.id, metric: 'visits', threshold: 3 } })
  const list = await listBadges({ query: { limit: 10 } })
  const change = {
    path: { badgeId: badge.id },
    headers: { 'If-Match': \`"\${badge.revision}"\` },
    body: { title: 'Night owl' },
  }
  const changed = await patchBadge(change)
  const stale = await patchBadge(change)
  client.setConfig({ auth: () => key })
  const me = await readWhoami()
  return {
    title: badge.title,
    again: again.id === badge.id ? 'same' : 'another',
    listed: list.data?.items.filter(({ id }) => id === badge.id).length ?? 0,
    changed: changed.data?.title ?? '',
    stale: stale.error?.code ?? '',
    kind: me.data?.kind ?? '',
  }
}
`

const ORVAL = `
import { createBadge, createBadgeRule, createService, listBadges, patchBadge, readWhoami } from './api'

export async function journey(_site: string, token: string, key: string) {
  const Authorization = \`Bearer \${token}\`
  const once = { headers: { Authorization, 'Idempotency-Key': crypto.randomUUID() } }
  const badge = await createBadge({ title: 'Early bird' }, once)
  const again = await createBadge({ title: 'Early bird' }, once)
  if (badge.status !== 201 || again.status !== 201) throw new Error(\`\${badge.status}\`)
  const { id, revision } = badge.data
  const own = { headers: { Authorization } }
  await createService({ name: 'Tour' }, own)
  await createBadgeRule({ badgeId: id, metric: 'visits', threshold: 3 }, own)
  const list = await listBadges({ limit: 10 }, own)
  const match = { headers: { Authorization, 'If-Match': \`"\${revision}"\` } }
  const changed = await patchBadge(id, { title: 'Night owl' }, match)
  const stale = await patchBadge(id, { title: 'Night owl' }, match)
  const me = await readWhoami({ headers: { Authorization: \`Bearer \${key}\` } })
  return {
    title: badge.data.title,
    again: again.data.id === id ? 'same' : 'another',
    listed: list.status === 200 ? list.data.items.filter((each) => each.id === id).length : 0,
    changed: changed.status === 200 ? changed.data.title : '',
    stale: stale.status === 412 ? stale.data.code : '',
    kind: me.status === 200 ? me.data.kind : '',
  }
}
`

const SWAGGER_TYPESCRIPT_API = `
import { Api, type Problem } from './api'

export async function journey(site: string, token: string, key: string) {
  let credential = token
  const api = new Api({
    baseUrl: site,
    baseApiParams: { format: 'json' },
    securityWorker: () => ({ headers: { Authorization: \`Bearer \${credential}\` } }),
  }).v1
  const once = { headers: { 'Idempotency-Key': crypto.randomUUID() } }
  const badge = (await api.createBadge({ title: 'Early bird' }, once)).data
  const again = (await api.createBadge({ title: 'Early bird' }, once)).data
  await api.createService({ name: 'Tour' })
  await api.createBadgeRule({ badgeId: badge.id, metric: 'visits', threshold: 3 })
  const list = await api.listBadges({ limit: 10 })
  const match = { headers: { 'If-Match': \`"\${badge.revision}"\` } }
  const change = { title: 'Night owl' }
  const changed = await api.patchBadge(badge.id, change, match)
  const stale = await api.patchBadge(badge.id, change, match).catch(
    ({ error }: { error: Problem }) => error.code,
  )
  credential = key
  const me = await api.readWhoami()
  return {
    title: badge.title,
    again: again.id === badge.id ? 'same' : 'another',
    listed: list.data.items.filter(({ id }) => id === badge.id).length,
    changed: changed.data.title,
    stale: String(stale),
    kind: me.data.kind,
  }
}
`

export const GENERATED = {
  'openapi-typescript and openapi-fetch': {
    packages: { 'openapi-typescript': '7.13.0', 'openapi-fetch': '0.17.0', typescript: '5.9.3' },
    generator: 'openapi-typescript',
    args: (document) => [document, '--output', 'api.d.ts'],
    journey: OPENAPI_FETCH,
  },
  '@hey-api/openapi-ts': {
    packages: { '@hey-api/openapi-ts': '0.99.0', typescript: '5.9.3' },
    generator: '@hey-api/openapi-ts',
    args: (document) => ['--input', document, '--output', 'client', '--no-log-file'],
    journey: HEY_API,
  },
  orval: {
    packages: { orval: '8.38.0' },
    generator: 'orval',
    args: () => ['--config', 'orval.config.mjs'],
    config: (document, at) => {
      const output = { target: 'api.ts', client: 'fetch', mode: 'single', baseUrl: at }
      const site = { input: { target: document }, output }
      return { name: 'orval.config.mjs', text: `export default ${JSON.stringify({ site })}` }
    },
    journey: ORVAL,
  },
  'swagger-typescript-api': {
    packages: { 'swagger-typescript-api': '13.13.0' },
    generator: 'swagger-typescript-api',
    args: (document) => ['generate', '--path', document, '--output', '.', '--name', 'api.ts'],
    journey: SWAGGER_TYPESCRIPT_API,
  },
} as const satisfies Record<string, Generated>

export const EXPECTED: Told = {
  title: 'Early bird',
  again: 'same',
  listed: 1,
  changed: 'Night owl',
  stale: 'precondition_failed',
  kind: 'partner',
}

export interface Place {
  /** An empty folder, from which the packages can be imported. */
  readonly folder: string
  /** Where the packages of the generators are installed. */
  readonly installed: string
  readonly site: string
}

/** Generates the client from what the site serves. */
export async function generate(generated: Generated, { folder, installed, site }: Place) {
  const document = join(folder, 'openapi.json')
  writeFileSync(document, await (await fetch(`${site}/openapi.json`)).text())
  const config = generated.config?.(document, site)
  if (config) writeFileSync(join(folder, config.name), config.text)
  const args = [program(generated.generator, installed), ...generated.args(document, site)]
  await run(folder, ...args)
  writeFileSync(join(folder, 'journey.ts'), generated.journey)
}

/** The file that npm would link as the package's program. */
export function program(name: string, installed: string): string {
  const manifest = createRequire(join(installed, 'x.js')).resolve.paths(name) ?? []
  for (const place of manifest) {
    const file = join(place, name, 'package.json')
    try {
      const { bin } = JSON.parse(readFileSync(file, 'utf8'))
      const [first] = typeof bin === 'string' ? [bin] : Object.values<string>(bin)
      return join(dirname(file), first ?? '')
    } catch {
      // It may be in a folder further up.
    }
  }
  throw new Error(`${name} is not installed`)
}

/** What generators put beside the types is not always written for `exactOptionalPropertyTypes`. */
const OPTIONS = {
  module: 'esnext',
  moduleResolution: 'bundler',
  exactOptionalPropertyTypes: false,
}

/** @returns what the compiler says of the journey, or of a journey with a mistake */
export async function checked({ folder }: Place, journey = 'journey.ts'): Promise<string> {
  const said = run(folder, ...compilation(folder, [journey], OPTIONS))
  return said.catch(({ stdout }: { stdout: string }) => stdout)
}

export async function travelled(
  { folder, site }: Place,
  token: string,
  key: string,
): Promise<Told> {
  const outfile = join(folder, 'journey.mjs')
  const entryPoints = [join(folder, 'journey.ts')]
  await build({ entryPoints, bundle: true, format: 'esm', outfile, logLevel: 'silent' })
  const { journey } = await import(outfile)
  return journey(site, token, key)
}
