/** How a session reaches the browser, whichever way somebody has shown who they are. */
import { SESSION_COOKIE } from '../security/callers/session-cookie.ts'
import type { LoginContext } from './context.ts'
import type { SignedIn, SignedInOutside } from './requests.ts'

/**
 * Hands over the session that better-auth has begun, and ends the one that the browser came with: what
 * was planted there is worth nothing.
 * @param isStillRight asked when the session is there: whatever ends sessions from then on ends it too
 * @param admit makes whose session it is a member
 * @returns false if there is none, or none any more
 */
export async function enter(
  c: LoginContext,
  answer: Response,
  isStillRight: (session: SignedIn | SignedInOutside) => boolean | Promise<boolean> = () => true,
  admit: (token: string) => Promise<unknown> = c.var.admit,
): Promise<boolean> {
  const cookies = answer.headers.getSetCookie()
  const [Cookie = ''] =
    cookies.find((cookie) => cookie.startsWith(`${SESSION_COOKIE}=`))?.split(';') ?? []
  const session = await c.var.session(new Headers({ Cookie }))
  if (!session) return false
  const { openSessions } = c.var
  if (!(await isStillRight(session))) {
    await openSessions.end(session.identity, session.id)
    return false
  }
  const before = await c.var.session()
  await admit(session.token)
  if (before) await openSessions.end(before.identity, before.id)
  passCookies(c, answer)
  if (session.kind === 'account') await rememberPlace(c, session)
  return true
}

/** Whoever has shown who they are is known here from now on. */
export async function rememberPlace(
  c: LoginContext,
  who: { readonly userId: string; readonly email: string },
): Promise<void> {
  c.header('Set-Cookie', await c.var.places.remember(who), { append: true })
}

export function passCookies(c: LoginContext, answer: Response): void {
  for (const cookie of answer.headers.getSetCookie()) {
    c.header('Set-Cookie', cookie, { append: true })
  }
}
