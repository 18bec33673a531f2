/** Bookings: the inbox of those that wait for an answer, many answered at once, and each by itself. */
import { startOfDay } from '../../calendar/days-in-zone.ts'
import { type Choice, Field, Hidden, Select, TextArea } from '../../look/forms.tsx'
import {
  Card,
  Empty,
  Facts,
  Head,
  Pager,
  Pill,
  Table,
  Tabs,
  Time,
  type Tone,
} from '../../look/parts.tsx'
import { callsOf, type Client } from '../api.ts'
import { type Booking, bookingPlace, Period, Status, Who } from '../booking-parts.tsx'
import { allChoicesPlace, anyOf, choicesIfAsked, placeOfChoices } from '../choices.ts'
import { type ConsoleApp, type ConsoleContext, may } from '../context.ts'
import { attempt, Confirm, confirmed, once, OnceKey, revisionOf } from '../edit.tsx'
import { type Fault, faultOf } from '../fault.tsx'
import { done } from '../flash.ts'
import { chosen } from '../forms.ts'
import { Id } from '../links.tsx'
import { byAddress, filterFaults, filtersOf, listOf, placesOf } from '../lists.ts'
import { show } from '../shell.tsx'

type Page = Awaited<ReturnType<typeof listOf<Booking>>>
type Result = Awaited<
  ReturnType<Client['v1']['booking-decisions']['bulk']['$post']>
>['results'][number]

const BOOKINGS = { href: '/console/bookings', text: 'Bookings' }
const idOf = (c: ConsoleContext) => c.req.param('bookingId') ?? ''

/** Those that wait come first, and are what the page is of if the address says nothing. */
const TABS = [
  ['pending', 'Pending'],
  ['confirmed', 'Confirmed'],
  ['declined', 'Declined'],
  ['canceled', 'Canceled'],
  ['all', 'All'],
] as const

export function bookingPages(app: ConsoleApp): void {
  app.get('/console/bookings', async (c) => (await byAddress(c, 'owner')) ?? listPage(c))

  app.post('/console/bookings', async (c) => {
    const action = c.var.form.choice('action', ['confirm', 'decline'])
    const bookingIds = [...new Set(c.var.form.all('booking'))]
    const reason = c.var.form.optional('reason') ?? null
    // What was chosen from is read first: it is no longer listed among those that wait.
    const page = await listed(c)
    let results: readonly Result[] | undefined
    const refused = await attempt(
      c.var.client.v1['booking-decisions'].bulk
        .$post({
          json: { action, bookingIds, ...(action === 'decline' && { reason }) },
          ...once(c),
        })
        .then((answer) => (results = answer.results)),
    )
    if (!results) return listPage(c, page, bulkFaultOf(refused, bookingIds))
    // What is wrong in the address was wrong of the list, and not of what was done.
    c.set('refused', undefined)
    return resultPage(c, results, page)
  })

  app.get('/console/bookings/:bookingId', async (c) => bookingPage(c, await read(c)))

  for (const action of ['confirm', 'decline', 'cancel'] as const) {
    app.post(`/console/bookings/:bookingId/${action}`, async (c) => {
      const calls = c.var.client.v1.bookings[':bookingId']
      const given = { param: { bookingId: idOf(c) }, ifMatch: revisionOf(c), ...once(c) }
      const json = { reason: c.var.form.optional('reason') ?? null }
      const refused = await attempt(
        action === 'confirm' ? calls.confirm.$post(given) : calls[action].$post({ ...given, json }),
      )
      if (!refused) return done(c, bookingPlace(given.param.bookingId), FLASHES[action])
      return bookingPage(c, await read(c), faultOf(refused))
    })
  }

  app.get('/console/bookings/:bookingId/erase', async (c) => erasePage(c, await read(c)))

  app.post('/console/bookings/:bookingId/erase', async (c) => {
    const booking = await read(c)
    const param = { bookingId: booking.id }
    const fault = await confirmed(c, 'erase', () =>
      c.var.client.v1.bookings[':bookingId'].contact.$delete({ param }),
    )
    return fault ? erasePage(c, booking, fault) : done(c, bookingPlace(booking.id), 'erased')
  })
}

