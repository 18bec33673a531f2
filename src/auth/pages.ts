/** The login's pages: plain forms that work without a script, styled by one file, nothing inline. */
import { html } from 'hono/html'
import { type Html, lookOf, type Notice } from '../http/look.ts'
import { MIN_LENGTH } from './passwords.ts'

/** Scripts of `assets.ts`; every page works without. */
type Script = 'passkey' | 'mailed-code'

function page(title: string, notice: Notice | undefined, content: Html, script?: Script): Html {
  const head = html`<link rel="stylesheet" href="/auth/style.css" />
    ${script ? html`<script type="module" src="/auth/${script}.js"></script>` : ''}`
  return lookOf({ title, notice, head, content })
}

/** As text, since browsers take no `müller@firma.example` for an `email`. */
const EMAIL_INPUT = html`type="text" inputmode="email" autocapitalize="none" spellcheck="false"`

const emailField = (value = '') =>
  html`<label
    >Email
    <input
      name="email"
      ${EMAIL_INPUT}
      autocomplete="username webauthn"
      required
      maxlength="254"
      value="${value}"
  /></label>`

const newPasswordField = html`<label
    >New password
    <input
      name="password"
      type="password"
      autocomplete="new-password"
      required
      minlength="${MIN_LENGTH}"
      maxlength="256"
      aria-describedby="rule"
  /></label>
  <p id="rule">
    At least ${MIN_LENGTH} characters of any kind, such as four rare words. What many people take is
    refused.
  </p>`

/** A hidden field tells password managers whose password it is. */
const whose = (email: string) =>
  html`<input name="username" autocomplete="username" value="${email}" readonly hidden />`

const hidden = (name: string, value: string) =>
  html`<input type="hidden" name="${name}" value="${value}" />`

export const message = (title: string, notice: Notice): Html =>
  page(title, notice, html`<p><a href="/auth/sign-in">Sign in</a></p>`)

export const signUpPage = (notice?: Notice, email?: string): Html =>
  page(
    'Sign up',
    notice,
    html`<form method="post" action="/auth/sign-up">
        <label>Name <input name="name" autocomplete="name" required maxlength="80" /></label>
        ${emailField(email)}
        <button>Mail me a link</button>
      </form>
      <p>
        You choose a password once the address is confirmed. <a href="/auth/sign-in">Sign in</a>
      </p>`,
  )

/** Somewhere else to sign in with. */
export interface Provider {
  readonly name: string
  readonly label: string
  readonly action: '/auth/social' | '/auth/openid'
}

export const signInPage = (
  next: string,
  providers: readonly Provider[],
  notice?: Notice,
  email?: string,
): Html =>
  page(
    'Sign in',
    notice,
    html`<form method="post" action="/auth/sign-in">
        ${emailField(email)}
        <label
          >Password
          <input
            name="password"
            type="password"
            autocomplete="current-password"
            required
            maxlength="256"
        /></label>
        ${hidden('next', next)}
        <button>Sign in</button>
      </form>
      <p><button id="passkey-sign-in" data-next="${next}" hidden>Sign in with a passkey</button></p>
      <p id="passkey-error" role="alert" hidden></p>
      ${providers.map(
        ({ name, label, action }) =>
          html`<form method="post" action="${action}">
            ${hidden('provider', name)} ${hidden('next', next)}
            <button>Continue with ${label}</button>
          </form>`,
      )}
      <p><a href="/auth/forgot">Forgot the password?</a> <a href="/auth/sign-up">Sign up</a></p>`,
    'passkey',
  )

/** What a mailed link is good for: one in which a password is chosen. */
interface PasswordLink {
  readonly title: string
  readonly action: '/auth/verify' | '/auth/reset'
}

/** Filled in by the script, or by whoever reads the mail. */
const mailedCode = (value = '') =>
  html`<label
    >Code from the mail
    <input name="token" autocomplete="off" required maxlength="100" value="${value}"
  /></label>`

/** Where a mailed link leads. The script sends the form at once; without it somebody copies the code. */
export const mailedCodePage = ({ title, action }: PasswordLink): Html =>
  page(
    title,
    undefined,
    html`<form id="mailed-code" method="post" action="${action}" data-sends-itself>
      ${mailedCode()}
      <button>Go on</button>
    </form>`,
    'mailed-code',
  )

