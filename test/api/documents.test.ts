import type { Schema } from '@cfworker/json-schema'
import * as z from 'zod'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { version } from '../../package.json'
import { routes } from '../../src/api/index.ts'
import { createApp } from '../../src/app.ts'
import { CONSOLE_PATHS } from '../../src/console/mount.ts'
import { SIGNAL_PATHS } from '../../src/api/signals.ts'
import { LINK_PATHS } from '../../src/http/links/paths.ts'
import { PAGES_PATHS } from '../../src/pages/mount.ts'
import { LOGIN_PATHS } from '../../src/auth/mount.ts'
import { followUp } from '../../src/events/index.ts'
import { DOCUMENT_PATHS } from '../../src/http/documents/index.ts'
import { makeComponents } from '../../src/http/documents/openapi-components.ts'
import { schemaOf } from '../../src/http/documents/openapi-schemas.ts'
import { openapiOf } from '../../src/http/documents/openapi.ts'
import { documentedPath } from '../../src/http/route.ts'
import { PROBLEMS } from '../../src/problem.ts'
import { assertComplete } from '../support/complete.ts'
import { assertDocumented, validatorOf } from '../support/documented.ts'
import { document, operations } from '../support/openapi.ts'
import { ORIGIN, testSite } from '../support/site.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

async function textOf(path: string) {
  const response = await testSite().fetch(new Request(`${ORIGIN}${path}`))
  return { status: response.status, headers: response.headers, text: await response.text() }
}

describe('the paths of the app', () => {
  it('are the declared routes, the documents, the login, pages and the console, and there is no other', () => {
    const served = createApp(followUp)
      .routes.filter(({ path }) => path !== '/*')
      .map(({ method, path }) => `${method} ${path}`)
    const declared = routes.map(({ method, path }) => `${method} ${path}`)
    const documents = DOCUMENT_PATHS.map((path) => `GET ${path}`)
    assertComplete(
      [
        ...declared,
        ...documents,
        ...LINK_PATHS,
        ...LOGIN_PATHS,
        ...PAGES_PATHS,
        ...SIGNAL_PATHS,
        ...CONSOLE_PATHS,
      ],
      served,
      {
        list: 'routes in src/api/index.ts (or DOCUMENT_PATHS, LINK_PATHS, LOGIN_PATHS, PAGES_PATHS, SIGNAL_PATHS or CONSOLE_PATHS)',
        of: 'path of the app',
        recipe: 'A route',
      },
    )
  })
})

describe('GET /healthz', () => {
  it('answers without a credential', async () => {
    expect(await testSite().anonymous.get('/healthz')).toMatchObject({
      status: 200,
      body: { status: 'ok' },
    })
  })
})

describe('GET /openapi.json', () => {
  it('is OpenAPI 3.1 at the origin it is read from', async () => {
    const { status, body } = await testSite().anonymous.get('/openapi.json')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      openapi: expect.stringMatching(/^3\.1\.\d$/),
      info: { title: 'Guildhall', version },
      servers: [{ url: ORIGIN }],
    })
    // The linters and the other tests look at this document.
    expect(body).toEqual(await openapiOf(routes, ORIGIN))
  })

  it('describes every route and document, and no other', async () => {
    const { body } = await testSite().anonymous.get('/openapi.json')
    const described = Object.entries<object>(body.paths).flatMap(([path, operations]) =>
      Object.keys(operations)
        .filter((key) => key !== 'parameters')
        .map((method) => `${method.toUpperCase()} ${path}`),
    )
    const served = [...routes, ...DOCUMENT_PATHS.map((path) => ({ method: 'GET', path }))]
    const expected = served.map(({ method, path }) => `${method} ${documentedPath(path)}`)
    assertComplete(described, expected, {
      list: 'the OpenAPI document (openapiOf, documentOperations)',
      of: 'path that is served',
      recipe: 'A route',
    })
  })
})

