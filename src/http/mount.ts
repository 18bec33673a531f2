/**
 * Turns declarations into a running app: for every route the same steps in the same order. 401 and
 * 403 are decided before a byte of the body is read, 404 and 409 can only come from below.
 */
import type { Hono, MiddlewareHandler } from 'hono'
import * as z from 'zod'
import { isAccessChange } from '../db/errors.ts'
import { makeIdentifyDeps } from '../deps.ts'
import { countAddress } from '../security/limits/address-limit.ts'
import { type Caller, actorRef } from '../security/actor.ts'
import { decide, type Decision, type Target } from '../security/decide.ts'
import { refused, withGrant } from '../security/grant.ts'
import { identify } from '../security/callers/identify.ts'
import { rateLimitFields } from '../security/limits/rate-limit.ts'
import { assertAcceptable, revisionsOf } from './conditions.ts'
import { type AppContext, type AppEnv, beginSession, beginWork } from './context.ts'
import { deprecationFields } from './deprecation.ts'
import { followUp } from './follow-up.ts'
import { answerFor, idempotencyOf, REPLAYED, replayOf } from './idempotency.ts'
import { parse } from './parse.ts'
import { dryRunOf, noteArrival } from './explain/dry-run.ts'
import type { Access, Admission, Restricted } from './access.ts'
import {
  Answer,
  type DryRunning,
  type Input,
  type Output,
  type Route,
  type RouteContext,
  statusOf,
  type Idempotency,
} from './route.ts'
import { outputOf, send } from './send.ts'

type Handler = MiddlewareHandler<AppEnv>

export function mount(app: Hono<AppEnv>, routes: readonly Route[]): void {
  for (const declared of routes) {
    app.on(
      declared.method,
      declared.path,
      announceEnd(declared),
      admit(declared),
      ...parse(declared),
      countRequest(declared),
      perform(declared),
    )
  }
}

/** Before the route can refuse the request, so that refusals say it too. */
function announceEnd({ deprecated }: Route): Handler {
  const fields = Object.entries(deprecated ? deprecationFields(deprecated) : {})
  return async (c, next) => {
    for (const [name, value] of fields) c.header(name, value)
    await next()
  }
}

/**
 * Every path identifies its caller, declared or not, because what is open is not open to a bad
 * credential.
 */
export const identifyCaller: Handler = async (c, next) => {
  await loadCaller(c)
  await next()
}

async function loadCaller(c: AppContext, { again = false } = {}): Promise<void> {
  const moment = { now: c.get('now'), requestId: c.get('requestId'), again }
  const deps = makeIdentifyDeps(c.env, c.get('session').db)
  const identified = await identify(c.get('authenticated'), deps, moment)
  c.set('identified', identified)
  for (const [name, value] of Object.entries(rateLimitFields(identified.limits ?? [])))
    c.header(name, value)
}

/** Who calls, as of now: whoever sent the body may have taken minutes. */
async function reloadCaller(c: AppContext): Promise<void> {
  beginSession(c, 'primary')
  await loadCaller(c, { again: true })
}

/** The route's permission, or, where everybody may, that of the query value that asks for more. */
function restrictionOf({ access }: Route, c: AppContext): Admission['restriction'] {
  if ('may' in access) return access
  const { unless } = access
  return unless && c.req.query(unless.query[0]) === unless.query[1] ? unless : undefined
}

function targetOf({ owner }: Restricted, param: Readonly<Record<string, string>>): Target {
  if (owner === undefined) return 'site'
  return owner === 'self' || owner === 'rows' ? owner : { owner: param[owner.slice(1)] ?? '' }
}

function admissionOf(declared: Route, c: AppContext): Admission {
  const restriction = restrictionOf(declared, c)
  if (!restriction) return { restriction, target: undefined }
  return { restriction, target: targetOf(restriction, c.req.param()) }
}

/** 401 and 403, from the path and the query alone. */
function admit(declared: Route): Handler {
  return async (c, next) => {
    const admission = admissionOf(declared, c)
    c.set('admission', admission)
    const { actor } = c.get('identified')
    const decision = decisionOn(actor, admission)
    const { restriction } = admission
    noteArrival(c.env, { access: declared.access, actor, restriction, decision })
    if (decision?.allowed === false) throw refused(decision.refusal)
    assertAcceptable(c.req, declared.mediaType)
    await next()
  }
}

/** Undefined where everybody may. */
function decisionOn(actor: Caller, { restriction, target }: Admission): Decision | undefined {
  return restriction && decide(actor, restriction.may, target)
}

/**
 * Whoever is nobody in particular is counted by address: on routes that say so, and a visitor, whom it
 * costs nothing to be another, on all that write. After the checks that cost nothing, so that a slip
 * of the pen does not count.
 */
function countRequest({ perAddress, method }: Route): Handler {
  return async (c, next) => {
    const isByVisitor = c.get('identified').actor.kind === 'visitor' && method !== 'GET'
    if (perAddress || isByVisitor)
      await countAddress(c.env.ADDRESSES, c.req.header('CF-Connecting-IP'))
    await next()
  }
}

/** How often a request is decided anew because the caller's rights changed while it was under way. */
const ATTEMPTS = 3

