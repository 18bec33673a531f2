/** Why a call is answered as it is: the steps every request takes, and the one that decided. */
import { actorRef, type Caller } from '../../security/actor.ts'
import { rightsOf } from '../../security/decide.ts'
import { type Permission, type Reach, ROLES } from '../../security/permissions.ts'
import { changeThatAllows, shortened, wrongFields } from './explain-change.ts'
import type { Arrival, DryRunResult, ToldProblem } from './dry-run.ts'

/** The steps in the order in which a request takes them. */
export const STEPS = [
  'credential',
  'session',
  'permission',
  'ownership',
  'validity',
  'existence',
  'state',
] as const
export type Step = (typeof STEPS)[number]

export const OUTCOMES = ['passed', 'failed', 'not reached'] as const

export interface Explanation {
  readonly status: number
  readonly decisive: Step
  readonly checks: Check[]
  readonly change: string | null
}

export interface Check {
  readonly stage: Step
  readonly outcome: (typeof OUTCOMES)[number]
  readonly detail: string
}

export function explanationOf(result: DryRunResult): Explanation {
  const { status, problem, arrival } = result
  const decisive = problem ? failedStep(status, problem) : settledBy(arrival)
  const reached = problem ? STEPS.indexOf(decisive) : STEPS.length
  const checks = STEPS.map((stage, index): Check => {
    if (problem && stage === decisive) return { stage, outcome: 'failed', detail: saidBy(problem) }
    // What an operation refuses has been parsed, whichever step the refusal belongs to.
    const isParsed = stage === 'validity' && arrival?.decision?.allowed === true && status === 403
    if (index > reached && !isParsed) return { stage, outcome: 'not reached', detail: NOT_REACHED }
    return { stage, outcome: 'passed', detail: arrival ? PASSED[stage](arrival) : NOT_ASKED }
  })
  return { status, decisive, checks, change: problem ? changeThatAllows(problem, arrival) : null }
}

function failedStep(status: number, { stage }: ToldProblem): Step {
  if (stage) return stage
  switch (status) {
    // The limits are those of the credential.
    case 429:
      return 'credential'
    case 404:
    case 405:
      return 'existence'
    case 409:
    case 412:
      return 'state'
    default:
      return 'validity'
  }
}

/** The step but for which the call would have been refused. */
function settledBy(arrival: Arrival | undefined): Step {
  const { decision } = arrival ?? {}
  if (!decision?.allowed) return 'credential'
  return decision.scope === 'everyone' ? 'permission' : 'ownership'
}

export const NOT_REACHED = 'The call ends before.'
const NOT_ASKED = 'Nothing is asked for here.'

const PASSED: Readonly<Record<Step, (arrival: Arrival) => string>> = {
  credential: ({ actor }) => nameOf(actor),
  session: ({ actor, restriction }) => sessionOf(actor, restriction !== undefined),
  permission: ({ actor, access, restriction }) => {
    if (restriction) return heldBy(actor, restriction.may)
    return 'open' in access ? `Open: ${access.open}.` : NOT_ASKED
  },
  ownership: ({ restriction, decision }) => {
    if (!restriction?.owner || !decision?.allowed) return 'Whose it is does not matter here.'
    if (decision.scope === 'everyone') return 'Reach any is enough, whoever it belongs to.'
    return restriction.owner === 'rows'
      ? 'Only what is the caller’s own is there for them.'
      : 'It is the caller’s own.'
  },
  validity: () => 'Path, query and body are what the route takes.',
  existence: () => 'What the call is about is there.',
  state: () => 'Nothing stands in the way.',
}

/** @param isAsked whether not everybody may */
export function sessionOf(actor: Caller, isAsked: boolean): string {
  if (actor.kind !== 'member') return 'There is none to be looked at.'
  const matters = isAsked || actor.status === 'active'
  return `The member is ${actor.status}${matters ? '' : ', which an open route does not ask'}.`
}

export function nameOf(actor: Caller): string {
  return NAMES[actor.kind](actor)
}

const NAMES: Readonly<Record<Caller['kind'], (actor: Caller) => string>> = {
  anonymous: () => 'None was sent, so this is nobody in particular.',
  visitor: (actor) => `The visitor ${refOf(actor)}.`,
  member: (actor) => `The member ${refOf(actor)}.`,
  partner: (actor) => `The API key ${refOf(actor)}.`,
}

function refOf(actor: Caller): string {
  return actor.kind === 'anonymous' ? '' : actorRef(actor)
}

/** The text reads like `badge:assign with reach any, from the role admin`. */
export function heldBy(actor: Caller, permission: Permission): string {
  const reach = rightsOf(actor)[permission]
  if (!reach) return NOT_ASKED
  return `${permission} with reach ${reach}, from ${sourceOf(actor, permission, reach)}.`
}

function sourceOf(actor: Caller, permission: Permission, reach: Reach): string {
  if (actor.kind === 'partner') return `the scope ${permission}`
  if (actor.kind !== 'member') return 'being a visitor'
  const held = [
    ...(['member', ...actor.roles] as const).map((name) => ({ name, rights: ROLES[name] })),
    ...(actor.customRoles ?? []),
  ]
  const giving = held.filter(
    ({ rights }) => new Map(Object.entries(rights)).get(permission) === reach,
  )
  return `the role ${giving.map(({ name }) => name).join(' and ')}`
}

function saidBy(problem: ToldProblem): string {
  return shortened([problem.detail, wrongFields(problem)].filter(Boolean).join(' '))
}
