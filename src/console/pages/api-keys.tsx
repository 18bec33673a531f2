/** The API keys of partners: what each may do, how much it is used, and its secret, shown once. */
import { clockTimeOf, startOfDay } from '../../calendar/days-in-zone.ts'
import { Bars } from '../../look/charts.tsx'
import { Check, Field, Hidden, TextArea } from '../../look/forms.tsx'
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
import { type Fault, faultOf } from '../fault.tsx'
import { done } from '../flash.ts'
import { BadChoice, wholeIn } from '../forms.ts'
import { Id } from '../links.tsx'
import { filtersOf, listOf, placesOf } from '../lists.ts'
import { show } from '../shell.tsx'

type Key = Awaited<ReturnType<Client['v1']['api-keys'][':keyId']['$get']>>
type Issued = Awaited<ReturnType<Client['v1']['api-keys']['$post']>>
type Usage = Awaited<ReturnType<Client['v1']['api-keys'][':keyId']['usage']['$get']>>
type Permission = Awaited<ReturnType<Client['v1']['permissions']['$get']>>['permissions'][number]

const KEYS = { href: '/console/api-keys', text: 'API keys' }
const placeOf = (keyId: string) => `/console/api-keys/${encodeURIComponent(keyId)}`
const idOf = (c: ConsoleContext) => c.req.param('keyId') ?? ''

export function apiKeyPages(app: ConsoleApp): void {
  app.get('/console/api-keys', async (c) => {
    const { cursor } = filtersOf(c, ['cursor'])
    const page = await listOf(c, c.var.client.v1['api-keys'].$get({ query: { limit: 50, cursor } }))
    const make = (
      <a class="button" href="/console/api-keys/new">
        New API key
      </a>
    )
    const body = (
      <>
        <Head
          title="API keys"
          lead="What programs of partners call the API with. A key can do no more than whoever made it."
        >
          {make}
        </Head>
        <Table<Key>
          caption="API keys"
          columns={[
            { label: 'Name', cell: ({ id, name }) => <a href={placeOf(id)}>{name}</a> },
            { label: 'State', cell: (key) => <State apiKey={key} /> },
            {
              label: 'Scopes',
              cell: ({ scopes }) => <Scopes scopes={scopes.slice(0, 3)} more={scopes.length - 3} />,
            },
            { label: 'Limit', cell: (key) => limitOf(key) || <span class="muted">none</span> },
            { label: 'Made', cell: ({ createdAt }) => <Time at={createdAt} form="day" /> },
          ]}
          rows={page.items}
          empty={
            <Empty title="There are no API keys yet">
              <p>A key lets a program of somebody you trust read or write what you choose.</p>
              {make}
            </Empty>
          }
        />
        <Pager {...placesOf(c, page)} />
      </>
    )
    return show(c, { title: 'API keys', body })
  })

  app.get('/console/api-keys/new', (c) => editPage(c, undefined, EMPTY))

  app.post('/console/api-keys/new', async (c) => {
    const typed = typedIn(c)
    let issued: Issued | undefined
    const refused = await attempt(
      c.var.client.v1['api-keys']
        .$post({ json: await jsonIn(c, c.env.request), ...once(c) })
        .then((key) => (issued = key)),
    )
    return issued ? secretPage(c, issued) : editPage(c, undefined, typed, faultOf(refused))
  })

  app.get('/console/api-keys/:keyId', async (c) => {
    const param = { keyId: idOf(c) }
    const calls = c.var.client.v1['api-keys'][':keyId']
    const [key, usage] = await Promise.all([calls.$get({ param }), calls.usage.$get({ param })])
    return keyPage(c, key, usage)
  })

  app.get('/console/api-keys/:keyId/edit', async (c) => {
    const key = await read(c)
    return editPage(c, key, typedOf(key, c.env.request.zone))
  })

  app.post('/console/api-keys/:keyId/edit', async (c) => {
    const names = FIELDS.map(([name]) => name).filter((name) => name !== 'scopes')
    c.var.form.need([...names, 'expiresAt'])
    const typed = typedIn(c)
    const param = { keyId: idOf(c) }
    const { zone } = c.env.request
    // The form says what it was made of, as it says the revision.
    const before = instantIn(c)
    // An end that stays is not sent: it may be over already, and then it is none that could be chosen.
    const { expiresAt, ...json } = await jsonIn(c, { zone, expiresAt: before })
    const isKept = expiresAt === (before ?? null)
    const refused = await attempt(
      c.var.client.v1['api-keys'][':keyId'].$patch({
        param,
        json: { ...json, ...(!isKept && { expiresAt }) },
        ifMatch: revisionOf(c),
      }),
    )
    if (!refused) return done(c, placeOf(param.keyId), 'saved')
    const key = await read(c)
    if (refused.code !== 'precondition_failed') return editPage(c, key, typed, faultOf(refused))
    const there = typedOf(key, zone)
    const fields = FIELDS.map(([name, label]) => ({
      name: label,
      there: String(there[name]),
      typed: String(typed[name]),
    }))
    return editPage(c, key, typed, { note: <Both fields={fields} />, status: 412 })
  })

  for (const [action, enabled] of [
    ['enable', true],
    ['disable', false],
  ] as const) {
    app.post(`/console/api-keys/:keyId/${action}`, async (c) => {
      const param = { keyId: idOf(c) }
      await c.var.client.v1['api-keys'][':keyId'].$patch({ param, json: { enabled } })
      return done(c, placeOf(param.keyId), 'saved')
    })
  }

  app.get('/console/api-keys/:keyId/rotate', async (c) => rotatePage(c, await read(c)))

  app.post('/console/api-keys/:keyId/rotate', async (c) => {
    let issued: Issued | undefined
    const refused = await attempt(
      c.var.client.v1['api-keys'][':keyId'].rotate
        .$post({ param: { keyId: idOf(c) }, json: graceIn(c), ...once(c) })
        .then((key) => (issued = key)),
    )
    return issued ? secretPage(c, issued) : rotatePage(c, await read(c), faultOf(refused))
  })

  app.get('/console/api-keys/:keyId/revoke', async (c) => revokePage(c, await read(c)))

  app.post('/console/api-keys/:keyId/revoke', async (c) => {
    const key = await read(c)
    const fault = await confirmed(c, wordFor(key.name, key.id), () =>
      c.var.client.v1['api-keys'][':keyId'].$delete({ param: { keyId: key.id } }),
    )
    return fault ? revokePage(c, key, fault) : done(c, placeOf(key.id), 'revoked')
  })
}

