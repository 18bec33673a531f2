/** Signing up and in, and what a mailed link leads to. */
import type { Notice } from '../http/look.ts'
import type { LoginApp, LoginContext } from './context.ts'
import { enter, rememberPlace, stays } from './enter.ts'
import {
  type Again,
  choosePasswordPage,
  forgotPage,
  mailedCodePage,
  message,
  type Provider,
  signInPage,
  signUpPage,
} from './pages.tsx'
import type { BuiltInLogin } from '../settings/login.ts'
import { show } from './show.tsx'
import { emailOf, nameOf, nextPath, readForm } from './requests.ts'

const MAILED: Notice = {
  tone: 'good',
  text: 'Look into your mail: whatever there is to say about that address is there.',
}
export const NO_EMAIL = 'That is not an email address.'
const NO_NAME = 'What is your name? One line of up to 80 characters.'
const NOT_RIGHT: Notice = { tone: 'bad', text: 'Email or password is not right.' }
const BAD_LINK: Notice = {
  tone: 'bad',
  text:
    'This link is not good any more. Links are good for one hour and once. If you have chosen a ' +
    'password with it, sign in; if not, ask for another.',
}
/** One text for every reason: which it was would tell whether there is an account. */
const NOT_SOCIAL: Notice = {
  tone: 'bad',
  text:
    'That did not sign you in. The address has to be confirmed there, and if it has an account ' +
    'here already, sign in as you did before.',
}

/** What the two links that lead to a password are good for. */
const VERIFY = { purpose: 'sign-up', title: 'Choose a password', action: '/auth/verify' } as const
const RESET = { purpose: 'reset', title: 'Choose a new password', action: '/auth/reset' } as const
type MailedLink = typeof VERIFY | typeof RESET

export function signInRoutes(app: LoginApp): void {
  app.get('/sign-up', (c) => show(c, signUpPage()))
  app.post('/sign-up', async (c) => {
    const form = await readForm(c)
    const email = emailOf(form?.email)
    const name = nameOf(form?.name)
    const typed = { name: form?.name ?? '', email: form?.email ?? '' }
    if (!email || !name) {
      const faults = { ...(!email && { email: NO_EMAIL }), ...(!name && { name: NO_NAME }) }
      return show(c, signUpPage({ typed, faults }), 422)
    }
    const wait = await c.var.attempt('mail:address', ['mail:account', email])
    if (wait > 0) return show(c, signUpPage({ typed, notice: waiting(c, wait) }), 429)
    await c.var.accounts.signUp(email, name)
    return show(c, message('Sign up', MAILED))
  })

  app.get('/mailed/verify', (c) => show(c, mailedCodePage(VERIFY)))
  // Links of version 0.2 have the secret in the query, and each is good for an hour.
  app.get('/verify', (c) => choosePassword(c, VERIFY, c.req.query('token') ?? ''))
  app.post('/verify', async (c) => {
    const { token = '', password } = (await readForm(c)) ?? {}
    if (password === undefined) return choosePassword(c, VERIFY, token)
    const wait = await c.var.attempt('password:address')
    if (wait > 0) return show(c, mailedCodePage(VERIFY, waiting(c, wait)), 429)
    const verified = await c.var.accounts.verify(token, password)
    if (verified === 'bad link') return badLink(c, VERIFY)
    if ('fault' in verified) {
      const link = { token, email: verified.email }
      const faults = { password: verified.fault }
      return show(c, choosePasswordPage(VERIFY, link, { faults }), 422)
    }
    const { userId, email, isRepeat } = verified
    if (isRepeat) {
      const { isIn, wait } = await enterWith(c, { email, userId }, password)
      if (wait > 0) return show(c, mailedCodePage(VERIFY, waiting(c, wait, BY_MAIL)), 429)
      if (!isIn) return badLink(c, VERIFY)
    } else await enter(c, await started(c, userId))
    return c.redirect('/auth/account', 303)
  })

  app.get('/sign-in', async (c) => {
    const notice = c.req.query('error') === undefined ? undefined : NOT_SOCIAL
    const isFirstRun = await c.var.isWithoutAdmin()
    return show(c, signIn(c, c.req.query('next'), { notice }, isFirstRun))
  })
  app.post('/sign-in', async (c) => {
    const form = await readForm(c)
    const email = emailOf(form?.email)
    const { password = '', next } = form ?? {}
    const typed = typedIn(form)
    const again = { typed, notice: NOT_RIGHT }
    if (!email || password.length > 1024) return show(c, signIn(c, next, again), 401)
    const { isIn, wait } = await enterWith(c, { email }, password, stays(form))
    if (wait > 0) {
      const notice = waiting(c, wait, BY_MAIL)
      return show(c, signIn(c, next, { typed, notice }), 429)
    }
    if (!isIn) return show(c, signIn(c, next, again), 401)
    return c.redirect(nextPath(next, c.env.request.login.publicUrl), 303)
  })

  app.get('/forgot', (c) => show(c, forgotPage()))
  app.post('/forgot', async (c) => {
    const { email: text = '' } = (await readForm(c)) ?? {}
    const typed = { email: text }
    const email = emailOf(text)
    if (!email) return show(c, forgotPage({ typed, faults: { email: NO_EMAIL } }), 422)
    const wait = await c.var.attempt('mail:address', ['reset:account', email])
    if (wait > 0) return show(c, forgotPage({ typed, notice: waiting(c, wait) }), 429)
    await c.var.accounts.forgot(email)
    return show(c, message('Forgot the password', MAILED))
  })

  app.get('/mailed/reset', (c) => show(c, mailedCodePage(RESET)))
  app.get('/reset', (c) => choosePassword(c, RESET, c.req.query('token') ?? ''))
  app.post('/reset', async (c) => {
    const { token = '', password } = (await readForm(c)) ?? {}
    if (password === undefined) return choosePassword(c, RESET, token)
    const wait = await c.var.attempt('password:address')
    if (wait > 0) return show(c, mailedCodePage(RESET, waiting(c, wait)), 429)
    const reset = await c.var.accounts.reset(token, password)
    if (reset === 'bad link') return badLink(c, RESET)
    if ('fault' in reset) {
      const link = { token, email: reset.email }
      const faults = { password: reset.fault }
      return show(c, choosePasswordPage(RESET, link, { faults }), 422)
    }
    if (reset.isRepeat) {
      const { checked, wait } = await check(c, reset, password)
      if (wait > 0) return show(c, mailedCodePage(RESET, waiting(c, wait, BY_MAIL)), 429)
      if (!checked) return badLink(c, RESET)
    }
    // The owner is let in with the new password from here, whatever strangers try meanwhile.
    await rememberPlace(c, reset)
    const text = 'The password is changed, and every session was signed out.'
    const notice = { tone: 'good', text } as const
    return show(c, signIn(c, undefined, { notice, typed: { email: reset.email } }))
  })
}

