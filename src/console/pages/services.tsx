/** What can be booked: services, and the edit form of each. */
import type { Child } from 'hono/jsx'
import { startOfDay } from '../../calendar/days-in-zone.ts'
import { Check, Field, TextArea } from '../../look/forms.tsx'
import { Card, Empty, Facts, Head, Pager, Table, Time } from '../../look/parts.tsx'
import { callsOf, type Client } from '../api.ts'
import { type ConsoleApp, type ConsoleContext, may } from '../context.ts'
import {
  attempt,
  Both,
  Confirm,
  confirmed,
  MadeOf,
  once,
  OnceKey,
  revisionOf,
  wordFor,
} from '../edit.tsx'
import { done } from '../flash.ts'
import { type Fault, faultOf } from '../fault.tsx'
import { wholeIn } from '../forms.ts'
import { filterFaults, filtersOf, listOf, placesOf } from '../lists.ts'
import { show } from '../shell.tsx'
import { type Service, SERVICES, servicePlace, type Slot, SlotTime, zoneOf } from '../services.tsx'

type NewService = Parameters<Client['v1']['services']['$post']>[0]['json']

const idOf = (c: ConsoleContext) => c.req.param('serviceId') ?? ''

export function servicePages(app: ConsoleApp): void {
  app.get('/console/services', (c) => listPage(c))
  app.get('/console/services/new', (c) => editPage(c, undefined, emptyIn(c)))

  app.post('/console/services/new', async (c) => {
    const typed = typedIn(c)
    let made: Service | undefined
    const refused = await attempt(
      c.var.client.v1.services
        .$post({ json: jsonOf(typed), ...once(c) })
        .then((service) => (made = service)),
    )
    if (made) return done(c, servicePlace(made.id), 'created')
    return editPage(c, undefined, typed, faultOf(refused))
  })

  app.get('/console/services/:serviceId', (c) => servicePage(c))

  app.get('/console/services/:serviceId/edit', async (c) => {
    const service = await read(c)
    return editPage(c, service, typedOf(service))
  })

  app.post('/console/services/:serviceId/edit', async (c) => {
    c.var.form.need(FIELDS.map(([name]) => name).filter((name) => name !== 'autoConfirm'))
    const typed = typedIn(c)
    const param = { serviceId: idOf(c) }
    const refused = await attempt(
      c.var.client.v1.services[':serviceId'].$patch({
        param,
        json: jsonOf(typed),
        ifMatch: revisionOf(c),
      }),
    )
    if (!refused) return done(c, servicePlace(param.serviceId), 'saved')
    const service = await read(c)
    if (refused.code !== 'precondition_failed') return editPage(c, service, typed, faultOf(refused))
    const there = typedOf(service)
    const fields = FIELDS.map(([name, label]) => ({
      name: label,
      there: there[name],
      typed: typed[name],
    }))
    return editPage(c, service, typed, { note: <Both fields={fields} />, status: 412 })
  })

  app.get('/console/services/:serviceId/delete', async (c) => deletePage(c, await read(c)))

  app.post('/console/services/:serviceId/delete', async (c) => {
    const service = await read(c)
    const fault = await confirmed(c, wordFor(service.name, service.id), () =>
      c.var.client.v1.services[':serviceId'].$delete({ param: { serviceId: service.id } }),
    )
    return fault ? deletePage(c, service, fault) : done(c, SERVICES.href, 'deleted')
  })

  app.post('/console/services/:serviceId/slots/:slotId/delete', async (c) => {
    const param = { slotId: c.req.param('slotId') }
    const refused = await attempt(c.var.client.v1.slots[':slotId'].$delete({ param }))
    if (!refused) return done(c, servicePlace(idOf(c)), 'deleted')
    return servicePage(c, faultOf(refused))
  })
}

function read(c: ConsoleContext): Promise<Service> {
  return c.var.client.v1.services[':serviceId'].$get({ param: { serviceId: idOf(c) } })
}

async function listPage(c: ConsoleContext): Promise<Response> {
  const { cursor } = filtersOf(c, ['cursor'])
  const [page, me] = await Promise.all([
    listOf(c, c.var.client.v1.services.$get({ query: { limit: 50, cursor } })),
    c.var.me,
  ])
  const make = may(me, 'service:manage') && (
    <a class="button" href={`${SERVICES.href}/new`}>
      New service
    </a>
  )
  const body = (
    <>
      <Head title="Services" lead="What can be booked here, each with its slots.">
        {make}
      </Head>
      <Table<Service>
        caption="Services"
        columns={[
          { label: 'Name', cell: ({ id, name }) => <a href={servicePlace(id)}>{name}</a> },
          {
            label: 'Bookings are',
            cell: ({ autoConfirm }) => (autoConfirm ? 'confirmed at once' : 'confirmed by hand'),
          },
          {
            label: 'Cancel until',
            cell: ({ cancelUntilMinutes }) => beforehand(cancelUntilMinutes),
          },
          { label: 'Time zone', cell: ({ timeZone }) => timeZone },
        ]}
        rows={page.items}
        empty={
          <Empty title="There are no services yet">
            <p>A service is what people book; its slots say when.</p>
            {make}
          </Empty>
        }
      />
      <Pager {...placesOf(c, page)} />
    </>
  )
  return show(c, { title: 'Services', body })
}

