/** The built-in login over HTTP: `/auth`, with its own headers, its own check of where a form comes from. */
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { secureHeaders } from 'hono/secure-headers'
import { isRetryable } from '../db/errors.ts'
import { cannotAnswer, Problem } from '../problem.ts'
import { settingsOf, shareSettings } from '../settings/settings.ts'
import type { AppContext } from '../http/context.ts'
import { describeError, log } from '../log.ts'
import { isSameOrigin } from '../security/callers/session-cookie.ts'
import { accountRoutes } from './account-routes.ts'
import { editionOf, iconOf } from '../look/assets.ts'
import { SCRIPT } from '../look/script.ts'
import { styleOf } from '../look/style.ts'
import { MAILED_CODE_SCRIPT, PASSKEY_SCRIPT } from './assets.ts'
import { type LoginContext, type LoginEnv, openLogin } from './context.ts'
import { MailError } from '../mail/transport.ts'
import { message } from './pages.tsx'
import { openidRoutes } from './openid-routes.ts'
import { passkeyRoutes } from './passkey-routes.ts'
import type { BuiltInLogin } from '../settings/login.ts'
import { signInRoutes } from './sign-in-routes.ts'
import { show } from './show.tsx'
import { socialRoutes } from './social-routes.ts'

export const loginSite = new Hono<LoginEnv>().basePath('/auth')

loginSite.use(
  secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      // The logo, if it is elsewhere.
      imgSrc: ["'self'", 'https:'],
      connectSrc: ["'self'"],
      // A social provider is reached by a redirect of a form.
      formAction: [(c: LoginContext) => (hasSocial(c) ? "'self' https:" : "'self'")],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
    // Links carry secrets, so no other site learns them; our own forms have to name their origin.
    referrerPolicy: 'same-origin',
    xFrameOptions: 'DENY',
  }),
)
loginSite.use(async (c, next) => {
  await next()
  c.header('Request-Id', c.env.request.requestId)
})
loginSite.get('/style.css', (c) => asset(c, styleOf(settingsOf(c.env).look), 'text/css'))
loginSite.get('/look.js', (c) => asset(c, SCRIPT, 'text/javascript'))
loginSite.get('/icon.svg', (c) => asset(c, iconOf(settingsOf(c.env).look), 'image/svg+xml'))
loginSite.get('/passkey.js', (c) => asset(c, PASSKEY_SCRIPT, 'text/javascript'))
loginSite.get('/mailed-code.js', (c) => asset(c, MAILED_CODE_SCRIPT, 'text/javascript'))
// Before whatever answers by itself, so that no cache keeps a refusal either.
loginSite.use(async (c, next) => {
  await next()
  c.header('Cache-Control', 'no-store')
})
loginSite.use(async (c, next) => {
  if (c.env.request.isLate) throw cannotAnswer(c.req.method)
  await next()
})
loginSite.use(
  methodNotAllowed({
    app: loginSite,
    onMethodNotAllowed: (c, methods) =>
      show(c, message('Not here', { tone: 'bad', text: 'This page does not take that.' }), 405, {
        Allow: methods.join(', '),
      }),
  }),
)
loginSite.use(
  bodyLimit({
    maxSize: 16 * 1024,
    onError: (c) => show(c, message('Too long', { tone: 'bad', text: 'That is too much.' }), 413),
  }),
)
loginSite.use(async (c, next) => {
  const { login } = c.env.request
  const isRead = isReading(c.req.method)
  const url = new URL(c.req.url)
  // A link or a cookie is good at one origin only, whatever the Host header says.
  if (url.origin !== login.publicUrl) {
    return isRead
      ? c.redirect(`${login.publicUrl}${url.pathname}${url.search}`)
      : refused(c, `This site is at ${login.publicUrl}.`)
  }
  // Whose request it is, only the cookie says here; with two credentials it could be anybody's.
  if (c.req.header('Authorization') !== undefined || c.req.header('X-API-Key') !== undefined) {
    const text = 'This page takes neither a token nor a key, only the cookie of a session.'
    return show(c, message('Not taken', { tone: 'bad', text }), 400)
  }
  if (!isRead && !isSameOrigin(c.req.raw.headers, login.publicUrl)) {
    return refused(c, 'This came from another site. Go back to the page and try again.')
  }
  // Nothing can be read from a client that has hung up, so the whole form is here before anything is done.
  if (!isRead) await c.env.request.waitForSender(c.req.arrayBuffer())
  openLogin(c)
  await next()
})

signInRoutes(loginSite)
accountRoutes(loginSite)
passkeyRoutes(loginSite)
openidRoutes(loginSite)
socialRoutes(loginSite)

loginSite.notFound((c) =>
  show(c, message('Nothing here', { tone: 'bad', text: 'There is no such page.' }), 404),
)
loginSite.onError((error, c) => {
  const { requestId } = c.env.request
  log('error', 'login failed', { requestId, ...describeError(error) })
  if (error instanceof MailError) {
    const text = 'Mail cannot be sent at the moment, so nothing was done. Try again in a minute.'
    return show(c, message('That did not work', { tone: 'bad', text }), 503, {
      'Retry-After': '60',
    })
  }
  if (isUnavailable(error)) {
    const isRead = isReading(c.req.method)
    const text = isRead
      ? 'This took too long. Try it again in a moment.'
      : 'This took too long. It may have been done all the same: look first, then try it again.'
    return show(c, message('That took too long', { tone: 'bad', text }), 503, {
      'Retry-After': '1',
    })
  }
  const text = `Something failed on our side. Its number is ${c.env.request.requestId}.`
  return show(c, message('That did not work', { tone: 'bad', text }), 500)
})

function isReading(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

function isUnavailable(error: Error): boolean {
  return isRetryable(error) || (error instanceof Problem && error.code === 'unavailable')
}

/** The login's answer to a request of the app. */
export async function serveLogin(
  c: AppContext,
  login: BuiltInLogin,
  isLate: boolean,
): Promise<Response> {
  const { requestId, now, waitForSender } = c.var
  const request = { requestId, now, waitForSender, login, isLate }
  const bindings = { ...c.env, request }
  shareSettings(c.env, bindings)
  return loginSite.fetch(c.req.raw, bindings, c.executionCtx)
}

function hasSocial({ env }: LoginContext): boolean {
  const { socialProviders, openidProviders } = env.request.login
  return Object.keys({ ...socialProviders, ...openidProviders }).length > 0
}

function refused(c: LoginContext, text: string) {
  return show(c, message('Not taken', { tone: 'bad', text }), 403)
}

/** One that is asked for by the name of its edition never changes. */
async function asset(c: LoginContext, text: string, type: string) {
  const isEdition = URL.parse(c.req.url)?.search === `?${await editionOf(settingsOf(c.env).look)}`
  c.header(
    'Cache-Control',
    isEdition ? 'public, max-age=31536000, immutable' : 'public, max-age=3600',
  )
  return c.body(text, 200, { 'Content-Type': `${type}; charset=utf-8` })
}
