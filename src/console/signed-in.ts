/** Pages that are made of nothing the API would refuse still want somebody to be signed in. */
import type { ConsoleContext, Whoami } from './context.ts'
import { toSignIn } from './to-sign-in.ts'

export function signedIn(work: (c: ConsoleContext, me: Whoami) => Promise<Response>) {
  return async (c: ConsoleContext) => {
    const me = await c.var.me
    return me.kind === 'anonymous' ? toSignIn(c) : work(c, me)
  }
}
