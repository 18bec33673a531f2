/** What no refusal may leave out; checked by the compiler alone. */
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
  // @ts-expect-error: and so does a 403
  new Problem('forbidden', 'x', { required, reach }),
  // @ts-expect-error: which permission it takes
  new Problem('members_only', 'x', { stage, reach }),
  // @ts-expect-error: and how far that has to reach
  new Problem('suspended', 'x', { stage, required }),
  // @ts-expect-error: what is unavailable for now says when to come back
  new Problem('unavailable', 'x'),
  // @ts-expect-error: in seconds, and not by a header of its own
  new Problem('unavailable', 'x', { headers: { 'Retry-After': '1' } }),
  // @ts-expect-error: and so does a limit
  new Problem('quota_exceeded', 'x', { headers: {} }),
]
