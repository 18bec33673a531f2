/**
 * Whether a page is opened to a caller. Pure and total; rights are what `decide` says, as for a call. The
 * first rule that is about the path counts and no other; without one the site's standard does.
 */
import type { BadgeId } from '../../db/ids.ts'
import { Problem, type Stage } from '../../problem.ts'
import type { Caller } from '../actor.ts'
import { decide, type Refusal } from '../decide.ts'
import { refused } from '../grant.ts'
import { isPermission } from '../permissions.ts'
import type { CanonicalPath } from './canonical-path.ts'
import { type PageRule, ruleFor } from './page-rule.ts'

/** Where a page for visitors sends whoever is signed in. */
export const MEMBERS_START = '/'

/** What of a rule counts. */
export type DecidingRule = Pick<
  PageRule,
  'id' | 'path' | 'pathKey' | 'access' | 'onUnauthenticated' | 'signInPath' | 'forbiddenPath'
>

export interface PageQuestion<R extends DecidingRule = PageRule> {
  /** In the order in which they are asked. */
  readonly rules: readonly R[]
  readonly path: CanonicalPath
  readonly caller: Caller
  /** The badges they hold; those that no rule names may be missing. */
  readonly badges: ReadonlySet<BadgeId>
  /** What becomes of a page that no rule is about. */
  readonly standard: 'open' | 'closed'
}

export type PageDecision<R extends DecidingRule = PageRule> =
  | { readonly outcome: 'let through'; readonly rule: R | undefined }
  | { readonly outcome: 'redirect'; readonly rule: R; readonly to: string }
  | {
      /** A navigation goes to the sign-in and comes back; everything else is answered 401. */
      readonly outcome: 'sign in'
      readonly rule: R
      /** Null for that of the built-in login. */
      readonly signInPath: string | null
      readonly refusal: PageRefusal
    }
  | {
      readonly outcome: 'refused'
      readonly rule: R | undefined
      /** With 404 nothing else may be told. */
      readonly status: 401 | 403 | 404
      /** Why, behind a 404 as well; undefined where no rule is about the page. */
      readonly refusal: PageRefusal | undefined
      /** Shown in place of a 403, where the rule has one. */
      readonly forbiddenPath: string | null
    }

export interface PageRefusal {
  readonly code: Refusal['code']
  readonly stage: Stage
  /** A permission that would have been enough; for a badge that of whoever gives it. */
  readonly required: string
  readonly reach: 'own' | 'any'
  readonly detail: string
  /** The badge that would have been enough. */
  readonly badge?: BadgeId
}

export function decidePage<R extends DecidingRule>(question: PageQuestion<R>): PageDecision<R> {
  return decideUnder(ruleFor(question.rules, question.path), question)
}

/** The decision about a page that this rule is about, or none. */
export function decideUnder<R extends DecidingRule>(
  rule: R | undefined,
  { caller, badges, standard }: Pick<PageQuestion, 'caller' | 'badges' | 'standard'>,
): PageDecision<R> {
  if (!rule) {
    return standard === 'open'
      ? { outcome: 'let through', rule }
      : { outcome: 'refused', rule, status: 404, refusal: undefined, forbiddenPath: null }
  }
  const refusal = refusalOf(rule.access, caller, badges)
  if (!refusal) {
    return rule.access === 'visitors-only' && caller.kind === 'member'
      ? { outcome: 'redirect', rule, to: MEMBERS_START }
      : { outcome: 'let through', rule }
  }
  const { onUnauthenticated, signInPath, forbiddenPath } = rule
  if (onUnauthenticated === '404') {
    return { outcome: 'refused', rule, status: 404, refusal, forbiddenPath: null }
  }
  if (refusal.code !== 'unauthenticated') {
    return { outcome: 'refused', rule, status: 403, refusal, forbiddenPath }
  }
  return onUnauthenticated === 'sign-in'
    ? { outcome: 'sign in', rule, signInPath, refusal }
    : { outcome: 'refused', rule, status: 401, refusal, forbiddenPath: null }
}

/** Whether not everybody may open the page, so that no cache may keep what it shows. */
export function isRestricted({ rule, outcome }: PageDecision<DecidingRule>): boolean {
  return rule ? rule.access !== 'anyone' : outcome !== 'let through'
}

/** A page that is hidden is told from one without a rule by nobody. */
const NOTHING_THERE = 'There is no such page, or no rule that opens it to you.'

/** What whoever is refused is told, where it is not a page. */
export function pageProblem(
  decision: Extract<PageDecision<DecidingRule>, { outcome: 'refused' | 'sign in' }>,
): Problem {
  const { outcome, refusal } = decision
  const isHidden = outcome === 'refused' && decision.status === 404
  if (!refusal || isHidden) return new Problem('not_found', NOTHING_THERE)
  const { code, detail, stage, required, reach } = refusal
  return new Problem(code, detail, { stage, required, reach })
}

/** Every member has this, whatever their roles: pages of members are for whoever may do it. */
const MEMBERS_HAVE = 'profile:read'

/** Undefined for whoever may open the page, or is sent elsewhere from it. */
function refusalOf(
  access: PageRule['access'],
  caller: Caller,
  badges: ReadonlySet<BadgeId>,
): PageRefusal | undefined {
  if (access === 'anyone') return undefined
  if (access === 'visitors-only') {
    const isSignedOut = caller.kind === 'anonymous' || caller.kind === 'visitor'
    return isSignedOut ? undefined : notAMember(caller)
  }
  if (access === 'members') return notAMember(caller)
  if ('badge' in access) return notAMember(caller) ?? withoutBadge(access.badge, badges)
  const { may, reach } = access
  // What another version has stored, and this one does not know, nobody has.
  if (!isPermission(may)) return notAMember(caller) ?? unknownPermission(may, reach)
  const decision = decide(caller, may, reach === 'own' ? 'rows' : 'site')
  if (decision.allowed) return undefined
  // A key without the scope is as much a stranger here as on any other page for people.
  return (caller.kind === 'partner' ? notAMember(caller) : undefined) ?? told(decision.refusal)
}

function notAMember(caller: Caller): PageRefusal | undefined {
  const decision = decide(caller, MEMBERS_HAVE, 'self')
  return decision.allowed ? undefined : told(decision.refusal)
}

function withoutBadge(badge: BadgeId, held: ReadonlySet<BadgeId>): PageRefusal | undefined {
  if (held.has(badge)) return undefined
  const detail = `This page is for holders of the badge ${badge}.`
  const missing = { required: 'badge:assign', reach: 'any', badge } as const
  return { code: 'forbidden', stage: 'permission', detail, ...missing }
}

function unknownPermission(required: string, reach: 'own' | 'any'): PageRefusal {
  const detail = `This page takes ${required} with reach ${reach}, which nobody has.`
  return { code: 'forbidden', stage: 'permission', detail, required, reach }
}

function told(refusal: Refusal): PageRefusal {
  const detail =
    refusal.code === 'members_only'
      ? 'API keys and visitors’ tokens do not open this page.'
      : refused(refusal).detail
  return { ...refusal, detail }
}
