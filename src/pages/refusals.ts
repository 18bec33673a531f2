/** What is answered in place of a page: to people a way on or a page that says why, to programs a problem. */
import { html, raw } from 'hono/html'
import type { AppContext } from '../http/context.ts'
import { answer } from '../http/fields.ts'
import { type Html, lookOf, STYLE } from '../http/look.ts'
import { problemResponse } from '../http/problem-response.ts'
import type { Problem } from '../problem.ts'
import { type PageDecision, pageProblem } from '../security/pages/decide-page.ts'
import { ACCOUNT_HOME } from '../settings/account-home.ts'
import { settingsOf } from '../settings/settings.ts'

export type Refused = Exclude<PageDecision, { outcome: 'let through' }>

/** Whether a browser shows the answer to somebody. */
export function isNavigation(headers: Headers): boolean {
  const mode = headers.get('Sec-Fetch-Mode')
  if (mode !== null) return mode === 'navigate'
  return (headers.get('Accept') ?? '').toLowerCase().includes('text/html')
}

/** Where to sign in and come back from; undefined where there is no place to sign in at. */
function signInFor(c: AppContext, signInPath: string | null, next: string): string | undefined {
  const { builtInLogin } = settingsOf(c.env)
  const place = signInPath ?? (builtInLogin ? '/auth/sign-in' : undefined)
  return place && `${place}?next=${encodeURIComponent(next)}`
}

/**
 * Where a person is sent instead; undefined if they stay.
 * @param next the path and query of the page
 */
export function wayOn(c: AppContext, refused: Refused, next: string): string | undefined {
  switch (refused.outcome) {
    case 'redirect':
      return refused.to
    case 'sign in':
      return signInFor(c, refused.signInPath, next)
    case 'refused':
      return refused.forbiddenPath ?? undefined
  }
}

/** @param next the path and query of the page */
export async function refuse(
  c: AppContext,
  refused: Refused,
  headers: Headers,
  next: string,
): Promise<Response> {
  const isForPeople = isNavigation(headers)
  const to = isForPeople || refused.outcome === 'redirect' ? wayOn(c, refused, next) : undefined
  if (to !== undefined) return answer(c, null, 303, { Location: to, ...NOT_KEPT })
  // The compiler cannot know that a redirect has a place to go to.
  if (refused.outcome === 'redirect') throw new Error('a redirect without a place to go to')
  const problem = pageProblem(refused)
  return isForPeople ? refusalPage(c, problem) : keptByNobody(problemResponse(c, problem))
}

const NOT_KEPT = { 'Cache-Control': 'private, no-store' }

function keptByNobody(response: Response): Response {
  response.headers.set('Cache-Control', NOT_KEPT['Cache-Control'])
  return response
}

/** As one text, since what is between the tags is what the policy has the hash of. */
const STYLE_ELEMENT = raw(`<style>${STYLE}</style>`)

const TITLES = { 401: 'Sign in first', 403: 'Not allowed', 404: 'Nothing here' } as const

/** The page has its style in itself: whichever server hands it on, nothing else has to be found. */
async function refusalPage(c: AppContext, problem: Problem): Promise<Response> {
  const { status, detail } = problem
  const title = status === 401 || status === 403 || status === 404 ? TITLES[status] : 'Refused'
  const page = lookOf({
    title,
    notice: { tone: 'bad', text: detail },
    head: html`${STYLE_ELEMENT}`,
    content: ways(c, status),
  })
  return answer(c, String(await page), status, {
    ...NOT_KEPT,
    'Content-Type': 'text/html; charset=UTF-8',
    'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${await styleHash()}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  })
}

/** Somebody may be signed in as the wrong one of two. */
function ways(c: AppContext, status: number): Html {
  const account =
    status === 403 && settingsOf(c.env).builtInLogin
      ? html`<a href="${ACCOUNT_HOME}">Your account</a>`
      : ''
  return html`<p><a href="/">To the start</a> ${account}</p>
    <p>Request ${c.get('requestId')}</p>`
}

async function styleHash(): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(STYLE))
  return Buffer.from(digest).toString('base64')
}