describe('the OpenAPI document', () => {
  it('is less than 180 kB for 83 operations, and grows no faster than they do', async () => {
    const { text } = await testSite().anonymous.get('/openapi.json')
    const operations = text.match(/"operationId":/g)?.length ?? 0
    expect(new TextEncoder().encode(text).length / operations).toBeLessThan(180_000 / 83)
  })

  it('is about the address of the site, whichever it was asked at', async () => {
    const login = {
      BUILT_IN_LOGIN: 'on',
      PUBLIC_URL: 'https://people.example',
      AUTH_SECRET: 'x'.repeat(32),
      MAIL_FROM: 'hello@people.example',
    }
    const { body } = await testSite(login).anonymous.get('/openapi.json')
    const urls = body.servers.map(({ url }: { url: string }) => url)
    expect(urls).toEqual(['https://people.example', ORIGIN])
    expect((await testSite(login).anonymous.get('/llms.txt')).text).toContain(
      'https://people.example/openapi.json',
    )
    const { servers } = (await testSite().anonymous.get('/openapi.json')).body
    expect(servers).toMatchObject([{ url: ORIGIN }])
  })

  it('names every operation as its declaration, and describes every tag', async () => {
    const names = operations.map(({ operationId }) => operationId)
    expect(names).toEqual(expect.arrayContaining(routes.map(({ name }) => name)))
    expect(names.filter((name) => !/^[a-z]+([A-Z][a-z]+)*$/.test(name))).toEqual([])
    const { tags } = document as { tags: { name: string; description?: string }[] }
    const bare = tags.filter(({ description }) => !description?.endsWith('.'))
    expect(bare, 'TAGS in src/http/documents/openapi-tags.ts').toEqual([])
  })

  it('has one scheme of credentials, and asks for none only where it is open, and last', () => {
    // A client that sends what every scheme asks for would send two credentials, which is 400.
    const { components, security } = document as {
      components: { securitySchemes: object }
      security: unknown
    }
    expect(Object.keys(components.securitySchemes)).toEqual(['bearer'])
    expect(security).toEqual([{ bearer: [] }])
    for (const { path, method } of routes.filter(({ access }) => 'open' in access)) {
      const open = operations.find(
        (each) => each.path === documentedPath(path) && each.method === method,
      )
      expect([path, open?.security]).toEqual([path, [{ bearer: [] }, {}]])
    }
  })

  it('has patterns that are the same without flags and between slashes, and formats of the standards', () => {
    const [patterns, formats] = [new Set<string>(), new Set<string>()]
    JSON.stringify(document, (key, value: unknown) => {
      if (key === 'pattern' && typeof value === 'string') patterns.add(value)
      if (key === 'format' && typeof value === 'string') formats.add(value)
      return value
    })
    expect([...patterns].filter((pattern) => pattern.includes('/'))).toEqual([])
    for (const pattern of patterns) expect(() => new RegExp(pattern, 'u')).not.toThrow()
    expect(patterns).toContain('^#[0-9A-Fa-f]{6}$')
    expect([...formats].filter((format) => !FORMATS.has(format))).toEqual([])
    expect(() => schemaOf(z.string().regex(/^#[0-9a-f]{6}$/i), 'input', makeComponents())).toThrow(
      /has no flags/,
    )
  })

  it('is what every answer in these tests is held to, formats and headers included', () => {
    const time = { format: 'date-time', type: 'string' } as const
    expect(validatorOf(time).validate('2026-02-30T00:00:00Z').valid).toBe(false)
    const answered = (headers: Record<string, string>) => () =>
      assertDocumented('GET', '/healthz', Response.json({ status: 'ok' }, { headers }), {
        status: 'ok',
      })
    expect(answered({ 'Request-Id': crypto.randomUUID() })).not.toThrow()
    expect(answered({ 'Request-Id': 'x' })).toThrow(/Request-Id/)
  })

  it('has no default in a body, which generators would make required, but says it', () => {
    const { components } = document as { components: { schemas: Record<string, Schema> } }
    expect(JSON.stringify(components.schemas).match(/"default":/)).toBeNull()
    expect(components.schemas['NewBadge']).toMatchObject({
      required: ['title'],
      properties: { textColor: { description: '`"#ffffff"` if left out' } },
    })
  })
})

/** Of JSON Schema 2020-12 and the registry of OpenAPI. */
const FORMATS = new Set('date date-time int32 int64 uri uri-reference uuid idn-email'.split(' '))

describe('GET /problems', () => {
  it('lists every code with its status and title, and links to its page', async () => {
    const { status, headers, text } = await textOf('/problems')
    expect([status, headers.get('Content-Type')]).toEqual([200, 'text/html; charset=UTF-8'])
    const rows = text
      .replaceAll(/\s+/g, ' ')
      .matchAll(
        /<td>(\d+)<\/td> <td> ?<a href="\/problems\/(\w+)"><code>(\w+)<\/code><\/a> ?<\/td> <td>(.*?)<\/td>/g,
      )
    const listed = Array.from(rows, ([, status, link, code, title]) => [link, code, status, title])
    const expected = Object.entries<{ status: number; title: string }>(PROBLEMS).map(
      ([code, { status, title }]) => [code, code, String(status), title],
    )
    expect(listed).toEqual(expected)
  })

  it('is linked from the reference, from every page of a code and from llms.txt', async () => {
    for (const path of ['/docs', '/problems/forbidden'])
      expect((await textOf(path)).text).toContain('<a href="/problems">')
    expect((await textOf('/llms.txt')).text).toContain(`(${ORIGIN}/problems)`)
  })
})

describe('GET /problems/{code}', () => {
  it.each(Object.entries(PROBLEMS))('explains %s', async (code, { status, title }) => {
    const page = await textOf(`/problems/${code}`)
    expect(page.status).toBe(200)
    expect(page.headers.get('Content-Type')).toMatch(/^text\/html; charset=utf-8$/i)
    expect(page.text).toContain(`<h1>${title}</h1>`)
    expect(page.text).toContain(`<code>${code}</code>, status ${status}`)
  })

  it('is where the type of a problem leads', async () => {
    const { body } = await testSite().anonymous.get('/v1/me')
    expect(body.type.startsWith(ORIGIN)).toBe(true)
    const page = await textOf(body.type.slice(ORIGIN.length))
    expect(page).toMatchObject({ status: 200, text: expect.stringContaining(body.title) })
  })

  it('sets code apart, and loads nothing but its own style', async () => {
    const { text, headers } = await textOf('/problems/forbidden')
    expect(text).toContain('<code>required</code> names the permission')
    expect(text).not.toContain('`')
    expect(headers.get('Content-Security-Policy')).toBe(
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'self'; img-src data:",
    )
  })

  it.each(['teapot', 'constructor', '__proto__', '%3Cscript%3E'])(
    'has no page for %s',
    async (code) => {
      expect(await testSite().anonymous.get(`/problems/${code}`)).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      })
    },
  )
})

