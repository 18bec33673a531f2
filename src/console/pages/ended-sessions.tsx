/**
 * What trusted issuers have told of people here: whose sessions it ended, and who is suspended by it. It is
 * the audit log of the one identity that acts on what they tell.
 */
import { Field } from '../../look/forms.tsx'
import { Empty, Head, Pager, Pill, Table, Time } from '../../look/parts.tsx'
import { type AuditEntry, placeOfEntry } from '../audit-table.tsx'
import type { ConsoleApp } from '../context.ts'
import { Id } from '../links.tsx'
import { byAddress, filterFaults, filtersOf, listOf, placesOf } from '../lists.ts'
import { show } from '../shell.tsx'

const FOLLOWER = 'system:signal-follower'

export function endedSessionPages(app: ConsoleApp): void {
  app.get('/console/ended-sessions', async (c) => {
    const named = await byAddress(c, 'target')
    if (named) return named
    const { target, cursor } = filtersOf(c, ['target', 'cursor'])
    const page = await listOf(
      c,
      c.var.client.v1.audit.$get({ query: { limit: 50, actor: FOLLOWER, target, cursor } }),
    )
    const body = (
      <>
        <Head
          title="Ended sessions"
          lead="Sessions that ended here because a provider said so, by a logout token or a security event."
        >
          <a class="button plain" href="/console/audit?action=session.end">
            Ended by anybody
          </a>
        </Head>
        <form class="filters" method="get">
          <Field
            name="target"
            label="Member"
            value={target ?? ''}
            placeholder="Id or email"
            error={filterFaults(c)['target']}
          />
          <button class="plain">Filter</button>
          {target && (
            <a class="button quiet" href="/console/ended-sessions">
              Clear
            </a>
          )}
        </form>
        <Table<AuditEntry>
          caption="Ended sessions"
          columns={[
            { label: 'Member', cell: ({ target }) => <Id id={target} short /> },
            { label: 'What', cell: (entry) => <What entry={entry} /> },
            { label: 'Told', cell: (entry) => toldIn(entry).kind },
            { label: 'By', cell: (entry) => <span>{toldIn(entry).issuer}</span> },
            { label: 'Issued until', cell: (entry) => <IssuedUntil entry={entry} /> },
            {
              label: 'When',
              cell: (entry) => (
                <a href={placeOfEntry(entry)}>
                  <Time at={entry.at} />
                </a>
              ),
            },
          ]}
          rows={page.items}
          empty={
            <Empty title="No provider has ended anything">
              <p>
                Providers tell it where their issuer is set up to be listened to, with{' '}
                <code>logout</code> or <code>signals</code> in TRUSTED_ISSUERS.
              </p>
            </Empty>
          }
        />
        <Pager {...placesOf(c, page)} />
        <p class="muted small">
          What was told of somebody who has never been here is in force, too, and is not listed:
          nobody here is meant by it.
        </p>
      </>
    )
    return show(c, { title: 'Ended sessions', body })
  })
}

const What = ({ entry: { action } }: { readonly entry: AuditEntry }) =>
  action === 'session.end' ? (
    <Pill tone="info">signed out</Pill>
  ) : action === 'user.suspend' ? (
    <Pill tone="warn">suspended</Pill>
  ) : (
    <code>{action}</code>
  )

/** The reason has both, as in `logout told by https://id.example`. */
function toldIn({ reason = '' }: AuditEntry): { readonly kind: string; readonly issuer: string } {
  const [kind = '', issuer = ''] = reason.split(' told by ')
  return { kind, issuer }
}

const IssuedUntil = ({ entry: { changes } }: { readonly entry: AuditEntry }) => {
  const { issuedUntil } = changes
  return typeof issuedUntil === 'string' ? <Time at={issuedUntil} /> : <span class="muted">—</span>
}
