/** How far a run of a job is. */
import { Pill, type Tone } from '../look/parts.tsx'
import type { Client } from './api.ts'

export type Run = Awaited<ReturnType<Client['v1']['jobs'][':job']['runs']['$get']>>['items'][number]

const TONES: Readonly<Record<Run['status'], Tone>> = {
  requested: 'info',
  running: 'info',
  succeeded: 'good',
  failed: 'bad',
}

export const RunStatus = ({ run }: { readonly run: Pick<Run, 'status'> }) => (
  <Pill tone={TONES[run.status]}>{run.status}</Pill>
)
