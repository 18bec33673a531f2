/** A refusal cannot leave out what it has to say; the compiler alone checks it. */
import { Problem } from '../../src/problem.ts'

const stage = 'permission'
const required = 'badge:assign'
const reach = 'any'

export const COMPLETE: readonly Problem[] = [
  new Problem('conflict', 'x'),
  new Problem('invalid_token', 'x', { stage: 'credential' }),
  new Problem('forbidden', 'x', { stage, required, reach }),
  new Problem('unavailable', 'x', { retryAfter: 1 }),
  new Problem('rate_limited', 'x', { retryAfter: 1 }),
]

export const INCOMPLETE: readonly Problem[] = [
  // @ts-expect-error: a 401 says at which stage
  new Problem('invalid_token', 'x'),
  // @ts-expect-error: a 403 says at which stage
  new Problem('forbidden', 'x', { required, reach }),
  // @ts-expect-error: a 403 says which permission it takes
  new Problem('members_only', 'x', { stage, reach }),
  // @ts-expect-error: a 403 says how far the permission has to reach
  new Problem('suspended', 'x', { stage, required }),
  // @ts-expect-error: a 503 says when to come back
  new Problem('unavailable', 'x'),
  // @ts-expect-error: a 503 gives the seconds to wait, and no header of its own
  new Problem('unavailable', 'x', { headers: { 'Retry-After': '1' } }),
  // @ts-expect-error: a limit says when to come back
  new Problem('quota_exceeded', 'x', { headers: {} }),
]
