/** The login's pages: plain forms that work without a script, in the look of all pages, nothing inline. */
import { getAuthenticatorName } from '@better-auth/passkey'
import type { Child, PropsWithChildren } from 'hono/jsx'
import type { Notice } from '../http/look.ts'
import { Card, Empty, Head, Pill, Time } from '../look/parts.tsx'
import { deviceOf } from '../look/devices.ts'
import { MIN_LENGTH } from './passwords.ts'
import type { Standing } from './standing.ts'

/** Scripts of `assets.ts`; every page works without. */
export type Script = 'passkey' | 'mailed-code'

/** A page before it has its frame. */
export interface LoginPage {
  readonly title: string
  readonly notice: Notice | undefined
  readonly content: Child
  readonly script?: Script
  /** Whose account it is a page of, with the others beside it. */
  readonly account?: { readonly standing: Standing }
}

/** What a form is shown again with: what was typed into it, but for secrets, and what is wrong. */
export interface Again {
  readonly notice?: Notice | undefined
  readonly typed?: Readonly<Record<string, string>> | undefined
  /** By the id of the field, which is its name on a page with one such field. */
  readonly faults?: Readonly<Record<string, string>> | undefined
}

/** What an input may say of itself. */
interface InputProps {
  readonly name: string
  readonly autocomplete: string
  readonly type?: 'text' | 'password'
  readonly value?: string | undefined
  readonly inputmode?: 'email'
  readonly autocapitalize?: 'none'
  readonly spellcheck?: boolean
  readonly minlength?: number
  readonly maxlength: number
}

/** A field that has to be filled in, with what is wrong with it below. */
const Input = ({
  id,
  label,
  hint,
  error,
  ...input
}: InputProps & {
  /** Another one than that of any other field of the page. */
  readonly id: string
  readonly label: string
  readonly hint?: Child
  readonly error?: string | undefined
}) => {
  const about = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ')
  return (
    <div class="field">
      <label>
        {label}
        <input
          {...input}
          required
          {...(error && { 'aria-invalid': 'true' as const, autofocus: true })}
          {...(about && { 'aria-describedby': about })}
        />
      </label>
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error" id={`${id}-error`}>
          {error}
        </p>
      )}
    </div>
  )
}

/** As text, since browsers take no `müller@firma.example` for an `email`. */
const EmailInput = ({
  again: { typed = {}, faults = {} },
  autocomplete = 'username webauthn',
  label = 'Email',
}: {
  readonly again: Again
  readonly autocomplete?: string
  readonly label?: string
}) => (
  <Input
    id="email"
    name="email"
    label={label}
    inputmode="email"
    autocapitalize="none"
    spellcheck={false}
    autocomplete={autocomplete}
    maxlength={254}
    value={typed['email']}
    error={faults['email']}
  />
)

const NameInput = ({
  autocomplete,
  value,
  error,
}: Pick<InputProps, 'autocomplete' | 'value'> & { readonly error: string | undefined }) => (
  <Input
    id="name"
    name="name"
    label="Name"
    autocomplete={autocomplete}
    maxlength={80}
    value={value}
    error={error}
  />
)

const NewPassword = ({ again: { faults = {} } }: { readonly again: Again }) => (
  <Input
    id="password"
    name="password"
    label="New password"
    type="password"
    autocomplete="new-password"
    minlength={MIN_LENGTH}
    maxlength={256}
    error={faults['password']}
    hint={
      <>
        At least {MIN_LENGTH} characters of any kind, such as four rare words. What many people take
        is refused.
      </>
    }
  />
)

const Password = ({
  id,
  name,
  label,
  error,
}: {
  readonly id: string
  readonly name: string
  readonly label: string
  readonly error?: string | undefined
}) => (
  <Input
    id={id}
    name={name}
    label={label}
    type="password"
    autocomplete="current-password"
    maxlength={256}
    error={error}
  />
)

/** Whether the browser is to keep the session when it is closed. Of two fields the last one counts. */
const Stay = ({ again: { typed = {} } }: { readonly again: Again }) => (
  <>
    <Hidden name="stay" value="off" />
    <label class="check">
      <input type="checkbox" name="stay" value="on" checked={typed['stay'] !== 'off'} />
      <span>Stay signed in on this device</span>
    </label>
  </>
)

