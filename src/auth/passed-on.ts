/**
 * What better-auth answers itself: the ceremonies of passkeys, and coming back from a social provider.
 * None of its other paths can be reached.
 */
import type { LoginApp, LoginContext } from './desk.ts'
import { nextPath, readForm } from './requests.ts'
import { tooMany } from './sign-in-routes.ts'

export function passedOnRoutes(app: LoginApp): void {
  app.get('/passkey/generate-register-options', passOn)
  app.post('/passkey/verify-registration', passOn)
  app.get('/passkey/generate-authenticate-options', passOn)
  app.post('/passkey/verify-authentication', async (c) => {
    const wait = await c.var.attempt(['passkey:address', c.var.address])
    if (wait > 0) return tooMany(c, wait)
    const before = await c.var.session()
    const answer = await passOn(c)
    if (before && answer.ok) await c.var.accounts.signOut(before.userId, before.id)
    return answer.ok ? withCookiesOf(answer) : answer
  })
  app.get('/callback/:provider', passOn)

  app.post('/social', async (c) => {
    const { provider = '', next } = (await readForm(c)) ?? {}
    const { publicUrl, socialProviders } = c.var.login
    if (!Object.hasOwn(socialProviders, provider)) return c.notFound()
    const callbackURL = nextPath(next, publicUrl)
    const answer = await c.var.auth.api.signInSocial({
      body: { provider, callbackURL, errorCallbackURL: '/auth/sign-in' },
      headers: c.req.raw.headers,
      asResponse: true,
    })
    const location = answer.headers.get('Location')
    if (!location) return c.redirect('/auth/sign-in', 303)
    for (const cookie of answer.headers.getSetCookie()) {
      c.header('Set-Cookie', cookie, { append: true })
    }
    return c.redirect(location, 303)
  })
}

function passOn(c: LoginContext): Promise<Response> {
  return c.var.auth.handler(c.req.raw)
}

/** The session belongs into the cookie alone; better-auth would repeat it, and the account, in the body. */
function withCookiesOf(answer: Response): Response {
  const headers = new Headers({ 'Content-Type': 'application/json' })
  for (const cookie of answer.headers.getSetCookie()) headers.append('Set-Cookie', cookie)
  return new Response('{"signedIn":true}', { headers })
}
