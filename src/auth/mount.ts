/** Where the built-in login meets the app. Its code is loaded by the first request for one of its pages. */
import type { Hono } from 'hono'
import { SettingsError, settingsOf } from '../settings/settings.ts'
import type { AppEnv } from '../http/context.ts'
import { MEMBER_KEYS, publicKeys } from '../security/tokens/signing-keys.ts'

/** What is served here; a test compares this list with the running app. */
export const LOGIN_PATHS = ['ALL /auth/*', 'GET /.well-known/jwks.json'] as const

/** `wrangler deploy --define VERIFY_ONLY:true` leaves the login's code out of what is uploaded. */
declare const VERIFY_ONLY: true | undefined

/**
 * Before the API's own headers and credentials: pages have others. Without the login there is no such path.
 * @param isLate whether the time of the requests is up
 */
export function mountLogin(app: Hono<AppEnv>, isLate: boolean): void {
  app.all('/auth/*', async (c, next) => {
    const { builtInLogin: login } = settingsOf(c.env)
    if (!login) return next()
    // The bundler follows no import that cannot be reached, so this has to be one condition.
    if (typeof VERIFY_ONLY === 'undefined') {
      const { serveLogin } = await import('./site.ts')
      return serveLogin(c, login, isLate)
    }
    throw new SettingsError('BUILT_IN_LOGIN: this deployment was built without it')
  })
}

/** The public halves of the keys that sign members' tokens; visitors are known to this site alone. */
export function mountKeys(app: Hono<AppEnv>): void {
  app.get('/.well-known/jwks.json', async (c) => {
    c.header('Cache-Control', 'public, max-age=60')
    return c.json(await publicKeys(c.env.DB, MEMBER_KEYS, c.get('now')))
  })
}
