/** The console over HTTP: `/console`, with its own headers and its own check of where a form comes from. */
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { secureHeaders } from 'hono/secure-headers'
import { GuildhallError, PathError } from '../client/index.ts'
import { describeError, log } from '../log.ts'
import { openApi } from './api.ts'
import { choicePages } from './choices.ts'
import type { ConsoleContext, ConsoleEnv } from './context.ts'
import { BadChoice, faultsOf, Form } from './forms.ts'
import { admitted, signInAndSendAgain } from './gate.tsx'
import { isReading } from './is-reading.ts'
import { TypedAgain } from './kept.tsx'
import { nothingHere } from './nothing-here.tsx'
import { formsNeed } from './needs.tsx'
import { isOwnForm, isOwnNavigation } from './own-requests.ts'
import { apiKeyPages } from './pages/api-keys.tsx'
import { auditPages } from './pages/audit.tsx'
import { badgePages } from './pages/badges.tsx'
import { bookingPages } from './pages/bookings.tsx'
import { calendarPages } from './pages/calendar.tsx'
import { explainPages } from './pages/explain.tsx'
import { jobPages } from './pages/jobs.tsx'
import { memberPage } from './pages/member.tsx'
import { accountPages } from './pages/account.tsx'
import { accountBookingPages } from './pages/account-bookings.tsx'
import { accountProfilePages } from './pages/account-profile.tsx'
import { landingPages } from './pages/landing.tsx'
import { memberBookingPages, memberSignInPages } from './pages/member-access.tsx'
import { memberPages } from './pages/members.tsx'
import { overviewPages } from './pages/overview.tsx'
import { pageRulePages } from './pages/page-rules.tsx'
import { providerPages } from './pages/providers.tsx'
import { rolePages } from './pages/roles.tsx'
import { rulePages } from './pages/rules.tsx'
import { servicePages } from './pages/services.tsx'
import { slotPages } from './pages/slots.tsx'
import { endedSessionPages } from './pages/ended-sessions.tsx'
import { webhookPages } from './pages/webhooks.tsx'
import { Refusal, statusOf, titleOf } from './refusal.tsx'
import { say, showSheet } from './shell.tsx'
import { toSignIn } from './to-sign-in.ts'

export const consoleSite = new Hono<ConsoleEnv>()

const POLICY = 'Content-Security-Policy'
const NOTHING_RUNS =
  "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

consoleSite.use(
  secureHeaders({
    // Our own forms have to name their origin, which without any referrer they would not.
    referrerPolicy: 'same-origin',
    xFrameOptions: 'DENY',
  }),
)
consoleSite.use(async (c, next) => {
  c.set('nonce', crypto.randomUUID().replaceAll('-', ''))
  await next()
  // A page has a policy of its own. Whatever else is answered, a part of a page included, runs nothing.
  if (!c.res.headers.has(POLICY)) c.header(POLICY, NOTHING_RUNS)
  if (!c.res.headers.has('Cache-Control')) c.header('Cache-Control', 'no-store')
  c.header('Request-Id', c.env.request.requestId)
})
consoleSite.use(async (c, next) => {
  if (!c.env.request.isLate) return next()
  const text = isReading(c)
    ? 'Try it again in a moment.'
    : 'It may have been done all the same: look first, then try it again.'
  return showSheet(c, {
    title: 'That took too long',
    body: <p role="alert">{text}</p>,
    status: 503,
    headers: { 'Retry-After': '1' },
  })
})
consoleSite.use(
  bodyLimit({
    maxSize: 64 * 1024,
    onError: (c) => refused(c, 'That is too much: nothing was done. Go back and send less.', 413),
  }),
)
consoleSite.use(async (c, next) => {
  const { publicUrl, call, waitForSender } = c.env.request
  const { origin, pathname, search } = new URL(c.req.url)
  if (!['GET', 'HEAD', 'POST'].includes(c.req.method))
    return refused(c, 'This page does not take that.', 405, { Allow: 'GET, HEAD, POST' })
  // A cookie is good at one origin only, whatever the Host header says.
  if (origin !== publicUrl) {
    if (isReading(c)) return c.redirect(`${publicUrl}${pathname}${search}`)
    return refused(c, `This site is at ${publicUrl}.`, 403)
  }
  if (pathname !== '/' && pathname.endsWith('/'))
    return c.redirect(`${withoutSlashes(pathname)}${search}`, 308)
  // The start is for everybody, and knows whoever comes from here.
  if (pathname !== '/' && isReading(c) && !isOwnNavigation(c.req.raw.headers))
    return onceMore(c, `${pathname}${search}`)
  if (!isReading(c) && !isOwnForm(c.req.raw.headers, publicUrl))
    return refused(c, 'This came from another site. Go back to the page and try again.', 403)
  const api = openApi(publicUrl, call, c.req.raw.headers)
  c.set('api', api)
  c.set('client', api.client)
  const body = isReading(c)
    ? ''
    : new TextDecoder().decode(await waitForSender(c.req.arrayBuffer()))
  // Of another kind of body no field could be read, and what is in it would be lost.
  if (body !== '' && !isUrlEncoded(c))
    return refused(c, 'This page takes forms alone, as browsers send them. Nothing was done.', 415)
  c.set('form', new Form(new URLSearchParams(body)))
  const me = api.client.v1.whoami.$get()
  // Whoever asks for it is told of its failure, and until then nobody else is.
  me.catch(() => undefined)
  c.set('me', me)
  await next()
})
consoleSite.use(admitted)

