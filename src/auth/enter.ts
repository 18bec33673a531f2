/** How a session reaches the browser, whichever way somebody has shown who they are. */
import { SESSION_COOKIE } from '../security/callers/session-cookie.ts'
import type { LoginContext } from './context.ts'
import type { SignedIn, SignedInOutside } from './requests.ts'

/** How long a session is good for that the browser forgets when it is closed. */
const SHORT_SECONDS = 12 * 3600

type Session = SignedIn | SignedInOutside

interface Entering {
  /** Asked when the session is there: whatever ends sessions from then on ends it too. */
  readonly isStillRight?: (session: Session) => boolean | Promise<boolean>
  /** Makes whose session it is a member. */
  readonly admit?: (token: string) => Promise<unknown>
  /** Whether the browser is to keep it; it does unless somebody has said otherwise. */
  readonly stays?: boolean
}

/**
 * Hands over the session that has begun, and ends the one that the browser came with: what was planted
 * there is worth nothing.
 * @param answer has its cookie
 * @returns false if there is none, or none any more
 */
export async function enter(
  c: LoginContext,
  answer: Response,
  { isStillRight = () => true, admit = c.var.admit, stays = true }: Entering = {},
): Promise<boolean> {
  const cookies = answer.headers.getSetCookie()
  const [Cookie = ''] = cookies.find(isOfSession)?.split(';') ?? []
  const session = await c.var.session(new Headers({ Cookie }))
  if (!session) return false
  const { openSessions } = c.var
  if (!(await isStillRight(session))) {
    await openSessions.end(session.identity, session.id)
    return false
  }
  const before = await c.var.session()
  if (!stays) await openSessions.shorten(session.id, SHORT_SECONDS)
  await admit(session.token)
  if (before) await openSessions.end(before.identity, before.id)
  passCookies(c, answer, stays)
  if (session.kind === 'account') await rememberPlace(c, session)
  return true
}

/** What a form says about it, which has two fields of that name, or none. */
export function stays(form: Readonly<Record<string, string>> | undefined): boolean {
  return form?.stay !== 'off'
}

function isOfSession(cookie: string): boolean {
  return cookie.startsWith(`${SESSION_COOKIE}=`)
}

/** Whoever has shown who they are is known here from now on. */
export async function rememberPlace(
  c: LoginContext,
  who: { readonly userId: string; readonly email: string },
): Promise<void> {
  c.header('Set-Cookie', await c.var.places.remember(who), { append: true })
}

/** @param keepsSession whether the browser is to keep the session when it is closed */
export function passCookies(c: LoginContext, answer: Response, keepsSession = true): void {
  for (const cookie of answer.headers.getSetCookie()) {
    const isShort = !keepsSession && isOfSession(cookie)
    const sent = isShort ? cookie.replaceAll(/; *(max-age|expires)=[^;]*/gi, '') : cookie
    c.header('Set-Cookie', sent, { append: true })
  }
}