/** The form that uses the link, for whoever has its secret. */
async function choosePassword(c: LoginContext, link: MailedLink, token: string): Promise<Response> {
  const email = await c.var.accounts.addressee(link.purpose, token)
  return email ? show(c, choosePasswordPage(link, { token, email })) : badLink(c, link)
}

function badLink(c: LoginContext, { title }: MailedLink) {
  return show(c, message(title, BAD_LINK), 410)
}

function signIn(c: LoginContext, next: string | undefined, again: Again, isWithoutAdmin = false) {
  const { login } = c.env.request
  const ways = { next: nextPath(next, login.publicUrl), providers: providersOf(login) }
  return signInPage({ ...ways, isWithoutAdmin }, again)
}

type Sent = Readonly<Record<string, string>> | undefined

/** What somebody has chosen and typed who signs in, but for the password. */
function typedIn(form: Sent) {
  return { email: form?.['email'] ?? '', stay: stays(form) ? 'on' : 'off' }
}

function providersOf({ openidProviders, socialProviders }: BuiltInLogin): Provider[] {
  const openid = Object.entries(openidProviders).map(
    ([name, { label = name }]) => ({ name, label, action: '/auth/openid' }) as const,
  )
  const social = Object.keys(socialProviders).map(
    (name) => ({ name, label: name, action: '/auth/social' }) as const,
  )
  return [...openid, ...social]
}

/** An account by its address; with `userId`, that one and no other that has the address by now. */
interface Named {
  readonly email: string
  readonly userId?: string
}

/** The one way to try a password: each try counts. @returns seconds to wait if there were too many */
async function check(c: LoginContext, { email, userId }: Named, password: string) {
  const wait = await c.var.attempt('password:address', ['password:account', email])
  if (wait > 0) return { checked: undefined, wait }
  const checked = await c.var.accounts.checkPassword(email, password)
  const isIt = userId === undefined || checked?.userId === userId
  return { checked: isIt ? checked : undefined, wait: 0 }
}

/** Signs in whoever knows the password of the account. @returns seconds to wait, as `check` does */
async function enterWith(c: LoginContext, account: Named, password: string, stays = true) {
  const { checked, wait } = await check(c, account, password)
  if (!checked) return { isIn: false, wait }
  const isStillRight = () => c.var.accounts.isStillRight(checked, account.email, password)
  return { isIn: await enter(c, await started(c, checked.userId), { isStillRight, stays }), wait }
}

/** A new session for whoever gave the right password, or read the mail. */
async function started(c: LoginContext, userId: string): Promise<Response> {
  const { headers } = c.req.raw
  const answer = await c.var
    .auth()
    .api.startSession({ body: { userId }, headers, asResponse: true })
  if (!answer.ok) throw new Error('no session could be started')
  return answer
}

/** What is left to somebody whose password may not be tried any more. */
export const BY_MAIL = 'Or choose a new one by mail: that works at once.'

/** For a page with the status 429. @param instead what is left to them */
export function waiting(c: LoginContext, seconds: number, instead = ''): Notice {
  const text = `Too many attempts. Try again in ${Math.ceil(seconds / 60)} minutes. ${instead}`
  c.header('Retry-After', String(seconds))
  return { tone: 'bad', text: text.trim() }
}

/** The form of the sign-in, after too many attempts by one of its other ways. */
export function signInLater(c: LoginContext, form: Sent, seconds: number) {
  const again = { typed: typedIn(form), notice: waiting(c, seconds) }
  return show(c, signIn(c, form?.['next'], again), 429)
}

/** Where there is no form to show again. */
export function tooMany(c: LoginContext, seconds: number) {
  return show(c, message('Wait a while', waiting(c, seconds)), 429)
}
