/** New slots of a service: one, or all of a weekly rule, whose dates the API tells before they are made. */
import type { Child } from 'hono/jsx'
import { type Weekday, WEEKDAYS } from '../../calendar/recurrence.ts'
import { Check, Field, Hidden, Select, TextArea } from '../../look/forms.tsx'
import { Card, Head, Tabs } from '../../look/parts.tsx'
import { callsOf, type Client } from '../api.ts'
import type { ConsoleApp, ConsoleContext } from '../context.ts'
import { attempt, once, OnceKey } from '../edit.tsx'
import { type Fault, faultOf } from '../fault.tsx'
import { done } from '../flash.ts'
import { chosen } from '../forms.ts'
import { type Service, SERVICES, servicePlace, SlotTime } from '../services.tsx'
import { part, show } from '../shell.tsx'

type NewSlots = Parameters<Client['v1']['services'][':serviceId']['slots']['$post']>[0]['json']
type Preview = Awaited<
  ReturnType<Client['v1']['services'][':serviceId']['slots']['preview']['$post']>
>

const NAMES = {
  MO: 'Monday',
  TU: 'Tuesday',
  WE: 'Wednesday',
  TH: 'Thursday',
  FR: 'Friday',
  SA: 'Saturday',
  SU: 'Sunday',
} as const satisfies Readonly<Record<Weekday, string>>

const AMBIGUOUS = [
  { value: '', text: 'is refused' },
  { value: 'earlier', text: 'is the earlier' },
  { value: 'later', text: 'is the later' },
] as const

const idOf = (c: ConsoleContext) => c.req.param('serviceId') ?? ''

export function slotPages(app: ConsoleApp): void {
  app.get('/console/services/:serviceId/slots/new', async (c) => newPage(c, await read(c)))

  /** Shows the dates, in a page of its own, for whoever has no script. */
  app.post('/console/services/:serviceId/slots/preview', async (c) => {
    const [service, { preview, refused }] = await Promise.all([read(c), previewOf(c)])
    return newPage(c, service, faultOf(refused), preview)
  })

  /** Answers the part of the page that has the dates, which the script puts there as one types. */
  app.post('/console/services/:serviceId/slots/dates', async (c) => {
    if (!isComplete(c)) return part(c, <NoDates />)
    const { preview, refused } = await previewOf(c)
    const { note, status = 200 } = faultOf(refused)
    return part(c, preview ? <Dates c={c} preview={preview} /> : note, status)
  })

  app.post('/console/services/:serviceId/slots/new', async (c) => {
    const param = { serviceId: idOf(c) }
    const refused = await attempt(
      c.var.client.v1.services[':serviceId'].slots.$post({ param, json: jsonOf(c), ...once(c) }),
    )
    if (!refused) return done(c, servicePlace(param.serviceId), 'created')
    return newPage(c, await read(c), faultOf(refused))
  })
}

function read(c: ConsoleContext): Promise<Service> {
  return c.var.client.v1.services[':serviceId'].$get({ param: { serviceId: idOf(c) } })
}

async function previewOf(c: ConsoleContext) {
  let preview: Preview | undefined
  const refused = await attempt(
    c.var.client.v1.services[':serviceId'].slots.preview
      .$post({ param: { serviceId: idOf(c) }, json: jsonOf(c) })
      .then((answer) => (preview = answer)),
  )
  return { preview, refused }
}

/** One slot is a rule of one day: when that is on the clocks of the service the API reckons too. */
function isOne(c: ConsoleContext): boolean {
  const kind = c.var.form.optional('kind') ?? c.req.query('kind') ?? 'one'
  return chosen('kind', kind, ['one', 'weekly']) === 'one'
}

function ruleOf(c: ConsoleContext): NonNullable<NewSlots['recurrence']> {
  const { form } = c.var
  const [days, from] = [form.choices('weekdays', WEEKDAYS), form.text('from')]
  const ambiguous = form.choice(
    'ambiguous',
    AMBIGUOUS.map(({ value }) => value),
  )
  return {
    weekdays: WEEKDAYS.filter((day) => isOne(c) || days.includes(day)),
    startTime: form.text('startTime'),
    durationMinutes: form.number('durationMinutes'),
    endTime: form.optional('endTime'),
    from,
    until: isOne(c) ? from : form.text('until'),
    except: form
      .text('except')
      .split(/[\s,]+/)
      .filter(Boolean),
    ...(ambiguous && { ambiguous }),
  }
}

function jsonOf(c: ConsoleContext): NewSlots {
  const { form } = c.var
  // Left out it is as the API has it; emptied it is nothing that a slot can have.
  const capacity = form.has('capacity') ? (form.number('capacity') ?? -1) : undefined
  return { recurrence: ruleOf(c), capacity }
}

/** Whether there is enough of a rule for the API to say something about it. */
function isComplete({ var: { form } }: ConsoleContext): boolean {
  return (
    ['weekdays', 'startTime', 'from', 'until'].every((name) => form.text(name)) &&
    Boolean(form.text('durationMinutes') || form.text('endTime'))
  )
}

