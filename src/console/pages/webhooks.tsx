/** Webhooks: where partners are told what happens, what became of each delivery, and its secret, shown once. */
import { Check, Field, Select } from '../../look/forms.tsx'
import {
  Card,
  Copyable,
  Empty,
  Facts,
  Head,
  Pager,
  Pill,
  Table,
  Time,
  type Tone,
} from '../../look/parts.tsx'
import { callsOf, type Client } from '../api.ts'
import type { ConsoleApp, ConsoleContext } from '../context.ts'
import {
  attempt,
  Both,
  Confirm,
  confirmed,
  graceIn,
  MadeOf,
  once,
  OnceKey,
  revisionOf,
  Rotation,
  wordFor,
} from '../edit.tsx'
import { EVENT_TYPES, type EventType } from '../event-types.ts'
import { type Fault, faultOf } from '../fault.tsx'
import { done } from '../flash.ts'
import { chosen } from '../forms.ts'
import { Id } from '../links.tsx'
import { filtersOf, listOf, placesOf } from '../lists.ts'
import { show } from '../shell.tsx'

type OfOne = Client['v1']['webhooks'][':webhookId']
type Webhook = Awaited<ReturnType<Client['v1']['webhooks']['$get']>>['items'][number]
type WebhookStatus = Awaited<ReturnType<OfOne['$get']>>
type Issued = Awaited<ReturnType<Client['v1']['webhooks']['$post']>>
type Delivery = Awaited<ReturnType<OfOne['deliveries']['$get']>>['items'][number]
type Deliveries = Awaited<ReturnType<typeof listOf<Delivery>>>

const WEBHOOKS = { href: '/console/webhooks', text: 'Webhooks' }
const placeOf = (webhookId: string) => `/console/webhooks/${encodeURIComponent(webhookId)}`
const idOf = (c: ConsoleContext) => c.req.param('webhookId') ?? ''
const hostOf = (url: string) => URL.parse(url)?.host ?? url
const crumbsOf = ({ id, url }: Webhook) => [WEBHOOKS, { href: placeOf(id), text: hostOf(url) }]

/** Why one is disabled, and what is to be done about it. */
const BECAUSE: Readonly<Record<NonNullable<Webhook['disabledBecause']>, string>> = {
  asked: 'Somebody here has disabled it.',
  failing: 'Nothing was taken for three days. Have the receiver mended, then enable it.',
  gone: 'The receiver answered 410: it wants to be told nothing any more.',
  secret:
    'Its secret was sealed under another AUTH_SECRET and cannot be read. Rotate it, give the new secret to the receiver, then enable it.',
  address: 'Its address is none that is called any more. Enter another one, then enable it.',
}

const STATUSES = [
  { value: '', text: 'All' },
  { value: 'waiting', text: 'Waiting' },
  { value: 'delivered', text: 'Delivered' },
  { value: 'dead', text: 'Given up' },
] as const
const STATUS_NAMES = STATUSES.flatMap(({ value }) => value || [])

