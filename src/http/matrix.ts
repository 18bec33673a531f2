/**
 * The authorization matrix: every route, and every kind of page rule, by every kind of caller, computed
 * by `decide` and nothing else.
 */
import type { BadgeId, UserId, VisitorId } from '../db/ids.ts'
import type { Caller, MemberActor } from '../security/actor.ts'
import { decide, type Target } from '../security/decide.ts'
import { decideUnder, type DecidingRule } from '../security/pages/decide-page.ts'
import { KEY_SCOPES, type Role } from '../security/permissions.ts'
import type { Restricted } from './access.ts'
import { documentedPath, type Route } from './route.ts'

export const CALLER_NAMES = [
  'anonymous',
  'visitor',
  'member',
  'moderator',
  'bookings-manager',
  'admin',
  'partner',
] as const
export type CallerName = (typeof CALLER_NAMES)[number]

/** `own`: only where the resource is theirs. */
export const ANSWERS = ['allowed', 'own', '401', '403'] as const
export type MatrixAnswer = (typeof ANSWERS)[number]

export interface MatrixRow {
  readonly method: string
  readonly path: string
  /** The permission it takes, or why it is open. */
  readonly access: string
  readonly answers: Record<CallerName, MatrixAnswer>
}

export function matrixOf(routes: readonly Route[]): MatrixRow[] {
  return routes.flatMap(({ method, path, access }) => {
    const documented = documentedPath(path)
    if ('may' in access) return [rowOf(method, documented, access), ...furtherRows()]
    const open = {
      method,
      path: documented,
      access: `open: ${access.open}`,
      answers: forAll(() => 'allowed'),
    }
    const { unless } = access
    return unless
      ? [open, rowOf(method, `${documented}?${unless.query.join('=')}`, unless)]
      : [open]

    /** Rows of what a query asks for besides: whoever may have the list may not have all of it. */
    function furtherRows(): MatrixRow[] {
      const { filters = {}, more } = 'may' in access ? access : {}
      const asked = Object.entries(filters).map(([name, { may, of }]) => ({
        search: `${name}={${name}}`,
        restriction: { may, ...(of && { owner: `:${name}` as const }) },
      }))
      if (more) asked.push({ search: more.query.join('='), restriction: { may: more.may } })
      return asked.map(({ search, restriction }) =>
        both(access, rowOf(method, `${documented}?${search}`, restriction)),
      )
    }
  })
}

/** A row whose callers need what the route takes as well. */
function both(access: Route['access'], row: MatrixRow): MatrixRow {
  if (!('may' in access)) return row
  const answers = forAll((name) => {
    const first = answerFor(CALLERS[name], access)
    return first === '401' || first === '403' ? first : row.answers[name]
  })
  const names = access.may === row.access ? row.access : `${access.may}, ${row.access}`
  return { ...row, access: names, answers }
}

function rowOf(method: string, path: string, restriction: Restricted): MatrixRow {
  return {
    method,
    path,
    access: restriction.may,
    answers: forAll((name) => answerFor(CALLERS[name], restriction)),
  }
}

function answerFor(caller: Caller, { may, owner }: Restricted): MatrixAnswer {
  const others: Target = owner?.startsWith(':') ? { owner: 'somebody else' } : wholeOf(owner)
  const decision = decide(caller, may, others)
  if (decision.allowed) return decision.scope === 'everyone' ? 'allowed' : 'own'
  const own = decide(caller, may, typeof others === 'object' ? { owner: ownIdOf(caller) } : others)
  if (own.allowed) return 'own'
  return decision.refusal.code === 'unauthenticated' ? '401' : '403'
}

function wholeOf(owner: Restricted['owner']): Target {
  return owner === 'self' || owner === 'rows' ? owner : 'site'
}

const MEMBER = 'usr_00000000000000000000000000' satisfies UserId
const VISITOR = 'vis_00000000000000000000000000' satisfies VisitorId

function memberWith(...roles: Role[]): MemberActor {
  return { kind: 'member', userId: MEMBER, status: 'active', roles, accessRevision: 1 }
}

/** One of each kind; the partner's key has every scope a key may have. */
export const CALLERS: Record<CallerName, Caller> = {
  anonymous: { kind: 'anonymous' },
  visitor: { kind: 'visitor', visitorId: VISITOR },
  member: memberWith(),
  moderator: memberWith('moderator'),
  'bookings-manager': memberWith('bookings-manager'),
  admin: memberWith('admin'),
  partner: {
    kind: 'partner',
    keyId: 'key_00000000000000000000000000',
    scopes: KEY_SCOPES,
    accessRevision: 1,
  },
}

function ownIdOf(caller: Caller): string {
  return caller.kind === 'visitor' ? VISITOR : MEMBER
}

/** `303` is sent elsewhere; what whoever is signed out is answered is 401 as long as they navigate nowhere. */
export const PAGE_ANSWERS = ['allowed', '303', '401', '403', '404'] as const
type PageAnswer = (typeof PAGE_ANSWERS)[number]

interface PageMatrixRow {
  /** What a rule says, or that there is none. */
  readonly access: string
  readonly answers: Record<CallerName, PageAnswer>
}

const SOME_BADGE = 'bdg_00000000000000000000000000' satisfies BadgeId

/** One rule of each kind, for a page that says what it is to those who are refused. */
const PAGE_RULES: Readonly<Record<string, DecidingRule['access']>> = {
  anyone: 'anyone',
  'visitors-only': 'visitors-only',
  members: 'members',
  'may: profile:list': { may: 'profile:list', reach: 'any' },
  'may: booking:read': { may: 'booking:read', reach: 'any' },
  'may: booking:read, reach: own': { may: 'booking:read', reach: 'own' },
  badge: { badge: SOME_BADGE },
}

/** Nobody holds the badge here: whoever does is let through, if they are a member. */
export function pageMatrix(): PageMatrixRow[] {
  return [
    ...Object.entries(PAGE_RULES).map(([name, access]) => pageRow(name, ruleOf(access), 'closed')),
    pageRow('no rule, PAGES_DEFAULT=open', undefined, 'open'),
    pageRow('no rule, PAGES_DEFAULT=closed', undefined, 'closed'),
  ]
}

function ruleOf(access: DecidingRule['access']): DecidingRule {
  return {
    id: 'pgr_00000000000000000000000000',
    path: '/page',
    pathKey: '/page',
    access,
    onUnauthenticated: 'sign-in',
    signInPath: null,
    forbiddenPath: null,
  }
}

function pageRow(
  access: string,
  rule: DecidingRule | undefined,
  standard: 'open' | 'closed',
): PageMatrixRow {
  const badges = new Set<never>()
  const answers = forAll((name): PageAnswer => {
    const decision = decideUnder(rule, { caller: CALLERS[name], badges, standard })
    switch (decision.outcome) {
      case 'let through':
        return 'allowed'
      case 'redirect':
        return '303'
      case 'sign in':
        return '401'
      case 'refused':
        return `${decision.status}`
    }
  })
  return { access, answers }
}

function forAll<Answer extends string>(
  answer: (name: CallerName) => Answer,
): Record<CallerName, Answer> {
  return Object.fromEntries(CALLER_NAMES.map((name) => [name, answer(name)])) as Record<
    CallerName,
    Answer
  >
}