/** The password is chosen by whoever reads the mail. */
export const choosePasswordPage = (
  { title, action }: PasswordLink,
  { token, email }: { readonly token: string; readonly email: string },
  notice?: Notice,
): Html =>
  page(
    title,
    notice,
    html`<p>For ${email}</p>
      <form method="post" action="${action}">
        ${hidden('token', token)} ${whose(email)} ${newPasswordField}
        <button>${title}</button>
      </form>`,
  )

export const confirmEmailPage = (token?: string): Html =>
  page(
    'Confirm your new address',
    undefined,
    html`<form id="mailed-code" method="post" action="/auth/email/confirm">
      ${mailedCode(token)}
      <button>Confirm</button>
    </form>`,
    'mailed-code',
  )

export const forgotPage = (notice?: Notice): Html =>
  page(
    'Forgot the password',
    notice,
    html`<form method="post" action="/auth/forgot">
      ${emailField()}
      <button>Mail me a link</button>
    </form>`,
  )

export interface AccountView {
  /** Undefined for somebody whom an outside provider has signed in. */
  readonly account: OwnAccount | undefined
  /** Who has signed them in. */
  readonly issuer: string
  readonly sessionId: string
  readonly sessions: readonly {
    readonly id: string
    readonly userAgent: string | null
    readonly ipAddress: string | null
    readonly createdAt: Date
  }[]
}

interface OwnAccount {
  readonly name: string
  readonly email: string
  readonly hasPassword: boolean
  readonly passkeys: readonly {
    readonly id: string
    readonly name: string | null
    readonly createdAt: Date | null
  }[]
}

const currentPassword = ({ hasPassword }: OwnAccount) =>
  hasPassword
    ? html`<label
        >Current password
        <input
          name="current"
          type="password"
          autocomplete="current-password"
          required
          maxlength="256"
      /></label>`
    : ''

export const accountPage = (view: AccountView, notice?: Notice): Html =>
  page(
    'Your account',
    notice,
    html`<p>
        ${view.account ? `${view.account.name}, ${view.account.email}` : `Signed in by ${view.issuer}`}
      </p>
      <form method="post" action="/auth/sign-out"><button>Sign out</button></form>
      <form method="post" action="/auth/sign-out-everywhere">
        <button>Sign out everywhere</button>
      </form>
      <h2>Sessions</h2>
      <ul>
        ${view.sessions.map(
          (session) =>
            html`<li>
              ${session.userAgent || 'unknown'}, ${session.ipAddress || 'unknown address'}, since
              <time>${session.createdAt.toISOString()}</time>
              ${
                session.id === view.sessionId
                  ? html`<strong>this one</strong>`
                  : html`<form method="post" action="/auth/sessions/revoke">
                      ${hidden('id', session.id)}<button>End</button>
                    </form>`
              }
            </li>`,
        )}
      </ul>
      ${view.account ? ofAccount(view.account) : ''}`,
    'passkey',
  )

const ofAccount = (account: OwnAccount): Html =>
  html`<h2>Passkeys</h2>
    <ul>
      ${account.passkeys.map(
        (passkey) =>
          html`<li>
            ${passkey.name ?? 'Passkey'}, since <time>${passkey.createdAt?.toISOString()}</time>
            <form method="post" action="/auth/passkeys/remove">
              ${hidden('id', passkey.id)} ${whose(account.email)} ${currentPassword(account)}<button>
                Remove
              </button>
            </form>
          </li>`,
      )}
    </ul>
    <p><button id="passkey-add" hidden>Add a passkey</button></p>
    <p id="passkey-error" role="alert" hidden></p>
    <h2>Password</h2>
    <form method="post" action="/auth/password">
      ${whose(account.email)} ${currentPassword(account)} ${newPasswordField}
      <button>Change the password</button>
    </form>
    <h2>Address</h2>
    <form method="post" action="/auth/email">
      ${whose(account.email)} ${currentPassword(account)}
      <label
        >New email <input name="email" ${EMAIL_INPUT} autocomplete="email" required maxlength="254"
      /></label>
      <button>Mail a link to it</button>
    </form>`
