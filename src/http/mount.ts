/**
 * Turns declarations into a running app: for every route the same steps in the same order. 401 and
 * 403 are decided before a byte of the body is read, 404 and 409 can only come from below.
 */
import type { Hono, MiddlewareHandler } from 'hono'
import type { Assumption } from '../db/client.ts'
import { accessChanged, isAccessChange, isAnswered } from '../db/errors.ts'
import { makeIdentifyDeps } from '../deps.ts'
import { countAddress } from '../security/limits/address-limit.ts'
import { actorRef, type Caller } from '../security/actor.ts'
import { decide, type Decision, type Target } from '../security/decide.ts'
import { refused, withGrant } from '../security/grant.ts'
import { Problem } from '../problem.ts'
import { actingStill } from '../repositories/audited.ts'
import { identify } from '../security/callers/identify.ts'
import { rateLimitFields } from '../security/limits/rate-limit.ts'
import { assertAcceptable, revisionsOf } from './conditions.ts'
import { type AppContext, type AppEnv, beginSession, beginWork } from './context.ts'
import { deprecationFields } from './deprecation.ts'
import { followUp } from './follow-up.ts'
import { answerFor, idempotencyOf, isUnanswered, REPLAYED, replayOf } from './idempotency.ts'
import { parse } from './parse.ts'
import { dryRunOf, lookUpOf, noteArrival } from './explain/dry-run.ts'
import type { Access, Admission, Demand, Restricted } from './access.ts'
import {
  Answer,
  type DryRunning,
  type Input,
  type Output,
  type Route,
  type RouteContext,
  statusOf,
  Streamed,
  type Idempotency,
} from './route.ts'
import { keptAnswers } from './kept-answers.ts'
import { projectorOf } from './projector.ts'
import { outputOf, send, sendStream, sendText } from './send.ts'
import { originOf, settingsOf } from '../settings/settings.ts'
import { traced } from '../trace.ts'

type Handler = MiddlewareHandler<AppEnv>

export function mount(app: Hono<AppEnv>, routes: readonly Route[]): void {
  const handlers = new Map(routes.map((declared) => [declared, handlerOf(declared)]))
  for (const [{ method, path }, handler] of handlers) {
    const moved = routes.find((each) => each.method === method && each.formerly?.path === path)
    app.on(method, path, moved ? withFormer(moved, handlers.get(moved), handler) : handler)
  }
}

type Answering = (c: AppContext) => Promise<Response>

/** Answers the former address of another route, too, which looks like an id of this one. */
function withFormer(
  { formerly }: Route,
  other: Answering | undefined,
  usual: Answering,
): Answering {
  return async (c) => {
    const former = formerly && c.req.path.endsWith(formerly.suffix)
    return former && other ? other(c) : usual(c)
  }
}

/** One for all the steps, because each that the router knows of costs as much as what it does. */
function handlerOf(declared: Route): Answering {
  const steps = parse(declared)
  const deprecation = declared.deprecated ? deprecationFields(declared.deprecated) : {}
  return async (c) => {
    // Before the route can refuse the request, so that refusals say it too.
    Object.assign(c.get('fields'), deprecation)
    c.get('record').route = declared.path
    const known = answerForAnybody(declared, c)
    if (known) return known
    const reads = declared.method === 'GET'
    await traced('identify', () => loadCaller(c, { assumes: true, reads }))
    await traced('decide', () => admit(declared, c))
    try {
      assertAcceptable(c.req, declared.mediaType)
      for (const step of steps) await step(c)
      await countRequest(declared, c)
    } catch (error) {
      // Whoever may no longer do this is told that, and not what is wrong with how they asked.
      await ascertainCaller(c)
      assertAllowed(decisionOn(c))
      throw error
    }
    const waited = await waitFor(declared, c)
    return traced('perform', () => perform(declared, c, waited))
  }
}

/** What was answered a moment ago to what is anybody's. Otherwise this answer is kept for the next. */
function answerForAnybody(declared: Route, c: AppContext): Response | undefined {
  const { req } = c
  const isPublic = declared.method === 'GET' && 'open' in declared.access && !declared.mediaType
  if (!isPublic || c.get('authenticated').type !== 'anonymous') return undefined
  // A cookie that counts for nothing here is a credential all the same.
  if (req.header('Cookie') !== undefined || req.header('X-D1-Bookmark') !== undefined)
    return undefined
  const answers = keptAnswers(settingsOf(c.env))
  if (!answers) return undefined
  const kept = answers.find(req.url, c.get('now'))
  if (kept) {
    assertAcceptable(req)
    return sendText(c, kept.text, 200, kept.fields)
  }
  const reading = answers.begin(c.get('now'))
  c.set('keep', (answer) => answers.keep(req.url, answer, reading))
  return undefined
}

/** Where no route is, the caller is identified all the same: what is open is not open to a bad credential. */
export const identifyCaller: Handler = async (c, next) => {
  await loadCaller(c)
  await next()
}