const FLASHES = { confirm: 'confirmed', decline: 'declined', cancel: 'canceled' } as const

function read(c: ConsoleContext): Promise<Booking> {
  return c.var.client.v1.bookings[':bookingId'].$get({ param: { bookingId: idOf(c) } })
}

interface BulkFault extends Fault {
  /** What was chosen stays so. */
  readonly ticked?: readonly string[]
}

function bulkFaultOf(
  refused: Awaited<ReturnType<typeof attempt>>,
  ticked: readonly string[],
): BulkFault {
  const fault = faultOf(refused)
  if (ticked.length > 0) return { ...fault, ticked }
  // The form has nothing else that can be missing.
  return { ...fault, note: <p role="alert">Choose at least one booking.</p> }
}

function filterOf(c: ConsoleContext) {
  const filters = filtersOf(c, ['status', 'service', 'owner', 'from', 'to', 'cursor'])
  const names = TABS.map(([name]) => name)
  const tab = filters.status === undefined ? 'pending' : chosen('status', filters.status, names)
  return { ...filters, tab }
}

function listed(c: ConsoleContext): Promise<Page> {
  const { zone } = c.env.request
  const { tab, service, owner, from, to, cursor } = filterOf(c)
  const query = {
    limit: 50,
    cursor,
    status: tab === 'all' ? undefined : tab,
    serviceId: service,
    owner,
    // What is no day the API refuses, and says how one is written.
    from: from && (startOfDay(from, zone) ?? from),
    to: to && (startOfDay(to, zone, 1) ?? to),
  }
  return listOf(c, c.var.client.v1.bookings.$get({ query }))
}

/** The address of the page with the same filters and another state. */
function tabPlace(c: ConsoleContext, tab: string): string {
  const { service, owner, from, to } = filterOf(c)
  const search = new URLSearchParams(tab === 'pending' ? {} : { status: tab })
  for (const [name, value] of Object.entries({ service, owner, from, to }))
    if (value) search.set(name, value)
  const text = search.toString()
  return BOOKINGS.href + (text && `?${text}`)
}

