/** Entries of the audit log as rows. */
import { Empty, Table, Time } from '../look/parts.tsx'
import type { Client } from './api.ts'
import { Id, WithIds } from './links.tsx'
import { reasonInWords } from './metrics.ts'

export type AuditEntry = Awaited<ReturnType<Client['v1']['audit']['$get']>>['items'][number]

/** The page of one entry: the API finds it by its time. */
export function placeOfEntry({ id, at }: AuditEntry): string {
  return `/console/audit/${id}?at=${encodeURIComponent(at)}`
}

export const AuditTable = ({ entries }: { readonly entries: readonly AuditEntry[] }) => (
  <Table<AuditEntry>
    caption="Audit log"
    columns={[
      {
        label: 'What',
        cell: (entry) => (
          <a class="mono" href={placeOfEntry(entry)}>
            {entry.action}
          </a>
        ),
      },
      { label: 'By', cell: ({ actor }) => <Id id={actor} short /> },
      { label: 'On', cell: ({ target }) => <Id id={target} short /> },
      { label: 'Why', cell: ({ reason }) => reason && <WithIds text={reasonInWords(reason)} /> },
      { label: 'When', cell: ({ at }) => <Time at={at} /> },
    ]}
    rows={entries}
    empty={
      <Empty title="Nothing was done">
        <p>Whatever changes something is written here, in the same transaction.</p>
      </Empty>
    }
  />
)