/** Who calls, by the credential of the request; a session that checks what is assumed begins with it. */
export async function loadCaller(
  c: AppContext,
  { again = false, assumes = false, reads = false } = {},
): Promise<void> {
  const moment = { now: c.get('now'), requestId: c.get('requestId'), again }
  const deps = makeIdentifyDeps(c.env, c.get('session').db, { assumes, reads })
  const identified = await identify(c.get('authenticated'), deps, moment)
  c.set('identified', identified)
  c.get('record').actor = identified.actor
  if (identified.assumption) beginSession(c, 'primary', [identified.assumption])
  Object.assign(c.get('fields'), rateLimitFields(identified.limits ?? []))
}

/** Who calls, as of now: whoever sent the body may have taken minutes. */
export async function reloadCaller(c: AppContext): Promise<void> {
  beginSession(c, 'primary')
  await loadCaller(c, { again: true, assumes: true })
}

/** The route's permission, or, where everybody may, that of the query value that asks for more. */
function restrictionOf({ access }: Route, c: AppContext): Admission['restriction'] {
  if ('may' in access) {
    const { more } = access
    return more && asksForMore(more, c) ? { ...access, output: more.output } : access
  }
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
  const further = furtherOf(restriction, c)
  return { restriction, target: targetOf(restriction, c.req.param()), ...(further && { further }) }
}

function asksForMore({ query: [name, value] }: NonNullable<Restricted['more']>, c: AppContext) {
  return c.req.queries(name)?.includes(value)
}

/** What the query takes besides the route's permission; undefined where none of it takes any. */
function furtherOf({ filters, more }: Restricted, c: AppContext): Demand[] | undefined {
  if (!filters && !more) return undefined
  const demands = Object.entries(filters ?? {}).flatMap(([name, { may, of }]) =>
    (c.req.queries(name) ?? []).map((owner): Demand => ({ may, target: of ? { owner } : 'site' })),
  )
  if (more && asksForMore(more, c)) demands.push({ may: more.may, target: 'site' })
  return demands
}

/** 401 and 403, from the path and the query alone. */
async function admit(declared: Route, c: AppContext): Promise<void> {
  const admission = admissionOf(declared, c)
  c.set('admission', admission)
  const isRefused = decisionOn(c)?.allowed === false
  if (isRefused) await ascertainCaller(c)
  const decision = decisionOn(c)
  const { actor } = c.get('identified')
  const { restriction } = admission
  const param = c.req.param()
  noteArrival(c.env, { access: declared.access, actor, restriction, decision, param })
  assertAllowed(decision)
}

/** Undefined where everybody may. */
function decisionOn(c: AppContext): Decision | undefined {
  const { restriction, target, further } = { further: undefined, ...c.get('admission') }
  if (!restriction) return undefined
  const { actor } = c.get('identified')
  const decision = decide(actor, restriction.may, target)
  if (!decision.allowed || !further) return decision
  const refused = further.map((each) => decide(actor, each.may, each.target))
  return refused.find(({ allowed }) => !allowed) ?? decision
}

/** @throws Problem for a refusal */
function assertAllowed(decision: Decision | undefined): void {
  if (decision?.allowed === false) throw refused(decision.refusal)
}

/** Before anything is refused: whoever is not who they were taken for is read, and is who they are now. */
async function ascertainCaller(c: AppContext): Promise<void> {
  const changed = await failureOf(confirmCaller(c))
  if (changed === undefined) return
  if (!isAccessChange(changed)) throw changed
  await reloadCaller(c)
}

/**
 * Makes sure that whoever was taken for somebody is just that.
 * @throws what `isAccessChange` recognises if they are not; Problem for a key that is not good any more
 */
export async function confirmCaller(c: AppContext): Promise<void> {
  const { actor, pending } = c.get('identified')
  if (pending) {
    const now = await pending
    Object.assign(c.get('fields'), rateLimitFields(now.limits ?? []))
    if (!isSame(actor, now.actor)) throw accessChanged()
  }
  await c.get('session').confirm()
}

function isSame(one: Caller, other: Caller): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** Why it failed; undefined if it did not. */
async function failureOf(work: Promise<void>): Promise<unknown> {
  try {
    await work
    return undefined
  } catch (error) {
    return error
  }
}

/**
 * Whoever is nobody in particular is counted by address: on routes that say so, and a visitor, whom it
 * costs nothing to be another, on all that write. After the checks that cost nothing, so that a slip
 * of the pen does not count.
 */
async function countRequest({ perAddress, method }: Route, c: AppContext): Promise<void> {
  const isByVisitor = c.get('identified').actor.kind === 'visitor' && method !== 'GET'
  if (perAddress || isByVisitor)
    await countAddress(c.env.ADDRESSES, c.req.header('CF-Connecting-IP'))
}

/** How often a request is decided anew because the caller's rights changed while it was under way. */
export const ATTEMPTS = 3