async function listPage(
  c: ConsoleContext,
  known?: Page,
  { note, faults = {}, status, ticked = [] }: BulkFault = {},
): Promise<Response> {
  const [page, me, services] = await Promise.all([
    known ?? listed(c),
    c.var.me,
    choicesIfAsked(c, 'services'),
  ])
  const { zone } = c.env.request
  const { tab, service, owner, from, to } = filterOf(c)
  const isFiltered = Boolean(service ?? owner ?? from ?? to)
  const wrong = filterFaults(c)
  const canDecide = (booking: Booking) => booking.allowedActions.includes('decline')
  const decides = may(me, 'booking:confirm') && page.items.some(canDecide)
  const { pathname, search } = new URL(c.req.url)
  const table = (
    <Table<Booking>
      caption="Bookings"
      columns={[
        {
          label: 'Who',
          cell: (booking) => (
            <span class="person">
              {decides && canDecide(booking) && (
                <input
                  type="checkbox"
                  name="booking"
                  value={booking.id}
                  aria-label={`Choose ${nameOf(booking)}`}
                  checked={ticked.includes(booking.id)}
                />
              )}
              <a href={bookingPlace(booking.id)}>
                <Who booking={booking} />
              </a>
            </span>
          ),
        },
        {
          label: 'Service',
          cell: ({ serviceId, serviceName }) => (
            <a href={`/console/services/${serviceId}`}>{serviceName ?? 'gone'}</a>
          ),
        },
        { label: 'When', cell: (booking) => <Period {...booking} /> },
        // Under each other tab there is one alone.
        ...(tab === 'all'
          ? [{ label: 'Status', cell: (booking: Booking) => <Status {...booking} /> }]
          : []),
        {
          label: tab === 'pending' ? 'Holds until' : 'Note',
          cell: ({ holdUntil, startsAt, note: left }) =>
            tab === 'pending' ? (
              <Time at={holdUntil ?? startsAt} form="ago" />
            ) : (
              <span>{left && cut(left)}</span>
            ),
        },
      ]}
      rows={page.items}
      empty={
        <Empty title={tab === 'pending' ? 'Nothing waits for an answer' : 'No such bookings'}>
          {isFiltered ? (
            <a href={BOOKINGS.href}>Without filters</a>
          ) : (
            <p>Bookings appear here as soon as they are made.</p>
          )}
        </Empty>
      }
    />
  )
  const body = (
    <>
      <Head title="Bookings" lead="Who has booked what, and who waits for an answer.">
        <a class="button plain" href="/console/calendar">
          Calendar
        </a>
      </Head>
      <Tabs
        label="Status"
        tabs={TABS.map(([name, text]) => ({
          href: tabPlace(c, name),
          text,
          here: name === tab,
        }))}
      />
      <form class="filters" method="get">
        {tab !== 'pending' && <Hidden name="status" value={tab} />}
        <Field
          name="from"
          label={`Starting from (${zone})`}
          type="date"
          value={from ?? ''}
          error={wrong['from']}
        />
        <Field
          name="to"
          label={`up to (${zone})`}
          type="date"
          value={to ?? ''}
          error={wrong['to']}
        />
        <Select
          name="service"
          label="Service"
          value={service ?? ''}
          choices={anyOf([...servicesIn(page), ...services], service)}
          error={wrong['serviceId']}
          from={placeOfChoices('services')}
          all={allChoicesPlace(c)}
        />
        <Field
          name="owner"
          label="Booked by"
          value={owner ?? ''}
          placeholder={may(me, 'profile:read') ? 'Id or email' : 'usr_…'}
          error={wrong['owner']}
          maxlength={254}
        />
        <button class="plain">Filter</button>
        {isFiltered && (
          <a class="button quiet" href={tab === 'pending' ? BOOKINGS.href : `?status=${tab}`}>
            Clear
          </a>
        )}
      </form>
      {note}
      {decides ? (
        <form method="post" action={pathname + search} class="stack">
          <OnceKey />
          {/* Shown by the script, without which it would do nothing. */}
          <label class="check" hidden>
            <input type="checkbox" data-all="booking" />
            <span>Choose all on this page</span>
          </label>
          {table}
          <Card>
            <div class="row end">
              <div class="grow">
                <Field
                  name="reason"
                  label="Reason for declining, told to whoever has booked"
                  value={c.var.form.text('reason')}
                  maxlength={500}
                  error={faults['reason']}
                />
              </div>
              {/* It comes first, as what the enter key in the reason does. */}
              <button class="plain" name="action" value="decline">
                Decline chosen
              </button>
              <button name="action" value="confirm">
                Confirm chosen
              </button>
            </div>
          </Card>
        </form>
      ) : (
        table
      )}
      <Pager {...placesOf(c, page)} />
    </>
  )
  const actions = decides
    ? callsOf(c.env.request.publicUrl, ({ v1 }) =>
        v1['booking-decisions'].bulk.$post({
          json: {
            action: 'confirm',
            bookingIds: page.items
              .filter(canDecide)
              .flatMap(({ id }) => id)
              .slice(0, 2),
          },
        }),
      )
    : []
  return show(c, { title: 'Bookings', body, actions, ...(status && { status }) })
}

function servicesIn({ items }: Page): Choice[] {
  return items.map(({ serviceId, serviceName }) => ({
    value: serviceId,
    text: serviceName ?? serviceId,
  }))
}

/** In words, for a check box. */
function nameOf({ contact, owner, serviceName, startsAt }: Booking): string {
  return `${contact?.name ?? contact?.email ?? owner}, ${serviceName ?? 'booking'}, ${startsAt}`
}

