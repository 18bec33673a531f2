/**
 * Who may come in, decided here for every page of the console and the account: whoever is not signed in is
 * led to the sign-in, and whoever is suspended is told so. What is behind it the API decides.
 */
import type { Next } from 'hono'
import { GuildhallError } from '../client/index.ts'
import { Facts } from '../look/parts.tsx'
import type { ConsoleContext } from './context.ts'
import { isReading } from './is-reading.ts'
import { Kept } from './kept.tsx'
import { showSheet } from './shell.tsx'
import { toSignIn } from './to-sign-in.ts'

type Comer = 'somebody' | 'nobody' | { readonly suspendedBecause: string | null }

/** A page is made while it is asked for whom; what was made for nobody is thrown away. */
export async function admitted(c: ConsoleContext, next: Next): Promise<Response | void> {
  // The start is for everybody.
  if (c.req.path === '/') return next()
  // What a form asks for is not even begun.
  if (!isReading(c)) return (await turnedAway(c, await comerOf(c))) ?? next()
  const [comer] = await Promise.all([comerOf(c), next()])
  const instead = await turnedAway(c, comer)
  if (!instead) return
  // Without this the headers of what was made would be taken over.
  c.res = undefined
  c.res = instead
}

async function comerOf(c: ConsoleContext): Promise<Comer> {
  try {
    const { kind, suspension } = await c.var.me
    if (suspension) return { suspendedBecause: suspension.reason }
    return kind === 'member' || kind === 'partner' ? 'somebody' : 'nobody'
  } catch (error) {
    const hasEnded = error instanceof GuildhallError && error.status === 401
    // Of any other failure the page tells, as it cannot be shown without knowing to whom.
    return hasEnded ? 'nobody' : 'somebody'
  }
}

async function turnedAway(c: ConsoleContext, comer: Comer): Promise<Response | undefined> {
  if (comer === 'somebody') return undefined
  if (comer === 'nobody') return isReading(c) ? toSignIn(c) : signInAndSendAgain(c)
  return suspended(c, comer.suspendedBecause)
}

/** What was typed is kept, in a form that can be sent once the session is there again. */
export function signInAndSendAgain(c: ConsoleContext): Promise<Response> {
  const body = (
    <>
      <p role="alert">
        Your session has ended, so nothing was done. What you have typed is kept here: sign in on
        another tab, then send it again.
      </p>
      <div class="row">
        <a class="button plain" href="/auth/sign-in" target="_blank" rel="noopener">
          Sign in on a new tab
        </a>
        <Kept c={c} />
      </div>
    </>
  )
  return showSheet(c, { title: 'Sign in again', body, status: 401 })
}

function suspended(c: ConsoleContext, reason: string | null): Promise<Response> {
  const { name, homeUrl } = c.env.request.look
  const body = (
    <>
      <div role="alert" class="stack tight">
        <strong>
          You are known here, and may do nothing until your account is reinstated. Nothing of yours
          was deleted.
        </strong>
        <Facts of={[['Why', reason ?? 'Nobody has said why.']]} />
      </div>
      <p>
        Those who look after <a href={homeUrl}>{name}</a> can reinstate it: ask them if you think
        that it is a mistake.
      </p>
      <div class="row">
        <form method="post" action="/auth/sign-out">
          <button>Sign out</button>
        </form>
        <a class="button plain" href="/auth/account">
          Sign-in and security
        </a>
        <a class="button quiet" href="/problems/suspended">
          What this means
        </a>
      </div>
      {!isReading(c) && <Kept c={c} />}
    </>
  )
  return showSheet(c, { title: 'Your account is suspended', body, status: 403 })
}
