/** Badges, each with a picture of how it looks beside a name. */
import { Field, TextArea } from '../../look/forms.tsx'
import {
  BadgeChip,
  Card,
  Empty,
  Face,
  Facts,
  Head,
  Pager,
  type ShownBadge,
  Table,
  Time,
} from '../../look/parts.tsx'
import { callsOf, type Client } from '../api.ts'
import { type ConsoleApp, type ConsoleContext, may } from '../context.ts'
import { attempt, Both, Confirm, confirmed, MadeOf, once, OnceKey, revisionOf } from '../edit.tsx'
import { type Fault, faultOf } from '../fault.tsx'
import { done } from '../flash.ts'
import { wholeIn } from '../forms.ts'
import { filtersOf, listOf, placesOf } from '../lists.ts'
import { show } from '../shell.tsx'

type Badge = Awaited<ReturnType<Client['v1']['badges'][':badgeId']['$get']>>

const placeOf = (badgeId: string) => `/console/badges/${encodeURIComponent(badgeId)}`
const idOf = (c: ConsoleContext) => c.req.param('badgeId') ?? ''
const BADGES = { href: '/console/badges', text: 'Badges' }

export function badgePages(app: ConsoleApp): void {
  app.get('/console/badges', async (c) => {
    const { cursor } = filtersOf(c, ['cursor'])
    const page = await listOf(c, c.var.client.v1.badges.$get({ query: { limit: 50, cursor } }))
    const isManager = may(await c.var.me, 'badge:manage')
    const body = (
      <>
        <Head title="Badges" lead="What members can earn here, in the order in which it is shown.">
          {isManager && (
            <a class="button" href="/console/badges/new">
              New badge
            </a>
          )}
        </Head>
        <Table
          caption="Badges"
          columns={[
            {
              label: 'Badge',
              cell: (badge) => (
                <a href={placeOf(badge.id)}>
                  <BadgeChip badge={badge} />
                </a>
              ),
            },
            { label: 'Slug', cell: ({ slug }) => <code>{slug}</code> },
            { label: 'Description', cell: ({ description }) => <span>{description}</span> },
            { label: 'Position', cell: ({ position }) => position, align: 'right' },
          ]}
          rows={page.items}
          empty={
            <Empty title="There are no badges yet">
              <p>A badge is given by hand, or by a rule that counts visits.</p>
              {isManager && (
                <a class="button" href="/console/badges/new">
                  Make the first one
                </a>
              )}
            </Empty>
          }
        />
        <Pager {...placesOf(c, page)} />
      </>
    )
    return show(c, { title: 'Badges', body })
  })

  app.get('/console/badges/new', (c) => editPage(c, undefined, typedIn(c, NEW)))

  app.post('/console/badges/new', async (c) => {
    const typed = typedIn(c, NEW)
    const { slug, position, ...json } = jsonOf(typed)
    let made: Badge | undefined
    const refused = await attempt(
      c.var.client.v1.badges
        .$post({
          json: { ...json, ...(slug && { slug }), ...(position !== undefined && { position }) },
          ...once(c),
        })
        .then((badge) => (made = badge)),
    )
    if (made) return done(c, placeOf(made.id), 'created')
    return editPage(c, undefined, typed, faultOf(refused))
  })

  app.get('/console/badges/:badgeId', (c) => badgePage(c))

  app.get('/console/badges/:badgeId/edit', async (c) => {
    const badge = await read(c)
    return editPage(c, badge, typedIn(c, typedOf(badge)))
  })

  app.post('/console/badges/:badgeId/edit', async (c) => {
    c.var.form.need(FIELDS.map(([name]) => name))
    const typed = typedIn(c, NEW)
    const param = { badgeId: idOf(c) }
    const refused = await attempt(
      c.var.client.v1.badges[':badgeId'].$patch({
        param,
        json: { ...jsonOf(typed), position: wholeIn(typed.position) ?? -1 },
        ifMatch: revisionOf(c),
      }),
    )
    if (!refused) return done(c, placeOf(param.badgeId), 'saved')
    const badge = await read(c)
    const there = typedOf(badge)
    if (refused.code !== 'precondition_failed') return editPage(c, badge, typed, faultOf(refused))
    const fields = FIELDS.map(([name, label]) => ({
      name: label,
      there: there[name],
      typed: typed[name],
    }))
    return editPage(c, badge, typed, { note: <Both fields={fields} />, status: 412 })
  })

  app.get('/console/badges/:badgeId/delete', (c) => deletePage(c))

  app.post('/console/badges/:badgeId/delete', async (c) => {
    const { slug, id } = await read(c)
    const fault = await confirmed(c, slug, () =>
      c.var.client.v1.badges[':badgeId'].$delete({ param: { badgeId: id } }),
    )
    return fault ? deletePage(c, fault) : done(c, '/console/badges', 'deleted')
  })
}

