/**
 * A dry run of a request: the app itself answers it, for whoever is named, with bindings that change
 * nothing. Who it is for is kept beside the bindings, where no header and no setting can reach.
 */
import { dryRunDatabase } from '../../db/dry-run.ts'
import { makeIdentifyDeps } from '../../deps.ts'
import type { Bindings } from '../../env.ts'
import type { Bucket } from '../../objects/archive.ts'
import { NO_MAIL } from '../../mail/transport.ts'
import { SETTING_NAMES, shareSettings } from '../../settings/settings.ts'
import { dryRunObjects } from './dry-run-objects.ts'
import { tallied } from '../../log.ts'
import { type FieldError, Problem, type ProblemCode, type Stage } from '../../problem.ts'
import type { Caller, Subject } from '../../security/actor.ts'
import type { StandIn } from '../../security/callers/authenticate.ts'
import { identify } from '../../security/callers/identify.ts'
import type { Decision } from '../../security/decide.ts'
import type { Permission, Reach } from '../../security/permissions.ts'
import type { AppContext } from '../context.ts'
import type { Access, Restricted } from '../access.ts'
import { losersOf, type StoppedKey, stoppedKeys } from './stopped-keys.ts'

export interface Call {
  readonly method: string
  /** The path together with its query. */
  readonly path: string
  /** The body as JSON text. */
  readonly body: string | undefined
  readonly ifMatch: string | undefined
  readonly ifNoneMatch: string | undefined
}

/** A declared route that the request has come to, and what was decided there before anything else. */
export interface Arrival {
  readonly access: Access
  readonly actor: Caller
  /** Undefined where everybody may. */
  readonly restriction: Restricted | undefined
  readonly decision: Decision | undefined
  /** What is named in the path. */
  readonly param: Readonly<Record<string, string>>
}

/** What is told of a refusal. */
export interface ToldProblem {
  readonly code: ProblemCode
  readonly detail: string
  readonly stage?: Stage
  readonly required?: Permission
  readonly reach?: Reach
  readonly errors?: readonly FieldError[]
}

export interface DryRunResult {
  readonly status: number
  readonly problem: ToldProblem | undefined
  /** Undefined for a request that was refused before, or has come to nothing. */
  readonly arrival: Arrival | undefined
  readonly stopped: readonly StoppedKey[]
}

/** @throws Problem `unavailable`; Error if the request fails in a way that says nothing about it */
export type DryRun = (call: Call, as: Subject) => Promise<DryRunResult>

interface DryRunState {
  readonly standIn: StandIn
  arrival: Arrival | undefined
}

const dryRuns = new WeakMap<Bindings, DryRunState>()

/** Whom the request stands in for; undefined for every request that comes from outside. */
export function standInOf(env: Bindings): StandIn | undefined {
  return dryRuns.get(env)?.standIn
}

export function noteArrival(env: Bindings, arrival: Arrival): void {
  const state = dryRuns.get(env)
  if (state) state.arrival = arrival
}

/** Undefined within a dry run: one within another would say nothing that anybody reads. */
export function dryRunOf(c: AppContext): DryRun | undefined {
  if (dryRuns.has(c.env)) return undefined
  return async ({ method, path, body, ifMatch, ifNoneMatch }, as) => {
    const env = dryRunBindings(c.env)
    const { actor } = c.get('identified')
    const isSelf = as.kind === 'member' && actor.kind === 'member' && as.userId === actor.userId
    const standIn = { as, known: isSelf ? c.get('identified') : undefined }
    const state: DryRunState = { standIn, arrival: undefined }
    dryRuns.set(env, state)
    const request = new Request(new URL(path, c.req.url), {
      // A HEAD is answered as the GET it stands for, but does not say why it is refused.
      method: method === 'HEAD' ? 'GET' : method,
      headers: {
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(ifMatch !== undefined && { 'If-Match': ifMatch }),
        ...(ifNoneMatch !== undefined && { 'If-None-Match': ifNoneMatch }),
      },
      ...(body !== undefined && { body }),
    })
    const response = await tallied(undefined, () => c.get('answer')(request, env))
    const { status } = response
    if (status >= 500) throw failed(status)
    const problem = status >= 400 ? toldBy(await response.json()) : undefined
    const { arrival } = state
    const losers = !problem && arrival?.restriction && losersOf(arrival.restriction, arrival.param)
    const stopped = losers ? await stoppedKeys(losers, c.env.DB, env.DB, c.get('now')) : []
    return { status, problem, arrival, stopped }
  }
}

/** Looks up who somebody is at this moment, as a call of theirs would. @throws Error, but for refusals */
export type LookUp = (as: Subject) => Promise<Caller | Problem>

export function lookUpOf(c: AppContext): LookUp {
  return async (as) => {
    const { actor } = c.get('identified')
    if (as.kind === 'member' && actor.kind === 'member' && as.userId === actor.userId) return actor
    const deps = makeIdentifyDeps(c.env, c.get('session').db, { assumes: false })
    const moment = { now: c.get('now'), requestId: c.get('requestId'), again: false }
    try {
      return (await identify({ type: 'dry run', as }, deps, moment)).actor
    } catch (error) {
      if (error instanceof Problem && error.status < 500) return error
      throw error
    }
  }
}

function failed(status: number): Error {
  if (status !== 503) return new Error(`a dry run was answered ${status}`)
  return new Problem('unavailable', 'What the call depends on does not answer just now.', {
    retryAfter: 1,
  })
}

type StandIns = Required<Omit<Bindings, (typeof SETTING_NAMES)[number]>>

/** A binding that is new is missing here, and does not compile, until somebody has decided about it. */
function dryRunBindings(env: Bindings): Bindings {
  const standIns: StandIns = {
    DB: dryRunDatabase(env.DB),
    ...dryRunObjects(env),
    ASSETS: absent(),
    MAIL: NO_MAIL,
    PAGES: absent(),
    // A file may be read, and none is written.
    ARCHIVE: env.ARCHIVE && { ...absent<Bucket>(), get: env.ARCHIVE.get.bind(env.ARCHIVE) },
    BACKUPS: absent(),
    BURST: absent(),
    // A dry run is no request, so the limit of addresses has nothing to count.
    ADDRESSES: { limit: async () => ({ success: true }) },
  }
  const settings = Object.fromEntries(SETTING_NAMES.map((name) => [name, env[name]]))
  const bindings: Bindings = { ...settings, ...standIns }
  shareSettings(env, bindings)
  return bindings
}

/** Has none of the binding's methods, so that calling one throws. */
function absent<Binding>(): Binding {
  return {} as Binding
}

/** What the app answers from 400 on is the problem that `problemResponse` has written. */
function toldBy(body: unknown): ToldProblem {
  return body as ToldProblem
}
