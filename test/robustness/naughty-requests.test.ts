import { describe, expect, it } from 'vitest'
import { furnish, type Furnished } from '../support/every-route.ts'
import {
  differenceOf,
  DOCUMENTS,
  faultsOf,
  FIELD_NAMES,
  harmOf,
  HEADER_SETS,
  METHODS,
  PATHS,
  QUERIES,
} from '../support/naughty.ts'
import { ORIGIN, type Reply, testSite } from '../support/site.ts'

const JSON_TYPE = { 'Content-Type': 'application/json' }

/** Routes that take a body and can be called again and again. */
function writes({ calls }: Furnished) {
  return calls.filter(({ method, json }) => json !== undefined && method !== 'DELETE')
}

/** The rights of everybody, which no naughty request may change. */
async function rights({ root }: Furnished): Promise<unknown> {
  const { items } = (await root.get('/v1/users')).body
  const users = items.map(({ id }: { id: string }) => root.get(`/v1/users/${id}?view=full`))
  const all = await Promise.all<Reply>(users)
  return all.map(({ body: { id, roles, status } }) => [id, roles, status])
}

describe('no naughty JSON document does any harm', () => {
  it('as the whole body', async () => {
    const furnished = await furnish(testSite())
    const { root, ada } = furnished
    const routes = writes(furnished).filter(({ path }) => path !== '/v1/me')
    const faults = await faultsOf(DOCUMENTS, async (document, index) => {
      const raw = await new Blob([document]).arrayBuffer()
      const { method, path } = routes[index % routes.length] ?? { method: 'GET', path: '/' }
      return [
        ...harmOf(await ada.call('PATCH', '/v1/me', { headers: JSON_TYPE, raw })),
        ...harmOf(await root.call(method, path, { headers: JSON_TYPE, raw })),
      ]
    })
    expect(faults).toEqual([])
  })

  it('as the value of a field: it is stored as JSON.parse understands it, or refused', async () => {
    const { ada } = await furnish(testSite())
    const faults = await faultsOf(DOCUMENTS, async (document) => {
      const raw = await new Blob(['{"bio":', document, '}']).arrayBuffer()
      const reply = await ada.call('PATCH', '/v1/me', { headers: JSON_TYPE, raw })
      if (reply.status !== 200) return harmOf(reply)
      const sent = JSON.parse(new TextDecoder().decode(raw)) as { bio: string | null }
      return differenceOf(reply.body, { bio: sent.bio?.normalize('NFC') ?? null })
    })
    expect(faults).toEqual([])
  })
})

it('no field that is not declared is taken by any route, and nobody gains a right', async () => {
  const furnished = await furnish(testSite())
  const before = await rights(furnished)
  for (const { route, method, path, json } of writes(furnished)) {
    const names = FIELD_NAMES.filter((name) => !isDeclared(route.input.json, name))
    const faults = await faultsOf(names, async (name) => {
      // The text is written out, because `__proto__` in an object literal would be no field.
      const rest = JSON.stringify(json).slice(1)
      const raw = `{"${name}":"admin"${rest === '}' ? '' : ','}${rest}`
      const { status, body } = await furnished.root.call(method, path, { headers: JSON_TYPE, raw })
      const isRefused = status === 422 && body.errors[0]?.path === name
      return isRefused ? [] : [`${method} ${path} answered ${status}`]
    })
    expect(faults).toEqual([])
  }
  expect(await rights(furnished)).toEqual(before)
})

describe('no naughty request does any harm', () => {
  it('by its query, and none changes who is asking', async () => {
    const { root, ada, calls } = await furnish(testSite())
    const reads = calls.filter(({ method }) => method === 'GET')
    const faults = await faultsOf(QUERIES, async (query, index) => {
      const whoami = await ada.get(`/v1/whoami?${query}`)
      // Each query is sent to a third of the routes, and so to all of the code that they share.
      const some = reads.filter((_, place) => (place + index) % 3 === 0)
      const replies = await Promise.all(some.map(({ path }) => root.get(`${path}?${query}`)))
      const { body } = whoami.status === 422 ? await ada.get('/v1/whoami') : whoami
      return [...replies.flatMap(harmOf), ...differenceOf(body, { userId: ada.userId })]
    })
    expect(faults).toEqual([])
  })

  it('by its path', async () => {
    const site = testSite()
    const { ada, root } = await furnish(site)
    // A path that the URL parser makes into another site's address never gets here. The page at
    // /docs is HTML, and no answer of the API.
    const own = PATHS.filter(
      (path) => path !== '/docs' && new URL(`${ORIGIN}${path}`).origin === ORIGIN,
    )
    const faults = await faultsOf(own, async (path) => {
      const replies = await Promise.all([site.anonymous, ada, root].map((each) => each.get(path)))
      return replies.flatMap(harmOf)
    })
    expect(faults).toEqual([])
  })

  it('by its headers, and none of them changes who is asking', async () => {
    const furnished = await furnish(testSite({ ALLOWED_ORIGINS: 'https://app.example' }))
    const { ada } = furnished
    const before = await rights(furnished)
    const faults = await faultsOf(HEADER_SETS, async (naughty) => {
      const headers = { ...naughty, authorization: `Bearer ${ada.token}` }
      const json = { ...JSON_TYPE, ...headers }
      const whoami = await ada.get('/v1/whoami', { headers })
      const audit = await ada.get('/v1/audit', { headers })
      return [
        ...[whoami, audit].flatMap(harmOf),
        ...harmOf(await ada.call('PATCH', '/v1/me', { headers: json, raw: '{"bio":"x"}' })),
        ...harmOf(await ada.call('POST', '/v1/me/visits', { headers: json, raw: '{}' })),
        ...(whoami.status === 200 ? differenceOf(whoami.body, { userId: ada.userId }) : []),
        ...(audit.status === 200 ? ['got the audit log'] : []),
      ]
    })
    expect(faults).toEqual([])
    expect(await rights(furnished)).toEqual(before)
  })

  it('by its method', async () => {
    const { ada, calls } = await furnish(testSite())
    const paths = ['/', '/healthz', '/openapi.json', ...new Set(calls.map(({ path }) => path))]
    const faults = await faultsOf(METHODS.filter(isSendable), async (method) => {
      const replies = await Promise.all(paths.map((path) => ada.call(method, path)))
      return replies.flatMap(harmOf)
    })
    expect(faults).toEqual([])
  })
})

function isDeclared(schema: unknown, name: string): boolean {
  return Object.hasOwn((schema as { shape?: object } | undefined)?.shape ?? {}, name)
}

function isSendable(method: string): boolean {
  try {
    return new Request(ORIGIN, { method }).method !== ''
  } catch {
    return false
  }
}
