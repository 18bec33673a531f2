/** What is going on at the site, as far as whoever looks may know. */
import { Card, Empty, Head, Pill, Table, Time } from '../../look/parts.tsx'
import type { Client } from '../api.ts'
import { AuditTable } from '../audit-table.tsx'
import { type ConsoleApp, may } from '../context.ts'
import { RunStatus } from '../run-status.tsx'
import { show } from '../shell.tsx'
import { signedIn } from '../signed-in.ts'

type Booking = Awaited<ReturnType<Client['v1']['bookings']['$get']>>['items'][number]
type Job = Awaited<ReturnType<Client['v1']['jobs']['$get']>>['items'][number]

/** How many of each are shown. */
const FEW = 6

export function overviewPages(app: ConsoleApp): void {
  app.get(
    '/console',
    signedIn(async (c, me) => {
      const { v1 } = c.var.client
      const [bookings, jobs, audit] = await Promise.all([
        may(me, 'booking:read')
          ? v1.bookings.$get({ query: { status: 'pending', limit: FEW } })
          : undefined,
        may(me, 'job:run') ? v1.jobs.$get({ query: { limit: 100 } }) : undefined,
        may(me, 'audit:read') ? v1.audit.$get({ query: { limit: FEW } }) : undefined,
      ])
      const isForThem = me.permissions.some(({ reach }) => reach === 'any')
      const body = (
        <>
          <Head title="Overview" />
          {!isForThem && (
            <Card>
              <Empty title="There is nothing here for you to run">
                <p>
                  The console is for those who look after the site. What is yours is in your
                  account.
                </p>
                <a class="button" href="/auth/account">
                  Your account
                </a>
              </Empty>
            </Card>
          )}
          <div class="grid two">
            {bookings && (
              <Card
                title="Bookings that wait for an answer"
                actions={<a href="/console/bookings">All</a>}
                flush
              >
                <Pending bookings={bookings.items} />
              </Card>
            )}
            {jobs && (
              <Card title="Last runs" actions={<a href="/console/jobs">Jobs</a>} flush>
                <LastRuns jobs={jobs.items} />
              </Card>
            )}
          </div>
          {audit && (
            <Card title="Last changes" actions={<a href="/console/audit">Audit log</a>} flush>
              <AuditTable entries={audit.items} />
            </Card>
          )}
        </>
      )
      return show(c, { title: 'Overview', body })
    }),
  )
}

const Pending = ({ bookings }: { readonly bookings: readonly Booking[] }) => (
  <Table<Booking>
    caption="Pending bookings"
    columns={[
      {
        label: 'Of',
        cell: ({ id, serviceName }) => (
          <a href={`/console/bookings/${id}`}>{serviceName ?? 'a service that is gone'}</a>
        ),
      },
      { label: 'Starts', cell: ({ startsAt }) => <Time at={startsAt} /> },
      { label: 'State', cell: () => <Pill tone="warn">pending</Pill> },
    ]}
    rows={bookings}
    empty={
      <div class="empty">
        <p>None does.</p>
      </div>
    }
  />
)

const LastRuns = ({ jobs }: { readonly jobs: readonly Job[] }) => (
  <Table<Job>
    caption="Last runs of the jobs"
    columns={[
      { label: 'Job', cell: ({ name }) => <a href={`/console/jobs/${name}`}>{name}</a> },
      {
        label: 'State',
        cell: ({ lastRun }) =>
          lastRun ? <RunStatus run={lastRun} /> : <span class="muted">never</span>,
      },
      {
        label: 'When',
        cell: ({ lastRun }) => lastRun && <Time at={lastRun.requestedAt} form="ago" />,
      },
    ]}
    rows={jobs}
    empty=""
  />
)