export function webhookPages(app: ConsoleApp): void {
  app.get('/console/webhooks', async (c) => {
    const { cursor } = filtersOf(c, ['cursor'])
    const page = await listOf(c, c.var.client.v1.webhooks.$get({ query: { limit: 50, cursor } }))
    const make = (
      <a class="button" href="/console/webhooks/new">
        New webhook
      </a>
    )
    const body = (
      <>
        <Head
          title="Webhooks"
          lead="Addresses that are told what happens here, each event signed, in order and until it is taken."
        >
          {make}
        </Head>
        <Table<Webhook>
          caption="Webhooks"
          columns={[
            { label: 'Address', cell: ({ id, url }) => <a href={placeOf(id)}>{url}</a> },
            { label: 'State', cell: (webhook) => <State webhook={webhook} /> },
            { label: 'Told', cell: ({ types }) => <Types types={types} most={3} /> },
            { label: 'Made by', cell: ({ createdBy }) => <Id id={createdBy} short /> },
            { label: 'Made', cell: ({ createdAt }) => <Time at={createdAt} form="day" /> },
          ]}
          rows={page.items}
          empty={
            <Empty title="There are no webhooks yet">
              <p>A webhook has a partner’s server told what happens, so that it need not ask.</p>
              {make}
            </Empty>
          }
        />
        <Pager {...placesOf(c, page)} />
      </>
    )
    return show(c, { title: 'Webhooks', body })
  })

  app.get('/console/webhooks/new', (c) => editPage(c, undefined, { url: '', types: null }))

  app.post('/console/webhooks/new', async (c) => {
    const typed = typedIn(c)
    let issued: Issued | undefined
    const refused = await attempt(
      c.var.client.v1.webhooks
        .$post({ json: jsonOf(typed), ...once(c) })
        .then((webhook) => (issued = webhook)),
    )
    return issued ? secretPage(c, issued) : editPage(c, undefined, typed, faultOf(refused))
  })

  app.get('/console/webhooks/:webhookId', async (c) => {
    const { cursor, status: asked } = filtersOf(c, ['cursor', 'status'])
    const param = { webhookId: idOf(c) }
    const status = asked === undefined ? undefined : chosen('status', asked, STATUS_NAMES)
    const calls = c.var.client.v1.webhooks[':webhookId']
    const [webhook, page] = await Promise.all([
      calls.$get({ param }),
      listOf(c, calls.deliveries.$get({ param, query: { limit: 25, cursor, status } })),
    ])
    return webhookPage(c, webhook, page, status)
  })

  app.get('/console/webhooks/:webhookId/edit', async (c) => {
    const webhook = await read(c)
    return editPage(c, webhook, typedOf(webhook))
  })

  app.post('/console/webhooks/:webhookId/edit', async (c) => {
    c.var.form.need(['url'])
    const typed = typedIn(c)
    const param = { webhookId: idOf(c) }
    const refused = await attempt(
      c.var.client.v1.webhooks[':webhookId'].$patch({
        param,
        json: jsonOf(typed),
        ifMatch: revisionOf(c),
      }),
    )
    if (!refused) return done(c, placeOf(param.webhookId), 'saved')
    const webhook = await read(c)
    if (refused.code !== 'precondition_failed') return editPage(c, webhook, typed, faultOf(refused))
    const there = typedOf(webhook)
    const fields = [
      { name: 'Address', there: there.url, typed: typed.url },
      { name: 'Types', there: inWords(there), typed: inWords(typed) },
    ]
    return editPage(c, webhook, typed, { note: <Both fields={fields} />, status: 412 })
  })

  for (const [action, enabled] of [
    ['enable', true],
    ['disable', false],
  ] as const) {
    app.post(`/console/webhooks/:webhookId/${action}`, async (c) => {
      const param = { webhookId: idOf(c) }
      await c.var.client.v1.webhooks[':webhookId'].$patch({ param, json: { enabled } })
      return done(c, placeOf(param.webhookId), 'saved')
    })
  }

  app.post('/console/webhooks/:webhookId/ping', async (c) => {
    const param = { webhookId: idOf(c) }
    await c.var.client.v1.webhooks[':webhookId'].ping.$post({ param })
    return done(c, placeOf(param.webhookId), 'pinged')
  })

  app.post('/console/webhooks/:webhookId/deliveries/:deliveryId/replay', async (c) => {
    const param = { webhookId: idOf(c), deliveryId: c.req.param('deliveryId') }
    await c.var.client.v1.webhooks[':webhookId'].deliveries[':deliveryId'].replay.$post({ param })
    return done(c, placeOf(param.webhookId), 'replayed')
  })

  app.get('/console/webhooks/:webhookId/replay', async (c) => replayPage(c, await read(c)))

  app.post('/console/webhooks/:webhookId/replay', async (c) => {
    const param = { webhookId: idOf(c) }
    const json = { since: c.var.form.text('since') }
    const refused = await attempt(
      c.var.client.v1.webhooks[':webhookId'].replay.$post({ param, json }),
    )
    if (!refused) return done(c, placeOf(param.webhookId), 'replayed')
    return replayPage(c, await read(c), faultOf(refused))
  })

  app.get('/console/webhooks/:webhookId/rotate', async (c) => rotatePage(c, await read(c)))

  app.post('/console/webhooks/:webhookId/rotate', async (c) => {
    let issued: Issued | undefined
    const refused = await attempt(
      c.var.client.v1.webhooks[':webhookId'].rotate
        .$post({ param: { webhookId: idOf(c) }, json: graceIn(c), ...once(c) })
        .then((webhook) => (issued = webhook)),
    )
    return issued ? secretPage(c, issued) : rotatePage(c, await read(c), faultOf(refused))
  })

  app.get('/console/webhooks/:webhookId/delete', async (c) => deletePage(c, await read(c)))

  app.post('/console/webhooks/:webhookId/delete', async (c) => {
    const webhook = await read(c)
    const fault = await confirmed(c, wordFor(hostOf(webhook.url), webhook.id), () =>
      c.var.client.v1.webhooks[':webhookId'].$delete({ param: { webhookId: webhook.id } }),
    )
    return fault ? deletePage(c, webhook, fault) : done(c, WEBHOOKS.href, 'deleted')
  })
}

