/**
 * Rules that send people round: from one page to another that sends them back, or to a sign-in that is
 * closed to those who have to sign in. Rights differ, so this looks at who is refused wherever one can be.
 */
import type { Caller } from '../actor.ts'
import { type CanonicalPath, canonicalPath } from './canonical-path.ts'
import { decideUnder, type DecidingRule, type PageDecision } from './decide-page.ts'
import { ruleFor } from './page-rule.ts'
import { isProductPath } from './product-paths.ts'

/** A way that leads nowhere. */
export interface PageRound {
  /** A sentence that names the pages on the way. */
  readonly text: string
  /** The field of the first rule that sends them there. */
  readonly field: 'access' | 'signInPath' | 'forbiddenPath'
  /** The rules on the way. */
  readonly rules: ReadonlySet<DecidingRule['id']>
}

const MEMBER = {
  kind: 'member',
  userId: 'usr_00000000000000000000000000',
  status: 'active',
  roles: [],
  accessRevision: 0,
} as const satisfies Caller

/** Callers without any right beyond those of their kind; an API key is refused where a suspended member is. */
const TRAVELLERS: readonly (readonly [who: string, caller: Caller])[] = [
  ['Whoever is signed out', { kind: 'anonymous' }],
  ['A visitor', { kind: 'visitor', visitorId: 'vis_00000000000000000000000000' }],
  ['A member', MEMBER],
  ['A suspended member', { ...MEMBER, status: 'suspended' }],
]

interface Place {
  readonly path: CanonicalPath
  /** The one that decides about it. */
  readonly rule: DecidingRule | undefined
}

/** @param rules all of a site, in the order in which they are asked */
export function roundsIn(rules: readonly DecidingRule[]): PageRound[] {
  const places = new Map<string, Place>()
  /** Rules send to few places, so each is looked up once. Undefined for what has no one spelling. */
  const placeAt = (sent: string): Place | undefined => {
    const known = places.get(sent)
    if (known) return known
    const spelling = canonicalPath(sent)
    if (!('path' in spelling)) return undefined
    const place = { path: spelling.path, rule: ruleFor(rules, spelling.path) }
    places.set(sent, place)
    return place
  }
  return rules.flatMap((rule) =>
    TRAVELLERS.flatMap(([who, caller]) => roundFrom(rule, who, caller, placeAt) ?? []),
  )
}

function roundFrom(
  start: DecidingRule,
  who: string,
  caller: Caller,
  placeAt: (sent: string) => Place | undefined,
): PageRound | undefined {
  const asking = { caller, badges: new Set<never>(), standard: 'open' } as const
  const first = decideUnder(start, asking)
  const way: string[] = []
  const under = new Set([start.id])
  const found = (end = ''): PageRound => ({
    text: `${who} would be sent round: ${shown([start.path, ...way])}${end}.`,
    field: fieldOf(first),
    rules: under,
  })
  let decision = first
  for (;;) {
    const to = placeAfter(decision)
    const place = to === undefined ? undefined : placeAt(to)
    if (!place) return undefined
    const { path, rule } = place
    const isKnown = way.includes(path)
    way.push(path)
    if (isKnown) return found()
    if (isProductPath(path)) return undefined
    const next = decideUnder(rule, asking)
    if (rule) under.add(rule.id)
    if (decision.outcome === 'sign in' && next.outcome === 'refused') {
      return found(', which is closed to those who are to sign in there')
    }
    decision = next
  }
}

/** Where a navigation is sent; undefined where it ends, as at the sign-in of the site itself. */
function placeAfter(decision: PageDecision<DecidingRule>): string | undefined {
  switch (decision.outcome) {
    case 'let through':
      return undefined
    case 'redirect':
      return decision.to
    case 'sign in':
      return decision.signInPath ?? undefined
    case 'refused':
      return decision.forbiddenPath ?? undefined
  }
}

function fieldOf({ outcome }: PageDecision<DecidingRule>): PageRound['field'] {
  if (outcome === 'sign in') return 'signInPath'
  return outcome === 'refused' ? 'forbiddenPath' : 'access'
}

/** Longer ways are as bad, and harder to read. */
function shown(way: readonly string[]): string {
  const parts = way.length > 4 ? [...way.slice(0, 2), '…', ...way.slice(-2)] : way
  return parts.join(' → ')
}