/** An address may have a question mark, which would begin fields of the mail. */
function mailTo(address: string): string {
  return `mailto:${encodeURIComponent(address).replaceAll('%40', '@')}`
}

function cut(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}

const OUTCOMES = {
  confirmed: ['confirmed', 'good', ''],
  declined: ['declined', 'good', ''],
  not_found: ['not found', 'bad', 'It has gone, or you may not see it.'],
  forbidden: ['refused', 'bad', 'It is your own; somebody else has to answer it.'],
  invalid_state: [
    'as it was',
    'warn',
    'It is no longer pending, or what it held the place for is over.',
  ],
} as const satisfies Readonly<Record<Result['status'], readonly [string, Tone, string]>>

/** What came of each, which stays on this page: the answer of the form is the page. */
function resultPage(c: ConsoleContext, results: readonly Result[], page: Page): Promise<Response> {
  const known = new Map(page.items.map((booking) => [booking.id, booking]))
  const isDone = ({ status }: Result) => status === 'confirmed' || status === 'declined'
  const changed = results.filter(isDone).length
  const { pathname, search } = new URL(c.req.url)
  const body = (
    <>
      <Head title="What came of it" crumbs={[BOOKINGS]}>
        <a class="button" href={pathname + search}>
          Back to the list
        </a>
      </Head>
      <p
        {...(changed === results.length ? { role: 'status' as const } : { class: 'panel warn' })}
      >{`${changed} of ${results.length} ${changed === 1 ? 'was' : 'were'} changed.`}</p>
      <Table<Result>
        caption="Results"
        columns={[
          {
            label: 'Who',
            cell: ({ bookingId }) => {
              const booking = known.get(bookingId)
              return booking ? (
                <a href={bookingPlace(bookingId)}>
                  <Who booking={booking} />
                </a>
              ) : (
                <Id id={bookingId} />
              )
            },
          },
          { label: 'Service', cell: ({ bookingId }) => known.get(bookingId)?.serviceName ?? '—' },
          {
            label: 'When',
            cell: ({ bookingId }) => {
              const booking = known.get(bookingId)
              return booking ? <Period {...booking} /> : '—'
            },
          },
          {
            label: 'Result',
            cell: ({ status }) => {
              const [text, tone, why] = OUTCOMES[status]
              return (
                <span class="row">
                  <Pill tone={tone}>{text}</Pill>
                  <span class="muted small">{why}</span>
                </span>
              )
            },
          },
        ]}
        rows={results}
        empty={<Empty title="Nothing was chosen" />}
      />
    </>
  )
  return show(c, { title: 'What came of it', body })
}

