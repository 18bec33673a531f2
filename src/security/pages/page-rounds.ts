/**
 * Rules that send people round: from one page to another that sends them back, or to a sign-in that is
 * closed to those who have to sign in. Rights differ, so this looks at who is refused wherever one can be.
 */
import type { Caller } from '../actor.ts'
import { canonicalPath } from './canonical-path.ts'
import { decidePage, decideUnder, type DecidingRule, type PageDecision } from './decide-page.ts'
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

/** @param rules all of a site, in the order in which they are asked */
export function roundsIn(rules: readonly DecidingRule[]): PageRound[] {
  return rules.flatMap((rule) =>
    TRAVELLERS.flatMap(([who, caller]) => {
      const round = roundFrom(rule, who, caller, rules)
      return round ? [round] : []
    }),
  )
}

function roundFrom(
  start: DecidingRule,
  who: string,
  caller: Caller,
  rules: readonly DecidingRule[],
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
    if (to === undefined) return undefined
    const spelling = canonicalPath(to)
    if (!('path' in spelling)) return undefined
    const isKnown = way.includes(spelling.path)
    way.push(spelling.path)
    if (isKnown) return found()
    if (isProductPath(spelling.path)) return undefined
    const next = decidePage({ ...asking, rules, path: spelling.path })
    if (next.rule) under.add(next.rule.id)
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
