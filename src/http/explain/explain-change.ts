/** The smallest change after which a refused call would be allowed, in a sentence. */
import { PROBLEMS } from '../../problem.ts'
import type { Refusal } from '../../security/decide.ts'
import {
  type Rights,
  KEY_SCOPES,
  type Permission,
  type Reach,
  ROLES,
} from '../../security/permissions.ts'
import type { Arrival, ToldProblem } from './dry-run.ts'

export function changeThatAllows(problem: ToldProblem, arrival: Arrival | undefined): string {
  const { code, stage, required, reach = 'any' } = problem
  const { decision, restriction } = arrival ?? {}
  if (code === 'unauthenticated' && decision?.allowed === false) {
    return credentialFor(decision.refusal, restriction?.owner === 'self')
  }
  if (code === 'suspended') {
    return `Somebody with ${rolesWith('user:suspend', 'any')} reinstates the member.`
  }
  if (code === 'forbidden' && required && arrival) {
    return stage === 'ownership'
      ? ownershipFor(required, reach, arrival)
      : permissionFor(required, reach, arrival)
  }
  const wrong = wrongFields(problem)
  if (wrong) return shortened(`What is sent differs: ${wrong}`)
  // The pages about codes say how to fix the call.
  return PROBLEMS[code].help
}

function credentialFor({ required, reach }: Refusal, isAboutSelf: boolean): string {
  if (isAboutSelf) return 'The call is sent with the token of a member, and is about them.'
  const scope = KEY_SCOPES.includes(required) ? `, or with an API key of scope ${required}` : ''
  return `The call is sent with the token of a member with ${rolesWith(required, reach)}${scope}.`
}

function ownershipFor(permission: Permission, reach: Reach, { decision }: Arrival): string {
  const holders = rolesWith(permission, reach)
  // Whoever was admitted has the permission, and was refused because it is theirs.
  if (decision?.allowed) return `Somebody else with ${holders} does it.`
  return `The call is about what is the caller’s own; or the caller gets ${holders}.`
}

function permissionFor(permission: Permission, reach: Reach, arrival: Arrival): string {
  const { actor, decision, restriction } = arrival
  // Whoever was admitted has less than those from whom something is taken.
  if (decision?.allowed && restriction?.takesFrom) {
    const lacked = `${permission} with reach ${reach}`
    return actor.kind === 'member'
      ? `The caller gets the role admin, or every right that is at stake; ${lacked} is one they lack.`
      : `Somebody with the role admin does it; ${lacked} is one of the rights that the caller lacks.`
  }
  const holders = rolesWith(permission, reach)
  if (actor.kind === 'member') return `The caller gets ${holders}.`
  if (actor.kind === 'partner' && KEY_SCOPES.includes(permission)) {
    return `The key gets the scope ${permission}, and its creator has that with reach any.`
  }
  const others = actor.kind === 'partner' ? 'API key' : 'visitor'
  return `A member with ${holders} does it; no ${others} can.`
}

/** The built-in roles that hold it as far as that; roles of the site's own making may too. */
function rolesWith(permission: Permission, reach: Reach): string {
  const names = Object.entries<Rights>(ROLES)
    .filter(([, rights]) => rights[permission] === 'any' || rights[permission] === reach)
    .map(([name]) => name)
  return `the role ${names.join(' or ')}`
}

/** The text reads like `title: this field is required; colour: this field is not known here`. */
export function wrongFields({ errors = [] }: ToldProblem): string {
  return errors.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ')
}

/** Longer texts are of callers who send many wrong fields. */
const MAX_LENGTH = 1000

/** Names of fields are whatever was sent, and this is one line of text. */
export function shortened(text: string): string {
  const line = text.replaceAll(/\p{Cc}/gu, '\u{FFFD}').toWellFormed()
  return Array.from(line).slice(0, MAX_LENGTH).join('')
}