function read(c: ConsoleContext): Promise<Badge> {
  return c.var.client.v1.badges[':badgeId'].$get({ param: { badgeId: idOf(c) } })
}

async function badgePage(c: ConsoleContext): Promise<Response> {
  const badge = await read(c)
  const isManager = may(await c.var.me, 'badge:manage')
  const place = placeOf(badge.id)
  const body = (
    <>
      <Head title={badge.title} crumbs={[BADGES]}>
        {isManager && (
          <>
            <a class="button plain" href={`${place}/edit`}>
              Edit
            </a>
            <a class="button plain" href={`${place}/delete`}>
              Delete…
            </a>
          </>
        )}
      </Head>
      <div class="grid two">
        <Picture badge={badge} />
        <Card title="Badge">
          <Facts
            of={[
              ['Id', <code>{badge.id}</code>],
              ['Slug', <code>{badge.slug}</code>],
              ['Description', badge.description],
              ['Position', String(badge.position)],
              ['Made', <Time at={badge.createdAt} />],
              ['Changed', <Time at={badge.updatedAt} />],
              ['Revision', String(badge.revision)],
            ]}
          />
        </Card>
      </div>
    </>
  )
  return show(c, { title: badge.title, body })
}

/** How it looks, large and beside a name. The script keeps it up with the form beside it. */
const Picture = ({ badge }: { readonly badge: ShownBadge }) => (
  <Card title="How it looks">
    <p class="row" data-picture>
      <BadgeChip badge={badge} big />
    </p>
    <p class="row" data-picture>
      <Face name="Ada Lovelace" url={null} />
      <strong>Ada Lovelace</strong>
      <BadgeChip badge={badge} />
    </p>
  </Card>
)

const FIELDS = [
  ['title', 'Title'],
  ['slug', 'Slug'],
  ['description', 'Description'],
  ['backgroundColor', 'Ground'],
  ['textColor', 'Text'],
  ['iconUrl', 'Icon'],
  ['position', 'Position'],
] as const

type Typed = Readonly<Record<(typeof FIELDS)[number][0], string>>

const NEW: Typed = {
  title: '',
  slug: '',
  description: '',
  backgroundColor: '#334155',
  textColor: '#ffffff',
  iconUrl: '',
  position: '',
}

/** What was sent, or is in the address, which is how the picture is seen without the script. */
function typedIn(c: ConsoleContext, otherwise: Typed): Typed {
  const { form } = c.var
  const of = (name: keyof Typed) =>
    form.has(name) ? form.text(name) : (c.req.query(name) ?? otherwise[name])
  return {
    title: of('title'),
    slug: of('slug'),
    description: of('description'),
    backgroundColor: of('backgroundColor'),
    textColor: of('textColor'),
    iconUrl: of('iconUrl'),
    position: of('position'),
  }
}

function typedOf(badge: Badge): Typed {
  const { title, slug, description, backgroundColor, textColor, iconUrl, position } = badge
  return {
    title,
    slug,
    description,
    backgroundColor,
    textColor,
    iconUrl: iconUrl ?? '',
    position: String(position),
  }
}

