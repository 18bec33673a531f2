/** The way to the sign-in and back to where somebody was going. */
import type { ConsoleContext } from './context.ts'

export function toSignIn(c: ConsoleContext): Response {
  const { pathname, search } = new URL(c.req.url)
  const Location = `/auth/sign-in?next=${encodeURIComponent(pathname + search)}`
  return new Response(null, { status: 303, headers: { Location } })
}