const NoDates = () => <p class="muted">The dates are shown here before anything is made.</p>

/** The dates, and the form that makes exactly these: it has what they were reckoned from. */
const Dates = ({ c, preview }: { readonly c: ConsoleContext; readonly preview: Preview }) => {
  const { timeZone, periods } = preview
  const many = periods.length === 1 ? '1 slot' : `${periods.length} slots`
  return (
    <>
      <p>
        <strong>{many}</strong>, on the clocks of {timeZone}. None is made yet.
      </p>
      <form method="post" action={`${servicePlace(idOf(c))}/slots/new`}>
        <OnceKey />
        {c.var.form
          .entries()
          .map(([name, value]) => name !== 'once' && <Hidden name={name} value={value} />)}
        <button>Make {many}</button>
      </form>
      <ol class="dates nums">
        {periods.map((period) => (
          <li>
            <SlotTime slot={period} zone={timeZone} />
          </li>
        ))}
      </ol>
    </>
  )
}

async function newPage(
  c: ConsoleContext,
  service: Service,
  { note, faults = {}, status }: Fault = {},
  preview?: Preview,
): Promise<Response> {
  const place = servicePlace(service.id)
  const { form } = c.var
  const field = (name: string, label: Child, path = `recurrence.${name}`) => ({
    name,
    label,
    value: form.text(name),
    error: faults[path],
  })
  const isOneSlot = isOne(c)
  const capacity = (
    <Field
      {...field('capacity', 'Places', 'capacity')}
      value={form.has('capacity') ? form.text('capacity') : '1'}
      type="number"
      min={1}
      max={10_000}
      required
    />
  )
  const times = (
    <div class="row top">
      <Field {...field('startTime', 'Begins')} type="time" required />
      <Field
        {...field('durationMinutes', 'Minutes')}
        type="number"
        min={1}
        max={10_080}
        hint="Or when it ends"
      />
      <Field {...field('endTime', 'Ends')} type="time" />
    </div>
  )
  const ambiguous = (
    <Select
      {...field('ambiguous', 'A time that the clocks show twice')}
      choices={AMBIGUOUS}
      hint="In the night in which they go back"
    />
  )
  const one = (
    <Card>
      <form method="post" action={`${place}/slots/new`} class="stack">
        <OnceKey />
        <Hidden name="kind" value="one" />
        <Field {...field('from', 'Day')} type="date" required />
        {times}
        {capacity}
        {faults['recurrence.ambiguous'] && ambiguous}
        <div class="row">
          <button>Make slot</button>
          <a class="button quiet" href={place}>
            Cancel
          </a>
        </div>
      </form>
    </Card>
  )
  const weekly = (
    <div class="grid two">
      <Card title="Weekly rule">
        <form
          method="post"
          action={`${place}/slots/preview`}
          class="stack"
          data-live="dates"
          data-from={`${place}/slots/dates`}
        >
          <Hidden name="kind" value="weekly" />
          <fieldset class="stack tight">
            <legend>On every</legend>
            <div class="row">
              {WEEKDAYS.map((day) => (
                <Check name="weekdays" value={day} checked={form.all('weekdays').includes(day)}>
                  {NAMES[day]}
                </Check>
              ))}
            </div>
          </fieldset>
          {times}
          <div class="row top">
            <Field {...field('from', 'First day')} type="date" required />
            <Field {...field('until', 'Last day')} type="date" required />
          </div>
          <TextArea
            {...field('except', 'Left out')}
            rows={2}
            hint="Days such as 2027-12-24, one to a line"
          />
          {ambiguous}
          {capacity}
          <div class="row">
            <button class="plain">Show the dates</button>
            <a class="button quiet" href={place}>
              Cancel
            </a>
          </div>
        </form>
      </Card>
      <Card title="What it makes">
        <div id="dates" class="stack">
          {preview ? <Dates c={c} preview={preview} /> : <NoDates />}
        </div>
      </Card>
    </div>
  )
  const body = (
    <>
      <Head
        title="New slots"
        lead={`On the clocks of ${service.timeZone}. Slots of a service do not overlap; for parallel places one has more of them.`}
        crumbs={[SERVICES, { href: place, text: service.name }]}
      />
      <Tabs
        label="How many"
        tabs={[
          { href: `${place}/slots/new`, text: 'One slot', here: isOneSlot },
          { href: `${place}/slots/new?kind=weekly`, text: 'Weekly rule', here: !isOneSlot },
        ]}
      />
      {note}
      {isOneSlot ? one : weekly}
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) => {
    const param = { serviceId: service.id }
    const json = form.has('startTime') ? jsonOf(c) : EXAMPLE
    return v1.services[':serviceId'].slots.$post({ param, json })
  })
  return show(c, {
    title: `New slots of ${service.name}`,
    body,
    actions,
    ...(status && { status }),
  })
}

const EXAMPLE: NewSlots = {
  recurrence: {
    weekdays: ['MO', 'TH'],
    startTime: '10:00',
    durationMinutes: 60,
    from: '2050-03-01',
    until: '2050-03-31',
  },
  capacity: 1,
}