/**
 * Decides, runs and projects. Writes are void if the caller's rights changed after they were
 * admitted, and so is whatever a key does whose gate does not know what it may; then everything is
 * decided once more, with the rights they have now. What writes nothing is decided with the rights at
 * the end of the body.
 */
function perform(declared: Route): Handler {
  return async (c) => {
    // The body of a dry run is there from the start.
    const isLate = declared.asksAgain && c.get('authenticated').type !== 'dry run'
    if (isLate) await reloadCaller(c)
    for (let attempt = 1; ; attempt++) {
      beginConfirmed(c)
      beginWork(c)
      try {
        return await replayOrRun(declared, c)
      } catch (error) {
        if (!isAccessChange(error) || attempt === ATTEMPTS) throw error
        await reloadCaller(c)
        const decision = decisionOn(c.get('identified').actor, c.get('admission'))
        if (decision?.allowed === false) throw refused(decision.refusal)
      }
    }
  }
}

/**
 * What a gate says of its key is hearsay: a change may have been committed without the gate being told.
 * So where not everybody may, the request's first call to D1 carries the check of it, on the primary.
 */
function beginConfirmed(c: AppContext): void {
  const { actor } = c.get('identified')
  // A dry run has its key read anew, and its calls cost more when one of them writes.
  if (actor.kind !== 'partner' || c.get('authenticated').type !== 'api-key') return
  if (!c.get('admission').restriction) return
  beginSession(c, 'primary', { actor: actorRef(actor), accessRevision: actor.accessRevision })
}

async function replayOrRun(declared: Route, c: AppContext): Promise<Response> {
  // Each attempt asks for the key, for the identity may have changed hands since the last one.
  const idempotency = await idempotencyOf(c, declared)
  const replay = await replayed(declared, c, idempotency)
  if (replay) return replay
  try {
    return await run(declared, c, idempotency)
  } catch (error) {
    // When two requests with one key run at once, the second may fail in any way, such as a slug
    // that is taken. Whoever's rights have changed is not answered before they are known.
    const winner = isAccessChange(error) ? undefined : await replayed(declared, c, idempotency)
    if (winner) return winner
    throw error
  }
}

async function replayed(
  declared: Route,
  c: AppContext,
  idempotency: Idempotency | undefined,
): Promise<Response | undefined> {
  const replay = await replayOf(c, declared, idempotency)
  if (replay) await followUp(c)
  return replay
}

async function run(
  declared: Route,
  c: AppContext,
  idempotency: Idempotency | undefined,
): Promise<Response> {
  const context = contextOf(declared, c, idempotency)
  const { restriction, target } = c.get('admission')
  if (!restriction) {
    const result = await thenFollowUp(c, declared.run({ ...context, grant: undefined }))
    return respond(declared, c, result)
  }
  const { actor } = c.get('identified')
  return withGrant(actor, restriction.may, target, c.get('requestId'), async (grant) => {
    const result = await thenFollowUp(c, declared.run({ ...context, grant }))
    await c.get('session').confirm()
    return respond(declared, c, result)
  })
}

/** Refused, too: this may be the same request once more, after what follows from it has failed. */
async function thenFollowUp<T>(c: AppContext, result: Promise<T>): Promise<T> {
  try {
    return await result
  } finally {
    await followUp(c)
  }
}

function contextOf(
  declared: Route,
  c: AppContext,
  idempotency: Idempotency | undefined,
): Omit<RouteContext<Input, Access, Output>, 'grant'> & Partial<DryRunning> {
  const { actor, visitShard, identity } = c.get('identified')
  return {
    input: validated(c, declared.input),
    caller: { actor, visitShard, identity, authenticated: c.get('authenticated') },
    request: {
      revisions: declared.conditional ? revisionsOf(c.req) : undefined,
      idempotency,
      remember: (shown) =>
        idempotency?.storedIn === 'd1'
          ? async (result) => {
              const body = projected(declared, c, shown(result))
              return answerFor(c, declared, idempotency, body)
            }
          : undefined,
    },
    deps: c.get('deps'),
    followUp: () => followUp(c),
    ...(declared.dryRuns && { dryRun: dryRunOf(c) }),
  }
}

function respond(declared: Route, c: AppContext, result: unknown): Response {
  const answer = result instanceof Answer ? result : new Answer(statusOf(declared), result)
  const { mediaType } = declared
  return send(c, declared, answer.status, projected(declared, c, answer.body), {
    ...(mediaType && { 'Content-Type': `${mediaType}; charset=utf-8` }),
    ...(answer.replayed && REPLAYED),
  })
}

/** The body as the route declares it: only declared fields ever leave. */
function projected(declared: Route, c: AppContext, body: unknown): unknown {
  const output = outputOf(c, declared)
  return output === 'nothing' ? undefined : z.parse(output, body)
}

/** Hono keeps what the validators of this route have parsed; `parse` has run them all by now. */
function validated(c: AppContext, input: Input): RouteContext<Input, Access, Output>['input'] {
  const valid = (target: string): unknown => c.req.valid(target as never)
  return Object.fromEntries(Object.keys(input).map((target) => [target, valid(target)]))
}