/** A hidden field tells password managers whose password it is. */
const Whose = ({ email }: { readonly email: string }) => (
  <input name="username" autocomplete="username" value={email} readonly hidden />
)

const Hidden = ({ name, value }: { readonly name: string; readonly value: string }) => (
  <input type="hidden" name={name} value={value} />
)

const Form = ({
  action,
  children,
  ...more
}: PropsWithChildren<{ action: string; id?: string }>) => (
  <form method="post" action={action} class="stack" {...more}>
    {children}
  </form>
)

/** Where the script says what has gone wrong. */
const PasskeyError = () => <p id="passkey-error" role="alert" hidden></p>

export const message = (title: string, notice: Notice): LoginPage => ({
  title,
  notice,
  content: (
    <p class="ways">
      <a href="/auth/sign-in">Sign in</a>
    </p>
  ),
})

export const signUpPage = (again: Again = {}): LoginPage => ({
  title: 'Sign up',
  notice: again.notice,
  content: (
    <>
      <p class="lead">You choose a password once the address is confirmed.</p>
      <Form action="/auth/sign-up">
        <NameInput
          autocomplete="name"
          value={again.typed?.['name']}
          error={again.faults?.['name']}
        />
        <EmailInput again={again} />
        <button>Mail me a link</button>
      </Form>
      <p class="ways">
        <span>
          Here already? <a href="/auth/sign-in">Sign in</a>
        </span>
      </p>
    </>
  ),
})

/** Somewhere else to sign in with. */
export interface Provider {
  readonly name: string
  readonly label: string
  readonly action: '/auth/social' | '/auth/openid'
}

interface SignIn {
  readonly next: string
  readonly providers: readonly Provider[]
  /** Whether nobody can run the site yet. */
  readonly isWithoutAdmin?: boolean
}

export const signInPage = (
  { next, providers, isWithoutAdmin = false }: SignIn,
  again: Again,
): LoginPage => ({
  title: 'Sign in',
  notice: again.notice,
  script: 'passkey',
  content: (
    <>
      {isWithoutAdmin && <FirstRun />}
      <Form action="/auth/sign-in">
        <EmailInput again={again} />
        <Password id="password" name="password" label="Password" />
        <Stay again={again} />
        <Hidden name="next" value={next} />
        <button>Sign in</button>
        {providers.length > 0 && <p class="or">or</p>}
        {providers.map(({ name, label, action }) => (
          <button
            class="plain"
            name="provider"
            value={name}
            formaction={action}
            formnovalidate={true}
          >
            Continue with {label}
          </button>
        ))}
        <button type="button" id="passkey-sign-in" data-next={next} class="plain" hidden>
          Sign in with a passkey
        </button>
      </Form>
      <PasskeyError />
      <p class="ways">
        <a href="/auth/forgot">Forgot the password?</a>
        <a href="/auth/sign-up">Sign up</a>
      </p>
    </>
  ),
})

/** What whoever has just set the site up has to do next; gone with the first admin. */
const FirstRun = () => (
  <div class="panel stack tight">
    <strong>This site has no admin yet.</strong>
    <ol>
      <li>
        <a href="/auth/sign-up">Sign up</a> with your address.
      </li>
      <li>
        Where you deploy from: <code>npm run admin -- you@example.com</code>, with{' '}
        <code>--remote</code> for a deployed site.
      </li>
      <li>
        Open the <a href="/console">console</a>.
      </li>
    </ol>
    <p class="muted small">
      With a provider of your own, <code>BOOTSTRAP_ADMINS</code> names the first admin instead.
    </p>
  </div>
)

/** For whoever was signed in when they began to type. @param action where the form was sent */
export const signInAgainPage = (
  action: string,
  typed: readonly (readonly [name: string, value: string | undefined])[],
): LoginPage => ({
  title: 'Sign in again',
  notice: {
    tone: 'bad',
    text:
      'Your session has ended, so nothing was done. What you have typed is kept here, but for ' +
      'passwords: sign in on another tab, then send it again.',
  },
  content: (
    <>
      <a class="button plain" href="/auth/sign-in" target="_blank" rel="noopener">
        Sign in on a new tab
      </a>
      <Form action={action}>
        {typed.map(([name, value = '']) => (
          <Hidden name={name} value={value} />
        ))}
        <button>Send it again</button>
      </Form>
    </>
  ),
})