function read(c: ConsoleContext): Promise<WebhookStatus> {
  return c.var.client.v1.webhooks[':webhookId'].$get({ param: { webhookId: idOf(c) } })
}

const TONES = { active: 'good', paused: 'warn', disabled: 'bad' } as const

const State = ({ webhook: { state } }: { readonly webhook: Webhook }) => (
  <Pill tone={TONES[state]}>{state}</Pill>
)

const Types = ({
  types,
  most = Infinity,
}: {
  readonly types: Webhook['types']
  readonly most?: number
}) =>
  types === null ? (
    <span>everything</span>
  ) : (
    <span class="chips">
      {types.slice(0, most).map((type) => (
        <code>{type}</code>
      ))}
      {types.length > most && <span class="muted small">and {types.length - most} more</span>}
    </span>
  )

function webhookPage(
  c: ConsoleContext,
  webhook: WebhookStatus,
  page: Deliveries,
  status: Delivery['status'] | undefined,
): Promise<Response> {
  const { id, url, state } = webhook
  const place = placeOf(id)
  const body = (
    <>
      <Head title={hostOf(url)} crumbs={[WEBHOOKS]}>
        <form method="post" action={`${place}/ping`}>
          <button class="plain">Ping</button>
        </form>
        <form method="post" action={`${place}/${state === 'disabled' ? 'enable' : 'disable'}`}>
          <button class="plain">{state === 'disabled' ? 'Enable' : 'Disable'}</button>
        </form>
        <a class="button plain" href={`${place}/edit`}>
          Edit
        </a>
        <a class="button plain" href={`${place}/rotate`}>
          Rotate…
        </a>
        <a class="button plain" href={`${place}/replay`}>
          Replay…
        </a>
        <a class="button plain" href={`${place}/delete`}>
          Delete…
        </a>
      </Head>
      <Trouble webhook={webhook} />
      <Card title="Webhook">
        <Facts of={factsOf(webhook)} />
      </Card>
      <h2>Deliveries</h2>
      <form class="filters" method="get">
        <Select name="status" label="Which" value={status ?? ''} choices={STATUSES} />
        <button class="plain">Filter</button>
      </form>
      <Table<Delivery>
        caption="Deliveries"
        columns={[
          { label: 'Event', cell: ({ type }) => <code>{type}</code> },
          { label: 'About', cell: ({ subject }) => <Id id={subject} short /> },
          { label: 'State', cell: (delivery) => <DeliveryState delivery={delivery} /> },
          { label: 'Attempts', cell: ({ attempts }) => <span class="nums">{attempts}</span> },
          { label: 'Last', cell: (delivery) => <LastAttempt delivery={delivery} /> },
          {
            label: '',
            align: 'right',
            cell: (delivery) =>
              delivery.status !== 'waiting' && <Resend place={place} delivery={delivery} />,
          },
        ]}
        rows={page.items}
        empty={<Empty title={status ? 'None of these' : 'Nothing has happened for it yet'} />}
      />
      <Pager {...placesOf(c, page)} />
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1: { webhooks } }) => {
    void webhooks[':webhookId'].ping.$post({ param: { webhookId: id } })
    void webhooks[':webhookId'].$patch({
      param: { webhookId: id },
      json: { enabled: state === 'disabled' },
    })
  })
  return show(c, { title: hostOf(url), body, actions })
}

/** What keeps it from being told, and what can be done about it. */
const Trouble = ({ webhook }: { readonly webhook: WebhookStatus }) => {
  const { state, circuit, openUntil, failuresInARow } = webhook
  const { disabledBecause, disabledAt, disabledTold } = webhook
  if (state === 'disabled')
    return (
      <div class="panel bad">
        <p>
          <strong>Disabled</strong>
          {disabledAt && (
            <>
              {' '}
              since <Time at={disabledAt} />
            </>
          )}
          . {disabledBecause && BECAUSE[disabledBecause]} What happens meanwhile is kept, as long as
          events are, and told once it is enabled.
        </p>
        {disabledTold && (
          <p>
            <Id id={disabledTold} short /> was told by mail.
          </p>
        )}
        {!disabledTold && disabledBecause !== 'asked' && <p>Nobody was told by mail.</p>}
      </div>
    )
  if (state === 'paused')
    return (
      <div class="panel warn">
        <p>
          <strong>Paused</strong>, because whoever made it may not read events at present. Nothing
          is lost by it.
        </p>
      </div>
    )
  if (circuit === 'closed') return <></>
  return (
    <div class="panel warn">
      <p>
        <strong>{failuresInARow} attempts have failed in a row.</strong>{' '}
        {circuit === 'open' && openUntil ? (
          <>
            Nothing is sent until <Time at={openUntil} />, then a single one as a trial.
          </>
        ) : (
          'The next attempt is a trial: if it is taken, everything else follows.'
        )}
      </p>
    </div>
  )
}