function beforehand(minutes: number): string {
  return minutes === 0 ? 'it begins' : `${lengthOf(minutes)} before`
}

function lengthOf(minutes: number): string {
  const of = (count: number, unit: string) => `${count} ${unit}${count === 1 ? '' : 's'}`
  if (minutes % 1440 === 0) return of(minutes / 1440, 'day')
  if (minutes % 60 === 0) return of(minutes / 60, 'hour')
  return of(minutes, 'minute')
}

async function servicePage(c: ConsoleContext, { note, status }: Fault = {}): Promise<Response> {
  const { from, cursor } = filtersOf(c, ['from', 'cursor'])
  const param = { serviceId: idOf(c) }
  // A day is one of the service's zone, which has to be known first.
  const known = from ? await read(c) : undefined
  const start = from && known && (startOfDay(from, zoneOf(c, known)) ?? from)
  const [service, slots, me] = await Promise.all([
    known ?? read(c),
    listOf(
      c,
      c.var.client.v1.services[':serviceId'].slots.$get({
        param,
        query: { limit: 50, cursor, from: start },
      }),
    ),
    c.var.me,
  ])
  const place = servicePlace(service.id)
  const zone = zoneOf(c, service)
  const isManager = may(me, 'service:manage')
  const body = (
    <>
      <Head title={service.name} lead={service.description} crumbs={[SERVICES]}>
        {isManager && (
          <>
            <a class="button" href={`${place}/slots/new`}>
              New slots
            </a>
            <a class="button plain" href={`${place}/edit`}>
              Edit
            </a>
            <a class="button plain" href={`${place}/delete`}>
              Delete…
            </a>
          </>
        )}
      </Head>
      {note}
      <Card title="Service">
        <Facts
          of={[
            ['Bookings are', service.autoConfirm ? 'confirmed at once' : 'confirmed by hand'],
            ['Cancel until', beforehand(service.cancelUntilMinutes)],
            [
              'A place is held',
              service.holdMinutes === null
                ? 'until it begins'
                : `for ${lengthOf(service.holdMinutes)}`,
            ],
            ['Time zone', service.timeZone],
            [
              'Bookings',
              <>
                <a href={`/console/bookings?service=${service.id}`}>Pending</a>,{' '}
                <a href={`/console/bookings?status=all&service=${service.id}`}>all</a>,{' '}
                <a href={`/console/calendar?service=${service.id}`}>by week</a>
              </>,
            ],
            ['Id', <code>{service.id}</code>],
            ['Made', <Time at={service.createdAt} />],
            ['Changed', <Time at={service.updatedAt} />],
            ['Revision', String(service.revision)],
          ]}
        />
      </Card>
      <div class="row between">
        <div>
          <h2>Slots</h2>
          <p class="muted small">{`${from ? 'From that day on' : 'From now on'}, on the clocks of ${zone}.`}</p>
        </div>
        <form class="filters" method="get" action={place}>
          <Field
            name="from"
            label="From"
            type="date"
            value={from ?? ''}
            error={filterFaults(c)['from']}
          />
          <button class="plain">Show</button>
        </form>
      </div>
      <Table<Slot>
        caption="Slots"
        columns={[
          { label: 'When', cell: (slot) => <SlotTime slot={slot} zone={zone} /> },
          {
            label: 'Free',
            cell: ({ available, capacity }) => `${available} of ${capacity}`,
            align: 'right',
          },
          ...(isManager
            ? [
                {
                  label: '',
                  cell: (slot: Slot) => (
                    <form method="post" action={`${place}/slots/${slot.id}/delete`}>
                      <button
                        class="plain small"
                        aria-label={`Delete the slot of ${slot.startsAt}`}
                      >
                        Delete
                      </button>
                    </form>
                  ),
                  align: 'right' as const,
                },
              ]
            : []),
        ]}
        rows={slots.items}
        empty={
          <Empty title="There are no slots to come">
            <p>Nothing of this service can be booked.</p>
            {isManager && (
              <a class="button" href={`${place}/slots/new`}>
                New slots
              </a>
            )}
          </Empty>
        }
      />
      <Pager {...placesOf(c, slots, place)} />
    </>
  )
  const [slot] = slots.items
  const actions =
    isManager && slot
      ? callsOf(c.env.request.publicUrl, ({ v1 }) =>
          v1.slots[':slotId'].$delete({ param: { slotId: slot.id } }),
        )
      : []
  return show(c, { title: service.name, body, actions, ...(status && { status }) })
}

