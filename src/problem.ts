/**
 * Every error a caller can ever see (RFC 9457). A code fixes its status, its title and the page
 * at `/problems/{code}`; anything that is not a `Problem` leaves as the opaque `internal`.
 */

interface ProblemDefinition {
  readonly status:
    | 400
    | 401
    | 403
    | 404
    | 405
    | 406
    | 409
    | 412
    | 413
    | 415
    | 422
    | 429
    | 500
    | 502
    | 503
    | 504
  readonly title: string
  /** What it means and how to fix the call; the text of the code's page. */
  readonly help: string
}

export const PROBLEMS = {
  malformed_request: {
    status: 400,
    title: 'Malformed request',
    help: 'The body is not valid UTF-8 JSON, or the request line or a header cannot be read. Send well-formed JSON.',
  },
  ambiguous_credentials: {
    status: 400,
    title: 'More than one credential',
    help: 'Send exactly one of `Authorization: Bearer …`, `X-API-Key: …` and, from a page of the site, its session cookie; and send it once.',
  },
  not_forwarded: {
    status: 400,
    title: 'Not handed on',
    help: 'The page is on an origin behind this site, and a request like this one is not handed on to it: a path that servers read in different ways, a GET with a body, a service worker, or a websocket where the page rule does not say `webSocket`. `detail` says which.',
  },
  unauthenticated: {
    status: 401,
    title: 'A credential is needed',
    help: 'This route is not open. Send `Authorization: Bearer <JWT>` from a trusted issuer, or an API key.',
  },
  invalid_token: {
    status: 401,
    title: 'The token is not valid',
    help: 'The token is malformed, expired, not meant for this audience, or not signed by a trusted issuer. Get a new one from your identity provider; a bad token is refused on open routes too.',
  },
  invalid_api_key: {
    status: 401,
    title: 'The API key is not valid',
    help: 'The key is mistyped, revoked, expired or unknown. Ask an admin of the site for a new one.',
  },
  session_revoked: {
    status: 401,
    title: 'The session has been revoked',
    help: 'The token was issued before the member signed out or was deleted. Sign in again.',
  },
  forbidden: {
    status: 403,
    title: 'Not allowed',
    help: 'You are known, but you may not do this. `required` names the permission and `reach` how far it has to go; `stage` says whether you lack the permission altogether or only own the wrong resource. Taking something from somebody takes every right they have that not every member has: `required` is then one of theirs.',
  },
  session_too_old: {
    status: 403,
    title: 'Sign in again first',
    help: 'What cannot be undone takes somebody who has signed in only just now, within the last ten minutes. Sign in again and repeat the call: with the session or the token of this site, or with a token of your provider that says so in `auth_time`.',
  },
  suspended: {
    status: 403,
    title: 'The member is suspended',
    help: 'A moderator has suspended this member. Only open routes and `GET /v1/whoami` answer until the member is reinstated.',
  },
  members_only: {
    status: 403,
    title: 'Only for members',
    help: 'This route is about the signed-in member, as those under `/v1/me` are, and visitors and API keys are not members. Use the one that names a user id, if there is one.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    help: 'There is nothing at this path, or the id is malformed or unknown.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    help: 'The path exists, but not with this method. `Allow` lists the methods it has.',
  },
  not_acceptable: {
    status: 406,
    title: 'Not acceptable',
    help: 'This API answers `application/json`. Leave `Accept` out, or let it include that type.',
  },
  conflict: {
    status: 409,
    title: 'Conflict',
    help: 'The change collides with something that exists, such as a slug that is taken. `detail` names it.',
  },
  invalid_state: {
    status: 409,
    title: 'Not in this state',
    help: 'The resource is in a state from which this cannot be done, such as a key that has been revoked. Read it again.',
  },
  slot_full: {
    status: 409,
    title: 'The slot is full',
    help: 'Every place of this slot is held by a live booking. Choose another slot, or try again when one is canceled.',
  },
  already_booked: {
    status: 409,
    title: 'Booked already',
    help: 'You have a live booking of this slot, or whoever is named in `contact` has one: one person has one, and the same email address or phone number is the same person. Cancel it first to book anew. To book for others takes `booking:create` with reach `any`, and their `contact`.',
  },
  too_many_bookings: {
    status: 409,
    title: 'Too many bookings',
    help: 'Visitors hold so many live bookings at most, and so many from one network. Cancel one, wait until one is over, or book as a member: members have no such limit.',
  },
  last_admin: {
    status: 409,
    title: 'The last admin stays',
    help: 'A site must keep at least one active admin. Make somebody else an admin first.',
  },
  idempotency_in_flight: {
    status: 409,
    title: 'A request with this key is under way',
    help: 'Nothing answers this at present: of two requests with one `Idempotency-Key` at once, the second waits and gets the answer of the first. Send the request again after a moment.',
  },
  precondition_failed: {
    status: 412,
    title: 'The resource has changed',
    help: 'Its revision is not one that `If-Match` or `If-None-Match` lets through. Read it again and repeat the change with the new ETag.',
  },
  payload_too_large: {
    status: 413,
    title: 'Payload too large',
    help: 'A request body may have at most 64 KiB.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    help: 'Send the body as `Content-Type: application/json`, in UTF-8 and without a content encoding.',
  },
  validation_failed: {
    status: 422,
    title: 'Validation failed',
    help: '`errors` lists each field that is wrong, where it was sent (`in`), its path and what is expected. Unknown fields are refused.',
  },
  idempotency_mismatch: {
    status: 422,
    title: 'Idempotency key used for another request',
    help: 'This `Idempotency-Key` was sent before with another body or to another route. Use a new key for a new request.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    help: 'The limit of this API key, or of this address, is reached. Wait for `Retry-After` seconds; the `RateLimit` field says what is left.',
  },
  quota_exceeded: {
    status: 429,
    title: 'The monthly quota is used up',
    help: 'This API key has used its requests for the month. It works again after `Retry-After` seconds; an admin can raise the quota.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    help: 'Something failed on our side. The cause is in the log of the site under the request id; nothing was changed by halves.',
  },
  origin_failed: {
    status: 502,
    title: 'The page cannot be had',
    help: 'The origin behind this site does not answer, or not so that it can be handed on. Whether it has done what was asked for, nobody here knows.',
  },
  origin_timeout: {
    status: 504,
    title: 'The page takes too long',
    help: 'The origin behind this site did not begin to answer in time. Whether it has done what was asked for, nobody here knows.',
  },
  unavailable: {
    status: 503,
    title: 'Temporarily unavailable',
    help: 'Something this request depends on did not answer, or not in time. What was asked for may have been done all the same, or may be done yet, but never by halves. Try again after `Retry-After` seconds: a GET, PUT or DELETE as it was, a POST with the same `Idempotency-Key`, so that it is done once.',
  },
} as const satisfies Record<string, ProblemDefinition>

