/** The audit log: what was done, by whom, and for whom; one entry in full with what elevated it. */
import { startOfDay } from '../../calendar/days-in-zone.ts'
import { Field } from '../../look/forms.tsx'
import { Card, Facts, Head, Pager, Pill, Table, Time } from '../../look/parts.tsx'
import { type AuditEntry, AuditTable } from '../audit-table.tsx'
import type { ConsoleApp, ConsoleContext } from '../context.ts'
import { Id, WithIds } from '../links.tsx'
import { byAddress, filterFaults, filtersOf, listOf, placesOf, wholeOf } from '../lists.ts'
import { reasonInWords } from '../metrics.ts'
import { nothingHere } from '../nothing-here.tsx'
import { show } from '../shell.tsx'

/** A run of a job may write a thousand entries at once. */
async function entryAt({ req, var: { client } }: ConsoleContext, at: number) {
  const query = {
    limit: 100,
    since: new Date(at).toISOString(),
    until: new Date(at + 1).toISOString(),
  }
  for await (const entry of client.all(client.v1.audit.$get, { query })) {
    if (entry.id === req.param('entry')) return entry
  }
  return undefined
}

function elevationsOf({ var: { client } }: ConsoleContext) {
  return wholeOf(client.all(client.v1.elevations.$get, { query: { limit: 100 } }))
}

export function auditPages(app: ConsoleApp): void {
  app.get('/console/audit', async (c) => {
    const named = await byAddress(c, 'actor', 'target')
    if (named) return named
    const filters = filtersOf(c, ['actor', 'action', 'target', 'since', 'until', 'cursor'])
    const { since, until, ...rest } = filters
    const { zone } = c.env.request
    const page = await listOf(
      c,
      c.var.client.v1.audit.$get({
        query: {
          limit: 50,
          ...rest,
          since: since && (startOfDay(since, zone) ?? since),
          until: until && (startOfDay(until, zone) ?? until),
        },
      }),
    )
    const faults = filterFaults(c)
    const body = (
      <>
        <Head
          title="Audit"
          lead="Everything that was changed, newest first, written with the change itself."
        >
          <a class="button plain" href="/console/audit/elevations">
            Elevated identities
          </a>
        </Head>
        <form class="filters" method="get">
          <Field
            name="actor"
            label="By"
            value={filters.actor ?? ''}
            placeholder="Id, email or system:…"
            error={faults['actor']}
          />
          <Field
            name="action"
            label="What"
            value={filters.action ?? ''}
            placeholder="badge.assign"
            error={faults['action']}
          />
          <Field
            name="target"
            label="On"
            value={filters.target ?? ''}
            placeholder="Id or email"
            error={faults['target']}
          />
          <Field
            name="since"
            label={`Since (${zone})`}
            type="date"
            value={since ?? ''}
            error={faults['since']}
          />
          <Field
            name="until"
            label={`Before (${zone})`}
            type="date"
            value={until ?? ''}
            error={faults['until']}
          />
          <button class="plain">Filter</button>
          {Object.keys(filters).length > 0 && (
            <a class="button quiet" href="/console/audit">
              Clear
            </a>
          )}
        </form>
        <AuditTable entries={page.items} />
        <Pager {...placesOf(c, page)} />
      </>
    )
    return show(c, { title: 'Audit', body })
  })

  app.get('/console/audit/elevations', async (c) => {
    const { items } = await elevationsOf(c)
    const body = (
      <>
        <Head
          title="Elevated identities"
          lead="Everything that the backend may do by itself, which is all of it."
          crumbs={[{ href: '/console/audit', text: 'Audit' }]}
        />
        <Table<(typeof items)[number]>
          caption="Elevated identities"
          columns={[
            {
              label: 'Identity',
              cell: ({ identity }) => (
                <a
                  class="mono"
                  href={`/console/audit?actor=${encodeURIComponent(`system:${identity}`)}`}
                >
                  {identity}
                </a>
              ),
            },
            { label: 'May', cell: ({ may }) => <code>{may.join(', ')}</code> },
            { label: 'Trigger', cell: ({ trigger }) => <code>{trigger}</code> },
            { label: 'Why', cell: ({ why }) => why },
          ]}
          rows={items}
          empty=""
        />
      </>
    )
    return show(c, { title: 'Elevated identities', body })
  })

  // The API has entries by their time, so the address of one says when it was.
  app.get('/console/audit/:entry', async (c) => {
    const at = Date.parse(c.req.query('at') ?? '')
    if (Number.isNaN(new Date(at + 1).getTime())) return noEntry(c)
    const [entry, elevations] = await Promise.all([entryAt(c, at), elevationsOf(c)])
    if (!entry) return noEntry(c)
    const elevated = elevations.items.find(({ identity }) => entry.actor === `system:${identity}`)
    const body = (
      <>
        <Head
          title={<code>{entry.action}</code>}
          crumbs={[{ href: '/console/audit', text: 'Audit' }]}
        />
        <div class="grid two">
          <Card title="Entry">
            <Facts of={factsOf(entry)} />
          </Card>
          <div class="stack">
            <Card title="New values">
              <pre>{JSON.stringify(entry.changes, null, 2)}</pre>
              <p class="muted small">Of personal data the names of the fields only.</p>
            </Card>
            {elevated && (
              <Card title="What elevated it">
                <Facts
                  of={[
                    ['Identity', <code>{elevated.identity}</code>],
                    ['May', <code>{elevated.may.join(', ')}</code>],
                    ['Trigger', <code>{elevated.trigger}</code>],
                    ['Why', elevated.why],
                  ]}
                />
              </Card>
            )}
          </div>
        </div>
      </>
    )
    return show(c, { title: `Audit: ${entry.action}`, body })
  })
}

function noEntry(c: ConsoleContext): Promise<Response> {
  return nothingHere(c, 'There is no such entry in the audit log at that time.')
}

function factsOf(entry: AuditEntry) {
  const { id, at, actor, onBehalfOf, target, reason, requestId } = entry
  const isSystem = actor.startsWith('system:')
  return [
    ['When', <Time at={at} />],
    ['By', isSystem ? <Pill tone="warn">{actor}</Pill> : <Id id={actor} />],
    ['On behalf of', onBehalfOf && <Id id={onBehalfOf} />],
    ['On', <Id id={target} />],
    ['Why', reason && <WithIds text={reasonInWords(reason)} />],
    ['Request', requestId && <code>{requestId}</code>],
    ['Id', <code>{id}</code>],
  ] as const
}
