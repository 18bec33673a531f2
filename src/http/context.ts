/** What travels with a request between the middlewares, and the session with storage it has. */
import type { Context } from 'hono'
import { openSession, type Session } from '../db/client.ts'
import { type Deps, makeDeps } from '../deps.ts'
import type { Bindings } from '../env.ts'
import type { EventHandlers } from '../events/handlers.ts'
import type { Authenticated } from '../security/authenticate.ts'
import type { Identified } from '../security/identify.ts'

export interface AppEnv {
  Bindings: Bindings
  Variables: {
    requestId: string
    /** What may be loaded on the page that is answered, if it is one. */
    contentPolicy?: string
    /** When the request came in; milliseconds since the epoch. */
    now: number
    authenticated: Authenticated
    session: Session
    deps: Deps
    identified: Identified
    events: EventHandlers
    /** Has the app itself answer a request. */
    answer: (request: Request, env: Bindings) => Promise<Response>
  }
}

export type AppContext = Context<AppEnv>

/** Opens a session and makes everything of this request use it. @param start as `openSession` takes it */
export function beginSession(c: AppContext, start: Parameters<typeof openSession>[1]): void {
  const session = openSession(c.env.DB, start)
  c.set('session', session)
  c.set('deps', makeDeps(c.env, session.db, c.get('now')))
}
