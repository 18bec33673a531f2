/** What a form is shown again with after the API has refused it. */
import type { Child } from 'hono/jsx'
import type { attempt } from './edit.tsx'
import { type Faults, faultsOf } from './forms.ts'
import { Refusal, statusOf } from './refusal.tsx'

export interface Fault {
  readonly note?: Child
  readonly faults?: Faults
  readonly status?: number
}

export function faultOf(refused: Awaited<ReturnType<typeof attempt>>): Fault {
  if (!refused) return {}
  return { note: <Refusal error={refused} />, faults: faultsOf(refused), status: statusOf(refused) }
}