async function bookingPage(
  c: ConsoleContext,
  booking: Booking,
  { note, faults = {}, status }: Fault = {},
): Promise<Response> {
  const me = await c.var.me
  const place = bookingPlace(booking.id)
  const { allowedActions, contact } = booking
  const allows = (action: Booking['allowedActions'][number]) => allowedActions.includes(action)
  const hasData = Boolean(contact ?? booking.note ?? booking.reason)
  const revision = <Hidden name="revision" value={String(booking.revision)} />
  const reason = (hint: string) => (
    <TextArea
      name="reason"
      label="Reason"
      rows={2}
      maxlength={500}
      value={c.var.form.text('reason')}
      hint={hint}
      error={faults['reason']}
    />
  )
  const title = booking.serviceName ?? 'Booking'
  const body = (
    <>
      <Head
        title={
          <span class="row">
            {title} <Status {...booking} />
          </span>
        }
        lead={<Period {...booking} />}
        crumbs={[BOOKINGS]}
      >
        <a class="button plain" href={`/v1/bookings/${booking.id}/calendar.ics`} download>
          Calendar file
        </a>
        {may(me, 'booking:cancel') && hasData && (
          <a class="button plain" href={`${place}/erase`}>
            Erase contact…
          </a>
        )}
      </Head>
      {note}
      <div class="grid two">
        <Card title="Who">
          <Facts
            of={[
              ['Name', contact?.name],
              ['Email', contact?.email && <a href={mailTo(contact.email)}>{contact.email}</a>],
              ['Phone', contact?.phone && <a href={`tel:${contact.phone}`}>{contact.phone}</a>],
              ['Note', booking.note],
              ['Belongs to', <Id id={booking.owner} short />],
              ['Booked by', <Id id={booking.bookedBy} short />],
              [
                'All of theirs',
                <a href={`${BOOKINGS.href}?status=all&owner=${booking.owner}`}>Bookings</a>,
              ],
            ]}
          />
        </Card>
        <Card title="Booking">
          <Facts
            of={[
              ['Service', <a href={`/console/services/${booking.serviceId}`}>{title}</a>],
              ['Begins', <Time at={booking.startsAt} />],
              ['Ends', <Time at={booking.endsAt} />],
              [
                'Holds until',
                booking.status === 'pending' && <Time at={booking.holdUntil ?? booking.startsAt} />,
              ],
              ['Confirmed by', booking.confirmedBy && <Id id={booking.confirmedBy} short />],
              ['Reason', booking.reason],
              ['Made', <Time at={booking.createdAt} />],
              ['Changed', <Time at={booking.updatedAt} />],
              ['Id', <code>{booking.id}</code>],
              ['Revision', String(booking.revision)],
              [
                'You may',
                allowedActions.length > 0 ? allowedActions.join(', ') : 'change nothing about it',
              ],
            ]}
          />
        </Card>
        {allows('decline') && (
          <Card title="Answer it">
            {allows('confirm') ? (
              <form method="post" action={`${place}/confirm`} class="stack">
                <OnceKey />
                {revision}
                <div class="row">
                  <button>Confirm</button>
                </div>
              </form>
            ) : (
              <p class="muted">Its time to be confirmed is over.</p>
            )}
            <form method="post" action={`${place}/decline`} class="stack">
              <OnceKey />
              {revision}
              {reason('Told to whoever has booked; may be left empty')}
              <div class="row">
                <button class="plain">Decline</button>
              </div>
            </form>
          </Card>
        )}
        {allows('cancel') && (
          <Card title="Cancel it" danger>
            <form method="post" action={`${place}/cancel`} class="stack">
              <OnceKey />
              {revision}
              <p>The place is free again. A booking that is canceled stays so.</p>
              {/* The id of a field is its name, so a page has one reason: that of declining, if it is there. */}
              {allows('decline') ? null : reason('Told to whoever has booked; may be left empty')}
              <div class="row">
                <button class="danger">Cancel booking</button>
              </div>
            </form>
          </Card>
        )}
      </div>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) => {
    const calls = v1.bookings[':bookingId']
    const given = { param: { bookingId: booking.id }, ifMatch: booking.revision }
    if (allows('confirm')) void calls.confirm.$post(given)
    if (allows('decline'))
      void calls.decline.$post({ ...given, json: { reason: 'Closed on that day' } })
    if (allows('cancel')) void calls.cancel.$post({ ...given, json: { reason: null } })
  })
  return show(c, { title, body, actions, ...(status && { status }) })
}

function erasePage(c: ConsoleContext, booking: Booking, fault: Fault = {}): Promise<Response> {
  const place = bookingPlace(booking.id)
  const title = booking.serviceName ?? 'Booking'
  const body = (
    <>
      <Head title="Erase what was left?" crumbs={[BOOKINGS, { href: place, text: title }]} />
      <Confirm
        title="Contact, note and reason go for good"
        action={`${place}/erase`}
        word="erase"
        button="Erase contact"
        back={place}
        fault={fault}
        form={c.var.form}
      >
        <p>The booking stays on record, and its place is held as before.</p>
        <Who booking={booking} />
      </Confirm>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1.bookings[':bookingId'].contact.$delete({ param: { bookingId: booking.id } }),
  )
  return show(c, {
    title: 'Erase what was left',
    body,
    actions,
    ...(fault.status && { status: fault.status }),
  })
}
