/** Turns whatever was thrown into `application/problem+json` (RFC 9457). Only a `Problem` says more than `internal`. */
import { HTTPException } from 'hono/http-exception'
import { isRetryable } from '../db/errors.ts'
import { SettingsError } from '../settings/settings.ts'
import { describeError, log } from '../log.ts'
import { cannotAnswer, Problem, PROBLEMS } from '../problem.ts'
import type { AppContext } from './context.ts'
import { answer } from './fields.ts'

const REALM = 'Bearer realm="guildhall"'

/** The last resort of the app: the cause goes to the log under the request id, never to the caller. */
export function onError(error: Error, c: AppContext): Response {
  const problem = asProblem(error, c.req.method)
  if (problem.status >= 500) {
    const { cause } = problem.extras
    const about = { requestId: c.get('requestId'), code: problem.code }
    log('error', 'request failed', { ...about, ...describeError(cause ?? error) })
  }
  return problemResponse(c, problem)
}

/** What the URL parser lets through in a path and RFC 3986, section 3.3, does not. */
const NOT_IN_A_PATH = /[^\w\-.~!$&'()*+,;=:@/%]|%(?![0-9a-f]{2})/gi

export function problemResponse(c: AppContext, problem: Problem): Response {
  c.get('record').problem = problem
  const { code, status, detail, extras } = problem
  const { stage, required, reach, errors, retryAfter } = extras
  const { origin, pathname } = new URL(c.req.url)
  const requestId = c.get('requestId')
  const body = {
    type: `${origin}/problems/${code}`,
    title: PROBLEMS[code].title,
    status,
    detail,
    instance: pathname.replaceAll(NOT_IN_A_PATH, encodeURIComponent),
    code,
    requestId,
    ...(stage && { stage }),
    ...(status === 403 && { required, reach }),
    ...(errors && { errors }),
  }
  const headers = {
    'Content-Type': 'application/problem+json',
    ...(retryAfter !== undefined && { 'Retry-After': String(retryAfter) }),
    ...extras.headers,
    ...challenge(problem),
  }
  return answer(c, JSON.stringify(body), status, headers)
}

/** RFC 6750, section 3: no `error` if no credential was sent, `insufficient_scope` names the permission. */
function challenge({ code, status, detail, extras }: Problem): Record<string, string> {
  if (code === 'unauthenticated') return { 'WWW-Authenticate': REALM }
  if (status === 401) {
    const description = detail.replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'")
    return {
      'WWW-Authenticate': `${REALM}, error="invalid_token", error_description="${description}"`,
    }
  }
  if (code === 'forbidden') {
    return {
      'WWW-Authenticate': `${REALM}, error="insufficient_scope", scope="${extras.required}"`,
    }
  }
  return {}
}

function asProblem(error: Error, method: string): Problem {
  if (error instanceof Problem) return error
  // Hono throws 400 for a body that is not JSON; nothing else in the app throws one.
  if (error instanceof HTTPException && error.status === 400) {
    return new Problem('malformed_request', 'The body is not valid JSON.')
  }
  if (error instanceof SettingsError) {
    return new Problem('internal', 'The site is not configured correctly; its log says how.', {
      cause: error,
    })
  }
  if (isRetryable(error)) return cannotAnswer(method, error)
  return new Problem('internal', 'Something failed on our side.', { cause: error })
}