/** When the key ended as the form was made; undefined for never. @throws BadChoice for what is no time */
function instantIn({ var: { form } }: ConsoleContext): string | undefined {
  const text = form.text('expiresAt')
  if (text === '') return undefined
  const isOne = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) && !Number.isNaN(Date.parse(text))
  if (!isOne) throw new BadChoice('expiresAt')
  return text
}

async function permissionsOf(c: ConsoleContext): Promise<readonly Permission[]> {
  return (await c.var.client.v1.permissions.$get()).permissions
}

/** What the form gives the key, of all that there is. @throws BadChoice */
async function jsonIn(c: ConsoleContext, given: Given) {
  const permissions = await permissionsOf(c)
  c.var.form.choices(
    'scopes',
    permissions.map(({ name }) => name),
  )
  return jsonOf(typedIn(c), permissions, given)
}

function read(c: ConsoleContext): Promise<Key> {
  return c.var.client.v1['api-keys'][':keyId'].$get({ param: { keyId: idOf(c) } })
}

/** What it is now, in one word, and what is said beside it. */
function stateOf(key: Key, now: number): readonly [Tone, string] {
  if (key.revokedAt) return ['bad', 'revoked']
  if (!key.enabled) return ['warn', 'disabled']
  if (key.expiresAt && Date.parse(key.expiresAt) <= now) return ['bad', 'expired']
  if (key.effectiveScopes.length < key.scopes.length) return ['warn', 'less than its scopes']
  return ['good', 'active']
}

const State = ({ apiKey }: { readonly apiKey: Key }) => {
  const [tone, text] = stateOf(apiKey, Date.now())
  return <Pill tone={tone}>{text}</Pill>
}

