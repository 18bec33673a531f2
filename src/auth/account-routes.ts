/** What somebody signed in may do with their account: sessions, passkeys, password, address, tokens. */
import { NO_SESSION } from '../security/callers/session-cookie.ts'
import type { LoginApp, LoginContext } from './context.ts'
import { MAILS } from './mail.ts'
import type { Notice } from '../http/look.ts'
import { accountPage, confirmEmailPage, message, passkeyPage } from './pages.tsx'
import { show } from './show.tsx'
import { passwordFault } from './passwords.ts'
import { emailOf, nameOf, readForm, type SignedIn, type SignedInOutside } from './requests.ts'
import { BY_MAIL, tooMany } from './sign-in-routes.ts'
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
    withAccount(async (c, session) => {
      const [hasPassword, all, isStaff] = await Promise.all([
        c.var.accounts.hasPassword(session.email),
        c.var.passkeys.list(session.userId),
        c.var.isStaff(session.identity),
      ])
      const passkey = all.find(({ id }) => id === c.req.param('id'))
      if (!passkey) return c.notFound()
      return show(c, passkeyPage(passkey, { ...session, hasPassword, isStaff }))
    }),
  )

  app.post(
    '/passkeys/rename',
    withAccount(async (c, session) => {
      const { id = '', name: text } = (await readForm(c)) ?? {}
      const name = nameOf(text)
      if (!name) return account(c, session, { tone: 'bad', text: NO_NAME }, 422)
      await c.var.passkeys.rename(session.userId, id, name)
      return c.redirect('/auth/account', 303)
    }),
  )

  app.post(
    '/passkeys/remove',
    withAccount(async (c, session) => {
      const { id = '', current } = (await readForm(c)) ?? {}
      const refusal = await refusalOf(c, session, current)
      if (refusal) return refusal
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
      if (fault) return account(c, session, { tone: 'bad', text: fault }, 422)
      const refusal = await refusalOf(c, session, current)
      if (refusal) return refusal
      await c.var.accounts.changePassword(session, password)
      return signedOut(c)
    }),
  )

  app.post(
    '/email',
    withAccount(async (c, session) => {
      const { current, email: text } = (await readForm(c)) ?? {}
      const email = emailOf(text)
      if (!email) return account(c, session, { tone: 'bad', text: 'That is not an address.' }, 422)
      const refusal = await refusalOf(c, session, current)
      if (refusal) return refusal
      const wait = await c.var.attempt('mail:address', ['mail:account', email])
      if (wait > 0) return tooMany(c, wait)
      await c.var.newAddress.ask(session.userId, email)
      return account(c, session, { tone: 'good', text: 'Look into the mail of the new address.' })
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
        : show(c, message('Your new address', { tone: 'bad', text: NOT_CONFIRMED }), 410)
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
    const next = c.req.method === 'POST' ? '/auth/account' : `${pathname}${search}`
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

/** Before what would lock the owner out: the password again, or a session that has only just begun. */
async function refusalOf(c: LoginContext, session: SignedIn, current: string | undefined) {
  if (!(await c.var.accounts.hasPassword(session.email))) {
    if (session.isFresh) return undefined
    return account(
      c,
      session,
      { tone: 'bad', text: 'Sign in again first: that was a while ago.' },
      403,
    )
  }
  const wait = await c.var.attempt('password:address', ['password:account', session.email])
  if (wait > 0) return tooMany(c, wait, BY_MAIL)
  const isRight = await c.var.accounts.checkPassword(session.email, current ?? '')
  if (isRight) return undefined
  return account(c, session, { tone: 'bad', text: 'The current password is not right.' }, 403)
}

async function account(
  c: LoginContext,
  session: SignedIn | SignedInOutside,
  notice?: Notice,
  status: 200 | 403 | 422 = 200,
): Promise<Response> {
  const { accounts, openSessions, passkeys: keys } = c.var
  const { id: sessionId, identity } = session
  const own = session.kind === 'account' ? session : undefined
  const [hasPassword, passkeys, sessions, isStaff] = await Promise.all([
    own && accounts.hasPassword(own.email),
    own ? keys.list(own.userId) : [],
    openSessions.list(identity),
    c.var.isStaff(identity),
  ])
  const account = own && { ...own, hasPassword: hasPassword === true, passkeys }
  const view = { sessionId, sessions, issuer: identity.issuer, account, isStaff }
  return show(c, accountPage(view, notice), status)
}

function signedOut(c: LoginContext): Response {
  c.header('Set-Cookie', NO_SESSION)
  return c.redirect('/auth/sign-in', 303)
}
