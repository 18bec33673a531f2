/**
 * The API as the browser that asks for a page may use it: the typed client, whose calls the app answers
 * in process. What was called is noted, for the page to show how the same is done by API.
 */
import { type Client, createClient } from '../client/index.ts'

export type { Client } from '../client/index.ts'

/** Answers a request as if it had come from outside. */
export type Answering = (request: Request) => Promise<Response>

/**
 * By what the API tells who calls and from which page. They are passed on as the browser sent them, and
 * nothing else in the console names them: whoever could write them could make any page call anything.
 */
const PASSED_ON = [
  'Cookie',
  'Origin',
  'Sec-Fetch-Site',
  'CF-Connecting-IP',
  'Authorization',
  'X-API-Key',
]

/** A call by its place in the client, as in `users.:userId.$get`, and what it was given. */
export interface NotedCall {
  readonly chain: readonly string[]
  readonly args: unknown
}

export interface Api {
  readonly client: Client
  readonly calls: readonly NotedCall[]
}

/** @param headers of the browser's request */
export function openApi(origin: string, answer: Answering, headers: Headers): Api {
  const fetch = (url: string, init: RequestInit) => {
    const own = new Headers(init.headers)
    for (const name of PASSED_ON) {
      const value = headers.get(name)
      if (value !== null) own.set(name, value)
    }
    return answer(new Request(url, { ...init, headers: own }))
  }
  return noted(createClient({ baseUrl: origin, fetch, retries: 0 }))
}

/** What calls would be made, without making them. */
export function callsOf(
  origin: string,
  calling: (client: Client) => unknown,
): readonly NotedCall[] {
  const fetch = async () => new Response(null, { status: 204 })
  const { client, calls } = noted(createClient({ baseUrl: origin, fetch, retries: 0 }))
  calling(client)
  return calls
}

function noted(client: Client): Api {
  const calls: NotedCall[] = []
  const note = (call: NotedCall) => void calls.push(call)
  return { client: { ...client, v1: watched(client.v1, [], note) }, calls }
}

function watched<Node extends object>(
  node: Node,
  chain: readonly string[],
  note: (call: NotedCall) => void,
): Node {
  return new Proxy(node, {
    get(target, name) {
      const next: unknown = Reflect.get(target, name)
      const isNode = typeof next === 'function' && typeof name === 'string'
      return isNode ? watched(next, [...chain, name], note) : next
    },
    apply(target, self, args: unknown[]) {
      note({ chain, args: args[0] })
      if (typeof target !== 'function') throw new TypeError('no call')
      return Reflect.apply(target, self, args)
    },
  })
}