export type ProblemCode = keyof typeof PROBLEMS

/** Where on the way in a request was refused; on every 401 and 403. */
export type Stage = 'credential' | 'session' | 'permission' | 'ownership'

export interface FieldError {
  readonly in: 'json' | 'query' | 'param' | 'header'
  /** Dotted, as in `address.country`; empty for the value as a whole. */
  readonly path: string
  readonly message: string
}

interface ProblemExtras {
  readonly stage?: Stage
  readonly required?: string
  readonly reach?: 'own' | 'any'
  readonly errors?: readonly FieldError[]
  /** Whole seconds until the call may be repeated; sent as `Retry-After`. */
  readonly retryAfter?: number
  /** Response headers that belong to the refusal, such as `Allow`. */
  readonly headers?: Readonly<Record<string, string>>
  /** The cause, which goes to the log only and never leaves. */
  readonly cause?: unknown
}

type CodeOf<Status> = {
  [Code in ProblemCode]: (typeof PROBLEMS)[Code]['status'] extends Status ? Code : never
}[ProblemCode]
type With<Field extends keyof ProblemExtras> = ProblemExtras & Required<Pick<ProblemExtras, Field>>

/**
 * Whoever refuses for want of a credential or of a right has to say where, and what it takes; whoever
 * refuses for now, when to come back.
 */
type ProblemArguments =
  | [code: CodeOf<401>, detail: string, extras: With<'stage'>]
  | [code: CodeOf<403>, detail: string, extras: With<'stage' | 'required' | 'reach'>]
  | [code: CodeOf<429 | 503>, detail: string, extras: With<'retryAfter'>]
  | [
      code: Exclude<ProblemCode, CodeOf<401 | 403 | 429 | 503>>,
      detail: string,
      extras?: ProblemExtras,
    ]

/** A refusal meant for the caller. `detail` is public: it names no value the caller did not send. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly detail: string
  readonly extras: ProblemExtras

  constructor(...[code, detail, extras = {}]: ProblemArguments) {
    super(detail, { cause: extras.cause })
    this.code = code
    this.detail = detail
    this.extras = extras
  }

  get status(): ProblemDefinition['status'] {
    return PROBLEMS[this.code].status
  }
}

const RETRY_AFTER_S = 1
const NO_ANSWER = 'Storage cannot answer at the moment.'
const MAY_BE_DONE =
  'What was asked for may have been done all the same, or may be done yet, but not by halves; ' +
  'sent again with the same Idempotency-Key, it is done once.'

/** The problem of a request that cannot be answered now, because what it needs does not answer. */
export function cannotAnswer(method: string, cause?: unknown): Problem {
  const isRead = method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
  const detail = isRead ? NO_ANSWER : `${NO_ANSWER} ${MAY_BE_DONE}`
  return new Problem('unavailable', detail, { retryAfter: RETRY_AFTER_S, cause })
}

/** Throws, so that a look-up can be written as `find … ?? notFound()`. @throws not_found */
export function notFound(what: string): never {
  throw new Problem('not_found', `No such ${what}.`)
}

/** The problem of fields that cannot be taken as they are; the caller sees which, and why. */
export function invalidFields(errors: readonly FieldError[]): Problem {
  const detail = 'The request has fields that are not valid; see errors.'
  return new Problem('validation_failed', detail, { errors })
}

/** @param path of the field in the body, as in `recurrence.until` */
export function invalidField(path: string, message: string): Problem {
  return invalidFields([{ in: 'json', path, message }])
}

/** The problem of a key that is used again, but not for the same request. */
export function idempotencyMismatch(): Problem {
  const detail = 'This Idempotency-Key was used for another request.'
  const message = 'expected a new key for a new request'
  return new Problem('idempotency_mismatch', detail, {
    errors: [{ in: 'header', path: 'Idempotency-Key', message }],
  })
}
