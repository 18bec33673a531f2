/** The week of a service, on its own clocks: slots, and who has booked them. */
import { clockTimeOf, weekOf } from '../../calendar/days-in-zone.ts'
import { Hidden, Select } from '../../look/forms.tsx'
import { Day, Empty, Head, Pill } from '../../look/parts.tsx'
import { type Booking, bookingPlace, ClockPeriod } from '../booking-parts.tsx'
import { type ConsoleApp, type ConsoleContext, may } from '../context.ts'
import { BadChoice } from '../forms.ts'
import { filtersOf, wholeOf } from '../lists.ts'
import { type Service, servicePlace, type Slot, weekdayOf, zoneOf } from '../services.tsx'
import { show } from '../shell.tsx'

/** The pages of a list that is read to its end. */
const PAGE = { limit: 100 }

export function calendarPages(app: ConsoleApp): void {
  app.get('/console/calendar', async (c) => {
    const { service: wanted } = filtersOf(c, ['service'])
    const { client } = c.var
    const { items: services } = await wholeOf(client.all(client.v1.services.$get, { query: PAGE }))
    const service = wanted ? await serviceNamed(c, services, wanted) : services[0]
    return service ? weekPage(c, services, service) : noServices(c)
  })
}

/** One that is not among the first is asked for, which also says if there is none. */
async function serviceNamed(
  c: ConsoleContext,
  services: readonly Service[],
  serviceId: string,
): Promise<Service> {
  const known = services.find(({ id }) => id === serviceId)
  return known ?? c.var.client.v1.services[':serviceId'].$get({ param: { serviceId } })
}

async function noServices(c: ConsoleContext): Promise<Response> {
  const body = (
    <>
      <Head title="Calendar" />
      <div class="table">
        <Empty title="There are no services yet">
          <p>A calendar is one of a service.</p>
          {may(await c.var.me, 'service:manage') && (
            <a class="button" href="/console/services/new">
              New service
            </a>
          )}
        </Empty>
      </div>
    </>
  )
  return show(c, { title: 'Calendar', body })
}

async function weekPage(
  c: ConsoleContext,
  services: readonly Service[],
  service: Service,
): Promise<Response> {
  const zone = zoneOf(c, service)
  const today = clockTimeOf(new Date(c.env.request.now).toISOString(), zone).day
  const asked = filtersOf(c, ['week']).week ?? today
  const week = weekOf(asked, zone)
  if (!week) throw new BadChoice('week')
  const { days, startsAt, endsAt, before, after } = week
  const { client } = c.var
  const period = { ...PAGE, from: startsAt, to: endsAt }
  const bookings = (status: 'pending' | 'confirmed') => {
    const query = { ...period, serviceId: service.id, status }
    return wholeOf(client.all(client.v1.bookings.$get, { query }))
  }
  const [slots, pending, confirmed] = await Promise.all([
    wholeOf(
      client.all(client.v1.services[':serviceId'].slots.$get, {
        param: { serviceId: service.id },
        query: period,
      }),
    ),
    bookings('pending'),
    bookings('confirmed'),
  ])
  const isCut = [slots, pending, confirmed].some(({ isMore }) => isMore)
  const booked = Map.groupBy([...pending.items, ...confirmed.items], ({ slotId }) => slotId)
  const onDay = Map.groupBy(slots.items, (slot) => clockTimeOf(slot.startsAt, zone).day)
  const at = (week: string) => `/console/calendar?service=${service.id}&week=${week}`
  const [first = today] = days
  const body = (
    <>
      <Head
        title="Calendar"
        lead={
          <>
            The week of <Day day={first} />, on the clocks of {zone}.
          </>
        }
      >
        <a class="button plain" href={at(before)} rel="prev">
          Previous week
        </a>
        <a class="button plain" href={at(today)}>
          Today
        </a>
        <a class="button plain" href={at(after)} rel="next">
          Next week
        </a>
      </Head>
      <form class="filters" method="get">
        <Hidden name="week" value={first} />
        <Select
          name="service"
          label="Service"
          value={service.id}
          choices={among(services, service).map(({ id, name }) => ({ value: id, text: name }))}
        />
        <button class="plain">Show</button>
        <a class="button quiet" href={servicePlace(service.id)}>
          Its slots
        </a>
      </form>
      {isCut && (
        <p class="panel warn">
          There is more in this week than fits here, so some of it is missing: see the{' '}
          <a href={`/console/bookings?status=all&service=${service.id}`}>list of bookings</a> and
          the <a href={`${servicePlace(service.id)}?from=${first}`}>slots</a>.
        </p>
      )}
      <div class="table">
        <table class="week" role="table">
          <caption class="only-read">{`Slots and bookings of ${service.name}`}</caption>
          <thead role="rowgroup">
            <tr role="row">
              {days.map((day) => (
                <th scope="col" role="columnheader">
                  <DayName day={day} today={today} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            <tr role="row">
              {days.map((day) => (
                <td role="cell" data-label={labelOf(day)}>
                  <Slots slots={onDay.get(day) ?? []} booked={booked} zone={zone} />
                </td>
              ))}
            </tr>
          </tbody>
        </table>
      </div>
    </>
  )
  return show(c, { title: 'Calendar', body })
}

function among(services: readonly Service[], service: Service): readonly Service[] {
  return services.some(({ id }) => id === service.id) ? services : [service, ...services]
}

/** As in `Mon 30 Nov`. @param day `YYYY-MM-DD` */
function labelOf(day: string): string {
  const style = { day: 'numeric', month: 'short', timeZone: 'UTC' } as const
  const date = new Intl.DateTimeFormat('en-GB', style).format(new Date(`${day}T00:00:00Z`))
  return `${weekdayOf(day)} ${date}`
}

const DayName = ({ day, today }: { readonly day: string; readonly today: string }) => (
  <time datetime={day} {...(day === today && { 'aria-current': 'date' as const })}>
    {labelOf(day)}
    {day === today && (
      <>
        {' '}
        <Pill tone="info">today</Pill>
      </>
    )}
  </time>
)

const Slots = ({
  slots,
  booked,
  zone,
}: {
  readonly slots: readonly Slot[]
  readonly booked: ReadonlyMap<string, readonly Booking[]>
  readonly zone: string
}) => {
  if (slots.length === 0) return <span class="muted small">No slots</span>
  return (
    <span class="stack">
      {slots.map((slot) => (
        <span class="stack tight">
          <strong>
            <ClockPeriod {...slot} zone={zone} />
          </strong>
          <span class="muted small">{`${slot.available} of ${slot.capacity} free`}</span>
          {(booked.get(slot.id) ?? []).map((booking) => (
            <span class="small">
              <a href={bookingPlace(booking.id)}>
                {booking.contact?.name ?? booking.contact?.email ?? booking.owner}
              </a>{' '}
              {booking.status === 'pending' && <Pill tone="warn">pending</Pill>}
            </span>
          ))}
        </span>
      ))}
    </span>
  )
}
