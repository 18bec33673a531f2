/** What no refusal may leave out; checked by the compiler alone. */
import { Problem } from '../../src/problem.ts'

const stage = 'permission'
const required = 'badge:assign'
const reach = 'any'

export const COMPLETE: readonly Problem[] = [
  new Problem('conflict', 'x'),
  new Problem('invalid_token', 'x', { stage: 'credential' }),
  new Problem('forbidden', 'x', { stage, required, reach }),
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
]
