/** Where the console and the account meet the app. Their code is loaded by the first request for one of their pages. */
import type { Hono, MiddlewareHandler } from 'hono'
import type { AppContext, AppEnv } from '../http/context.ts'
import { type Settings, SettingsError, settingsOf } from '../settings/settings.ts'

/** What is served here; a test compares this list with the running app. */
export const CONSOLE_PATHS = ['ALL /', 'ALL /account/*', 'ALL /console/*'] as const

/** `wrangler deploy --define WITHOUT_CONSOLE:true` leaves the code of both out of what is uploaded. */
declare const WITHOUT_CONSOLE: true | undefined

/**
 * Before the API's own headers and credentials, as pages have others. Pages get no binding: all they
 * can do is call the app as the browser that asks for them.
 * @param isLate whether the time of the requests is up
 */
export function mountConsole(app: Hono<AppEnv>, isLate: boolean): void {
  /** @param isServed whether there is such a page on this site, and for this request */
  const pagesIf =
    (isServed: (settings: Settings, c: AppContext) => boolean): MiddlewareHandler<AppEnv> =>
    async (c, next) => {
      const settings = settingsOf(c.env)
      const { builtInLogin: login, look, siteTimeZone, allowsSelfDeletion } = settings
      const { console: hasConsole } = settings
      if (!login || !isServed(settings, c)) return next()
      // The bundler follows no import that cannot be reached, so this has to be one condition.
      if (typeof WITHOUT_CONSOLE === 'undefined') {
        const { consoleSite } = await import('./site.tsx')
        const request = {
          requestId: c.get('requestId'),
          now: c.get('now'),
          isLate,
          publicUrl: login.publicUrl,
          look,
          zone: siteTimeZone,
          allowsSelfDeletion,
          hasConsole,
          waitForSender: c.get('waitForSender'),
          call: async (request: Request) => app.fetch(request, c.env, c.executionCtx),
        }
        return consoleSite.fetch(c.req.raw, { request })
      }
      // It is on by default, and a deployment that was built without it wants none.
      if (!c.env.CONSOLE) return next()
      throw new SettingsError('CONSOLE: this deployment was built without it')
    }
  app.all(
    '/console/*',
    pagesIf(({ console: isOn }) => isOn),
  )
  app.all(
    '/account/*',
    pagesIf(() => true),
  )
  // Where the Worker stands in front of a site, the start is the site's; for programs there is nothing.
  app.all(
    '/',
    pagesIf(({ pages }, c) => !pages?.front && asksForPage(c.req.raw)),
  )
}

function asksForPage({ method, headers }: Request): boolean {
  const isReading = method === 'GET' || method === 'HEAD'
  return isReading && (headers.get('Accept') ?? '').toLowerCase().includes('text/html')
}
