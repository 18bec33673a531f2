/** Somebody's own bookings: what they have, what can be booked, and how it is canceled. */
import type { Child } from 'hono/jsx'
import { TextArea } from '../../look/forms.tsx'
import { Card, Empty, Head, Pager, Pill, Tabs, type Tone } from '../../look/parts.tsx'
import type { Client } from '../api.ts'
import { Period } from '../booking-parts.tsx'
import type { ConsoleApp, ConsoleContext } from '../context.ts'
import { attempt, once, OnceKey } from '../edit.tsx'
import { faultOf } from '../fault.tsx'
import { done } from '../flash.ts'
import { chosen } from '../forms.ts'
import { filtersOf, listOf, placesOf } from '../lists.ts'
import { show } from '../shell.tsx'

type Booking = Awaited<ReturnType<Client['v1']['me']['bookings']['$get']>>['items'][number]
type Slot = Awaited<
  ReturnType<Client['v1']['services'][':serviceId']['slots']['$get']>
>['items'][number]
type Refused = Awaited<ReturnType<typeof attempt>>

const HOME = '/account/bookings'
export const BOOK = `${HOME}/new`

export function accountBookingPages(app: ConsoleApp): void {
  app.get(HOME, async (c) => {
    const isAll = chosen('of', c.req.query('of') ?? 'coming', ['coming', 'all']) === 'all'
    const { cursor } = filtersOf(c, ['cursor'])
    const from = isAll ? undefined : new Date(c.env.request.now).toISOString()
    const page = await listOf(
      c,
      c.var.client.v1.me.bookings.$get({ query: { limit: 20, from, cursor } }),
    )
    const body = (
      <>
        <Head title="Bookings">
          <a class="button" href={BOOK}>
            Book
          </a>
        </Head>
        <Tabs
          label="Which bookings"
          tabs={[
            { href: HOME, text: 'Coming up', here: !isAll },
            { href: `${HOME}?of=all`, text: 'All', here: isAll },
          ]}
        />
        <Card flush>
          <BookingList
            bookings={page.items}
            empty={
              <Empty title={isAll ? 'No bookings yet' : 'Nothing coming up'}>
                <a href={BOOK}>See what can be booked</a>
              </Empty>
            }
          />
        </Card>
        {(page.nextCursor !== null || cursor !== undefined) && <Pager {...placesOf(c, page)} />}
      </>
    )
    return show(c, { title: 'Bookings', body })
  })

  app.post(`${HOME}/:bookingId/cancel`, async (c) => {
    const param = { bookingId: c.req.param('bookingId') }
    await c.var.client.v1.bookings[':bookingId'].cancel.$post({ param, json: {}, ...once(c) })
    return done(c, HOME, 'canceled')
  })

  app.get(BOOK, async (c) => {
    const { cursor } = filtersOf(c, ['cursor'])
    const page = await listOf(c, c.var.client.v1.services.$get({ query: { limit: 50, cursor } }))
    const { items } = page
    const body = (
      <>
        <Head title="Book" crumbs={[{ href: HOME, text: 'Bookings' }]} />
        {items.length === 0 ? (
          <Card>
            <Empty title="There is nothing to book at the moment" />
          </Card>
        ) : (
          <div class="grid">
            {items.map(({ id, name, description, autoConfirm }) => (
              <Card
                title={name}
                footer={
                  <a class="button plain small" href={`${BOOK}/${id}`}>
                    Choose a time
                  </a>
                }
              >
                {description && <p>{description}</p>}
                <p class="muted small">
                  {autoConfirm ? 'Confirmed at once.' : 'Somebody confirms it.'}
                </p>
              </Card>
            ))}
          </div>
        )}
        {(page.nextCursor !== null || cursor !== undefined) && <Pager {...placesOf(c, page)} />}
      </>
    )
    return show(c, { title: 'Book', body })
  })

  app.get(`${BOOK}/:serviceId`, (c) => slotsPage(c, c.req.param('serviceId')))

  app.post(`${BOOK}/:serviceId`, async (c) => {
    const { form, client } = c.var
    const json = { slotId: form.text('slot'), note: form.optional('note') ?? null }
    const refused = await attempt(client.v1.bookings.$post({ json, ...once(c) }))
    if (!refused) return done(c, HOME, 'booked')
    return slotsPage(c, c.req.param('serviceId'), refused)
  })
}

