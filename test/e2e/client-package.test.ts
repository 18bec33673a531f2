/** The client as others get it: built, and used where there is nothing else of this project. */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { convertV4MiniflareOptions, Miniflare, type Request, Response } from 'miniflare'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { routes } from '../../src/api/index.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const consumer = mkdtempSync(join(tmpdir(), 'guildhall-consumer-'))
const installed = join(consumer, 'node_modules/guildhall')
const dist = join(installed, 'dist/client')

beforeAll(() => {
  mkdirSync(installed, { recursive: true })
  cpSync(join(ROOT, 'package.json'), join(installed, 'package.json'))
  execFileSync(process.execPath, [join(ROOT, 'local/build-client.ts'), dist])
})
afterAll(() => rmSync(consumer, { recursive: true, force: true }))

/** What the compiler says of a module in the consumer's project, at its strictest. */
function compiled(source: string, options: object = {}): string {
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2022', 'dom', 'dom.iterable'],
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    types: [],
    noEmit: true,
    ...options,
  }
  writeFileSync(join(consumer, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(consumer, 'main.ts'), source)
  writeFileSync(
    join(consumer, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['main.ts'] }),
  )
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const { stdout, stderr } = spawnSync(process.execPath, [tsc, '-p', consumer], {
    encoding: 'utf8',
  })
  return stdout + stderr
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

  test('is what the package exports, with no package beside it', async () => {
    const program = `import('guildhall/client').then((all) => console.log(Object.keys(all).sort().join()))`
    const names = execFileSync(process.execPath, ['-e', program], {
      cwd: consumer,
      encoding: 'utf8',
    })
    expect(names.trim()).toBe('GuildhallError,createClient')
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
    expect(compiled(USE, options)).toBe('')
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
  expect(compiled(examples.join('\n'))).toBe('')
})

test('a mistake in an example would be seen', () => {
  expect(compiled(`import { nothing } from 'guildhall/client'\nnothing()`)).toContain('TS2305')
})
