/** Signing in with a social provider: out to it, and back. better-auth speaks OAuth 2.0 with PKCE. */
import { readSessionCookie, SESSION_COOKIE } from '../security/session-cookie.ts'
import type { LoginApp } from './desk.ts'
import { nextPath, readForm } from './requests.ts'
import { tooMany } from './sign-in-routes.ts'

/** Whatever went wrong: the reason would tell whether an address that nobody confirmed has an account. */
const FAILED = '/auth/sign-in?error=provider'

export function socialRoutes(app: LoginApp): void {
  app.post('/social', async (c) => {
    const { provider = '', next } = (await readForm(c)) ?? {}
    const { publicUrl, socialProviders } = c.var.login
    if (!Object.hasOwn(socialProviders, provider)) return c.notFound()
    const wait = await c.var.attempt('social:address')
    if (wait > 0) return tooMany(c, wait)
    const answer = await c.var.auth.api.signInSocial({
      body: { provider, callbackURL: nextPath(next, publicUrl), errorCallbackURL: FAILED },
      headers: c.req.raw.headers,
      asResponse: true,
    })
    const location = answer.headers.get('Location')
    if (!location) return c.redirect(FAILED, 303)
    for (const cookie of answer.headers.getSetCookie()) {
      c.header('Set-Cookie', cookie, { append: true })
    }
    return c.redirect(location, 303)
  })

  app.get('/callback/:provider', async (c) => {
    const { login } = c.var
    if (!Object.hasOwn(login.socialProviders, c.req.param('provider'))) return c.notFound()
    const before = await c.var.session()
    const answer = await c.var.auth.handler(c.req.raw)
    const cookies = answer.headers.getSetCookie()
    const Cookie = cookies.find((cookie) => cookie.startsWith(`${SESSION_COOKIE}=`))?.split(';')[0]
    const started = await readSessionCookie(new Headers({ Cookie: Cookie ?? '' }), login.secret)
    if (!started || started === 'forged') return c.redirect(FAILED, 303)
    await c.var.admit(started.token)
    if (before) await c.var.openSessions.end(before.userId, before.id)
    for (const cookie of cookies) c.header('Set-Cookie', cookie, { append: true })
    return c.redirect(answer.headers.get('Location') ?? '/auth/account', 303)
  })
}
