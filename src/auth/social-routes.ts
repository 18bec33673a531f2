/** Signing in with a social provider: out to it, and back. better-auth speaks OAuth 2.0 with PKCE. */
import { cookiesNamed } from '../security/callers/cookies.ts'
import { COOKIE_PREFIX } from '../security/callers/session-cookie.ts'
import type { LoginApp } from './context.ts'
import { enter, passCookies, stays } from './enter.ts'
import { nextPath, readForm } from './requests.ts'
import { signInLater } from './sign-in-routes.ts'

/** Whatever went wrong: the reason would tell whether an address that nobody confirmed has an account. */
export const FAILED = '/auth/sign-in?error=provider'

/** Which provider somebody was sent to; another one must not get what that one sends back. */
const PROVIDER_COOKIE = `${COOKIE_PREFIX}.provider`
/** After the provider, for somebody who does not stay signed in. */
const BRIEFLY = '~'
const SENT_SECONDS = 300

export function socialRoutes(app: LoginApp): void {
  app.post('/social', async (c) => {
    const form = await readForm(c)
    const { provider = '', next } = form ?? {}
    const { publicUrl, socialProviders } = c.env.request.login
    if (!Object.hasOwn(socialProviders, provider)) return c.notFound()
    const wait = await c.var.attempt('social:address')
    if (wait > 0) return signInLater(c, form, wait)
    const answer = await c.var.auth().api.signInSocial({
      body: { provider, callbackURL: nextPath(next, publicUrl), errorCallbackURL: FAILED },
      headers: c.req.raw.headers,
      asResponse: true,
    })
    const location = answer.headers.get('Location')
    if (!location) return c.redirect(FAILED, 303)
    passCookies(c, answer)
    const sent = `Max-Age=${SENT_SECONDS}; Path=/; HttpOnly; Secure; SameSite=Lax`
    c.header('Set-Cookie', `${PROVIDER_COOKIE}=${provider}${stays(form) ? '' : BRIEFLY}; ${sent}`, {
      append: true,
    })
    return c.redirect(location, 303)
  })

  app.get('/callback/:provider', async (c) => {
    const { socialProviders } = c.env.request.login
    const provider = c.req.param('provider')
    if (!Object.hasOwn(socialProviders, provider)) return c.notFound()
    const sentTo = cookiesNamed(c.req.raw.headers, PROVIDER_COOKIE)
    const isBrief = sentTo.join() === `${provider}${BRIEFLY}`
    if (!isBrief && sentTo.join() !== provider) return c.redirect(FAILED, 303)
    const answer = await c.var.auth().handler(c.req.raw)
    if (!(await enter(c, answer, { stays: !isBrief }))) return c.redirect(FAILED, 303)
    return c.redirect(answer.headers.get('Location') ?? '/auth/account', 303)
  })
}
