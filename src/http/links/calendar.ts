/**
 * What a secret address shows to a calendar program. The secret is a credential of its own kind: it is
 * read here and nowhere else, stands for what its member may at this moment, and does nothing but read.
 * One that was never issued, one that has ended, and one whose member may no longer are the same 404.
 */
import { type Entry, calendarOf, feedOf } from '../../calendar/entries.ts'
import { sha256 } from '../../crypto/digest.ts'
import { makeTrusted } from '../../deps.ts'
import { notFound, Problem } from '../../problem.ts'
import type { FoundFeed } from '../../repositories/calendar-feeds.ts'
import { parseHeldRoles } from '../../repositories/roles.ts'
import { parseFeedSecret } from '../../security/callers/feed-secret.ts'
import { isSameOrigin, SESSION_COOKIE } from '../../security/callers/session-cookie.ts'
import { cookiesNamed } from '../../security/callers/cookies.ts'
import { decide } from '../../security/decide.ts'
import { heldRoles } from '../../security/held-roles.ts'
import { settingsOf } from '../../settings/settings.ts'
import { assertAcceptable, isKnown } from '../conditions.ts'
import { type AppContext, beginSession, beginWork } from '../context.ts'
import { answer } from '../fields.ts'

const TYPE = 'text/calendar'

/** @param kinds which secrets are read at this path */
export function readCalendar(...kinds: readonly FoundFeed['kind'][]) {
  return async (c: AppContext): Promise<Response> => {
    assertNothingElse(c)
    assertAcceptable(c.req, TYPE)
    const { keyChecksums } = makeTrusted(c.env, c.get('now'))
    const secretHash = await parseFeedSecret(c.req.query('feed') ?? '', keyChecksums)
    if (secretHash === undefined) return notFound('calendar')
    beginSession(c, 'primary')
    beginWork(c)
    const feed = await c.get('deps').calendarFeeds.find(secretHash)
    if (!feed || !kinds.includes(feed.kind) || !mayRead(feed)) return notFound('calendar')
    return answerWith(c, textOf(feed, c))
  }
}

/** Good or bad: what comes beside the secret is not looked into. @throws Problem `ambiguous_credentials` */
function assertNothingElse(c: AppContext): void {
  const { headers } = c.req.raw
  const { builtInLogin: login } = settingsOf(c.env)
  const isSignedIn =
    login !== undefined &&
    isSameOrigin(headers, login.publicUrl) &&
    cookiesNamed(headers, SESSION_COOKIE).length > 0
  const hasHeader = headers.has('Authorization') || headers.has('X-API-Key')
  if (!isSignedIn && !hasHeader) return
  const detail = 'The secret in the address is the credential here; send no other.'
  throw new Problem('ambiguous_credentials', detail)
}

/** By the rights that the member has now; who has no account has left the link's booking as it was. */
function mayRead({ kind, userId, status, accessRevision, roles }: FoundFeed): boolean {
  if (userId === null) return kind === 'booking'
  if (status === null || accessRevision === null || roles === null) return false
  const held = heldRoles(parseHeldRoles(roles))
  const member = { kind: 'member', userId, status, accessRevision, ...held } as const
  const isAllowed = (permission: 'booking:read' | 'service:manage', target: Target) =>
    decide(member, permission, target).allowed
  if (kind !== 'service') return isAllowed('booking:read', { owner: userId })
  return isAllowed('booking:read', 'site') && isAllowed('service:manage', 'site')
}

type Target = Parameters<typeof decide>[2]

function textOf({ kind, entries, serviceName }: FoundFeed, c: AppContext): string {
  const [entry] = entries
  if (kind === 'booking') return calendarOf(entry ?? notFound('calendar'))
  const shown: readonly Entry[] = entries
  return feedOf(serviceName ?? `Bookings at ${settingsOf(c.env).look.name}`, shown)
}

/** The tag is of the text, so it moves exactly when that does. */
async function answerWith(c: AppContext, text: string): Promise<Response> {
  const fields = { ETag: `"${(await sha256(text)).slice(0, 22)}"` }
  if (isKnown(c.req, fields.ETag)) return answer(c, null, 304, fields)
  return answer(c, text, 200, { 'Content-Type': `${TYPE}; charset=utf-8`, ...fields })
}