const CIRCUIT: Readonly<Record<WebhookStatus['circuit'], readonly [Tone, string]>> = {
  closed: ['good', 'closed: it is sent to'],
  open: ['bad', 'open: nothing is sent for now'],
  'half-open': ['warn', 'half-open: the next one is a trial'],
}

function factsOf(webhook: WebhookStatus) {
  const { id, url, types, state, circuit, failuresInARow, waiting, dead } = webhook
  const { createdBy, createdAt } = webhook
  const [tone, text] = CIRCUIT[circuit]
  return [
    ['State', <State webhook={webhook} />],
    ['Address', <code>{url}</code>],
    ['Told', <Types types={types} />],
    ['Circuit', state !== 'disabled' && <Pill tone={tone}>{text}</Pill>],
    ['Failures in a row', <span class="nums">{failuresInARow}</span>],
    ['Waiting', <span class="nums">{waiting}</span>],
    ['Given up', <span class="nums">{dead}</span>],
    ['Id', <code>{id}</code>],
    ['Made by', <Id id={createdBy} />],
    ['Made', <Time at={createdAt} />],
  ] as const
}

const DELIVERY_STATES: Readonly<Record<Delivery['status'], readonly [Tone, string]>> = {
  waiting: ['warn', 'waiting'],
  delivered: ['good', 'delivered'],
  dead: ['bad', 'given up'],
}

const DeliveryState = ({ delivery }: { readonly delivery: Delivery }) => {
  const [tone, text] = DELIVERY_STATES[delivery.status]
  const { attempts, nextAttemptAt } = delivery
  return (
    <span class="row">
      <Pill tone={tone}>{text}</Pill>
      {attempts > 0 && nextAttemptAt && (
        <span class="muted small">
          again <Time at={nextAttemptAt} />
        </span>
      )}
    </span>
  )
}

const LastAttempt = ({
  delivery: { lastAttemptAt, lastStatus, lastFailure },
}: {
  readonly delivery: Delivery
}) =>
  lastAttemptAt ? (
    <span class="row">
      <code>{lastStatus ?? lastFailure}</code>
      <Time at={lastAttemptAt} />
    </span>
  ) : (
    <span class="muted">none yet</span>
  )

const Resend = ({
  place,
  delivery: { id, type },
}: {
  readonly place: string
  readonly delivery: Delivery
}) => (
  <form method="post" action={`${place}/deliveries/${id}/replay`}>
    <button class="plain small">
      Send again
      <span class="only-read">
        {' '}
        {type} {id}
      </span>
    </button>
  </form>
)

/** Not the answer to a redirect: the secret is in this answer and nowhere else. */
function secretPage(c: ConsoleContext, webhook: Issued): Promise<Response> {
  const body = (
    <>
      <Head title={hostOf(webhook.url)} crumbs={[WEBHOOKS]} />
      <Card title="The secret, shown this once">
        <p>
          The receiver verifies with it that what it is told comes from here, by any library for
          Standard Webhooks. Give it to whoever runs the receiver, by a way that you trust. It is
          not shown again: whoever loses it needs another one.
        </p>
        <Copyable id="secret" text={webhook.secret} label="Secret" />
        <p>
          <a class="button" href={placeOf(webhook.id)}>
            I have it
          </a>
        </p>
      </Card>
    </>
  )
  return show(c, { title: 'Secret', body, status: 201 })
}

interface Typed {
  readonly url: string
  /** Null for all. */
  readonly types: readonly EventType[] | null
}

function typedIn({ var: { form } }: ConsoleContext): Typed {
  const ticked = form.choices('types', EVENT_TYPES)
  return { url: form.text('url'), types: ticked.length > 0 ? ticked : null }
}

function typedOf({ url, types }: Webhook): Typed {
  return { url, types: types && knownIn(types) }
}

function inWords({ types }: Typed): string {
  return types?.join(', ') ?? 'everything'
}

function knownIn(names: readonly string[]): readonly EventType[] {
  return EVENT_TYPES.filter((type) => names.includes(type))
}

function jsonOf({ url, types }: Typed) {
  return { url, types: types && [...types] }
}