const Scopes = ({
  scopes,
  more = 0,
}: {
  readonly scopes: readonly string[]
  readonly more?: number
}) => (
  <span class="chips">
    {scopes.map((scope) => (
      <code>{scope}</code>
    ))}
    {more > 0 && <span class="muted small">and {more} more</span>}
    {scopes.length === 0 && <span class="muted">none</span>}
  </span>
)

function limitOf({ rateLimit, monthlyQuota }: Key): string {
  const limits = [
    rateLimit && `${rateLimit.limit} in ${rateLimit.windowSeconds} s`,
    monthlyQuota !== null && `${monthlyQuota} a month`,
  ]
  return limits.filter(Boolean).join(', ')
}

function keyPage(c: ConsoleContext, key: Key, usage: Usage): Promise<Response> {
  const place = placeOf(key.id)
  const lost = key.scopes.filter((scope) => !key.effectiveScopes.includes(scope))
  const days = usage.byDay.toReversed()
  const body = (
    <>
      <Head title={key.name} crumbs={[KEYS]}>
        {!key.revokedAt && (
          <>
            <a class="button plain" href={`${place}/edit`}>
              Edit
            </a>
            <form method="post" action={`${place}/${key.enabled ? 'disable' : 'enable'}`}>
              <button class="plain">{key.enabled ? 'Disable' : 'Enable'}</button>
            </form>
            <a class="button plain" href={`${place}/rotate`}>
              Rotate…
            </a>
            <a class="button plain" href={`${place}/revoke`}>
              Revoke…
            </a>
          </>
        )}
      </Head>
      {lost.length > 0 && !key.revokedAt && (
        <div class="panel warn">
          <p>
            It may not use <Scopes scopes={lost} />: whoever made it may not do that any more.
          </p>
        </div>
      )}
      <div class="grid two">
        <Card title="API key">
          <Facts
            of={[
              ['State', <State apiKey={key} />],
              ['Id', <code>{key.id}</code>],
              ['Scopes', <Scopes scopes={key.scopes} />],
              ['Limit', limitOf(key) || 'none'],
              ['From', key.allowedIps ? key.allowedIps.join(', ') : 'everywhere'],
              ['Expires', key.expiresAt ? <Time at={key.expiresAt} /> : 'never'],
              ['Revoked', key.revokedAt && <Time at={key.revokedAt} />],
              ['Made by', <Id id={key.createdBy} />],
              ['Made', <Time at={key.createdAt} />],
              ['Last used', usage.lastUsedAt ? <Time at={usage.lastUsedAt} form="ago" /> : 'never'],
            ]}
          />
        </Card>
        <Card title="Requests by day">
          {days.length > 0 ? (
            <Bars
              title="Requests by day"
              unit="requests"
              points={days.map(({ day, requests }) => ({ day, value: requests }))}
            />
          ) : (
            <Empty title="It has not been used yet" />
          )}
          <p class="muted small">Days as UTC has them; up to a minute behind.</p>
        </Card>
      </div>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1['api-keys'][':keyId'].$patch({ param: { keyId: key.id }, json: { enabled: !key.enabled } }),
  )
  return show(c, { title: key.name, body, actions })
}

/** Not the answer to a redirect: the secret is in this answer and nowhere else. */
function secretPage(c: ConsoleContext, key: Issued): Promise<Response> {
  const body = (
    <>
      <Head title={key.name} crumbs={[KEYS]} />
      <Card title="The secret, shown this once">
        <p>
          Give it to whoever will use it, by a way that you trust. Only a hash of it is kept here:
          whoever loses it needs another one.
        </p>
        <Copyable id="secret" text={key.secret} label="API key" />
        <Copyable
          id="try"
          text={`curl ${c.env.request.publicUrl}/v1/whoami -H 'X-API-Key: ${key.secret}'`}
          label="Try it"
        />
        <p>
          <a class="button" href={placeOf(key.id)}>
            I have it
          </a>
        </p>
      </Card>
    </>
  )
  return show(c, { title: 'Secret', body, status: 201 })
}

const FIELDS = [
  ['name', 'Name'],
  ['scopes', 'Scopes'],
  ['expiresOn', 'Last day'],
  ['allowedIps', 'Addresses'],
  ['limit', 'Requests'],
  ['windowSeconds', 'In seconds'],
  ['monthlyQuota', 'A month'],
] as const

