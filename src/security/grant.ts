/**
 * The proof that `decide` said yes. Operations take a grant as their first argument, so code that
 * asked nobody does not compile. Nothing outside this module can make one, and each dies with its call.
 */
import { Problem } from '../problem.ts'
import { makeWriteScope, type Scope, type WriteScope } from '../repositories/scope.ts'
import type { Actor, Anonymous, Caller, SystemActor } from './actor.ts'
import { missingIn } from './ceiling.ts'
import { decide, type Refusal, type Target } from './decide.ts'
import type { Permission } from './permissions.ts'

/** What an elevated grant may be used for, and why; part of every audit row it leads to. */
export interface Elevation {
  readonly reason: string
  /** The arguments the one act must have, by name. */
  readonly bound: Readonly<Record<string, string>>
  readonly onBehalfOf?: string
}

/** A grant used after its call, twice, or for something else than it was given for: a bug of ours. */
export class GrantError extends Error {
  override readonly name = 'GrantError'
}

interface MintArguments<P> {
  readonly permission: P
  readonly actor: Exclude<Actor, Anonymous>
  readonly scope: Scope
  readonly requestId: string | undefined
  readonly elevation: Elevation | undefined
}

/** Known to this module alone; `private` keeps out the compiler's callers, this everybody else. */
const KEY = Symbol('grant')

let exercisable: <P extends Permission>(from: MintArguments<P>) => Exercised<P>
let isExercised: (claimed: Exercised) => boolean

/** What is known of an act at the moment its grant is exercised; audit rows are made of nothing else. */
export class Exercised<P extends Permission = Permission> {
  readonly permission: P
  readonly actor: Exclude<Actor, Anonymous>
  /** How far the act reaches, for writes. */
  readonly scope: WriteScope
  readonly requestId: string | undefined
  readonly elevation: Elevation | undefined
  readonly #key: typeof KEY

  private constructor(key: typeof KEY, from: MintArguments<P>) {
    if (key !== KEY) throw new GrantError('only a grant can be exercised')
    this.#key = key
    this.permission = from.permission
    this.actor = from.actor
    // Nobody is in their own way.
    const missing = from.scope === 'everyone' ? missingIn(from.actor) : []
    this.scope = makeWriteScope(from.scope, missing)
    this.requestId = from.requestId
    this.elevation = from.elevation
    Object.freeze(this)
  }

  static {
    exercisable = (from) => new Exercised(KEY, from)
    isExercised = (claimed) => #key in claimed && claimed.#key === KEY
  }
}

/** What came as `any`, or by a cast, is no proof. @throws GrantError */
export function assertExercised(claimed: Exercised): void {
  if (!isExercised(claimed)) throw new GrantError('this was not exercised')
}

/** The check of scope for a write that no SQL narrows. @throws GrantError unless it reaches this owner */
export function assertReaches(exercised: Exercised, owner: string): void {
  assertExercised(exercised)
  const { rows } = exercised.scope
  if (rows !== 'everyone' && rows.owner !== owner) throw new GrantError('granted for another owner')
}

let mint: <P extends Permission>(from: MintArguments<P>) => Grant<P>
let end: (grant: Grant<Permission>) => void

export class Grant<P extends Permission> {
  readonly permission: P
  readonly #exercised: Exercised<P>
  #state: 'live' | 'spent' | 'ended' = 'live'

  private constructor(key: typeof KEY, from: MintArguments<P>) {
    if (key !== KEY) throw new GrantError('only a decision makes a grant')
    this.permission = from.permission
    this.#exercised = exercisable(from)
    Object.freeze(this)
  }

  static {
    mint = (from) => new Grant(KEY, from)
    end = (grant) => {
      grant.#state = 'ended'
    }
  }

  /** How far this grant reaches, for reads. @throws GrantError after the call has ended */
  get scope(): Scope {
    this.#assertLive()
    return this.#exercised.scope.rows
  }

  /**
   * To be called by the operation that does what was granted, with the arguments that matter. An
   * elevated grant allows one act, with exactly the arguments it is bound to; bound to none, it allows none.
   * @throws GrantError if the call has ended, or this is not what was granted
   */
  exercise(permission: P, act: Readonly<Record<string, string>> = {}): Exercised<P> {
    this.#assertLive()
    if (permission !== this.permission) {
      throw new GrantError(`granted ${this.permission}, exercised as ${permission}`)
    }
    const { elevation } = this.#exercised
    if (elevation) {
      const { bound } = elevation
      if (Object.keys(bound).length === 0) throw new GrantError('bound to nothing')
      for (const name of Object.keys({ ...bound, ...act })) {
        if (act[name] !== bound[name]) throw new GrantError(`not bound to this ${name}`)
      }
      this.#state = 'spent'
    }
    return this.#exercised
  }

  #assertLive(): void {
    if (this.#state !== 'live')
      throw new GrantError(`${this.permission}: the grant is ${this.#state}`)
  }
}

/**
 * Asks `decide`, and runs `work` with a grant for the length of that call.
 * @throws Problem `unauthenticated`, `suspended`, `members_only` or `forbidden`
 */
export async function withGrant<P extends Permission, R>(
  caller: Caller,
  permission: P,
  target: Target,
  requestId: string,
  work: (grant: Grant<P>) => Promise<R>,
): Promise<R> {
  return lend(caller, permission, target, { requestId }, work)
}

/** Only `elevate` may call this, and lint keeps it so. @throws Problem `forbidden` for what is not on the inventory */
export async function withSystemGrant<P extends Permission, R>(
  actor: SystemActor,
  permission: P,
  elevation: Elevation,
  work: (grant: Grant<P>) => Promise<R>,
): Promise<R> {
  return lend(actor, permission, 'site', { elevation }, work)
}

async function lend<P extends Permission, R>(
  actor: Actor,
  permission: P,
  target: Target,
  context: { requestId?: string; elevation?: Elevation },
  work: (grant: Grant<P>) => Promise<R>,
): Promise<R> {
  const decision = decide(actor, permission, target)
  if (!decision.allowed) throw refused(decision.refusal)
  // Stryker disable next-line all: decide has refused them; the compiler cannot know
  if (actor.kind === 'anonymous') throw new GrantError('nobody cannot be granted anything')
  const { scope } = decision
  const { requestId, elevation } = context
  const grant = mint({ actor, permission, scope, requestId, elevation })
  try {
    return await work(grant)
  } finally {
    end(grant)
  }
}

/** Said to the caller, and about them by explain, so nobody is addressed. */
const DETAILS: Record<Refusal['code'], (refusal: Refusal) => string> = {
  unauthenticated: () => 'This needs a credential, and none was sent.',
  suspended: () => 'This member is suspended.',
  members_only: () => 'Only a signed-in member has this route; visitors and API keys do not.',
  forbidden: ({ required, reach, stage }) =>
    stage === 'ownership'
      ? `To do this to what is not one's own takes ${required} with reach any.`
      : `This takes ${required} with reach ${reach}, which is missing.`,
}

export function refused(refusal: Refusal): Problem {
  const { code, stage, required, reach } = refusal
  return new Problem(code, DETAILS[code](refusal), { stage, required, reach })
}
