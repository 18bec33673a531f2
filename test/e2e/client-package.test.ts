/** The client as others get it: built, and used where there is nothing else of this project. */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { convertV4MiniflareOptions, Miniflare, type Request, Response } from 'miniflare'
import { describe, expect, onTestFinished, test } from 'vitest'
import { routes } from '../../src/api/index.ts'
import { consumerForFile, ROOT } from './support/consumer.ts'
import { localSite } from './support/local-site.ts'

const consumer = consumerForFile()
const site = localSite()
const dist = join(consumer.installed, 'client')

/** Runs a program where the package is installed. @returns what it prints */
async function printed(program: string, env: Record<string, string> = {}): Promise<string> {
  const file = join(consumer.folder, 'program.ts')
  writeFileSync(file, program)
  const options = { cwd: consumer.folder, env: { ...process.env, ...env } }
  const { stdout } = await promisify(execFile)(process.execPath, [file], options)
  return stdout.trim()
}

describe('the module', () => {
  test('is less than 5 kB, minified and packed', () => {
    const { length } = gzipSync(readFileSync(join(dist, 'index.js')))
    expect(length).toBeLessThan(5000)
  })

  test('is made of the client and the client of Hono, and of nothing else', async () => {
    const { metafile } = await build({
      absWorkingDir: ROOT,
      entryPoints: ['src/client/index.ts'],
      bundle: true,
      write: false,
      metafile: true,
    })
    const foreign = Object.keys(metafile.inputs).filter(
      (path) => !/^(src\/client|node_modules\/hono\/dist\/(client|utils))\//.test(path),
    )
    expect(foreign).toEqual([])
  })

  test('is all that the package has, and needs no package beside it', async () => {
    const program = `import('guildhall/client').then((all) => console.log(Object.keys(all).sort().join()))`
    expect(await printed(program)).toBe('GuildhallError,PathError,createClient,loginToken')
    expect(readdirSync(consumer.installed).toSorted()).toEqual([
      'LICENSE',
      'client',
      'package.json',
    ])
    const packages = readdirSync(join(consumer.folder, 'node_modules'))
    expect(packages.filter((name) => !name.startsWith('.'))).toEqual(['guildhall'])
  })

  test('calls a site from where it was installed', async () => {
    const { secret, id } = await site.admin<{ secret: string; id: string }>(
      'POST',
      '/v1/api-keys',
      { name: 'Elsewhere', scopes: [] },
    )
    const program = `import { createClient, GuildhallError } from 'guildhall/client'
      const { v1 } = createClient({ baseUrl: process.env.SITE, apiKey: process.env.KEY })
      const { keyId } = await v1.whoami.$get()
      const refused = await v1.audit.$get().catch((error) => error)
      console.log(keyId, refused instanceof GuildhallError, refused.code, refused.required)`
    const told = await printed(program, { SITE: site.url, KEY: secret })
    expect(told).toBe(`${id} true forbidden audit:read`)
  })
})

test('in a Worker the module works as it is', async () => {
  const main = `import { createClient } from './index.js'
    const { v1 } = createClient({ baseUrl: 'https://members.example', apiKey: 'guild_…' })
    export default {
      async fetch() {
        const signal = AbortSignal.timeout(60_000)
        return Response.json(await v1.me.$patch({ json: { bio: null }, ifMatch: 1, signal }))
      },
    }`
  const sent: Request[] = []
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      compatibilityDate: '2026-10-01',
      modules: [
        { type: 'ESModule', path: 'main.js', contents: main },
        {
          type: 'ESModule',
          path: 'index.js',
          contents: readFileSync(join(dist, 'index.js'), 'utf8'),
        },
      ],
      outboundService: (request) => {
        sent.push(request)
        return Response.json({ revision: 2 })
      },
    }),
  )
  onTestFinished(() => miniflare.dispose())
  const response = await miniflare.dispatchFetch('https://worker.example')
  expect(await response.json()).toEqual({ revision: 2 })
  expect(sent.map(({ method, url }) => `${method} ${url}`)).toEqual([
    'PATCH https://members.example/v1/me',
  ])
})

describe('the declarations', () => {
  const USE = readFileSync(join(ROOT, 'test/types/client.ts'), 'utf8').replace(
    '../../src/client/index.ts',
    'guildhall/client',
  )

  test.each([
    ['nodenext', {}],
    ['a bundler', { module: 'esnext', moduleResolution: 'bundler' }],
  ])('stand alone, and accept and refuse what the sources do (%s)', (_, options) => {
    expect(consumer.compiled(USE, options)).toBe('')
  })

  test('know every type: there is no any in them', () => {
    const declarations = readdirSync(dist).filter((name) => name.endsWith('.d.ts'))
    expect(declarations).toContain('index.d.ts')
    const code = declarations.map((name) => readFileSync(join(dist, name), 'utf8')).join('\n')
    const withoutText = code.replaceAll(/\/\*.*?\*\/|"[^"]*"|'[^']*'/gs, '')
    expect(withoutText.match(/\bany\b/g)).toBeNull()
  })

  test('show the summary of every route that can be called', () => {
    const contract = readFileSync(join(dist, 'contract.d.ts'), 'utf8')
    const callable = routes.filter(({ path }) => !path.includes('{'))
    expect(callable.filter(({ summary }) => !contract.includes(`/** ${summary} */`))).toEqual([])
  })
})

test('the examples of docs/client.md compile, as one module', () => {
  const page = readFileSync(join(ROOT, 'docs/client.md'), 'utf8')
  const examples = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code)
  expect(examples.length).toBeGreaterThan(4)
  expect(consumer.compiled(examples.join('\n'))).toBe('')
})

test('a mistake in an example would be seen', () => {
  expect(consumer.compiled(`import { nothing } from 'guildhall/client'\nnothing()`)).toContain(
    'TS2305',
  )
})