/** What a mailed link is good for: one in which a password is chosen. */
interface PasswordLink {
  readonly title: string
  readonly action: '/auth/verify' | '/auth/reset'
}

/** Filled in by the script, or by whoever reads the mail. */
const MailedCode = ({ value = '' }: { readonly value?: string }) => (
  <label>
    Code from the mail
    <input name="token" autocomplete="off" required maxlength={100} value={value} />
  </label>
)

/** Where a mailed link leads. The script sends the form at once; without it somebody copies the code. */
export const mailedCodePage = ({ title, action }: PasswordLink, notice?: Notice): LoginPage => ({
  title,
  notice,
  script: 'mailed-code',
  content: (
    <form id="mailed-code" method="post" action={action} class="stack" data-sends-itself="">
      <MailedCode />
      <button>Go on</button>
    </form>
  ),
})

/** The password is chosen by whoever reads the mail. */
export const choosePasswordPage = (
  { title, action }: PasswordLink,
  { token, email }: { readonly token: string; readonly email: string },
  again: Again = {},
): LoginPage => ({
  title,
  notice: again.notice,
  content: (
    <>
      <p class="lead">For {email}</p>
      <Form action={action}>
        <Hidden name="token" value={token} />
        <Whose email={email} />
        <NewPassword again={again} />
        <button>{title}</button>
      </Form>
    </>
  ),
})

export const confirmEmailPage = (token?: string, notice?: Notice): LoginPage => ({
  title: 'Confirm your new address',
  notice,
  script: 'mailed-code',
  content: (
    <form id="mailed-code" method="post" action="/auth/email/confirm" class="stack">
      <MailedCode value={token ?? ''} />
      <button>Confirm</button>
    </form>
  ),
})

export const forgotPage = (again: Again = {}): LoginPage => ({
  title: 'Forgot the password',
  notice: again.notice,
  content: (
    <>
      <p class="lead">A link to choose a new one goes to your address.</p>
      <Form action="/auth/forgot">
        <EmailInput again={again} />
        <button>Mail me a link</button>
      </Form>
      <p class="ways">
        <a href="/auth/sign-in">Back to sign in</a>
      </p>
    </>
  ),
})

interface Passkey {
  readonly id: string
  readonly name: string | null
  readonly createdAt: Date | null
  readonly aaguid: string | null
}

export interface AccountView {
  readonly standing: Standing
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
  readonly passkeys: readonly Passkey[]
}

/** @param id a page may have two of them */
const CurrentPassword = ({
  id,
  hasPassword,
  again: { faults = {} },
}: Pick<OwnAccount, 'hasPassword'> & { readonly id: string; readonly again: Again }) =>
  hasPassword ? (
    <Password id={id} name="current" label="Current password" error={faults[id]} />
  ) : (
    <></>
  )

export const accountPage = (view: AccountView, again: Again = {}): LoginPage => ({
  title: 'Sign-in and security',
  notice: again.notice,
  script: 'passkey',
  account: view,
  content: (
    <>
      <Head
        title="Sign-in and security"
        lead={
          view.account
            ? `${view.account.name}, ${view.account.email}`
            : `Signed in by ${view.issuer}, which keeps your password and address.`
        }
      />
      <Sessions {...view} />
      {view.account && <OfAccount account={view.account} again={again} />}
    </>
  ),
})

const Sessions = ({ sessions, sessionId }: AccountView) => (
  <Card
    title="Where you are signed in"
    flush
    actions={
      <form method="post" action="/auth/sign-out-everywhere">
        <button class="plain small">Sign out everywhere</button>
      </form>
    }
  >
    <ul class="things">
      {sessions.map((session) => (
        <li>
          <span class="grow">
            <strong>{deviceOf(session.userAgent)}</strong>
            <span class="muted">{`, ${session.ipAddress || 'unknown address'}`}</span>
            <br />
            <span class="muted small">
              Signed in <Time at={session.createdAt.toISOString()} form="ago" />
            </span>
          </span>
          {session.id === sessionId ? (
            <Pill tone="good">this device</Pill>
          ) : (
            <form method="post" action="/auth/sessions/revoke">
              <Hidden name="id" value={session.id} />
              <button class="plain small">End</button>
            </form>
          )}
        </li>
      ))}
    </ul>
  </Card>
)