describe('what only a deployment changes', () => {
  const paths = ['/openapi.json', '/docs', '/problems', '/problems/not_found', '/llms.txt']

  it.each(paths)('%s has an ETag, and is 304 to whoever has it, GET and HEAD', async (path) => {
    const { anonymous } = testSite()
    const { status, headers, text } = await anonymous.get(path)
    expect([status, text.length > 100]).toEqual([200, true])
    const tag = headers.get('ETag') ?? ''
    expect(tag).toMatch(/^"[\w-]{22}"$/)
    for (const method of ['GET', 'HEAD']) {
      for (const known of [tag, `W/${tag}`, '*']) {
        const again = await anonymous.call(method, path, { headers: { 'If-None-Match': known } })
        expect([again.status, again.text, again.headers.get('ETag')]).toEqual([304, '', tag])
        expect(again.headers.get('Content-Security-Policy')).toBe(
          headers.get('Content-Security-Policy'),
        )
      }
    }
    const other = await anonymous.get(path, { headers: { 'If-None-Match': '"x"' } })
    expect([other.status, other.text]).toEqual([200, text])
  })

  it.each(paths)('%s is refused to a bad credential, whatever they have', async (path) => {
    const headers = { 'If-None-Match': '*' }
    expect((await testSite().bearer('x').get(path, { headers })).status).toBe(401)
  })

  it('is made once for each origin, and says each its own', async () => {
    const made = vi.spyOn(JSON, 'stringify')
    const app = createApp(followUp)
    const env = testSite().env
    const read = async (origin: string) =>
      (await app.request(`${origin}/openapi.json`, {}, env)).text()
    const first = await read('https://one.example')
    const before = made.mock.calls.length
    expect(before).toBeGreaterThan(0)
    expect(await read('https://one.example')).toBe(first)
    expect(made.mock.calls.length).toBe(before)
    const second = await read('https://two.example')
    expect([first.includes('two.example'), second.includes('one.example')]).toEqual([false, false])
  })

  it('is kept for so many names of the site and no more, and a page that is none is none', async () => {
    const app = createApp(followUp)
    const env = testSite().env
    for (let i = 0; i < 120; i++) {
      const answer = await app.request(`https://site-${i}.example/llms.txt`, {}, env)
      expect(await answer.text()).toContain(`https://site-${i}.example/docs`)
    }
    for (const path of ['/problems/teapot', '/problems/teapot'])
      expect((await app.request(`${ORIGIN}${path}`, {}, env)).status).toBe(404)
  })
})
