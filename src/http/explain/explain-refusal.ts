/** What has become of a refusal: the steps that the path and the body do not decide, taken again. */
import { Problem } from '../../problem.ts'
import type { RefusalRow } from '../../repositories/refusals.ts'
import type { Caller } from '../../security/actor.ts'
import { decide, type Decision, type Target } from '../../security/decide.ts'
import { refused } from '../../security/grant.ts'
import { isPermission } from '../../security/permissions.ts'
import type { Access, Restricted } from '../access.ts'
import type { Arrival, ToldProblem } from './dry-run.ts'
import { type Check, explanationOf } from './explain.ts'

interface RefusalNow {
  readonly allowed: boolean
  readonly checks: readonly Check[]
  readonly change: string | null
}

/** Steps before the request itself is looked at. */
const OF_THE_CALLER: ReadonlySet<string> = new Set([
  'credential',
  'session',
  'permission',
  'ownership',
])

/** @param caller who it is now, or why they are nobody */
export function explainRefusal(
  refusal: RefusalRow,
  access: Access,
  caller: Caller | Problem,
): RefusalNow {
  if (caller instanceof Problem) return nowFor(caller, undefined)
  const restriction = restrictionOf(refusal, access)
  const decision = restriction && decide(caller, restriction.may, targetOf(refusal, restriction))
  const arrival = { access, actor: caller, restriction, decision, param: {} }
  return nowFor(problemOf(refusal, caller, decision), arrival)
}

function nowFor(problem: Problem | undefined, arrival: Arrival | undefined): RefusalNow {
  const told = problem && toldOf(problem)
  const result = { status: problem?.status ?? 200, problem: told, arrival, stopped: [] }
  const { checks, change } = explanationOf(result)
  const ofTheCaller = checks.filter(({ stage }) => OF_THE_CALLER.has(stage))
  return { allowed: problem === undefined, checks: ofTheCaller, change }
}

function toldOf({ code, detail, extras }: Problem): ToldProblem {
  const { stage, required, reach } = extras
  return {
    code,
    detail,
    ...(stage && { stage }),
    ...(required !== undefined && isPermission(required) && { required }),
    ...(reach && { reach }),
  }
}

/** Where it was more than the usual that was asked for, it was the right to that which was missing. */
function restrictionOf({ required }: RefusalRow, access: Access): Restricted | undefined {
  if ('may' in access) return access
  return access.unless?.may === required ? access.unless : undefined
}

/** Whose it was is not kept; how far the right would have had to go says whether it was the caller's own. */
function targetOf({ reach }: RefusalRow, { owner }: Restricted): Target {
  if (owner === undefined) return 'site'
  if (owner === 'self' || owner === 'rows') return owner
  return reach === 'any' ? { owner: 'somebody else' } : 'rows'
}

/** Whoever may do it, and takes something by it, may lack a right of whom they take it from. */
function problemOf(
  { required }: RefusalRow,
  caller: Caller,
  decision: Decision | undefined,
): Problem | undefined {
  if (!decision) return undefined
  if (!decision.allowed) return refused(decision.refusal)
  if (required === null || !isPermission(required)) return undefined
  const atStake = decide(caller, required, 'site')
  return atStake.allowed || decision.scope !== 'everyone' ? undefined : refused(atStake.refusal)
}
