/** The runs of jobs: how far each is, and what it counted. */
import { Card, Empty, Pill, Table, Time, type Tone } from '../look/parts.tsx'
import type { Client } from './api.ts'
import { Id } from './links.tsx'

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

export const Counts = ({ counts }: { readonly counts: Run['counts'] }) => (
  <span class="nums">
    {Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}
  </span>
)

/** Such a run changes while somebody looks on. */
export function isUnderWay(run: Pick<Run, 'status'> | null | undefined): boolean {
  return run?.status === 'requested' || run?.status === 'running'
}

/** How far a run is. A page on which nothing is typed comes anew by itself as long as it goes on. */
export const UnderWay = ({
  job,
  run,
  hasForm = false,
}: {
  readonly job: string
  readonly run: Run
  readonly hasForm?: boolean
}) => (
  <Card title={`${job} is under way`} actions={<RunStatus run={run} />}>
    <div {...(!hasForm && { 'data-reload': '3' })}>
      <p>
        {run.startedAt ? (
          <>
            Running since <Time at={run.startedAt} form="ago" />.
          </>
        ) : (
          'Asked for; it begins in a moment.'
        )}{' '}
        <Counts counts={run.counts} />
      </p>
      <p class="muted small">
        {!hasForm && 'This page comes anew by itself. '}
        <a href="">Look again</a>
      </p>
    </div>
  </Card>
)

export const RunTable = ({
  job,
  runs,
}: {
  readonly job: string
  readonly runs: readonly Run[]
}) => (
  <Table<Run>
    caption={`Runs of ${job}`}
    columns={[
      { label: 'Asked for', cell: ({ requestedAt }) => <Time at={requestedAt} /> },
      { label: 'State', cell: (run) => <RunStatus run={run} /> },
      {
        label: 'By',
        cell: ({ requestedBy }) =>
          requestedBy === 'cron' ? (
            <span class="muted">schedule</span>
          ) : (
            <Id id={requestedBy} short />
          ),
      },
      { label: 'Took', cell: (run) => <span class="nums">{tookOf(run)}</span> },
      { label: 'Counted', cell: ({ counts }) => <Counts counts={counts} /> },
      { label: 'Error', cell: ({ error }) => <span class="small">{error}</span> },
    ]}
    rows={runs}
    empty={<Empty title="It has never run" />}
  />
)

function tookOf({ startedAt, finishedAt }: Run): string {
  if (!startedAt || !finishedAt) return ''
  const ms = Date.parse(finishedAt) - Date.parse(startedAt)
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`
}