function jsonOf({ iconUrl, position, ...texts }: Typed) {
  return {
    ...texts,
    iconUrl: iconUrl || null,
    ...(position !== '' && { position: wholeIn(position) ?? -1 }),
  }
}

const COLOUR = /^#[0-9a-f]{6}$/i

function editPage(
  c: ConsoleContext,
  badge: Badge | undefined,
  typed: Typed,
  { note, faults = {}, status }: Fault = {},
): Promise<Response> {
  const title = badge ? `Edit ${badge.title}` : 'New badge'
  const place = badge ? placeOf(badge.id) : '/console/badges'
  const here = badge ? `${place}/edit` : '/console/badges/new'
  const field = (name: keyof Typed, label: string) => ({
    name,
    label,
    value: typed[name],
    error: faults[name],
  })
  const shown = {
    title: typed.title || 'Untitled',
    backgroundColor: COLOUR.test(typed.backgroundColor) ? typed.backgroundColor : '#334155',
    textColor: COLOUR.test(typed.textColor) ? typed.textColor : '#ffffff',
    iconUrl: typed.iconUrl.startsWith('https://') ? typed.iconUrl : null,
  }
  const body = (
    <>
      <Head
        title={title}
        crumbs={[BADGES, ...(badge ? [{ href: place, text: badge.title }] : [])]}
      />
      {note}
      <div class="grid two">
        <Card>
          <form method="post" action={here} class="stack" data-pictures>
            {badge ? <MadeOf c={c} revision={badge.revision} status={status} /> : <OnceKey />}
            <Field {...field('title', 'Title')} required maxlength={50} />
            <Field
              {...field('slug', 'Slug')}
              required={badge !== undefined}
              hint={
                badge
                  ? 'What programs call it'
                  : 'What programs call it; made of the title if empty'
              }
              maxlength={64}
            />
            <TextArea {...field('description', 'Description')} maxlength={1500} />
            <div class="row top">
              <Field {...field('backgroundColor', 'Ground')} type="color" />
              <Field {...field('textColor', 'Text')} type="color" />
            </div>
            <Field
              {...field('iconUrl', 'Icon')}
              type="url"
              hint="An https URL of a small square picture"
              maxlength={2048}
            />
            <Field
              {...field('position', 'Position')}
              type="number"
              min={0}
              max={1_000_000}
              required={badge !== undefined}
              hint={badge ? 'Smaller is earlier' : 'Smaller is earlier; the last if empty'}
            />
            <div class="row">
              <button>{badge ? 'Save' : 'Make badge'}</button>
              <button class="plain" formmethod="get" formaction={here} formnovalidate>
                Preview
              </button>
              <a class="button quiet" href={place}>
                Cancel
              </a>
            </div>
          </form>
        </Card>
        <Picture badge={shown} />
      </div>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) => {
    const json = jsonOf({ ...typed, title: shown.title })
    if (!badge) return v1.badges.$post({ json: { ...json, slug: typed.slug || undefined } })
    return v1.badges[':badgeId'].$patch({
      param: { badgeId: badge.id },
      json,
      ifMatch: badge.revision,
    })
  })
  return show(c, { title, body, actions, ...(status && { status }) })
}

async function deletePage(c: ConsoleContext, fault: Fault = {}): Promise<Response> {
  const badge = await read(c)
  const place = placeOf(badge.id)
  const body = (
    <>
      <Head
        title={`Delete ${badge.title}?`}
        crumbs={[BADGES, { href: place, text: badge.title }]}
      />
      <Confirm
        title="It goes from everybody who has it"
        action={`${place}/delete`}
        word={badge.slug}
        button="Delete badge"
        back={place}
        fault={fault}
        form={c.var.form}
      >
        <p>Its rules go with it. A badge that a page rule names stays until the rule does not.</p>
        <p>
          <BadgeChip badge={badge} />
        </p>
      </Confirm>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1.badges[':badgeId'].$delete({ param: { badgeId: badge.id } }),
  )
  return show(c, {
    title: `Delete ${badge.title}`,
    body,
    actions,
    ...(fault.status && { status: fault.status }),
  })
}
