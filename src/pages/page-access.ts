/**
 * `GET /v1/page-access`: a server in front of a site asks whether to show a page. What it says of the
 * visitor is believed for its secret alone, and the path from one place alone, for all else is the visitor's.
 */
import { sha256 } from '../crypto/digest.ts'
import type { AppContext } from '../http/context.ts'
import { answer } from '../http/fields.ts'
import { onError } from '../http/problem-response.ts'
import { cannotAnswer, Problem } from '../problem.ts'
import { type CanonicalPath, canonicalPath } from '../security/pages/canonical-path.ts'
import { pageProblem } from '../security/pages/decide-page.ts'
import { isProductPath } from '../security/pages/product-paths.ts'
import { signAssertion } from '../security/tokens/page-assertions.ts'
import type { AskingProxy, PagesSettings } from '../settings/pages.ts'
import { ASSERTION_FIELD } from './headers.ts'
import {
  assertForwardable,
  assertNoOtherUpgrade,
  badPath,
  isUpgrade,
  noWebSocket,
} from './not-forwarded.ts'
import { credentialsIn, openPage } from './open-page.ts'
import { isNavigation, refuse, wayOn } from './refusals.ts'

type Proxy = NonNullable<PagesSettings['proxy']>

/** Headers in which each server says what it was asked. */
const SOURCES = {
  nginx: { uri: 'X-Original-URI', method: 'X-Original-Method' },
  caddy: { uri: 'X-Forwarded-Uri', method: 'X-Forwarded-Method' },
  traefik: { uri: 'X-Forwarded-Uri', method: 'X-Forwarded-Method' },
  query: { uri: undefined, method: 'X-Forwarded-Method' },
} as const satisfies Record<AskingProxy, unknown>

/** nginx shows people nothing of an answer but its headers: why it is a refusal, and where to go instead. */
const REASON_FIELD = 'Guildhall-Reason'
const LOCATION_FIELD = 'Guildhall-Location'

/** 204 with an assertion; for nginx otherwise 401 and 403 alone, because it makes 500 of all else. */
export async function answerPageAccess(
  c: AppContext,
  pages: PagesSettings,
  proxy: Proxy,
  isLate: boolean,
): Promise<Response> {
  try {
    if (!(await isProxy(c, proxy))) throw notTheProxy()
    if (isLate) throw cannotAnswer('GET')
    return await access(c, pages, proxy.kind)
  } catch (error) {
    const problem = onError(error instanceof Error ? error : new Error(String(error)), c)
    // A server that makes a redirect of it would send the challenge along.
    problem.headers.delete('WWW-Authenticate')
    return proxy.kind === 'nginx' ? forNginx(c, problem.status, codeOf(error)) : problem
  }
}

/** By hashes, for the time that takes says nothing of the secret. */
async function isProxy(c: AppContext, { secret }: Proxy): Promise<boolean> {
  const sent = c.req.header('Guildhall-Proxy-Secret') ?? ''
  return (await sha256(sent)) === (await sha256(secret))
}

function notTheProxy(): Problem {
  const detail = 'Only the server that stands before the pages is answered here.'
  return new Problem('unauthenticated', detail, { stage: 'credential' })
}