formsNeed(consoleSite)
choicePages(consoleSite)
landingPages(consoleSite)
overviewPages(consoleSite)
accountPages(consoleSite)
accountBookingPages(consoleSite)
accountProfilePages(consoleSite)
memberPages(consoleSite)
memberPage(consoleSite)
memberSignInPages(consoleSite)
memberBookingPages(consoleSite)
badgePages(consoleSite)
rulePages(consoleSite)
rolePages(consoleSite)
bookingPages(consoleSite)
calendarPages(consoleSite)
slotPages(consoleSite)
servicePages(consoleSite)
apiKeyPages(consoleSite)
pageRulePages(consoleSite)
providerPages(consoleSite)
webhookPages(consoleSite)
endedSessionPages(consoleSite)
explainPages(consoleSite)
auditPages(consoleSite)
jobPages(consoleSite)

consoleSite.notFound((c) => nothingHere(c))

consoleSite.onError(async (error, c) => {
  if (error instanceof GuildhallError) return refusedByApi(c, error)
  if (error instanceof PathError) return nothingHere(c)
  if (error instanceof BadChoice) return badChoice(c, error)
  const { requestId } = c.env.request
  log('error', 'console failed', { requestId, ...describeError(error) })
  const body = <p role="alert">Something failed on our side. Its number is {requestId}.</p>
  return showSheet(c, { title: 'That did not work', body, status: 500 })
})

/** The API's own refusal, with what was typed. Whoever is not signed in is led there. */
async function refusedByApi(c: ConsoleContext, error: GuildhallError): Promise<Response> {
  if (error.status === 401) return isReading(c) ? toSignIn(c) : signInAndSendAgain(c)
  if (error.code === 'not_found') return nothingHere(c, error.detail)
  const body = (
    <>
      <Refusal error={error} titled />
      <TypedAgain c={c} faults={faultsOf(error)} />
    </>
  )
  return say(c, { title: titleOf(error), body, status: statusOf(error) })
}

function badChoice(c: ConsoleContext, { field }: BadChoice): Promise<Response> {
  // Of an address nothing was typed, and nothing would have been done.
  const isForm = !isReading(c)
  const fault = `This is none of what the ${isForm ? 'form' : 'page'} offers.`
  const body = (
    <>
      <p role="alert">
        <code>{field}</code>: {fault}
      </p>
      <TypedAgain c={c} faults={{ [field]: fault }} />
    </>
  )
  return say(c, { title: isForm ? 'Nothing was done' : 'Not to be shown', body, status: 422 })
}

/**
 * Whoever comes by a link on another site, or types the address, comes once more from here: the API
 * takes a session only from pages of this site. It works without a script.
 */
function onceMore(c: ConsoleContext, path: string): Response {
  c.header('Refresh', `0;url=${path}`)
  return c.html('<!doctype html><title>One moment</title>')
}

function isUrlEncoded(c: ConsoleContext): boolean {
  const [type = ''] = (c.req.header('Content-Type') ?? '').split(';')
  return type.trim().toLowerCase() === 'application/x-www-form-urlencoded'
}

/** Such a path has no page; what it says before the slashes at its end may have one. */
function withoutSlashes(pathname: string): string {
  let end = pathname.length
  while (pathname[end - 1] === '/') end -= 1
  return pathname.slice(0, end)
}

function refused(
  c: ConsoleContext,
  text: string,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return showSheet(c, { title: 'Not taken', body: <p role="alert">{text}</p>, status, headers })
}
