/** A site in front of an origin that the test plays, and rules about its pages. */
import { env as bindings } from 'cloudflare:workers'
import type { Bindings } from '../../src/env.ts'
import { newId } from '../../src/db/ids.ts'
import type { PageAccess } from '../../src/db/schema.ts'
import { patternKey } from '../../src/security/pages/page-rule.ts'
import { loginSite } from './login.ts'
import { ORIGIN, type Way } from './site.ts'

/** What the origin was asked. */
export interface SeenByOrigin {
  readonly url: string
  readonly method: string
  readonly headers: Headers
  readonly body: ReadableStream | null
  readonly redirect: RequestInit['redirect']
  readonly signal: AbortSignal | null
}

export type PagesSite = ReturnType<typeof pagesSite>

/** With the built-in login, in front of an origin that answers `a page` unless `answers` says otherwise. */
export function pagesSite(overrides: Partial<Bindings> = {}, way?: Way) {
  const seen: SeenByOrigin[] = []
  const origin = {
    seen,
    answers: aPage,
    /** The last thing it was asked. @throws Error if it was asked nothing */
    last: (): SeenByOrigin => {
      const last = seen.at(-1)
      if (!last) throw new Error('the origin was asked nothing')
      return last
    },
  }
  const fetch = async (url: string, init: RequestInit = {}) => {
    const asked = {
      url,
      method: init.method ?? 'GET',
      headers: new Headers(init.headers),
      body: init.body instanceof ReadableStream ? init.body : null,
      redirect: init.redirect,
      signal: init.signal ?? null,
    }
    seen.push(asked)
    return origin.answers(asked)
  }
  const site = loginSite({ PAGES: asFetcher(fetch), PAGES_DEFAULT: 'closed', ...overrides }, way)
  return { ...site, origin }
}

const aPage: (asked: SeenByOrigin) => Promise<Response> = async () =>
  new Response('a page', { headers: { 'Content-Type': 'text/html' } })

/** Only `fetch` is called of a binding to a Worker. */
function asFetcher(fetch: (url: string, init?: RequestInit) => Promise<Response>): Fetcher {
  return { fetch } as unknown as Fetcher
}

interface RuleSaid {
  readonly onUnauthenticated?: 'sign-in' | '401' | '404'
  readonly signInPath?: string
  readonly forbiddenPath?: string
  readonly webSocket?: boolean
}

/** A rule past the checks of the API. @returns its id */
export async function rule(path: string, access: PageAccess, said: RuleSaid = {}): Promise<string> {
  const id = newId('pgr', Date.now())
  const { onUnauthenticated = 'sign-in', signInPath, forbiddenPath, webSocket = false } = said
  await bindings.DB.prepare(
    `insert into page_rules (id, path, path_key, access, on_unauthenticated, sign_in_path, forbidden_path,
       web_socket, position, revision, created_at, updated_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, (select count(*) from page_rules), 1, ?, ?)`,
  )
    .bind(
      id,
      path,
      patternKey(path),
      JSON.stringify(access),
      onUnauthenticated,
      signInPath ?? null,
      forbiddenPath ?? null,
      Number(webSocket),
      new Date().toISOString(),
      new Date().toISOString(),
    )
    .run()
  return id
}

/** A request as a browser sends it that is led to a page by a link on another site. */
export const FROM_ELSEWHERE = {
  'Sec-Fetch-Site': 'cross-site',
  'Sec-Fetch-Mode': 'navigate',
  'Sec-Fetch-Dest': 'document',
  Accept: 'text/html,application/xhtml+xml',
} as const

/** The page as a request, with nothing in it that the test does not say. */
export function pageRequest(path: string, init: RequestInit = {}): Request {
  return new Request(`${ORIGIN}${path}`, { redirect: 'manual', ...init })
}

/** A request that says something else of itself, such as a URL that no parser has tidied. */
export function saying(said: Partial<Request>, request: Request = pageRequest('/x')): Request {
  return new Proxy(request, {
    get: (target, name) => {
      if (Object.hasOwn(said, name)) return Reflect.get(said, name)
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
