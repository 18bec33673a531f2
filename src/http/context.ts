/** What travels with a request between the middlewares, and the session with storage it has. */
import type { Context } from 'hono'
import { type Hearsay, openSession, type Session } from '../db/client.ts'
import { makeDeps, type SystemDeps } from '../deps.ts'
import type { Bindings } from '../env.ts'
import type { FollowUp } from '../events/handlers.ts'
import type { Authenticated } from '../security/callers/authenticate.ts'
import type { Identified } from '../security/callers/identified.ts'
import type { Admission } from './access.ts'
import type { arrivalOf } from './arrival.ts'

export interface AppEnv {
  Bindings: Bindings
  Variables: {
    requestId: string
    /** Waits for the rest of what is sent, which does not use up the time of the request. */
    waitForSender: ReturnType<typeof arrivalOf>['waitForSender']
    /** What may be loaded on the page that is answered, if it is one. */
    contentPolicy?: string
    /** What time it is to whatever is done now; milliseconds since the epoch. */
    now: number
    authenticated: Authenticated
    session: Session
    identified: Identified
    admission: Admission
    /** Set by `beginWork`; identifying the caller takes less. */
    deps: SystemDeps
    /** Does what follows from an event. */
    followUp: FollowUp
    /** Has the app itself answer a request. */
    answer: (request: Request, env: Bindings) => Promise<Response>
  }
}

export type AppContext = Context<AppEnv>

/** Opens a session that this request uses from here on, with what `openSession` takes. */
export function beginSession(
  c: AppContext,
  start: Parameters<typeof openSession>[1],
  hearsay?: Hearsay,
): void {
  c.set('session', openSession(c.env.DB, start, hearsay))
  c.set('now', Date.now())
}

/** What follows happens now, however long it took to get here: a sender may stretch a body over minutes. */
export function beginWork(c: AppContext): void {
  c.set('now', Date.now())
  const address = c.req.header('CF-Connecting-IP')
  c.set('deps', makeDeps(c.env, c.get('session').db, c.get('now'), address))
}
