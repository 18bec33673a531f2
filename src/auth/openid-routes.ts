/** Signing in with an outside OpenID provider over HTTP: out to it, and back. */
import { describeError, log } from '../log.ts'
import { Problem } from '../problem.ts'
import { cookiesNamed } from '../security/callers/cookies.ts'
import { ProviderError } from '../security/tokens/provider-answers.ts'
import type { LoginApp, LoginContext } from './context.ts'
import { enter, stays } from './enter.ts'
import { AWAY_COOKIE, BACK, comeBack, leaveFor, readAway } from './openid.ts'
import { nextPath, readForm } from './requests.ts'
import { signInLater } from './sign-in-routes.ts'
import { FAILED } from './social-routes.ts'

export function openidRoutes(app: LoginApp): void {
  app.post('/openid', async (c) => {
    const form = await readForm(c)
    const { provider: name = '', next } = form ?? {}
    const asking = askingOf(c, name)
    if (!asking) return c.notFound()
    const wait = await c.var.attempt('social:address')
    if (wait > 0) return signInLater(c, form, wait)
    const way = { next: nextPath(next, asking.login.publicUrl), stays: stays(form) }
    const left = await leaveFor(asking, way).catch((error: unknown) => failed(c, name, error))
    if (!left) return c.redirect(FAILED, 303)
    c.header('Set-Cookie', left.cookie, { append: true })
    return c.redirect(left.url, 303)
  })

  app.get('/callback/:provider', async (c, next) => {
    const name = c.req.param('provider')
    const asking = askingOf(c, name)
    if (!asking) return next()
    c.header('Set-Cookie', BACK, { append: true })
    const [sealed, ...others] = cookiesNamed(c.req.raw.headers, AWAY_COOKIE)
    const away =
      sealed === undefined || others.length > 0 ? undefined : await readAway(sealed, asking)
    if (!away) return c.redirect(FAILED, 303)
    const { searchParams } = new URL(c.req.url)
    const signedIn = await comeBack(asking, away, searchParams, c.var.issuers()).catch(
      (error: unknown) => failed(c, name, error),
    )
    if (!signedIn) return c.redirect(FAILED, 303)
    const cookie = await c.var.beginOutside(signedIn)
    const answer = new Response(null, { headers: { 'Set-Cookie': cookie } })
    const isIn = await enter(c, answer, {
      admit: () => c.var.admitOutside(signedIn),
      stays: away.stays,
    })
    return c.redirect(isIn ? away.next : FAILED, 303)
  })
}

function askingOf(c: LoginContext, name: string) {
  const { login, now } = c.env.request
  const { openidProviders } = login
  const provider = Object.hasOwn(openidProviders, name) ? openidProviders[name] : undefined
  return provider && { login, name, provider, now }
}

/** Why is in the log: whoever signs in is told one text for everything. @throws what may pass at once */
function failed(c: LoginContext, provider: string, error: unknown): undefined {
  if (error instanceof Problem && error.code === 'unavailable') throw error
  const isSafe = error instanceof ProviderError || error instanceof Problem
  const why = isSafe ? { reason: error.message } : describeError(error)
  log('warn', 'sign-in failed', { provider, requestId: c.env.request.requestId, ...why })
}
