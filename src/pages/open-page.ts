/**
 * Whether a page is opened, and to whom: by `identify` and `decide`, as a call would be, with what else it
 * takes read in the same trip.
 */
import { isAccessChange } from '../db/errors.ts'
import { makeTrusted } from '../deps.ts'
import { type AppContext, beginSession } from '../http/context.ts'
import { ATTEMPTS, confirmCaller, loadCaller, reloadCaller } from '../http/mount.ts'
import { Problem } from '../problem.ts'
import { actingStill } from '../repositories/audited.ts'
import { pageRulesRepository } from '../repositories/page-rules.ts'
import { actorRef, type Caller } from '../security/actor.ts'
import { type Authenticated, authenticate } from '../security/callers/authenticate.ts'
import { isSameOrigin, NO_SESSION } from '../security/callers/session-cookie.ts'
import type { CanonicalPath } from '../security/pages/canonical-path.ts'
import { decidePage, type PageDecision } from '../security/pages/decide-page.ts'
import type { PagesSettings } from '../settings/pages.ts'
import { settingsOf } from '../settings/settings.ts'

/** What a visitor asks for, as far as it decides. */
export interface Asked {
  readonly method: string
  readonly path: CanonicalPath
  /** Those of the visitor; of credentials only what is for this site. */
  readonly headers: Headers
  /** Whether it is to become something other than HTTP. */
  readonly upgrades: boolean
}

export interface Opened {
  readonly decision: PageDecision
  readonly caller: Caller
  /** What is to be told to the browser about its session. */
  readonly cookie: string | undefined
}

/** The headers in which a credential is for this site. */
export function credentialsIn(headers: Headers, { passesAuthorization }: PagesSettings): Headers {
  const own = new Headers(headers)
  if (passesAuthorization) own.delete('Authorization')
  return own
}

export function isReading(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

/**
 * A session that has ended counts as none here, where a person would otherwise be stuck: its cookie goes.
 * @throws Problem for a bad credential of another kind, as on every route
 */
export async function openPage(c: AppContext, asked: Asked): Promise<Opened> {
  try {
    return { ...(await openTo(c, asked, await authenticated(c, asked))), cookie: undefined }
  } catch (error) {
    if (!(error instanceof EndedSession)) throw error
    return { ...(await openTo(c, asked, { type: 'anonymous' })), cookie: NO_SESSION }
  }
}

/** The session of a cookie is over, or never was; `session_revoked` is also said of tokens. */
class EndedSession extends Error {}

async function authenticated(c: AppContext, { method, headers, upgrades }: Asked) {
  const [settings, now] = [settingsOf(c.env), c.get('now')]
  // A link in a mail and a typed address have no origin of ours, and change nothing.
  const isCookieGood = isReading(method) && !upgrades ? () => true : isSameOrigin
  const trusted = makeTrusted(c.env, now)
  // No token is said to be revoked before it is looked up, so here it is the cookie.
  return authenticate(headers, settings, trusted, now, isCookieGood).catch(endedIf(true))
}

async function openTo(c: AppContext, { path, method }: Asked, authenticated: Authenticated) {
  c.set('authenticated', authenticated)
  beginSession(c, 'primary')
  const isEnded = endedIf(authenticated.type === 'session')
  await loadCaller(c, { assumes: true, reads: isReading(method) }).catch(isEnded)
  for (let attempt = 1; ; attempt++) {
    try {
      return await decided(c, path)
    } catch (error) {
      if (attempt === ATTEMPTS || !isAccessChange(error)) throw error
      await reloadCaller(c).catch(isEnded)
    }
  }
}

/** @throws what `isAccessChange` recognises if the caller is not who they were taken for */
async function decided(c: AppContext, path: CanonicalPath) {
  const { actor: caller } = c.get('identified')
  if (caller.kind === 'partner') {
    // What a gate says of its key is hearsay, and is checked with what is read.
    beginSession(c, 'primary', [actingStill(actorRef(caller), caller.accessRevision)])
  }
  const rules = pageRulesRepository(c.get('session').db)
  const reading = await rules.forPage(caller.kind === 'member' ? caller.userId : undefined)
  await confirmCaller(c)
  const standard = settingsOf(c.env).pagesDefault
  return { caller, decision: decidePage({ ...reading, path, caller, standard }) }
}

/** @returns what throws an error once more, as `EndedSession` if it is about the session of a cookie */
function endedIf(isCookie: boolean) {
  return (error: unknown): never => {
    const isOver = error instanceof Problem && error.code === 'session_revoked'
    throw isCookie && isOver ? new EndedSession() : error
  }
}
