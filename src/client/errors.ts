/** Whatever can go wrong with a call, as one union with `code` to tell its members apart. */
import type { FieldError, ProblemStatuses, Stage } from './contract.ts'

/** Which codes this client knows; one that the server has and this list lacks does not compile. */
const STATUSES = {
  malformed_request: 400,
  ambiguous_credentials: 400,
  not_forwarded: 400,
  unauthenticated: 401,
  invalid_token: 401,
  invalid_api_key: 401,
  session_revoked: 401,
  forbidden: 403,
  session_too_old: 403,
  suspended: 403,
  members_only: 403,
  not_found: 404,
  method_not_allowed: 405,
  not_acceptable: 406,
  conflict: 409,
  invalid_state: 409,
  slot_full: 409,
  already_booked: 409,
  too_many_bookings: 409,
  last_admin: 409,
  idempotency_in_flight: 409,
  cursor_expired: 410,
  precondition_failed: 412,
  payload_too_large: 413,
  unsupported_media_type: 415,
  validation_failed: 422,
  idempotency_mismatch: 422,
  rate_limited: 429,
  quota_exceeded: 429,
  internal: 500,
  origin_failed: 502,
  unavailable: 503,
  origin_timeout: 504,
} as const satisfies ProblemStatuses

type Statuses = typeof STATUSES

interface Failure<Code, Status> extends Error {
  readonly code: Code
  readonly status: Status
  /** The number by which whoever runs the site finds the call in the log. */
  readonly requestId: string | undefined
}

/** The server refused the call: a problem document (RFC 9457) with a code of the contract. */
type Refusal<Code, Status> = Failure<Code, Status> & {
  readonly title: string
  readonly detail: string
  /** A page about the code that says how to fix the call. */
  readonly type: string
} & Extras<Status>

type Extras<Status> = Status extends 401
  ? { readonly stage: Stage }
  : Status extends 403
    ? { readonly stage: Stage; readonly required: string; readonly reach: 'own' | 'any' }
    : Status extends 422
      ? { readonly errors: readonly FieldError[] }
      : Status extends 429 | 503
        ? {
            /** Seconds; undefined if the server does not say. */
            readonly retryAfter: number | undefined
          }
        : unknown

export type GuildhallError =
  | { [Code in keyof Statuses]: Refusal<Code, Statuses[Code]> }[keyof Statuses]
  /**
   * An answer that the contract does not know: its code is newer than this client, or it is no
   * answer of this API at all.
   */
  | (Failure<'unexpected_answer', number> & {
      /** The body, parsed if it is JSON. */
      readonly body: unknown
      readonly retryAfter: number | undefined
    })
  /** No answer, or only a part of one; `cause` says more. Whether the call had an effect is not known. */
  | Failure<'network_failure', undefined>

class CallError extends Error {
  override readonly name = 'GuildhallError'

  constructor(message: string, fields: object, cause?: unknown) {
    super(message, { cause })
    Object.assign(this, fields)
  }
}

/** The class exists for `instanceof`, which narrows to the union. */
export const GuildhallError = asUnion(CallError)

export function networkFailure(cause: unknown): GuildhallError {
  const code = 'network_failure'
  return asOne(new CallError(`${code}: there was no answer`, { code }, cause))
}

/** The error of an answer that is none: a refusal, or something else. @param text the body as it was received */
export function failureOf({ status, headers }: Response, text: string): GuildhallError {
  const body = parsed(text)
  const { code, detail } = fieldsOf(body)
  const requestId = headers.get('Request-Id') ?? undefined
  const retryAfter = secondsOf(headers.get('Retry-After'))
  if (!isKnown(code, status)) {
    const unexpected = { code: 'unexpected_answer', status, requestId, retryAfter, body }
    return asOne(new CallError(`${unexpected.code}: status ${status}`, unexpected))
  }
  const fields = {
    ...(status === 422 && { errors: [] }),
    ...fieldsOf(body),
    ...(MAY_SAY_WHEN.has(status) && { retryAfter }),
    status,
    requestId,
  }
  return asOne(new CallError(`${String(code)}: ${String(detail)}`, fields))
}

const MAY_SAY_WHEN = new Set([429, 503])

function isKnown(code: unknown, status: number): boolean {
  return Object.entries(STATUSES).some(([known, its]) => known === code && its === status)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function fieldsOf(body: unknown): { readonly [name: string]: unknown } {
  return typeof body === 'object' && body !== null ? { ...body } : {}
}

/** RFC 9110, section 10.2.3: seconds, or from proxies a date. */
function secondsOf(retryAfter: string | null): number | undefined {
  if (!retryAfter) return undefined
  const seconds = /^\d+$/.test(retryAfter)
    ? Number(retryAfter)
    : Math.ceil((Date.parse(retryAfter) - Date.now()) / 1000)
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds)
}

/** Only the functions of this module make errors, so their fields are what the union says of their code. */
function asOne(error: Error): GuildhallError {
  return error as GuildhallError
}

/** No other errors are instances of it. */
function asUnion(constructor: unknown): abstract new (...none: never) => GuildhallError {
  return constructor as abstract new (...none: never) => GuildhallError
}

/** A parameter of a path that no path can have: empty, or dots that a URL takes for folders. Nothing was sent. */
export class PathError extends TypeError {
  override readonly name = 'PathError'
}