const FIELDS = [
  ['name', 'Name'],
  ['description', 'Description'],
  ['timeZone', 'Time zone'],
  ['autoConfirm', 'Confirms by itself'],
  ['cancelUntilMinutes', 'Cancel until'],
  ['holdMinutes', 'Held for'],
] as const

type Typed = Readonly<Record<(typeof FIELDS)[number][0], string>>

const YES = 'yes'

function emptyIn(c: ConsoleContext): Typed {
  return {
    name: '',
    description: '',
    timeZone: c.env.request.zone,
    autoConfirm: '',
    cancelUntilMinutes: '0',
    holdMinutes: '',
  }
}

function typedIn({ var: { form } }: ConsoleContext): Typed {
  return {
    name: form.text('name'),
    description: form.text('description'),
    timeZone: form.text('timeZone'),
    autoConfirm: form.flag('autoConfirm', YES) ? YES : '',
    cancelUntilMinutes: form.has('cancelUntilMinutes') ? form.text('cancelUntilMinutes') : '0',
    holdMinutes: form.text('holdMinutes'),
  }
}

function typedOf(service: Service): Typed {
  const { name, description, timeZone, autoConfirm, cancelUntilMinutes, holdMinutes } = service
  return {
    name,
    description,
    timeZone,
    autoConfirm: autoConfirm ? YES : '',
    cancelUntilMinutes: String(cancelUntilMinutes),
    holdMinutes: holdMinutes === null ? '' : String(holdMinutes),
  }
}

function jsonOf(typed: Typed): NewService {
  return {
    name: typed.name,
    description: typed.description,
    timeZone: typed.timeZone,
    autoConfirm: typed.autoConfirm === YES,
    cancelUntilMinutes: wholeIn(typed.cancelUntilMinutes) ?? -1,
    holdMinutes: wholeIn(typed.holdMinutes) ?? null,
  }
}

function editPage(
  c: ConsoleContext,
  service: Service | undefined,
  typed: Typed,
  { note, faults = {}, status }: Fault = {},
): Promise<Response> {
  const title = service ? `Edit ${service.name}` : 'New service'
  const place = service ? servicePlace(service.id) : SERVICES.href
  const field = (name: keyof Typed, label: Child) => ({
    name,
    label,
    value: typed[name],
    error: faults[name],
  })
  const body = (
    <>
      <Head
        title={title}
        crumbs={[SERVICES, ...(service ? [{ href: place, text: service.name }] : [])]}
      />
      {note}
      <Card>
        <form method="post" action={service ? `${place}/edit` : `${place}/new`} class="stack">
          {service ? <MadeOf c={c} revision={service.revision} status={status} /> : <OnceKey />}
          <Field {...field('name', 'Name')} required maxlength={100} />
          <TextArea {...field('description', 'Description')} maxlength={1500} />
          <Check name="autoConfirm" value={YES} checked={typed.autoConfirm === YES}>
            Bookings are confirmed at once, without anybody looking
          </Check>
          <div class="row top">
            <Field
              {...field('cancelUntilMinutes', 'Cancel until, in minutes')}
              type="number"
              min={0}
              max={525_600}
              required
              hint="Before it begins; 1440 are a day"
            />
            <Field
              {...field('holdMinutes', 'Held for, in minutes')}
              type="number"
              min={1}
              max={525_600}
              hint="While nobody answers; until it begins if empty"
            />
          </div>
          <Field
            {...field('timeZone', 'Time zone')}
            required
            maxlength={64}
            hint="As in Europe/Berlin. Slots of a weekly rule are on its clocks"
          />
          <div class="row">
            <button>{service ? 'Save' : 'Make service'}</button>
            <a class="button quiet" href={place}>
              Cancel
            </a>
          </div>
        </form>
      </Card>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) => {
    const json = jsonOf({ ...typed, name: typed.name || 'Guided tour' })
    if (!service) return v1.services.$post({ json })
    return v1.services[':serviceId'].$patch({
      param: { serviceId: service.id },
      json,
      ifMatch: service.revision,
    })
  })
  return show(c, { title, body, actions, ...(status && { status }) })
}

function deletePage(c: ConsoleContext, service: Service, fault: Fault = {}): Promise<Response> {
  const place = servicePlace(service.id)
  const body = (
    <>
      <Head
        title={`Delete ${service.name}?`}
        crumbs={[SERVICES, { href: place, text: service.name }]}
      />
      <Confirm
        title="Its slots go with it"
        action={`${place}/delete`}
        word={wordFor(service.name, service.id)}
        button="Delete service"
        back={place}
        fault={fault}
        form={c.var.form}
      >
        <p>
          It stays while somebody has a booking of what is to come. Bookings of what is over stay on
          record.
        </p>
      </Confirm>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1.services[':serviceId'].$delete({ param: { serviceId: service.id } }),
  )
  const { status } = fault
  return show(c, { title: `Delete ${service.name}`, body, actions, ...(status && { status }) })
}
