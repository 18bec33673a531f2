/** What somebody signed in may do with their account: sessions, passkeys, password, address, tokens. */
import { NO_SESSION } from '../security/callers/session-cookie.ts'
import type { LoginApp, LoginContext } from './context.ts'
import { MAILS } from './mail.ts'
import {
  accountPage,
  type Again,
  confirmEmailPage,
  message,
  passkeyPage,
  signInAgainPage,
} from './pages.tsx'
import { show } from './show.tsx'
import { passwordFault } from './passwords.ts'
import { emailOf, nameOf, readForm, type SignedIn, type SignedInOutside } from './requests.ts'
import { BY_MAIL, NO_EMAIL, waiting } from './sign-in-routes.ts'
import { MEMBER_KEYS, signToken } from '../security/tokens/signing-keys.ts'

const CONFIRMED = 'It is confirmed. Sign in with it.'
const NOT_CONFIRMED =
  'This link is not good, or not for this account. Ask for another where you are signed in.'

const NO_NAME = 'A name is one line of up to 80 characters.'
const ELSEWHERE =
  'You are signed in with an outside provider: password, passkeys and address are kept there.'
const NOT_OURS = 'You are signed in with an outside provider, whose tokens the API takes.'

type Work<S> = (c: LoginContext, session: S) => Response | Promise<Response>

export function accountRoutes(app: LoginApp): void {
  app.get('/', (c) => c.redirect('/auth/account'))

  app.get(
    '/account',
    signedIn((c, session) => account(c, session)),
  )

  app.post(
    '/sign-out',
    signedIn(async (c, session) => {
      await c.var.openSessions.end(session.identity, session.id)
      return signedOut(c)
    }),
  )

  app.post(
    '/sign-out-everywhere',
    signedIn(async (c, session) => {
      await c.var.openSessions.endAll(session.identity)
      return signedOut(c)
    }),
  )

  app.post(
    '/sessions/revoke',
    signedIn(async (c, session) => {
      const { id = '' } = (await readForm(c)) ?? {}
      await c.var.openSessions.end(session.identity, id)
      return c.redirect('/auth/account', 303)
    }),
  )

  app.get(
    '/passkeys/:id',
    withAccount((c, session) => passkey(c, session, c.req.param('id') ?? '')),
  )

  app.post(
    '/passkeys/rename',
    withAccount(async (c, session) => {
      const { id = '', name: text } = (await readForm(c)) ?? {}
      const name = nameOf(text)
      if (!name) {
        const typed = { name: text ?? '' }
        return passkey(c, session, id, { typed, faults: { name: NO_NAME } }, 422)
      }
      await c.var.passkeys.rename(session.userId, id, name)
      return c.redirect('/auth/account', 303)
    }),
  )

  app.post(
    '/passkeys/remove',
    withAccount(async (c, session) => {
      const { id = '', current } = (await readForm(c)) ?? {}
      const refused = await refusalOf(c, session, current, 'current')
      if (refused) return passkey(c, session, id, refused, refused.status)
      if (await c.var.passkeys.remove(session.userId, id)) {
        await c.var.notify(MAILS.passkeyRemoved(session.email, c.env.request.login.publicUrl))
      }
      return c.redirect('/auth/account', 303)
    }),
  )

  app.post(
    '/password',
    withAccount(async (c, session) => {
      const { current, password = '' } = (await readForm(c)) ?? {}
      const { hostname } = new URL(c.env.request.login.publicUrl)
      const fault = passwordFault(password, [session.email, session.name, hostname])
      if (fault) return account(c, session, { faults: { password: fault } }, 422)
      const refused = await refusalOf(c, session, current, 'password-current')
      if (refused) return account(c, session, refused, refused.status)
      await c.var.accounts.changePassword(session, password)
      return signedOut(c)
    }),
  )

  app.post(
    '/email',
    withAccount(async (c, session) => {
      const { current, email: text = '' } = (await readForm(c)) ?? {}
      const typed = { email: text }
      const email = emailOf(text)
      if (!email) return account(c, session, { typed, faults: { email: NO_EMAIL } }, 422)
      const refused = await refusalOf(c, session, current, 'email-current')
      if (refused) return account(c, session, { ...refused, typed }, refused.status)
      const wait = await c.var.attempt('mail:address', ['mail:account', email])
      if (wait > 0) return account(c, session, { typed, notice: waiting(c, wait) }, 429)
      await c.var.newAddress.ask(session.userId, email)
      const notice = { tone: 'good', text: 'Look into the mail of the new address.' } as const
      return account(c, session, { notice })
    }),
  )

  app.get(
    '/mailed/email',
    withAccount((c) => show(c, confirmEmailPage())),
  )
  // Links of version 0.2 have the secret in the query, and each is good for an hour.
  app.get(
    '/email',
    withAccount((c) => show(c, confirmEmailPage(c.req.query('token')))),
  )

  app.post(
    '/email/confirm',
    withAccount(async (c, session) => {
      const { token = '' } = (await readForm(c)) ?? {}
      const isDone = await c.var.newAddress.confirm(session.userId, token)
      return isDone
        ? show(c, message('Your new address', { tone: 'good', text: CONFIRMED }))
        : show(c, confirmEmailPage(undefined, { tone: 'bad', text: NOT_CONFIRMED }), 410)
    }),
  )

  app.post('/token', async (c) => {
    const session = await c.var.session()
    if (!session) return c.json({ error: 'Nobody is signed in.' }, 401)
    if (session.kind === 'outside') return c.json({ error: NOT_OURS }, 403)
    const { login, now } = c.env.request
    const { userId: sub, id: sid, name, email } = session
    const claims = { sub, sid, name, email, email_verified: true }
    const options = { keySet: MEMBER_KEYS, issuer: login.publicUrl, secret: login.secret, now }
    const { token } = await signToken(c.env.DB, claims, options)
    return c.json({ token, tokenType: 'Bearer', expiresIn: MEMBER_KEYS.tokenSeconds })
  })
}

