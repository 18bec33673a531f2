/** What travels with a request between the middlewares, and the session with storage it has. */
import type { Context } from 'hono'
import { type Assumption, openSession, type Session } from '../db/client.ts'
import { makeDeps, type SystemDeps } from '../deps.ts'
import type { Bindings } from '../env.ts'
import type { FollowUp } from '../events/handlers.ts'
import type { Authenticated } from '../security/callers/authenticate.ts'
import type { Identified } from '../security/callers/identified.ts'
import type { Admission } from './access.ts'
import type { arrivalOf } from './arrival.ts'
import type { RequestRecord } from './request-log.ts'

/** Header fields of an answer. */
export type Fields = Record<string, string>

export interface AppEnv {
  Bindings: Bindings
  Variables: {
    requestId: string
    /** What is to be written down about the request. */
    record: RequestRecord
    /** Waits for the rest of what is sent, which does not use up the time of the request. */
    waitForSender: ReturnType<typeof arrivalOf>['waitForSender']
    /** What its header says, as far as it is known by now. */
    fields: Fields
    /** The answer has all its fields. */
    isAnswered?: true
    /** What time it is to whatever is done now; milliseconds since the epoch. */
    now: number
    authenticated: Authenticated
    session: Session
    /** Of the session, once there is one. */
    bookmark?: Session['bookmark']
    identified: Identified
    admission: Admission
    /** Set by `beginWork`; identifying the caller takes less. */
    deps: SystemDeps
    /** Keeps the answer for others, where it is anybody's. */
    keep?: (answer: { readonly text: string; readonly fields: Readonly<Fields> }) => void
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
  assumptions: readonly Assumption[] = [],
): void {
  const session = openSession(c.env.DB, start, assumptions)
  c.set('session', session)
  c.set('bookmark', session.bookmark)
  c.set('now', Date.now())
}

/** What follows happens now, however long it took to get here: a sender may stretch a body over minutes. */
export function beginWork(c: AppContext): void {
  c.set('now', Date.now())
  const address = c.req.header('CF-Connecting-IP')
  const later = (work: Promise<unknown>) => c.executionCtx.waitUntil(work)
  const { generation } = c.get('identified') ?? {}
  const asked = { address, url: c.req.url, later, generation }
  c.set('deps', makeDeps(c.env, c.get('session'), c.get('now'), asked))
}
