/** Why a page is opened or not: the steps of a call, as far as a page takes them. */
import { Problem } from '../../problem.ts'
import type { PageRuleId } from '../../db/ids.ts'
import type { PageReading } from '../../repositories/page-rules.ts'
import type { Caller } from '../../security/actor.ts'
import type { CanonicalPath } from '../../security/pages/canonical-path.ts'
import {
  decidePage,
  type PageDecision,
  pageProblem,
  type PageRefusal,
} from '../../security/pages/decide-page.ts'
import type { PageRule } from '../../security/pages/page-rule.ts'
import { isPermission } from '../../security/permissions.ts'
import {
  type Check,
  type Explanation,
  explanationOf,
  heldBy,
  nameOf,
  NOT_REACHED,
  sessionOf,
  type Step,
  STEPS,
} from './explain.ts'
import { changeThatAllows } from './explain-change.ts'

export interface PageExplanation extends Explanation {
  /** The rule that decides; null if none does, and for those who may not know. */
  readonly pageRule: { readonly id: PageRuleId; readonly path: string } | null
}

export interface AskedPage extends PageReading {
  readonly path: CanonicalPath
  readonly standard: 'open' | 'closed'
  /** Whom it is asked for, or why they are nobody. */
  readonly caller: Caller | Problem
  /** Whether the site has a sign-in of its own. */
  readonly hasSignIn: boolean
  /** Whether whoever asks may know the rules; for others a page that is hidden is as if there was none. */
  readonly seesRules: boolean
}

export function explainPage(asked: AskedPage): PageExplanation {
  const { caller, seesRules, hasSignIn } = asked
  if (caller instanceof Problem) {
    const { code, detail, status, extras } = caller
    const { stage = 'credential' } = extras
    const problem = { code, detail, stage }
    return {
      ...explanationOf({ status, problem, arrival: undefined, stopped: [] }),
      pageRule: null,
    }
  }
  const decision = decidePage({ ...asked, caller })
  const { rule } = decision
  const isHidden = decision.outcome === 'refused' && decision.status === 404
  const told =
    isHidden && !seesRules ? nothingThere(caller, decision) : toldOf(caller, decision, hasSignIn)
  return { ...told, pageRule: rule && seesRules ? { id: rule.id, path: rule.path } : null }
}

function toldOf(caller: Caller, decision: PageDecision, hasSignIn: boolean): Explanation {
  const { outcome, rule } = decision
  switch (outcome) {
    case 'let through':
      return explanation(200, decisiveFor(rule), caller, rule, undefined)
    case 'redirect': {
      const detail = `The page is for whoever is signed out; members are sent to ${decision.to}.`
      return explanation(303, 'session', caller, rule, { detail, change: 'The caller signs out.' })
    }
    case 'sign in': {
      const { refusal, signInPath } = decision
      const where = signInPath ?? (hasSignIn ? 'the sign-in of the site' : undefined)
      return elsewhere(where, 401, caller, rule, refusal)
    }
    case 'refused': {
      const { refusal, status, forbiddenPath } = decision
      if (!refusal) return nothingThere(caller, decision)
      if (status === 403)
        return elsewhere(forbiddenPath ?? undefined, status, caller, rule, refusal)
      const detail = `${refusal.detail}${status === 404 ? ' The rule hides the page from whoever is refused.' : ''}`
      return explanation(status, refusal.stage, caller, rule, {
        detail,
        change: changeFor(caller, refusal),
      })
    }
  }
}

/** @param where a navigation is sent to; undefined if it stays */
function elsewhere(
  where: string | undefined,
  status: 401 | 403,
  caller: Caller,
  rule: PageRule | undefined,
  refusal: PageRefusal,
): Explanation {
  const sent =
    where === undefined
      ? ''
      : ` A navigation is sent to ${where}, anything else is answered ${status}.`
  return explanation(where === undefined ? status : 303, refusal.stage, caller, rule, {
    detail: `${refusal.detail}${sent}`,
    change: changeFor(caller, refusal),
  })
}

function nothingThere(
  caller: Caller,
  decision: Extract<PageDecision, { outcome: 'refused' }>,
): Explanation {
  const change = 'Somebody with page:manage says in a rule who may open the page.'
  const failure = { detail: pageProblem(decision).detail, change }
  return explanation(404, 'existence', caller, undefined, failure)
}

interface Failure {
  readonly detail: string
  readonly change: string
}

function explanation(
  status: number,
  decisive: Step,
  caller: Caller,
  rule: PageRule | undefined,
  failure: Failure | undefined,
): Explanation {
  const reached = failure ? STEPS.indexOf(decisive) : STEPS.length
  const checks = STEPS.map((stage, index): Check => {
    if (failure && stage === decisive) return { stage, outcome: 'failed', detail: failure.detail }
    if (index > reached) return { stage, outcome: 'not reached', detail: NOT_REACHED }
    return { stage, outcome: 'passed', detail: PASSED[stage](caller, rule) }
  })
  return { status, decisive, checks, change: failure?.change ?? null }
}

const PASSED: Readonly<Record<Step, (caller: Caller, rule: PageRule | undefined) => string>> = {
  credential: nameOf,
  session: (caller, rule) => sessionOf(caller, rule !== undefined && rule.access !== 'anyone'),
  permission: (caller, rule) => (rule ? opened(caller, rule) : 'No rule is about the page.'),
  ownership: () => 'Whose it is does not matter here.',
  validity: () => 'The path has one spelling.',
  existence: () => 'Whether there is such a page, its origin knows.',
  state: () => 'Nothing stands in the way.',
}

function opened(caller: Caller, { access }: PageRule): string {
  if (access === 'anyone') return 'The page is open to everybody.'
  if (access === 'visitors-only') return 'The page is open to whoever is signed out.'
  if (access === 'members') return 'The page is open to every member.'
  if ('badge' in access) return `The badge ${access.badge}, which they hold.`
  return isPermission(access.may) ? heldBy(caller, access.may) : ''
}

/** The step but for which the page would have been closed. */
function decisiveFor(rule: PageRule | undefined): Step {
  if (!rule || rule.access === 'anyone' || rule.access === 'visitors-only') return 'credential'
  return rule.access === 'members' ? 'session' : 'permission'
}

function changeFor(caller: Caller, { code, stage, required, reach, badge }: PageRefusal): string {
  if (code === 'unauthenticated' || code === 'members_only')
    return 'The caller signs in as a member.'
  if (badge) return `Somebody with ${required} gives the caller the badge ${badge}.`
  if (!isPermission(required))
    return 'Somebody with page:manage names another permission in the rule.'
  const arrival = {
    access: { may: required },
    actor: caller,
    restriction: undefined,
    decision: undefined,
    param: {},
  }
  return changeThatAllows({ code, stage, required, reach, detail: '' }, arrival)
}
