import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { routes } from '../../src/api/index.ts'
import { createApp } from '../../src/app.ts'
import { followUp } from '../../src/events/index.ts'
import { type Deprecated, deprecationFields } from '../../src/http/deprecation.ts'
import { mount } from '../../src/http/mount.ts'
import { listOf } from '../../src/http/pagination.ts'
import { route } from '../../src/http/route.ts'
import { furnish } from '../support/every-route.ts'
import { type Answer, document, operations, operationsFor } from '../support/openapi.ts'
import { type Client, ORIGIN, type Reply, testSite } from '../support/site.ts'

function linkOf({ headers }: Reply): string | undefined {
  return /^<([^>]*)>; rel="next"$/.exec(headers.get('Link') ?? '')?.[1]
}

/** Reads every page by following nothing but `Link`. */
async function follow(client: Client, path: string): Promise<Reply[]> {
  const pages = [await client.get(path)]
  for (let next = linkOf(at(pages)); next !== undefined; next = linkOf(at(pages))) {
    expect(next.startsWith(`${ORIGIN}/`)).toBe(true)
    pages.push(await client.get(next.slice(ORIGIN.length)))
  }
  return pages
}

function at(pages: readonly Reply[]): Reply {
  const last = pages.at(-1)
  if (!last) throw new Error('there is no page')
  return last
}

describe('Link: rel="next" (RFC 8288)', () => {
  it('leads through every item once and in order, and ends with the last page', async () => {
    const site = testSite()
    const root = await site.root()
    for (let i = 0; i < 7; i++) await root.post('/v1/badges', { title: `Badge ${i}` })
    const all = (await site.anonymous.get('/v1/badges')).body.items
    const pages = await follow(site.anonymous, '/v1/badges?limit=3')
    expect(pages.map(({ body }) => body.items.length)).toEqual([3, 3, 1])
    expect(pages.flatMap(({ body }) => body.items)).toEqual(all)
    expect(at(pages).headers.get('Link')).toBeNull()
  })

  it('is the same place as nextCursor, with every other parameter kept', async () => {
    const site = testSite()
    const root = await site.root()
    for (const name of ['Ada & Co', 'Ada & Sons', 'Ada <3', 'Bob'])
      await site.member(name, { name })
    const [first, second, ...rest] = await follow(
      root,
      `/v1/users?q=${encodeURIComponent('Ada ')}&limit=1`,
    )
    const link = new URL(first ? (linkOf(first) ?? '') : '')
    expect(link.pathname).toBe('/v1/users')
    expect(Object.fromEntries(link.searchParams)).toEqual({
      q: 'Ada ',
      limit: '1',
      cursor: first?.body.nextCursor,
    })
    const again = new URL(second ? (linkOf(second) ?? '') : '')
    expect(again.searchParams.getAll('cursor')).toEqual([second?.body.nextCursor])
    expect(rest).toHaveLength(1)
  })

  it('is on every list that says nextCursor, in the OpenAPI document too', () => {
    const answers = operations.flatMap(({ responses }) => Object.values(responses))
    const linked = answers.filter(({ headers }) => headers?.['Link'])
    const schemasOf = ({ content }: Answer) => {
      const schema = content?.['application/json']?.schema
      // What shows more to some has a list for each.
      return [schema, ...(schema?.anyOf ?? [])].flatMap((each) => each?.$ref ?? [])
    }
    const lists = answers.filter((answer) => schemasOf(answer).some((ref) => ref.endsWith('List')))
    expect(lists.length).toBeGreaterThan(5)
    expect(linked.map(schemasOf)).toEqual(lists.map(schemasOf))
    // A list whose nextCursor can only be null never has a next page.
    const schemas = JSON.stringify(document['components'])
    expect(schemas.match(/"nextCursor":\{(?!"type":"null"\})/g)).toHaveLength(
      new Set(lists.flatMap(schemasOf)).size,
    )
  })
})

