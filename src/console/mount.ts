/** Where the console meets the app. Its code is loaded by the first request for one of its pages. */
import type { Hono } from 'hono'
import type { AppEnv } from '../http/context.ts'
import { SettingsError, settingsOf } from '../settings/settings.ts'

/** What is served here; a test compares this list with the running app. */
export const CONSOLE_PATHS = ['ALL /console/*'] as const

/** `wrangler deploy --define WITHOUT_CONSOLE:true` leaves the console's code out of what is uploaded. */
declare const WITHOUT_CONSOLE: true | undefined

/**
 * Before the API's own headers and credentials, as pages have others. Pages get no binding: all they
 * can do is call the app as the browser that asks for them.
 * @param isLate whether the time of the requests is up
 */
export function mountConsole(app: Hono<AppEnv>, isLate: boolean): void {
  app.all('/console/*', async (c, next) => {
    const settings = settingsOf(c.env)
    const { builtInLogin: login, console: isOn, look, siteTimeZone } = settings
    if (!isOn || !login) return next()
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
        waitForSender: c.get('waitForSender'),
        call: async (request: Request) => app.fetch(request, c.env, c.executionCtx),
      }
      return consoleSite.fetch(c.req.raw, { request })
    }
    // It is on by default, and a deployment that was built without it wants none.
    if (!c.env.CONSOLE) return next()
    throw new SettingsError('CONSOLE: this deployment was built without it')
  })
}