function signedIn(work: Work<SignedIn | SignedInOutside>) {
  return async (c: LoginContext) => {
    const session = await c.var.session()
    if (session) return work(c, session)
    const { pathname, search } = new URL(c.req.url)
    const isForm = c.req.method === 'POST'
    const { id, name, email } = (isForm && (await readForm(c))) || {}
    // Passwords are typed anew, and nothing else is typed in a form of the account.
    if (name || email) {
      const typed = Object.entries({ id, name, email }).filter(([, value]) => value)
      return show(c, signInAgainPage(pathname, typed), 401)
    }
    const next = isForm ? '/auth/account' : `${pathname}${search}`
    return c.redirect(`/auth/sign-in?next=${encodeURIComponent(next)}`, 303)
  }
}

/** What only an account of this login has. */
function withAccount(work: Work<SignedIn>) {
  return signedIn((c, session) => (session.kind === 'account' ? work(c, session) : elsewhere(c)))
}

function elsewhere(c: LoginContext) {
  return show(c, message('Your account', { tone: 'bad', text: ELSEWHERE }), 409)
}

interface Refused extends Again {
  readonly status: 403 | 429
}

/**
 * Before what would lock the owner out: the password again, or a session that has only just begun.
 * @param field the id of the one with the password
 */
async function refusalOf(
  c: LoginContext,
  session: SignedIn,
  current: string | undefined,
  field: string,
): Promise<Refused | undefined> {
  if (!(await c.var.accounts.hasPassword(session.email))) {
    if (session.isFresh) return undefined
    const text = 'Sign in again first: that was a while ago.'
    return { notice: { tone: 'bad', text }, status: 403 }
  }
  const wait = await c.var.attempt('password:address', ['password:account', session.email])
  if (wait > 0) return { notice: waiting(c, wait, BY_MAIL), status: 429 }
  const isRight = await c.var.accounts.checkPassword(session.email, current ?? '')
  if (isRight) return undefined
  return { faults: { [field]: 'The current password is not right.' }, status: 403 }
}

async function passkey(
  c: LoginContext,
  session: SignedIn,
  passkeyId: string,
  again: Again = {},
  status: Status = 200,
): Promise<Response> {
  const [hasPassword, all, standing] = await Promise.all([
    c.var.accounts.hasPassword(session.email),
    c.var.passkeys.list(session.userId),
    c.var.standing(session.identity),
  ])
  const found = all.find(({ id }) => id === passkeyId)
  if (!found) return c.notFound()
  return show(c, passkeyPage(found, { ...session, hasPassword, standing }, again), status)
}

type Status = 200 | 403 | 422 | 429

async function account(
  c: LoginContext,
  session: SignedIn | SignedInOutside,
  again: Again = {},
  status: Status = 200,
): Promise<Response> {
  const { accounts, openSessions, passkeys: keys } = c.var
  const { id: sessionId, identity } = session
  const own = session.kind === 'account' ? session : undefined
  const [hasPassword, passkeys, sessions, standing] = await Promise.all([
    own && accounts.hasPassword(own.email),
    own ? keys.list(own.userId) : [],
    openSessions.list(identity),
    c.var.standing(identity),
  ])
  const account = own && { ...own, hasPassword: hasPassword === true, passkeys }
  const view = { sessionId, sessions, issuer: identity.issuer, account, standing }
  return show(c, accountPage(view, again), status)
}

function signedOut(c: LoginContext): Response {
  c.header('Set-Cookie', NO_SESSION)
  return c.redirect('/auth/sign-in', 303)
}