describe('Location (RFC 9110, section 15.3.2)', () => {
  it('leads to what was made, wherever there is one', async () => {
    const { root, calls } = await furnish(testSite())
    const led: string[] = []
    for (const { method, path, json } of calls) {
      const { headers, body } = await root.call(method, path, json === undefined ? {} : { json })
      const location = headers.get('Location')
      if (location === null) continue
      const { status, body: found } = await root.get(location)
      expect([location, status, found.id]).toEqual([`${path}/${body.id}`, 200, body.id])
      led.push(path)
    }
    expect(led.sort()).toEqual(COLLECTIONS)
  })

  it('is in the OpenAPI document of the same routes', () => {
    const said = operations.filter(({ responses }) =>
      Object.values(responses).some(({ headers }) => headers?.['Location']),
    )
    expect(said.map(({ path }) => path).sort()).toEqual(COLLECTIONS)
  })
})

/** Collections that a POST adds to, and whose items can be read one by one. */
const COLLECTIONS = routes
  .filter(({ method, path }) => method === 'POST' && routes.some(readsOneOf(path)))
  .map(({ path }) => path)
  .sort()

function readsOneOf(collection: string) {
  return ({ method, path }: { method: string; path: string }) =>
    method === 'GET' &&
    path.startsWith(`${collection}/:`) &&
    !path.slice(collection.length + 2).includes('/')
}

const AWAY = {
  since: '2027-01-01T00:00:00Z',
  sunset: '2027-07-01T12:00:00+02:00',
  link: 'https://members.example/changes',
} as const satisfies Deprecated

const old = route({
  method: 'GET',
  path: '/v1/old-badges',
  summary: 'What used to be',
  access: { open: 'An example' },
  input: { query: z.object({ limit: z.coerce.number().int().optional() }) },
  output: listOf(z.string()),
  deprecated: AWAY,
  run: async () => ({ items: [], nextCursor: 'more' }),
})

async function fromOld(path: string, headers: Record<string, string> = {}): Promise<Response> {
  const app = createApp(followUp)
  mount(app, [old])
  return app.fetch(new Request(`${ORIGIN}${path}`, { headers }), testSite().env)
}

describe('a route that is going away', () => {
  it('says since when (RFC 9745), until when (RFC 8594) and why, beside its own links', async () => {
    const { status, headers } = await fromOld('/v1/old-badges')
    expect(status).toBe(200)
    expect(headers.get('Deprecation')).toBe('@1798761600')
    expect(headers.get('Sunset')).toBe('Thu, 01 Jul 2027 10:00:00 GMT')
    expect(headers.get('Link')).toBe(
      `<https://members.example/changes>; rel="deprecation"; type="text/html", <${ORIGIN}/v1/old-badges?cursor=more>; rel="next"`,
    )
  })

  it.each([
    ['for a field that is not valid', '/v1/old-badges?limit=x', {}, 422],
    ['for what Accept rules out', '/v1/old-badges', { Accept: 'text/html' }, 406],
  ])('says so with a refusal, too: %s', async (_, path, headers, status) => {
    const refused = await fromOld(path, headers)
    expect([refused.status, refused.headers.get('Deprecation')]).toEqual([status, '@1798761600'])
    expect(refused.headers.get('Sunset')).toBe('Thu, 01 Jul 2027 10:00:00 GMT')
  })

  it('is marked in the OpenAPI document, with the headers of all its answers', async () => {
    const [operation] = await operationsFor([{ ...old, name: 'listOldBadges' }])
    expect(operation).toMatchObject({ path: '/v1/old-badges', deprecated: true })
    for (const { headers } of Object.values(operation?.responses ?? {}))
      expect(Object.keys(headers ?? {})).toEqual(
        expect.arrayContaining(['Deprecation', 'Sunset', 'Link']),
      )
  })

  it('is the only one that says so', async () => {
    const { headers } = await testSite().anonymous.get('/v1/badges')
    expect([headers.get('Deprecation'), headers.get('Sunset')]).toEqual([null, null])
    expect(JSON.stringify(document).match(/"deprecated"/g)).toBeNull()
  })

  it.each([
    [{ since: 'soon' }],
    [{ since: '2027-01-01T00:00:00Z', sunset: 'later' }],
    [{ since: '2027-01-01T00:00:00Z', sunset: '2026-12-31T23:59:59Z' }],
  ])('cannot be declared with %o', (deprecated) => {
    expect(() => deprecationFields(deprecated)).toThrow(/^deprecated: /)
  })
})
