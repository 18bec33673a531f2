/** What is going on at the site, as far as whoever looks may know. */
import { siteDay } from '../../calendar/site-day.ts'
import { Bars, type Point } from '../../look/charts.tsx'
import { Card, Day, Empty, Figure, Head, Table, Time } from '../../look/parts.tsx'
import type { Client } from '../api.ts'
import { AuditTable } from '../audit-table.tsx'
import { bookingPlace, Who } from '../booking-parts.tsx'
import { type ConsoleApp, may } from '../context.ts'
import { Counts, isUnderWay, RunStatus } from '../runs.tsx'
import { show } from '../shell.tsx'

type Booking = Awaited<ReturnType<Client['v1']['bookings']['$get']>>['items'][number]
type Stats = Awaited<ReturnType<Client['v1']['stats']['$get']>>
type Run = Stats['jobs'][number]

/** How many of each are shown. */
const FEW = 6
/** Days of a chart. */
const DAYS = 30
const DAY_MS = 86_400_000

export function overviewPages(app: ConsoleApp): void {
  app.get('/console', async (c) => {
    const me = await c.var.me
    const { v1 } = c.var.client
    const [stats, bookings, audit] = await Promise.all([
      may(me, 'stats:read') ? v1.stats.$get() : undefined,
      may(me, 'booking:read')
        ? v1.bookings.$get({ query: { status: 'pending', limit: FEW } })
        : undefined,
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
                The console is for those who look after the site. What is yours is in your account.
              </p>
              <a class="button" href="/account">
                Your account
              </a>
            </Empty>
          </Card>
        )}
        {stats && <Figures stats={stats} />}
        {stats && <Charts stats={stats} zone={c.env.request.zone} />}
        <div class="grid two">
          {bookings && (
            <Card
              title="Bookings that wait for an answer"
              actions={<a href="/console/bookings">All bookings</a>}
              flush
            >
              <Pending bookings={bookings.items} />
            </Card>
          )}
          {stats && (
            <Card
              title="Last runs"
              actions={may(me, 'job:run') && <a href="/console/jobs">Jobs</a>}
              flush
            >
              <div {...(stats.jobs.some(isUnderWay) && { 'data-reload': '5' })}>
                <LastRuns runs={stats.jobs} isLinked={may(me, 'job:run')} />
              </div>
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
  })
}

const Figures = ({ stats: { members, bookings, badgesHeld } }: { readonly stats: Stats }) => (
  <div class="grid few">
    <Figure
      name="Members"
      value={members.active}
      note={members.suspended > 0 ? `and ${members.suspended} suspended` : 'none suspended'}
    />
    <Figure name="Badges held" value={badgesHeld} note="across all members" />
    <Figure name="Bookings pending" value={bookings.pending} note="wait for an answer" />
    <Figure
      name="Bookings confirmed"
      value={bookings.confirmed}
      note={`${bookings.declined} declined, ${bookings.canceled} canceled`}
    />
  </div>
)

const Charts = ({ stats, zone }: { readonly stats: Stats; readonly zone: string }) => {
  const of = (title: string, unit: string, points: readonly Point[]) => (
    <Card title={title}>
      <Bars title={`${title}, the last ${DAYS} days`} unit={unit} points={points} />
      {points.some(({ value }) => value > 0) && (
        <details>
          <summary>The same as a table</summary>
          <Table<Point>
            caption={title}
            columns={[
              { label: 'Day', cell: ({ day }) => <Day day={day} /> },
              { label: title, cell: ({ value }) => value, align: 'right' },
            ]}
            rows={points.filter(({ value }) => value > 0).toReversed()}
            empty=""
          />
        </details>
      )}
    </Card>
  )
  const { asOf, visitsByDay, awardsByDay, joinedByDay, refusedByDay } = stats
  const today = asOf.slice(0, 10)
  const siteToday = siteDay(Date.parse(asOf), zone)
  const visits = visitsByDay && filled(siteToday, visitsByDay, (each) => each.visits)
  const awards = filled(siteToday, awardsByDay, (each) => each.awards)
  const joined = filled(today, joinedByDay, ({ members }) => members)
  const refused = filled(today, refusedByDay, ({ refusals }) => refusals)
  return (
    <>
      <div class="grid two">
        {visits && of('Visits', 'visits', visits)}
        {of('Badges given', 'badges', awards)}
      </div>
      <div class="grid two">
        {of('New members', 'members', joined)}
        {of('Refused calls', 'calls', refused)}
      </div>
      <p class="muted small">
        Days of visits and badges are those of {zone}; of new members and refused calls UTC’s.
      </p>
    </>
  )
}

/** Every day of a chart, also those on which there was nothing. @param until the last of them */
function filled<Row extends { readonly day: string }>(
  until: string,
  rows: readonly Row[],
  countOf: (row: Row) => number,
): Point[] {
  const counts = new Map(rows.map((row) => [row.day, countOf(row)]))
  return Array.from({ length: DAYS }, (_, at) => {
    const day = new Date(Date.parse(until) - (DAYS - 1 - at) * DAY_MS).toISOString().slice(0, 10)
    return { day, value: counts.get(day) ?? 0 }
  })
}

const Pending = ({ bookings }: { readonly bookings: readonly Booking[] }) => (
  <Table<Booking>
    caption="Pending bookings"
    columns={[
      {
        label: 'Who',
        cell: (booking) => (
          <a href={bookingPlace(booking.id)}>
            <Who booking={booking} />
          </a>
        ),
      },
      { label: 'Service', cell: ({ serviceName }) => serviceName ?? 'gone' },
      { label: 'Starts', cell: ({ startsAt }) => <Time at={startsAt} /> },
    ]}
    rows={bookings}
    empty={
      <div class="empty">
        <p>Nothing waits for an answer.</p>
      </div>
    }
  />
)

const LastRuns = ({
  runs,
  isLinked,
}: {
  readonly runs: readonly Run[]
  readonly isLinked: boolean
}) => (
  <Table<Run>
    caption="Last runs of the jobs"
    columns={[
      {
        label: 'Job',
        cell: ({ job }) => (isLinked ? <a href={`/console/jobs/${job}`}>{job}</a> : job),
      },
      {
        label: 'State',
        cell: (run) => (
          <span class="row">
            <RunStatus run={run} />
            {isUnderWay(run) && <Counts counts={run.counts} />}
          </span>
        ),
      },
      { label: 'When', cell: ({ startedAt }) => startedAt && <Time at={startedAt} form="ago" /> },
    ]}
    rows={mostNotable(runs)}
    empty={
      <div class="empty">
        <p>None has run yet.</p>
      </div>
    }
  />
)

/** What went wrong or is under way first, then the latest. */
function mostNotable(runs: readonly Run[]): readonly Run[] {
  const rank = ({ status }: Run) => ['failed', 'running', 'requested', 'succeeded'].indexOf(status)
  const began = ({ startedAt }: Run) => startedAt ?? ''
  return runs.toSorted((a, b) => rank(a) - rank(b) || (began(a) < began(b) ? 1 : -1)).slice(0, FEW)
}
