/** A typed client of the API: Hono's `hc` over the declared routes. How to use it is in docs/client.md. */
import { hc } from 'hono/client'
import type { All, CallOptions, Calls, Page } from './calls.ts'
import { PathError } from './errors.ts'
import { type Call, sender, type Sending } from './send.ts'

export type { CallOptions } from './calls.ts'
export type { Routes } from './contract.ts'
export { GuildhallError, PathError } from './errors.ts'
export { loginToken } from './login.ts'

export type ClientOptions = Sending & {
  /** Where the site is served. */
  readonly baseUrl: string
}

export type Client = Calls & { readonly all: All }

/** Its calls resolve to the body of the answer and reject with a `GuildhallError` if they fail. */
export function createClient(options: ClientOptions): Client {
  const calls = wrapped(asNode(hc(options.baseUrl, { fetch: asFetch(sender(options)) })))
  return asClient({ v1: calls['v1'], all })
}

interface Node {
  (input: object, options: object): Promise<unknown>
  readonly [name: string]: Node
}

interface Args extends CallOptions {
  readonly param?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly json?: unknown
}

/**
 * Hono's chain of a path, whose calls take their options together with their input, and path
 * parameters as they are.
 */
function wrapped(node: Node): Node {
  return new Proxy(node, {
    get(_, name) {
      const next: unknown = Reflect.get(node, name)
      return next && wrapped(asNode(next))
    },
    apply: async (_, __, [args = {}]: [Args?]) => {
      const { param = {}, query, json, signal, ifMatch, ifNoneMatch, idempotencyKey } = args
      const headers = {
        ...(ifMatch !== undefined && { 'If-Match': `"${ifMatch}"` }),
        ...(ifNoneMatch !== undefined && { 'If-None-Match': ifNoneMatch }),
        ...(idempotencyKey !== undefined && { 'Idempotency-Key': idempotencyKey }),
      }
      return node({ param: segments(param), query, json }, { headers, init: { signal } })
    },
  })
}

/** Hono puts them into the path unencoded and leaves out empty ones: the call would be another one. */
function segments(param: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(param).map(([name, value]) => {
      if (/^\.{0,2}$/.test(value)) throw new PathError(`no ${name}: "${value}"`)
      return [name, encodeURIComponent(value)]
    }),
  )
}

async function* all(list: (args: Args) => Promise<Page<unknown>>, args: Args = {}) {
  let page: Page<unknown> | undefined
  do {
    const next = page && { cursor: page.nextCursor }
    page = await list({ ...args, query: { ...args.query, ...next } })
    yield* page.items
  } while (page.nextCursor !== null)
}

/** `hc` looks at nothing that its `fetch` returns, so that may as well be the body itself. */
function asFetch(send: (url: string, call: Call) => Promise<unknown>): typeof fetch {
  return send as unknown as typeof fetch
}

/** `hc` is a chain of any names, and without routes it has no type that says so. */
function asNode(client: unknown): Node {
  return client as Node
}

/** What `Calls` says of its shape follows from the routes, which only exist as types here. */
function asClient(client: { readonly v1: Node | undefined; readonly all: typeof all }): Client {
  return client as unknown as Client
}
