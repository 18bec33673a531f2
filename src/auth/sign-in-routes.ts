/** Signing up and in, and what a mailed link leads to. */
import type { LoginApp, LoginContext } from './desk.ts'
import {
  choosePasswordPage,
  forgotPage,
  message,
  type Notice,
  signInPage,
  signUpPage,
} from './pages.ts'
import { passwordFault } from './passwords.ts'
import { emailOf, nextPath, readForm } from './requests.ts'

const MAILED: Notice = {
  tone: 'good',
  text: 'Look into your mail: whatever there is to say about that address is there.',
}
const NO_EMAIL: Notice = { tone: 'bad', text: 'That is not an email address.' }
const NOT_RIGHT: Notice = { tone: 'bad', text: 'Email or password is not right.' }
const BAD_LINK: Notice = {
  tone: 'bad',
  text: 'This link is not good any more. Links are good for one hour and once; ask for another.',
}

export function signInRoutes(app: LoginApp): void {
  app.get('/sign-up', (c) => c.html(signUpPage()))
  app.post('/sign-up', async (c) => {
    const form = await readForm(c)
    const email = emailOf(form?.email)
    const name = form?.name?.trim().slice(0, 80)
    if (!email) return c.html(signUpPage(NO_EMAIL), 422)
    if (!name) return c.html(signUpPage({ tone: 'bad', text: 'What is your name?' }, email), 422)
    const wait = await mayMail(c, email)
    if (wait > 0) return tooMany(c, wait)
    await c.var.accounts.signUp(email, name)
    return c.html(message('Sign up', MAILED))
  })

  app.get('/verify', (c) =>
    c.html(choosePasswordPage('Choose a password', '/auth/verify', c.req.query('token') ?? '')),
  )
  app.post('/verify', async (c) => {
    const { token = '', password = '' } = (await readForm(c)) ?? {}
    const fault = passwordFault(password, [])
    if (fault) {
      const notice = { tone: 'bad', text: fault } as const
      return c.html(choosePasswordPage('Choose a password', '/auth/verify', token, notice), 422)
    }
    const wait = await c.var.attempt(['password:address', c.var.address])
    if (wait > 0) return tooMany(c, wait)
    const userId = await c.var.accounts.verify(token, password)
    if (!userId) return c.html(message('Choose a password', BAD_LINK), 410)
    return signedIn(c, userId, '/auth/account')
  })

  app.get('/sign-in', (c) => c.html(signIn(c, c.req.query('next'))))
  app.post('/sign-in', async (c) => {
    const form = await readForm(c)
    const email = emailOf(form?.email)
    const { password = '', next } = form ?? {}
    if (!email || password.length > 1024) return c.html(signIn(c, next, NOT_RIGHT, email), 401)
    const wait = await c.var.attempt(
      ['password:account', email],
      ['password:address', c.var.address],
    )
    if (wait > 0) return tooMany(c, wait)
    const userId = await c.var.accounts.checkPassword(email, password)
    if (!userId) return c.html(signIn(c, next, NOT_RIGHT, email), 401)
    return signedIn(c, userId, nextPath(next, c.var.login.publicUrl))
  })

  app.get('/forgot', (c) => c.html(forgotPage()))
  app.post('/forgot', async (c) => {
    const email = emailOf((await readForm(c))?.email)
    if (!email) return c.html(forgotPage(NO_EMAIL), 422)
    const wait = await mayMail(c, email)
    if (wait > 0) return tooMany(c, wait)
    await c.var.accounts.forgot(email)
    return c.html(message('Forgot the password', MAILED))
  })

  app.get('/reset', (c) =>
    c.html(choosePasswordPage('Choose a new password', '/auth/reset', c.req.query('token') ?? '')),
  )
  app.post('/reset', async (c) => {
    const { token = '', password = '' } = (await readForm(c)) ?? {}
    const fault = passwordFault(password, [])
    if (fault) {
      const notice = { tone: 'bad', text: fault } as const
      return c.html(choosePasswordPage('Choose a new password', '/auth/reset', token, notice), 422)
    }
    const wait = await c.var.attempt(['password:address', c.var.address])
    if (wait > 0) return tooMany(c, wait)
    const email = await c.var.accounts.reset(token, password)
    if (!email) return c.html(message('Choose a new password', BAD_LINK), 410)
    const text = 'The password is changed, and every session was signed out.'
    return c.html(signIn(c, undefined, { tone: 'good', text }, email))
  })
}

function signIn(c: LoginContext, next: string | undefined, notice?: Notice, email?: string) {
  const { publicUrl, socialProviders } = c.var.login
  return signInPage(nextPath(next, publicUrl), Object.keys(socialProviders), notice, email)
}

function mayMail(c: LoginContext, email: string): Promise<number> {
  return c.var.attempt(['mail:account', email], ['mail:address', c.var.address])
}

/** A new session, and the end of the one the browser came with: what was planted there is worth nothing. */
async function signedIn(c: LoginContext, userId: string, next: string): Promise<Response> {
  const before = await c.var.session()
  const { headers } = c.req.raw
  const started = await c.var.auth.api.startSession({ body: { userId }, headers, asResponse: true })
  if (!started.ok) throw new Error('no session could be started')
  const { token } = await started.json<{ token: string }>()
  await c.var.admit(token)
  if (before) await c.var.accounts.signOut(before.userId, before.id)
  for (const cookie of started.headers.getSetCookie())
    c.header('Set-Cookie', cookie, { append: true })
  return c.redirect(next, 303)
}

export function tooMany(c: LoginContext, seconds: number) {
  const text = `Too many attempts. Try again in ${Math.ceil(seconds / 60)} minutes.`
  c.header('Retry-After', String(seconds))
  return c.html(message('Wait a while', { tone: 'bad', text }), 429)
}