interface Typed {
  readonly name: string
  readonly scopes: readonly string[]
  /** The last day of it, in the site's zone; empty for never. */
  readonly expiresOn: string
  /** One to a line. */
  readonly allowedIps: string
  readonly limit: string
  readonly windowSeconds: string
  readonly monthlyQuota: string
}

const EMPTY: Typed = {
  name: '',
  scopes: [],
  expiresOn: '',
  allowedIps: '',
  limit: '',
  windowSeconds: '60',
  monthlyQuota: '',
}

function typedIn({ var: { form } }: ConsoleContext): Typed {
  return {
    name: form.text('name'),
    scopes: form.all('scopes'),
    expiresOn: form.text('expiresOn'),
    allowedIps: form.text('allowedIps'),
    limit: form.text('limit'),
    windowSeconds: form.text('windowSeconds'),
    monthlyQuota: form.text('monthlyQuota'),
  }
}

function typedOf(key: Key, zone: string): Typed {
  const { name, scopes, expiresAt, allowedIps, rateLimit, monthlyQuota } = key
  return {
    name,
    scopes,
    expiresOn: expiresAt ? lastDayOf(expiresAt, zone) : '',
    allowedIps: allowedIps?.join('\n') ?? '',
    limit: rateLimit ? String(rateLimit.limit) : '',
    windowSeconds: rateLimit ? String(rateLimit.windowSeconds) : EMPTY.windowSeconds,
    monthlyQuota: monthlyQuota === null ? '' : String(monthlyQuota),
  }
}

/** The day on which it is good to the end, or until some time. */
function lastDayOf(expiresAt: string, zone: string): string {
  return clockTimeOf(new Date(Date.parse(expiresAt) - 1).toISOString(), zone).day
}

/**
 * Until the end of the last day; a time of that day which was chosen by API stays as it is. What is no
 * day the API refuses.
 * @param before when it ended so far
 */
function endOf(day: string, zone: string, before: string | undefined): string | null {
  if (day === '') return null
  if (before && lastDayOf(before, zone) === day) return before
  return startOfDay(day, zone, 1) ?? day
}

interface Given {
  readonly zone: string
  /** When it ends as it is now. */
  readonly expiresAt?: string | undefined
}

/** @param permissions of which the scopes are */
function jsonOf(typed: Typed, permissions: readonly Permission[], { zone, expiresAt }: Given) {
  const { name, expiresOn, limit, windowSeconds, monthlyQuota } = typed
  const [most, seconds] = [wholeIn(limit), wholeIn(windowSeconds)]
  // Without a limit the window is of no consequence, but it has to be one that could be.
  const isLimited = most !== undefined || seconds === -1
  const ips = typed.allowedIps.split(/[\s,]+/).filter(Boolean)
  return {
    name,
    scopes: permissions.map(({ name }) => name).filter((name) => typed.scopes.includes(name)),
    expiresAt: endOf(expiresOn, zone, expiresAt),
    allowedIps: ips.length > 0 ? ips : null,
    rateLimit: isLimited ? { limit: most ?? -1, windowSeconds: seconds ?? -1 } : null,
    monthlyQuota: wholeIn(monthlyQuota) ?? null,
  }
}

