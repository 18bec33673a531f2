/** In front of the origin: a request for a page is decided about like a call, and handed on as it is. */
import type { Next } from 'hono'
import type { AppContext } from '../http/context.ts'
import { Problem } from '../problem.ts'
import { type CanonicalPath, canonicalPath, targetOf } from '../security/pages/canonical-path.ts'
import { isRestricted } from '../security/pages/decide-page.ts'
import { isProductPath } from '../security/pages/product-paths.ts'
import { signAssertion } from '../security/tokens/page-assertions.ts'
import type { PagesFront, PagesSettings } from '../settings/pages.ts'
import { credentialsIn, isReading, type Opened, openPage } from './open-page.ts'
import { fromOrigin, HOP_FIELD, toOrigin } from './headers.ts'
import { assertForwardable, badPath, isUpgrade, noWebSocket } from './not-forwarded.ts'
import { refuse } from './refusals.ts'

/** How long an origin may take to begin its answer; longer if it has to take a body first. */
const ORIGIN_LIMIT_MS = 30_000
const ORIGIN_LIMIT_WITH_BODY_MS = 300_000

interface Page {
  /** Where it is had. */
  readonly origin: string
  readonly path: CanonicalPath
  /** With its question mark, as it was sent; empty if there is none. */
  readonly query: string
}

/**
 * What is no page, because the product itself is there or the site is not, is left to the app.
 * @throws Problem for what is not handed on, a bad credential, and an origin that fails
 */
export async function servePage(
  c: AppContext,
  next: Next,
  pages: PagesSettings,
  { origin }: PagesFront,
): Promise<Response | void> {
  const { url } = c.req.raw
  const { path: sent, query } = targetOf(url)
  if (isProductPath(sent) || new URL(url).origin !== pages.publicUrl) return next()
  const spelling = canonicalPath(sent)
  if ('fault' in spelling) throw badPath(spelling.fault)
  const { path } = spelling
  return isProductPath(path) ? next() : openOrRefuse(c, pages, { origin, path, query })
}

async function openOrRefuse(c: AppContext, pages: PagesSettings, page: Page): Promise<Response> {
  c.get('record').route = 'page'
  const { raw } = c.req
  if (raw.headers.has(HOP_FIELD)) throw goesRound()
  assertForwardable(raw, pages)
  const upgrades = isUpgrade(raw.headers)
  const headers = credentialsIn(raw.headers, pages)
  const opened = await openPage(c, { method: raw.method, path: page.path, headers, upgrades })
  const { decision, cookie } = opened
  if (decision.outcome !== 'let through') {
    const refusal = await refuse(c, decision, raw.headers, `${page.path}${page.query}`)
    if (cookie !== undefined) refusal.headers.append('Set-Cookie', cookie)
    return refusal
  }
  if (upgrades && !decision.rule?.webSocket) throw noWebSocket()
  return forward(c, pages, page, opened)
}

async function forward(
  c: AppContext,
  pages: PagesSettings,
  { origin, path, query }: Page,
  { decision, caller, cookie }: Opened,
): Promise<Response> {
  const { publicUrl, passesAuthorization } = pages
  const { method, headers, body } = c.req.raw
  const rule = decision.rule?.id
  const about = { caller, rule, method, path, audience: origin }
  const assertion = await signAssertion(c.env.DB, pages, about, c.get('now'))
  const upgrades = isUpgrade(headers)
  const asked = new URL(`${origin}${path}${query}`)
  const fetcher: Pick<Fetcher, 'fetch'> = c.env.PAGES ?? globalThis
  // It takes the time of the origin and not of this site, whose storage has answered.
  const answered = await c.get('waitForSender')(
    inTime(isReading(method) ? ORIGIN_LIMIT_MS : ORIGIN_LIMIT_WITH_BODY_MS, (signal) =>
      fetcher.fetch(asked.href, {
        method,
        headers: toOrigin(headers, { publicUrl, assertion, passesAuthorization, upgrades }),
        body: isReading(method) ? null : body,
        redirect: 'manual',
        cache: 'no-store',
        signal,
      }),
    ),
  )
  return handedOn(
    answered,
    fromOrigin(answered.headers, {
      asked,
      publicUrl,
      isRestricted: isRestricted(decision),
      cookie,
    }),
  )
}

/** The limit is over with the headers; what is wrong after that breaks the body off. */
async function inTime(
  limit: number,
  ask: (signal: AbortSignal) => Promise<Response>,
): Promise<Response> {
  const signal = AbortSignal.timeout(limit)
  try {
    return await ask(signal)
  } catch (cause) {
    if (signal.aborted) {
      const detail = `The origin of this page did not begin to answer within ${limit / 1000} seconds.`
      throw new Problem('origin_timeout', detail, { cause })
    }
    throw new Problem('origin_failed', 'The origin of this page does not answer.', { cause })
  }
}

/** The body is handed over as it is: a stream of our own would decode it, and cost the more the longer it is. */
function handedOn({ status, statusText, body, webSocket }: Response, headers: Headers): Response {
  if (webSocket) return new Response(null, { status: 101, headers, webSocket })
  try {
    return new Response(body, { status, statusText, headers })
  } catch (cause) {
    const detail = 'The origin of this page answers in a way that cannot be handed on.'
    throw new Problem('origin_failed', detail, { cause })
  }
}

function goesRound(): Problem {
  const detail = 'This request has been handed on by this site already: its origin leads back here.'
  return new Problem('unavailable', detail, { retryAfter: 60 })
}