/** Until it is given a name, a passkey is called after what keeps it. */
export function nameOfPasskey({ name, aaguid }: Pick<Passkey, 'name' | 'aaguid'>): string {
  if (name !== null && name !== UNNAMED_PASSKEY) return name
  return getAuthenticatorName(aaguid) ?? UNNAMED_PASSKEY
}

/** What a passkey is stored as until somebody gives it a name. */
export const UNNAMED_PASSKEY = 'Passkey'

const OfAccount = ({ account, again }: { readonly account: OwnAccount; readonly again: Again }) => (
  <>
    <Card
      title="Passkeys"
      flush
      actions={
        <button id="passkey-add" class="small" hidden>
          Add a passkey
        </button>
      }
    >
      <PasskeyError />
      {account.passkeys.length === 0 && (
        <Empty title="No passkeys yet">
          <p>A passkey signs you in with your fingerprint, face or screen lock.</p>
        </Empty>
      )}
      <ul class="things">
        {account.passkeys.map((passkey) => (
          <li>
            <span class="grow">
              <strong>{nameOfPasskey(passkey)}</strong>
              {passkey.createdAt && (
                <>
                  <br />
                  <span class="muted small">
                    Added <Time at={passkey.createdAt.toISOString()} form="day" />
                  </span>
                </>
              )}
            </span>
            <a
              class="button plain small"
              href={`/auth/passkeys/${passkey.id}`}
              aria-label={`Rename or remove ${nameOfPasskey(passkey)}`}
            >
              Rename or remove
            </a>
          </li>
        ))}
      </ul>
    </Card>
    <div class="grid two">
      <Card title="Password">
        <Form action="/auth/password">
          <Whose email={account.email} />
          <CurrentPassword id="password-current" hasPassword={account.hasPassword} again={again} />
          <NewPassword again={again} />
          <span>
            <button>Change the password</button>
          </span>
        </Form>
      </Card>
      <Card title="Email address">
        <Form action="/auth/email">
          <Whose email={account.email} />
          <CurrentPassword id="email-current" hasPassword={account.hasPassword} again={again} />
          <EmailInput label="New email" autocomplete="email" again={again} />
          <span>
            <button>Mail a link to it</button>
          </span>
        </Form>
      </Card>
    </div>
  </>
)

export const passkeyPage = (
  passkey: Passkey,
  {
    email,
    hasPassword,
    standing,
  }: Pick<OwnAccount, 'email' | 'hasPassword'> & Pick<AccountView, 'standing'>,
  again: Again = {},
): LoginPage => ({
  title: nameOfPasskey(passkey),
  notice: again.notice,
  account: { standing },
  content: (
    <>
      <Head
        title={nameOfPasskey(passkey)}
        lead={getAuthenticatorName(passkey.aaguid)}
        crumbs={[{ href: '/auth/account', text: 'Sign-in and security' }]}
      />
      <Card title="Name">
        <form method="post" action="/auth/passkeys/rename" class="stack narrow">
          <Hidden name="id" value={passkey.id} />
          <NameInput
            autocomplete="off"
            value={again.typed?.['name'] ?? nameOfPasskey(passkey)}
            error={again.faults?.['name']}
          />
          <span>
            <button>Rename</button>
          </span>
        </form>
      </Card>
      <Card title="Remove it" danger>
        <p>It signs nobody in any more, from this moment on. You are told so by mail.</p>
        <form method="post" action="/auth/passkeys/remove" class="stack narrow">
          <Hidden name="id" value={passkey.id} />
          <Whose email={email} />
          <CurrentPassword id="current" hasPassword={hasPassword} again={again} />
          <span>
            <button class="danger">Remove</button>
          </span>
        </form>
      </Card>
    </>
  ),
})