async function editPage(
  c: ConsoleContext,
  key: Key | undefined,
  typed: Typed,
  { note, faults = {}, status }: Fault = {},
): Promise<Response> {
  const { zone } = c.env.request
  const [permissions, me] = await Promise.all([permissionsOf(c), c.var.me])
  const mine = new Set(
    me.permissions.filter(({ reach }) => reach === 'any').map(({ permission }) => permission),
  )
  const scopes = permissions.filter(
    ({ name, keyScope }) => keyScope && (mine.has(name) || typed.scopes.includes(name)),
  )
  const title = key ? `Edit ${key.name}` : 'New API key'
  const place = key ? placeOf(key.id) : KEYS.href
  const field = (name: Exclude<keyof Typed, 'scopes'>, label: string, path: string = name) => ({
    name,
    label,
    value: typed[name],
    error: faults[path],
  })
  const body = (
    <>
      <Head title={title} crumbs={[KEYS, ...(key ? [{ href: place, text: key.name }] : [])]} />
      {note}
      <Card>
        <form method="post" action={key ? `${place}/edit` : `${place}/new`} class="stack">
          {key ? <MadeOf c={c} revision={key.revision} status={status} /> : <OnceKey />}
          <Field
            {...field('name', 'Name')}
            required
            maxlength={100}
            hint="Whom or what it is for"
          />
          <fieldset class="stack tight scopes">
            <legend>Scopes</legend>
            <p class="hint">
              Of everybody’s, not only its own. You can give what you have yourself.
            </p>
            {scopes.map(({ name, description }) => (
              <Check name="scopes" value={name} checked={typed.scopes.includes(name)}>
                <code>{name}</code> <span class="muted">{description}</span>
              </Check>
            ))}
          </fieldset>
          <div class="row top">
            <Field
              {...field('limit', 'Requests', 'rateLimit.limit')}
              type="number"
              min={1}
              max={1_000_000}
              hint="Empty for no limit"
            />
            <Field
              {...field('windowSeconds', 'in so many seconds', 'rateLimit.windowSeconds')}
              type="number"
              min={1}
              max={86_400}
            />
            <Field
              {...field('monthlyQuota', 'Requests a month')}
              type="number"
              min={1}
              max={1_000_000_000}
              hint="Empty for no quota"
            />
          </div>
          <TextArea
            {...field('allowedIps', 'Addresses')}
            hint="Addresses or ranges that it works from, one to a line; empty for everywhere"
          />
          {key && <Hidden name="expiresAt" value={key.expiresAt ?? ''} />}
          <Field
            {...field('expiresOn', 'Last day', 'expiresAt')}
            type="date"
            hint={`It is good until the end of this day in ${zone}; empty for ever`}
          />
          <div class="row">
            <button>{key ? 'Save' : 'Make API key'}</button>
            <a class="button quiet" href={place}>
              Cancel
            </a>
          </div>
        </form>
      </Card>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) => {
    const given = { zone, expiresAt: key?.expiresAt ?? undefined }
    const json = jsonOf({ ...typed, name: typed.name || 'Door' }, scopes, given)
    if (!key) return v1['api-keys'].$post({ json })
    return v1['api-keys'][':keyId'].$patch({
      param: { keyId: key.id },
      json,
      ifMatch: key.revision,
    })
  })
  return show(c, { title, body, actions, ...(status && { status }) })
}

function rotatePage(c: ConsoleContext, key: Key, { note, faults = {}, status }: Fault = {}) {
  const place = placeOf(key.id)
  const body = (
    <>
      <Head
        title={`A new secret for ${key.name}`}
        crumbs={[KEYS, { href: place, text: key.name }]}
      />
      {note}
      <Rotation
        form={c.var.form}
        place={place}
        label="Hours that the old secret still works"
        faults={faults}
      >
        The key stays the same, with its scopes and limits. For so long the old secret works beside
        the new one.
      </Rotation>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1['api-keys'][':keyId'].rotate.$post({
      param: { keyId: key.id },
      json: { graceSeconds: 86_400 },
    }),
  )
  return show(c, { title: `Rotate ${key.name}`, body, actions, ...(status && { status }) })
}

function revokePage(c: ConsoleContext, key: Key, fault: Fault = {}) {
  const place = placeOf(key.id)
  const body = (
    <>
      <Head title={`Revoke ${key.name}?`} crumbs={[KEYS, { href: place, text: key.name }]} />
      <Confirm
        title="Whatever uses it stops at once, for good"
        action={`${place}/revoke`}
        word={wordFor(key.name, key.id)}
        button="Revoke API key"
        back={place}
        fault={fault}
        form={c.var.form}
      >
        <p>To stop it for a while, disable it instead. The key stays on record.</p>
      </Confirm>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1['api-keys'][':keyId'].$delete({ param: { keyId: key.id } }),
  )
  const { status } = fault
  return show(c, { title: `Revoke ${key.name}`, body, actions, ...(status && { status }) })
}