/** Waits for something to tell, where the request asks for that; a dry run does not. */
async function waitFor(declared: Route, c: AppContext): Promise<boolean> {
  if (!declared.waits || c.get('authenticated').type === 'dry run') return false
  const pause = async (ms: number) =>
    c.get('waitForSender')(new Promise<void>((resolve) => setTimeout(resolve, ms)))
  const wait = async () => {
    beginWork(c)
    const context = { input: validated(c, declared.input), deps: c.get('deps'), pause }
    return declared.waits?.(context) ?? false
  }
  try {
    return await wait()
  } catch (error) {
    // Whoever is not who they were taken for waits as who they are now.
    if (!isAccessChange(error)) throw error
    await reloadCaller(c)
    assertAllowed(decisionOn(c))
    return wait()
  }
}

/**
 * Decides, runs and projects. Writes are void if the caller's rights changed after they were
 * admitted, and so is whatever somebody does who is not who they were taken for, or a key whose gate
 * does not know what it may; then everything is decided once more, with the rights they have now. What
 * writes nothing is decided with the rights at the end of the body.
 */
async function perform(declared: Route, c: AppContext, hasWaited: boolean): Promise<Response> {
  // The body of a dry run is there from the start; what is assumed is checked only now.
  const isLate = hasWaited || (declared.asksAgain && c.get('authenticated').type !== 'dry run')
  if (isLate && !c.get('identified').assumption) await reloadCaller(c)
  for (let attempt = 1; ; attempt++) {
    // Each attempt asks for the key, for the identity may have changed hands since the last one.
    const idempotency = await idempotencyOf(c, declared)
    await beginConfirmed(c, idempotency)
    beginWork(c)
    try {
      return await runOrReplay(declared, c, idempotency)
    } catch (error) {
      const cause =
        error instanceof Problem ? ((await failureOf(confirmCaller(c))) ?? error) : error
      if (attempt === ATTEMPTS) throw cause
      // The answer that was there has reached its age, and is forgotten.
      if (isAnswered(cause)) continue
      if (!isAccessChange(cause)) throw cause
      await reloadCaller(c)
      assertAllowed(decisionOn(c))
    }
  }
}

/** What the request's first call to D1 checks, on the primary, before anything comes of it. */
async function beginConfirmed(c: AppContext, idempotency: Idempotency | undefined): Promise<void> {
  const assumptions = [...assumedOf(c), ...(await isUnanswered(c, idempotency))]
  if (assumptions.length > 0) beginSession(c, 'primary', assumptions)
}

/** What the caller goes by without having been read for this request. */
function assumedOf(c: AppContext): Assumption[] {
  const { assumption = assumptionOfGate(c) } = c.get('identified')
  return assumption ? [assumption] : []
}

/**
 * What a gate says of its key is hearsay: a change may have been committed without the gate being told.
 * So it is checked where not everybody may.
 */
function assumptionOfGate(c: AppContext): Assumption | undefined {
  const { actor } = c.get('identified')
  // A dry run has its key read anew, and its calls cost more when one of them writes.
  if (actor.kind !== 'partner' || c.get('authenticated').type !== 'api-key') return undefined
  if (!c.get('admission').restriction) return undefined
  return actingStill(actorRef(actor), actor.accessRevision)
}

async function runOrReplay(
  declared: Route,
  c: AppContext,
  idempotency: Idempotency | undefined,
): Promise<Response> {
  try {
    return await run(declared, c, idempotency)
  } catch (error) {
    // The key was answered before, or by another request at the same time: then this one may have
    // failed in any way, such as a slug that is taken. Whoever's rights have changed is not answered
    // before they are known.
    if (!idempotency || isAccessChange(error)) throw error
    beginSession(c, 'primary', assumedOf(c))
    beginWork(c)
    const replay = await replayOf(c, declared, idempotency)
    if (!replay) throw error
    await followUp(c)
    return replay
  }
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
    await confirmCaller(c)
    return respond(declared, c, result)
  }
  const { actor } = c.get('identified')
  return withGrant(actor, restriction.may, target, c.get('requestId'), async (grant) => {
    const result = await thenFollowUp(c, declared.run({ ...context, grant }))
    await confirmCaller(c)
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
      origin: originOf(settingsOf(c.env), c.req.url),
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
    ...(declared.dryRuns && { dryRun: dryRunOf(c), lookUp: lookUpOf(c) }),
  }
}

async function respond(declared: Route, c: AppContext, result: unknown): Promise<Response> {
  if (result instanceof Streamed) return sendStream(c, result)
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
  return output === 'nothing' ? undefined : projectorOf(output)(body)
}

/** Hono keeps what the validators of this route have parsed; `parse` has run them all by now. */
function validated(c: AppContext, input: Input): RouteContext<Input, Access, Output>['input'] {
  const valid = (target: string): unknown => c.req.valid(target as never)
  return Object.fromEntries(Object.keys(input).map((target) => [target, valid(target)]))
}