/** The times that are still free, with what was chosen if that was refused. */
async function slotsPage(c: ConsoleContext, serviceId: string, refused?: Refused) {
  const service = c.var.client.v1.services[':serviceId']
  const param = { serviceId }
  const { cursor } = filtersOf(c, ['cursor'])
  const [{ name, description, timeZone }, slots] = await Promise.all([
    service.$get({ param }),
    listOf(c, service.slots.$get({ param, query: { limit: 100, cursor } })),
  ])
  const free = slots.items.filter(({ available }) => available > 0)
  const days = Map.groupBy(free, ({ startsAt }) => dayOf(startsAt, timeZone))
  const wanted = c.var.form.text('slot')
  const { note, faults = {}, status } = faultOf(refused)
  const body = (
    <>
      <Head title={name} lead={description} crumbs={[{ href: BOOK, text: 'Book' }]} />
      {note}
      {free.length === 0 ? (
        <Card>
          <Empty title={slots.nextCursor === null ? 'No time is free' : 'None of these is free'}>
            <p>
              {slots.nextCursor === null
                ? 'Look again later, or at something else that can be booked.'
                : 'There are later times on the next page.'}
            </p>
          </Empty>
        </Card>
      ) : (
        <form method="post" class="stack">
          <OnceKey />
          <Card title={`Free times (${timeZone})`}>
            {faults['slotId'] && <p class="error">Choose one of these times.</p>}
            {[...days].map(([day, ofDay]) => (
              <fieldset class="stack tight">
                <legend>{day}</legend>
                <div class="places">
                  {ofDay.map((slot) => (
                    <Choice slot={slot} zone={timeZone} isChosen={slot.id === wanted} />
                  ))}
                </div>
              </fieldset>
            ))}
          </Card>
          <Card>
            <TextArea
              name="note"
              label="Note"
              hint="Anything they should know. Only those who manage bookings see it."
              maxlength={1000}
              value={c.var.form.text('note')}
              error={faults['note']}
            />
            <span>
              <button>Book</button>
            </span>
          </Card>
        </form>
      )}
      {(slots.nextCursor !== null || cursor !== undefined) && <Pager {...placesOf(c, slots)} />}
    </>
  )
  return show(c, { title: name, body, ...(status && { status }) })
}

const Choice = ({
  slot,
  zone,
  isChosen,
}: {
  readonly slot: Slot
  readonly zone: string
  readonly isChosen: boolean
}) => (
  <label class="check place">
    <input type="radio" name="slot" value={slot.id} required checked={isChosen} />
    <span>
      {clock(slot.startsAt, zone)}–{clock(slot.endsAt, zone)}{' '}
      <span class="muted small">{slot.available} free</span>
    </span>
  </label>
)

const TONES: Readonly<Record<Booking['status'], Tone>> = {
  pending: 'warn',
  confirmed: 'good',
  declined: 'bad',
  canceled: 'plain',
}

export const BookingList = ({
  bookings,
  empty,
}: {
  readonly bookings: readonly Booking[]
  readonly empty: Child
}): Child =>
  bookings.length === 0 ? (
    empty
  ) : (
    <ul class="things">
      {bookings.map(({ id, serviceName, startsAt, endsAt, status, reason, allowedActions }) => (
        <li>
          <span class="grow">
            <strong>{serviceName ?? 'Something that is gone'}</strong>{' '}
            <Pill tone={TONES[status]}>{status}</Pill>
            <br />
            <span class="muted">
              <Period startsAt={startsAt} endsAt={endsAt} />
            </span>
            {reason && (
              <>
                <br />
                <span class="muted small">{reason}</span>
              </>
            )}
          </span>
          <span class="row">
            {(status === 'pending' || status === 'confirmed') && (
              <a
                class="button plain small"
                href={`/v1/bookings/${id}/calendar.ics`}
                download="booking.ics"
              >
                Calendar file
              </a>
            )}
            {allowedActions.includes('cancel') && (
              <form method="post" action={`${HOME}/${id}/cancel`}>
                <OnceKey />
                <button class="plain small" aria-label={`Cancel ${serviceName ?? 'the booking'}`}>
                  Cancel
                </button>
              </form>
            )}
          </span>
        </li>
      ))}
    </ul>
  )

function dayOf(at: string, timeZone: string): string {
  const form = { weekday: 'long', day: 'numeric', month: 'long', timeZone } as const
  return new Intl.DateTimeFormat('en-GB', form).format(new Date(at))
}

function clock(at: string, timeZone: string): string {
  const form = { hour: '2-digit', minute: '2-digit', timeZone } as const
  return new Intl.DateTimeFormat('en-GB', form).format(new Date(at))
}
