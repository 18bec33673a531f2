/** Where pages meet the app. Their code is loaded by the first request for one of them. */
import type { Hono, MiddlewareHandler } from 'hono'
import type { AppEnv } from '../http/context.ts'
import { PAGE_KEYS, publicKeys } from '../security/tokens/signing-keys.ts'
import { SettingsError, settingsOf } from '../settings/settings.ts'

/** What is served here besides the pages of the site; a test compares this list with the running app. */
export const PAGES_PATHS = ['GET /.well-known/pages-jwks.json', 'GET /v1/page-access'] as const

/** `wrangler deploy --define WITHOUT_PAGES:true` leaves their code out of what is uploaded. */
declare const WITHOUT_PAGES: true | undefined

/**
 * Before the API's own headers and credentials, as pages have others. Without pages there is nothing here.
 * @param isLate whether the time of the requests is up
 */
export function mountPages(app: Hono<AppEnv>, isLate: boolean): void {
  app.get('/v1/page-access', async (c, next) => {
    const { pages } = settingsOf(c.env)
    if (!pages?.proxy) return next()
    // The bundler follows no import that cannot be reached, so this has to be one condition.
    if (typeof WITHOUT_PAGES === 'undefined') {
      const { answerPageAccess } = await import('./page-access.ts')
      return answerPageAccess(c, pages, pages.proxy, isLate)
    }
    throw builtWithout('PAGES_FORWARD_AUTH')
  })
  // Whatever is late is answered without an origin.
  if (!isLate) app.use(inFront)
}

/** The API is asked for most often, and its paths are never those of pages. */
const inFront: MiddlewareHandler<AppEnv> = (c, next) =>
  c.req.path.startsWith('/v1/') ? next() : front(c, next)

const front: MiddlewareHandler<AppEnv> = async (c, next) => {
  const { pages } = settingsOf(c.env)
  if (!pages?.front) return next()
  if (typeof WITHOUT_PAGES === 'undefined') {
    const { servePage } = await import('./front.ts')
    return servePage(c, next, pages, pages.front)
  }
  throw builtWithout('PAGES_ORIGIN')
}

function builtWithout(setting: string): SettingsError {
  return new SettingsError(`${setting}: this deployment was built without pages`)
}

/** The public halves of the keys that sign assertions; nobody is to trust them for members. */
export function mountPageKeys(app: Hono<AppEnv>): void {
  app.get('/.well-known/pages-jwks.json', async (c) => {
    if (!settingsOf(c.env).pages) return c.notFound()
    c.header('Cache-Control', 'public, max-age=60')
    return c.json(await publicKeys(c.env.DB, PAGE_KEYS, c.get('now')))
  })
}