function editPage(
  c: ConsoleContext,
  webhook: Webhook | undefined,
  typed: Typed,
  { note, faults = {}, status }: Fault = {},
): Promise<Response> {
  const title = webhook ? `Edit ${hostOf(webhook.url)}` : 'New webhook'
  const place = webhook ? placeOf(webhook.id) : WEBHOOKS.href
  const body = (
    <>
      <Head title={title} crumbs={webhook ? crumbsOf(webhook) : [WEBHOOKS]} />
      {note}
      <Card>
        <form method="post" action={webhook ? `${place}/edit` : `${place}/new`} class="stack">
          {webhook ? <MadeOf c={c} revision={webhook.revision} status={status} /> : <OnceKey />}
          <Field
            name="url"
            label="Address"
            type="url"
            value={typed.url}
            error={faults['url']}
            required
            maxlength={2048}
            placeholder="https://partner.example/hooks"
            hint="https and a public name. It has to answer with a 2xx by itself: redirects are not followed."
          />
          <fieldset class="stack tight">
            <legend>What it is told</legend>
            <p class="hint">
              Tick none for everything, what may be added later included. Events name ids and
              fields, and hold no personal data.
            </p>
            <div class="grid few">
              {EVENT_TYPES.map((type) => (
                <Check name="types" value={type} checked={typed.types?.includes(type) ?? false}>
                  <code>{type}</code>
                </Check>
              ))}
            </div>
          </fieldset>
          <div class="row">
            <button>{webhook ? 'Save' : 'Make webhook'}</button>
            <a class="button quiet" href={place}>
              Cancel
            </a>
          </div>
        </form>
      </Card>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) => {
    const json = jsonOf({ ...typed, url: typed.url || 'https://partner.example/hooks' })
    if (!webhook) return v1.webhooks.$post({ json })
    const { id, revision } = webhook
    return v1.webhooks[':webhookId'].$patch({ param: { webhookId: id }, json, ifMatch: revision })
  })
  return show(c, { title, body, actions, ...(status && { status }) })
}

function rotatePage(
  c: ConsoleContext,
  webhook: Webhook,
  { note, faults = {}, status }: Fault = {},
) {
  const place = placeOf(webhook.id)
  const title = `A new secret for ${hostOf(webhook.url)}`
  const body = (
    <>
      <Head title={title} crumbs={crumbsOf(webhook)} />
      {note}
      <Rotation
        form={c.var.form}
        place={place}
        label="Hours that the old secret still signs"
        faults={faults}
      >
        For so long what is sent is signed with the old secret as well, so that the receiver is
        right with either.
      </Rotation>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1.webhooks[':webhookId'].rotate.$post({
      param: { webhookId: webhook.id },
      json: { graceSeconds: 86_400 },
    }),
  )
  return show(c, { title, body, actions, ...(status && { status }) })
}

function replayPage(
  c: ConsoleContext,
  webhook: Webhook,
  { note, faults = {}, status }: Fault = {},
) {
  const place = placeOf(webhook.id)
  const title = `Send ${hostOf(webhook.url)} everything since a time`
  const body = (
    <>
      <Head title={title} crumbs={crumbsOf(webhook)} />
      {note}
      <Card>
        <form method="post" action={`${place}/replay`} class="stack">
          <p>
            What has happened since then is sent once more, as far as it is kept. Each event has the
            id that it had before, so a receiver that keeps ids does nothing twice.
          </p>
          <Field
            name="since"
            label="Since"
            value={c.var.form.text('since')}
            required
            hint="As in 2027-06-30T12:00:00Z"
            placeholder="2027-06-30T12:00:00Z"
            error={faults['since']}
          />
          <div class="row">
            <button>Send again</button>
            <a class="button quiet" href={place}>
              Cancel
            </a>
          </div>
        </form>
      </Card>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1.webhooks[':webhookId'].replay.$post({
      param: { webhookId: webhook.id },
      json: { since: '2027-06-30T12:00:00Z' },
    }),
  )
  return show(c, { title, body, actions, ...(status && { status }) })
}

function deletePage(c: ConsoleContext, webhook: Webhook, fault: Fault = {}) {
  const { id, url } = webhook
  const title = `Delete the webhook of ${hostOf(url)}?`
  const body = (
    <>
      <Head title={title} crumbs={crumbsOf(webhook)} />
      <Confirm
        title="It is told nothing more, and what is waiting for it is dropped"
        action={`${placeOf(id)}/delete`}
        word={wordFor(hostOf(url), id)}
        button="Delete webhook"
        back={placeOf(id)}
        fault={fault}
        form={c.var.form}
      >
        <p>To stop it for a while, disable it instead: then nothing is lost.</p>
      </Confirm>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1.webhooks[':webhookId'].$delete({ param: { webhookId: id } }),
  )
  const { status } = fault
  return show(c, { title, body, actions, ...(status && { status }) })
}