async function access(c: AppContext, pages: PagesSettings, kind: AskingProxy): Promise<Response> {
  const { path, query, method } = askedOf(c, kind)
  const { publicUrl } = pages
  const visitors = visitorsOwn(c.req.raw.headers, kind)
  assertNoOtherUpgrade(visitors)
  assertForwardable({ method, headers: visitors, body: null }, pages)
  const upgrades = isUpgrade(visitors)
  const headers = credentialsIn(visitors, pages)
  const { decision, caller, cookie } = await openPage(c, { method, path, headers, upgrades })
  const answered = async () => {
    if (decision.outcome !== 'let through') {
      const next = `${path}${query}`
      if (kind !== 'nginx') return refuse(c, decision, visitors, next)
      const isSentOn = isNavigation(visitors) || decision.outcome === 'redirect'
      const to = isSentOn ? wayOn(c, decision, next) : undefined
      if (decision.outcome === 'redirect') return forNginx(c, 403, 'redirect', to)
      const { status, code } = pageProblem(decision)
      return forNginx(c, status, code, to)
    }
    if (upgrades && !decision.rule?.webSocket) throw noWebSocket()
    const about = { caller, rule: decision.rule?.id, method, path, audience: publicUrl }
    const assertion = await signAssertion(c.env.DB, pages, about, c.get('now'))
    return answer(c, null, 204, { [ASSERTION_FIELD]: assertion })
  }
  const response = await answered()
  response.headers.delete('WWW-Authenticate')
  if (cookie !== undefined) response.headers.append('Set-Cookie', cookie)
  return response
}

interface AskedPage {
  readonly path: CanonicalPath
  readonly query: string
  readonly method: string
}

/** @throws Problem `not_forwarded` for a path that is missing, odd or said twice */
function askedOf(c: AppContext, kind: AskingProxy): AskedPage {
  const { uri, method: methodField } = SOURCES[kind]
  const said = uri === undefined ? encodedPaths(c) : single(c.req.header(uri))
  const [target, ...others] = said ?? []
  if (target === undefined)
    throw new Problem('not_forwarded', 'The server does not say which page.')
  // Fields that are sent twice arrive as one, with a blank that is in no path.
  if (others.length > 0 || /\s/.test(target)) {
    throw new Problem('not_forwarded', 'The server says more than one page.')
  }
  const method = c.req.header(methodField) ?? ''
  if (!/^[A-Z]+$/.test(method)) {
    throw new Problem('not_forwarded', 'The server does not say by which method.')
  }
  // To a program that serves files it is a letter like any other, and no browser sends it.
  if (target.includes('#')) throw badPath('has a number sign')
  const [, sent = '', query = ''] = /^([^?]*)(\?.*)?/.exec(target) ?? []
  const spelling = canonicalPath(sent)
  if ('fault' in spelling) throw badPath(spelling.fault)
  if (isProductPath(spelling.path)) {
    throw new Problem('not_forwarded', 'This path is answered by this site itself.')
  }
  return { path: spelling.path, query, method }
}

/** @throws Problem `not_forwarded` for a path that was put in as it came: decoded, it would be another one */
function encodedPaths(c: AppContext): string[] | undefined {
  const raw = [...new URL(c.req.url).search.matchAll(/[?&]path=([^&]*)/g)].map(
    ([, text = '']) => text,
  )
  if (raw.some((text) => text.includes('/') || text.includes('?'))) {
    throw new Problem('not_forwarded', 'The path is to be percent-encoded, its slashes as well.')
  }
  return c.req.queries('path')
}

function single(value: string | undefined): string[] | undefined {
  return value === undefined ? undefined : [value]
}

/** What the visitor has sent, and where from, as the server in between says it. */
function visitorsOwn(sent: Headers, kind: AskingProxy): Headers {
  const headers = new Headers(sent)
  headers.delete('CF-Connecting-IP')
  // The nearest server has written the last one.
  const address = sent.get('X-Forwarded-For')?.split(',').at(-1)?.trim()
  if (address) headers.set('CF-Connecting-IP', address)
  // nginx does not pass an upgrade on to whom it asks; from any other this header is the visitor's.
  const upgrade = kind === 'nginx' ? sent.get('X-Original-Upgrade') : null
  if (upgrade !== null) headers.set('Upgrade', upgrade)
  return headers
}

function forNginx(c: AppContext, status: number, reason: string, to?: string): Response {
  return answer(c, null, status === 401 ? 401 : 403, {
    [REASON_FIELD]: reason,
    ...(to !== undefined && { [LOCATION_FIELD]: to }),
  })
}

function codeOf(error: unknown): string {
  return error instanceof Problem ? error.code : 'internal'
}
