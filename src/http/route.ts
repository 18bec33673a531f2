/**
 * One declaration per route: who may call it, what it takes, what it answers. Everything else that
 * knows about routes (the running app, the OpenAPI document, the matrix, the tests) reads these.
 */
import type * as z from 'zod'
import type { Deps } from '../deps.ts'
import type { Remember } from '../operations/foreseen.ts'
import type { BookingRow } from '../repositories/bookings.ts'
import type { Revisions } from '../repositories/scope.ts'
import type { Authenticated } from '../security/callers/authenticate.ts'
import type { Identified } from '../security/callers/identified.ts'
import type { Permission } from '../security/permissions.ts'
import type { Access, GrantFor } from './access.ts'
import type { Deprecated } from './deprecation.ts'
import type { DryRun, LookUp } from './explain/dry-run.ts'

type Schema = z.core.$ZodType
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface Input {
  readonly param?: Schema
  /** Whatever else a query has is refused. */
  readonly query?: z.core.$ZodObject
  readonly json?: Schema
}

type Parsed<I extends Input> = {
  readonly [K in keyof I]: I[K] extends Schema ? z.output<I[K]> : never
}

/** An Idempotency-Key, and what it was sent with. */
export interface Idempotency {
  readonly caller: string
  readonly key: string
  /** A hash of method, path and body: the same key may not be used for another request. */
  readonly fingerprint: string
  readonly storedIn: 'd1' | 'object'
}

export interface RouteContext<I extends Input, A extends Access, O extends Output> {
  readonly input: Parsed<I>
  readonly grant: GrantFor<A>
  readonly caller: CallerContext
  readonly request: RequestContext<O>
  readonly deps: Deps
  /**
   * Has what follows from what was done be done now, for an answer that shows it; otherwise it is done
   * as soon as `run` ends. @returns the booking it was about, as it is then
   */
  readonly followUp: () => Promise<BookingRow | undefined>
}

/** Who calls, and what is known of them besides what they may. */
export interface CallerContext extends Pick<Identified, 'actor' | 'visitShard' | 'identity'> {
  readonly authenticated: Authenticated
}

/** What the headers of the request ask for. */
export interface RequestContext<O extends Output> {
  /** The revisions that If-Match and If-None-Match let through. */
  readonly revisions: Revisions
  readonly idempotency: Idempotency | undefined
  /** Where the site is, as in `https://members.example`: for links that leave it. */
  readonly origin: string
  /** What an operation needs to store its answer with its write. @param shown makes the answer of a result */
  readonly remember: <Result>(shown: (result: Result) => Body<O>) => Remember<Result>
}

/** What a route gets that lets callers wait. */
export interface Waiting<I extends Input> {
  readonly input: Parsed<I>
  readonly deps: Deps
  /** Does nothing for so many milliseconds, which are no part of the time for the answer. */
  readonly pause: (ms: number) => Promise<void>
}

/** What a route gets that declares `dryRuns`. */
export interface DryRunning {
  /** Has another call answered without doing it; undefined while this one is a dry run itself. */
  readonly dryRun: DryRun | undefined
  readonly lookUp: LookUp
}

/** `nothing` is 204. */
export type Output = Schema | 'nothing'
type Shown<O extends Output> = O extends Schema ? z.output<O> : undefined
type Body<O extends Output> = O extends Schema ? z.input<O> : void

/** An answer with another status than the route's usual one. */
export class Answer<T> {
  readonly status: Status
  readonly body: T
  /** It was given before, under the same Idempotency-Key. */
  readonly replayed: boolean

  constructor(status: Status, body: T, { replayed = false } = {}) {
    this.status = status
    this.body = body
    this.replayed = replayed
  }
}

/** An answer that is read while it is sent: the text of one JSON object, with what its schema declares. */
export class Streamed {
  readonly text: AsyncIterable<string>

  constructor(text: AsyncIterable<string>) {
    this.text = text
  }
}

export type Status = 200 | 201 | 202 | 204

export interface Route<
  M extends Method = Method,
  Path extends string = string,
  I extends Input = Input,
  A extends Access = Access,
  O extends Output = Output,
  D extends true | undefined = true | undefined,
> {
  readonly method: M
  /** The path in Hono's spelling, as in `/v1/users/:userId`. */
  readonly path: Path
  readonly summary: string
  readonly access: A
  readonly input: I
  readonly output: O
  /** Every status it answers when all goes well, the usual one first; 200, or 204 for `nothing`. */
  readonly statuses?: readonly [Status, ...Status[]]
  /** The id of what it makes, which can be read at this path and that id (RFC 9110, section 15.3.2). */
  location?(body: Shown<O>): string
  /** Takes an Idempotency-Key; its answer is stored with the write, in D1 or in the object that writes. */
  readonly idempotent?: 'd1' | 'object'
  /** Where it was before, as what another route has in its last parameter, with this at the end. */
  readonly formerly?: { readonly path: string; readonly suffix: string }
  /** What it answers; JSON unless it says otherwise, and then `output` is text. */
  readonly mediaType?: 'text/calendar'
  /** Counts against the limit of the address it comes from, for it takes no credential. */
  readonly perAddress?: true
  /** Honours If-Match and If-None-Match. */
  readonly conditional?: boolean
  /** Says what other calls would be answered. */
  readonly dryRuns?: D
  /**
   * Has a body and writes nothing, so no write is void once the rights are lost: who calls is looked up
   * again when the body is there.
   */
  readonly asksAgain?: true
  /**
   * Holds the request while there is nothing to tell, for as long as it asks. Who calls is looked up
   * again then. @returns whether it may have waited
   */
  waits?(context: Waiting<I>): Promise<boolean>
  /** It is going away; every answer says so. */
  readonly deprecated?: Deprecated
  /** A method, so that routes of all kinds fit one array; `mount` calls it with what was declared. */
  run(
    context: RouteContext<I, A, O> & (D extends true ? DryRunning : unknown),
  ): Promise<Body<O> | Answer<Body<O>> | Streamed>
}

/** A route under the name that clients are made with, as in `readBadge`. */
export interface NamedRoute extends Route {
  readonly name: string
}

/** Declares a route. Without `access` it does not compile. */
export function route<
  const M extends Method,
  const Path extends `/${string}`,
  I extends Input,
  P extends Permission,
  const A extends Access<P>,
  O extends Output,
  D extends true | undefined = undefined,
>(declaration: Route<M, Path, I, A, O, D>): Route<M, Path, I, A, O, D> {
  return declaration
}

/** The usual status of a route. */
export function statusOf(declared: Route): Status {
  return declared.statuses?.[0] ?? (declared.output === 'nothing' ? 204 : 200)
}

/** How the path is written in documents: `/v1/users/{userId}`. */
export function documentedPath(path: string): string {
  return path.replaceAll(/:(\w+)(?:\{\.\+\\(\.\w+)\})?/g, '{$1}$2')
}
