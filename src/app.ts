/** The Hono app: every middleware, in order, on one screen. */
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { matchedRoutes } from 'hono/route'
import { routes } from './api/index.ts'
import { mountSignals } from './api/signals.ts'
import { mountKeys, mountLogin } from './auth/mount.ts'
import { mountConsole } from './console/mount.ts'
import { settingsOf } from './settings/settings.ts'
import { makeTrusted } from './deps.ts'
import type { FollowUp } from './events/handlers.ts'
import { documents } from './http/documents/index.ts'
import { arrivalOf } from './http/arrival.ts'
import { mountLinks } from './http/links/mount.ts'
import { complete, EXPOSED_HEADERS, firstFields } from './http/fields.ts'
import { type AppContext, type AppEnv, beginSession } from './http/context.ts'
import { identifyCaller, mount } from './http/mount.ts'
import { followProvider } from './http/follow-provider.ts'
import { onError, problemResponse } from './http/problem-response.ts'
import { standInOf } from './http/explain/dry-run.ts'
import { mountPageKeys, mountPages } from './pages/mount.ts'
import { cannotAnswer, Problem } from './problem.ts'
import { assertReady, isReady, NotReady, notReady } from './readiness.ts'
import { type Authenticated, authenticate, readsRights } from './security/callers/authenticate.ts'

const ACCEPTED_HEADERS = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-Match',
  'If-None-Match',
  'X-API-Key',
  'X-D1-Bookmark',
]

/** For preflight requests; what other requests need is among the fields of every answer. */
const crossOrigin = cors({
  origin: (origin, c: AppContext) =>
    settingsOf(c.env).allowedOrigins.includes(origin) ? origin : null,
  allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowHeaders: ACCEPTED_HEADERS,
  exposeHeaders: EXPOSED_HEADERS,
  maxAge: 600,
})

/** What says how the site is answers also when nothing else can, and so do documents about the code. */
const ANSWERS_ANYWAY =
  /^\/(healthz|v1\/health|openapi\.json|llms\.txt|docs|problems|\.well-known\/security\.txt)(\/|$)/

/** @throws Problem `unavailable` while the storage is not what this code can work with */
async function assertUsable(c: AppContext): Promise<void> {
  // A dry run is part of a request that was let in, and stands on other bindings.
  if (standInOf(c.env) || ANSWERS_ANYWAY.test(c.req.path)) return
  try {
    await assertReady(c.env)
  } catch (error) {
    throw error instanceof NotReady ? notReady(error) : error
  }
}

/** Where a request has come to that is no declared route; undefined if nothing is there. */
function routeOf(c: AppContext): string | undefined {
  return matchedRoutes(c).findLast(({ path }) => path !== '*' && path !== '/*')?.path
}

/**
 * An app that answers nothing by itself, with what every answer has.
 * @param isLate whether it answers in place of one that has run out of time
 */
function createFrame(isLate: boolean): Hono<AppEnv> {
  const app = new Hono<AppEnv>()

  app.use(async (c, next) => {
    const { requestId, record, waitForSender } = arrivalOf(c.req.raw)
    const allowed = () => settingsOf(c.env).allowedOrigins
    c.set('requestId', requestId)
    c.set('record', record)
    c.set('waitForSender', waitForSender)
    c.set('now', Date.now())
    c.set('fields', firstFields(requestId, c.req.header('Origin'), allowed))
    if (!isLate && !isReady(c.env)) await assertUsable(c)
    await next()
    record.route ??= routeOf(c)
  })
  mountLogin(app, isLate)
  mountConsole(app, isLate)
  mountPages(app, isLate)
  app.use(async (c, next) => {
    await next()
    complete(c)
  })
  app.use(
    methodNotAllowed({
      app,
      onMethodNotAllowed: (c, methods) => {
        const headers = { Allow: [...methods, 'OPTIONS'].join(', ') }
        if (c.req.method === 'OPTIONS') return new Response(null, { status: 204, headers })
        return problemResponse(
          c,
          new Problem('method_not_allowed', 'This path has other methods.', { headers }),
        )
      },
    }),
  )
  app.use(async (c, next) => {
    if (c.req.method !== 'OPTIONS') return next()
    // OPTIONS goes no further, and leaves it to the middleware above whether there is such a path.
    if (await crossOrigin(c, next)) return c.notFound()
  })
  app.onError(onError)
  return app
}

/** Answers whatever has run out of time, with what the answer would have had; it asks nobody for anything. */
export function createLateApp(): Hono<AppEnv> {
  const app = createFrame(true)
  app.use((c) => {
    throw cannotAnswer(c.req.method)
  })
  return app
}

/** @param followUp does what follows from an event; handed in, so that no route can import what elevates */
export function createApp(followUp: FollowUp): Hono<AppEnv> {
  const app = createFrame(false)
  mountLinks(app)

  app.use(async (c, next) => {
    c.set('followUp', followUp)
    c.set('answer', async (request, env) => app.fetch(request, env, c.executionCtx))
    const standIn = standInOf(c.env)
    const [settings, now] = [settingsOf(c.env), c.get('now')]
    const authenticated: Authenticated = standIn
      ? { type: 'dry run', ...standIn }
      : await authenticate(c.req.raw.headers, settings, makeTrusted(c.env, now), now)
    c.set('authenticated', authenticated)
    if (authenticated.type === 'api-key') c.get('record').keyId = authenticated.key.keyId
    // Whatever decides about access reads the primary; what everybody may read, the nearest replica.
    beginSession(c, readsRights(authenticated) ? 'primary' : c.req.header('X-D1-Bookmark'))
    await next()
  })
  app.use(followProvider)

  mount(app, routes)
  app.use(identifyCaller)
  documents(app, routes)
  mountSignals(app)
  mountKeys(app)
  mountPageKeys(app)

  app.notFound((c) =>
    problemResponse(c, new Problem('not_found', 'There is nothing at this path.')),
  )
  return app
}
