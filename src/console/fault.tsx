/** What a form is shown again with after the API has refused it. */
import type { Child } from 'hono/jsx'
import type { GuildhallError } from '../client/index.ts'
import { type Faults, faultsOf } from './forms.ts'
import { Refusal, statusOf } from './refusal.tsx'

export interface Fault {
  readonly note?: Child
  readonly faults?: Faults
  readonly status?: number
  readonly code?: GuildhallError['code']
}

export function faultOf(refused: GuildhallError | undefined): Fault {
  if (!refused) return {}
  const note = <Refusal error={refused} />
  return { note, faults: faultsOf(refused), status: statusOf(refused), code: refused.code }
}
