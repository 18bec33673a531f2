/** One member: who they are, what they have, what they did, and what may be done about them. */
import { GuildhallError } from '../../client/index.ts'
import { Bars, HeatMap } from '../../look/charts.tsx'
import { Field, Hidden, Select, TextArea } from '../../look/forms.tsx'
import {
  BadgeChip,
  Card,
  Day,
  Facts,
  Figure,
  Head,
  Pager,
  Pill,
  Table,
  Tabs,
  Time,
} from '../../look/parts.tsx'
import { callsOf } from '../api.ts'
import { AuditTable } from '../audit-table.tsx'
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
import { type Fault, faultOf } from '../fault.tsx'
import { done } from '../flash.ts'
import { chosen, faultsOf } from '../forms.ts'
import { filtersOf, listOf, moreHint, placesOf, wholeOf } from '../lists.ts'
import {
  About,
  memberIdOf as idOf,
  type Member,
  memberPlace as placeOf,
  readMember as read,
} from '../member-about.tsx'
import { Refusal, statusOf } from '../refusal.tsx'
import { show } from '../shell.tsx'

const Status = ({ status }: { readonly status: Member['status'] }) => (
  <Pill tone={status === 'active' ? 'good' : 'bad'}>{status}</Pill>
)

export function memberPage(app: ConsoleApp): void {
  app.get('/console/members/:userId', (c) => profile(c))
  app.get('/console/members/:userId/visits', (c) => visits(c))
  app.get('/console/members/:userId/history', (c) => history(c))
  editing(app)
  acting(app)
}

/** The pages of a list that is read to its end. */
const ALL = { query: { limit: 100 } }

async function profile(c: ConsoleContext): Promise<Response> {
  const { client } = c.var
  const me = await c.var.me
  const [mayGive, mayAssign] = [may(me, 'badge:assign'), may(me, 'role:assign')]
  const [member, badges, roles] = await Promise.all([
    read(client, idOf(c)),
    mayGive ? wholeOf(client.all(client.v1.badges.$get, ALL)) : undefined,
    mayAssign ? wholeOf(client.all(client.v1.roles.$get, ALL)) : undefined,
  ])
  const place = placeOf(member.id)
  const param = { userId: member.id }
  const held = new Set(member.badges.map(({ id }) => id))
  const free = badges?.items.filter(({ id }) => !held.has(id)) ?? []
  const others = roles?.items.filter(({ name }) => !member.roles.includes(name)) ?? []
  const body = (
    <>
      <About member={member} me={me} tab="">
        {may(me, 'profile:update') && (
          <a class="button plain" href={`${place}/edit`}>
            Edit profile
          </a>
        )}
      </About>
      <div class="grid two">
        <div class="stack">
          <Card title="Profile" actions={<Status status={member.status} />}>
            <Facts
              of={[
                ['Id', <code>{member.id}</code>],
                ['Email', member.email],
                ['Phone', member.phone],
                ['Address', addressOf(member)],
                ['Bio', member.bio],
                ['Suspended because', member.suspensionReason],
                ['Member since', <Time at={member.createdAt} />],
                ['Changed', <Time at={member.updatedAt} />],
                ['Revision', String(member.revision)],
              ]}
            />
          </Card>
          {(may(me, 'user:suspend') || may(me, 'profile:delete')) && (
            <Card title="Suspend or delete">
              <p class="muted">
                Whoever is suspended is known and may do nothing, from this moment on. Deleting
                erases personal data everywhere, visits included.
              </p>
              <div class="row">
                {may(me, 'user:suspend') && (
                  <a
                    class="button plain"
                    href={`${place}/${member.status === 'active' ? 'suspend' : 'reinstate'}`}
                  >
                    {member.status === 'active' ? 'Suspend…' : 'Reinstate…'}
                  </a>
                )}
                {may(me, 'profile:delete') && (
                  <a class="button danger" href={`${place}/delete`}>
                    Delete…
                  </a>
                )}
              </div>
            </Card>
          )}
        </div>
        <div class="stack">
          <Card title="Roles">
            <ul class="chips">
              {member.roles.map((role) => (
                <li class="row">
                  <Pill tone={role === 'member' ? 'plain' : 'info'}>{role}</Pill>
                  {mayAssign && role !== 'member' && (
                    <form method="post" action={`${place}/roles/take`}>
                      <Hidden name="role" value={role} />
                      <button class="quiet small">
                        Take away<span class="only-read"> the role {role}</span>
                      </button>
                    </form>
                  )}
                </li>
              ))}
            </ul>
            {mayAssign && others.length > 0 && (
              <form method="post" action={`${place}/roles`} class="row end">
                <div class="grow">
                  <Select
                    name="role"
                    label="Another role"
                    hint={roles && moreHint(roles)}
                    choices={others.map(({ name, builtIn }) => ({
                      value: name,
                      text: builtIn ? name : `${name} (custom)`,
                    }))}
                  />
                </div>
                <button class="plain">Give role</button>
              </form>
            )}
          </Card>
          <Card title="Badges">
            {member.badges.length === 0 && <p class="muted">None yet.</p>}
            <ul class="stack tight" hidden={member.badges.length === 0}>
              {member.badges.map((badge) => (
                <li class="row between">
                  <BadgeChip badge={badge} />
                  {mayGive && (
                    <form method="post" action={`${place}/badges/take`}>
                      <Hidden name="badgeId" value={badge.id} />
                      <button class="quiet small">
                        Take away<span class="only-read"> the badge {badge.title}</span>
                      </button>
                    </form>
                  )}
                </li>
              ))}
            </ul>
            {mayGive && free.length > 0 && (
              <form method="post" action={`${place}/badges`} class="row end">
                <div class="grow">
                  <Select
                    name="badgeId"
                    label="Another badge"
                    hint={badges && moreHint(badges)}
                    choices={free.map(({ id, title }) => ({ value: id, text: title }))}
                  />
                </div>
                <button class="plain">Give badge</button>
              </form>
            )}
          </Card>
        </div>
      </div>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) => {
    const each = v1.users[':userId']
    const [badge] = free
    const [role] = others
    if (badge) void each.badges[':badgeId'].$put({ param: { ...param, badgeId: badge.id } })
    if (role) void each.roles[':role'].$put({ param: { ...param, role: role.name } })
    if (may(me, 'user:suspend')) void each.suspend.$post({ param, json: {} })
  })
  return show(c, { title: member.displayName, body, actions })
}

function addressOf({ address }: Member): string | undefined {
  if (!address) return undefined
  const { line1, line2, postalCode, city, region, country } = address
  const town = [postalCode, city].filter(Boolean).join(' ')
  return [line1, line2, town, region, country].filter(Boolean).join(', ')
}

async function visits(c: ConsoleContext): Promise<Response> {
  const { client } = c.var
  const param = { userId: idOf(c) }
  const [me, member, summary] = await Promise.all([
    c.var.me,
    read(client, param.userId),
    client.v1.users[':userId'].visits.$get({ param }),
  ])
  const counts = new Map(summary.byDay.map(({ day, visits }) => [day, visits]))
  const until = dayIn(c.env.request.zone, c.env.request.now)
  const recent = summary.byDay.slice(0, 30)
  const body = (
    <>
      <About member={member} me={me} tab="/visits" />
      <div class="grid few">
        <Figure name="Visits" value={summary.total} note={`on ${summary.days} days`} />
        <Figure name="Streak now" value={summary.currentStreak} note="days in a row" />
        <Figure name="Longest streak" value={summary.longestStreak} note="days in a row" />
        <Figure
          name="Last visit"
          value={summary.lastVisitAt ? <Time at={summary.lastVisitAt} form="day" /> : 'never'}
        />
      </div>
      <Card title="A year of visits">
        <HeatMap title="Visits by day" until={until} counts={counts} />
        <p class="muted small">
          One square a day, weeks from left to right; darker is more. Days are those of{' '}
          {c.env.request.zone}.
        </p>
      </Card>
      {recent.length > 0 && (
        <Card title="Last days with visits">
          <Bars
            title="Visits on the last days with any"
            unit="visits"
            points={recent.toReversed().map(({ day, visits }) => ({ day, value: visits }))}
          />
          <details>
            <summary>The same as a table</summary>
            <Table
              caption="Visits by day"
              columns={[
                { label: 'Day', cell: ({ day }) => <Day day={day} /> },
                { label: 'Visits', cell: ({ visits }) => visits, align: 'right' },
              ]}
              rows={recent}
              empty=""
            />
          </details>
        </Card>
      )}
    </>
  )
  return show(c, { title: `Visits of ${member.displayName}`, body })
}

/** The day at this moment, as the site counts days. */
function dayIn(timeZone: string, now: number): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(new Date(now))
}

async function history(c: ConsoleContext): Promise<Response> {
  const { client } = c.var
  const { by: asked, cursor } = filtersOf(c, ['by', 'cursor'])
  const by = asked === undefined ? undefined : chosen('by', asked, ['them'])
  const userId = idOf(c)
  const [me, member, entries] = await Promise.all([
    c.var.me,
    read(client, userId),
    listOf(
      c,
      client.v1.audit.$get({
        query: { limit: 25, cursor, ...(by ? { actor: userId } : { target: userId }) },
      }),
    ),
  ])
  const place = `${placeOf(userId)}/history`
  const body = (
    <>
      <About member={member} me={me} tab="/history" />
      <Tabs
        label="Which entries"
        tabs={[
          { href: place, text: 'Done to them', here: !by },
          { href: `${place}?by=them`, text: 'Done by them', here: Boolean(by) },
        ]}
      />
      <AuditTable entries={entries.items} />
      <Pager {...placesOf(c, entries)} />
    </>
  )
  return show(c, { title: `History of ${member.displayName}`, body })
}

const ADDRESS = [
  ['line1', 'Street'],
  ['line2', 'Second line'],
  ['postalCode', 'Postal code'],
  ['city', 'City'],
  ['region', 'Region'],
  ['country', 'Country'],
] as const

/** What the form about a profile has in it, all as text. */
type Typed = Readonly<Record<string, string>>

const LABELS: readonly (readonly [string, string])[] = [
  ['displayName', 'Name'],
  ['bio', 'Bio'],
  ['avatarUrl', 'Picture'],
  ['phone', 'Phone'],
  ...ADDRESS.map(([name, label]) => [`address.${name}`, label] as const),
]

function typedOf(member: Member): Typed {
  const { displayName, bio, avatarUrl, phone, address } = member
  const parts = ADDRESS.map(([name]) => [`address.${name}`, address?.[name] ?? ''])
  return {
    displayName,
    bio: bio ?? '',
    avatarUrl: avatarUrl ?? '',
    phone: phone ?? '',
    ...Object.fromEntries(parts),
  }
}

function editing(app: ConsoleApp): void {
  app.get('/console/members/:userId/edit', async (c) => {
    const member = await read(c.var.client, idOf(c))
    return editPage(c, member, typedOf(member))
  })

  app.post('/console/members/:userId/edit', async (c) => {
    const { client, form } = c.var
    form.need(LABELS.map(([name]) => name))
    const typed = Object.fromEntries(LABELS.map(([name]) => [name, form.text(name)]))
    const orNull = (name: string) => typed[name] || null
    const address = Object.fromEntries(ADDRESS.map(([name]) => [name, orNull(`address.${name}`)]))
    const param = { userId: idOf(c) }
    const refused = await attempt(
      client.v1.users[':userId'].$patch({
        param,
        json: {
          displayName: typed['displayName'] ?? '',
          bio: orNull('bio'),
          avatarUrl: orNull('avatarUrl'),
          phone: orNull('phone'),
          address: Object.values(address).some((part) => part !== null) ? address : null,
        },
        ifMatch: revisionOf(c),
      }),
    )
    if (!refused) return done(c, placeOf(param.userId), 'saved')
    const member = await read(client, param.userId)
    const there = typedOf(member)
    const note =
      refused.code === 'precondition_failed' ? (
        <Both
          fields={LABELS.map(([name, label]) => ({
            name: label,
            there: there[name] ?? '',
            typed: typed[name] ?? '',
          }))}
        />
      ) : (
        <Refusal error={refused} />
      )
    return editPage(c, member, typed, {
      note,
      faults: faultsOf(refused),
      status: statusOf(refused),
    })
  })
}

function editPage(
  c: ConsoleContext,
  member: Member,
  typed: Typed,
  { note, faults = {}, status }: Fault = {},
): Promise<Response> {
  const place = placeOf(member.id)
  const field = (name: string) => ({ name, value: typed[name] ?? '', error: faults[name] })
  const body = (
    <>
      <Head
        title="Edit profile"
        crumbs={[
          { href: '/console/members', text: 'Members' },
          { href: place, text: member.displayName },
        ]}
      />
      {note}
      <form method="post" class="stack">
        <MadeOf c={c} revision={member.revision} status={status} />
        <div class="grid two">
          <Card title="Shown to everybody">
            <Field {...field('displayName')} label="Name" required maxlength={80} />
            <TextArea {...field('bio')} label="Bio" rows={5} maxlength={1000} />
            <Field
              {...field('avatarUrl')}
              label="Picture"
              hint="An https URL"
              type="url"
              maxlength={2048}
            />
          </Card>
          <Card title="Private">
            <Field {...field('phone')} label="Phone" hint="As in +4930123456" type="tel" />
            {ADDRESS.map(([name, label]) => (
              <Field {...field(`address.${name}`)} label={label} maxlength={200} />
            ))}
          </Card>
        </div>
        <div class="row">
          <button>Save</button>
          <a class="button plain" href={place}>
            Cancel
          </a>
        </div>
      </form>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1.users[':userId'].$patch({
      param: { userId: member.id },
      json: { displayName: member.displayName },
      ifMatch: member.revision,
    }),
  )
  return show(c, { title: `Edit ${member.displayName}`, body, actions, ...(status && { status }) })
}

/** The member before something is done, to say what came of it; undefined to whoever may not see that. */
async function asBefore(c: ConsoleContext): Promise<Member | undefined> {
  try {
    return await read(c.var.client, idOf(c))
  } catch (error) {
    if (error instanceof GuildhallError && error.status === 403) return undefined
    throw error
  }
}

const DONE = { suspend: 'suspended', reinstate: 'reinstated' } as const
const ALREADY = { suspend: 'suspendedAlready', reinstate: 'activeAlready' } as const

function acting(app: ConsoleApp): void {
  app.post('/console/members/:userId/roles', async (c) => {
    const param = { userId: idOf(c), role: c.var.form.text('role') }
    const before = await asBefore(c)
    await c.var.client.v1.users[':userId'].roles[':role'].$put({ param })
    return done(
      c,
      placeOf(param.userId),
      before?.roles.includes(param.role) ? 'heldAlready' : 'given',
    )
  })

  app.post('/console/members/:userId/roles/take', async (c) => {
    const param = { userId: idOf(c), role: c.var.form.text('role') }
    const before = await asBefore(c)
    await c.var.client.v1.users[':userId'].roles[':role'].$delete({ param })
    const isHeld = before?.roles.includes(param.role) ?? true
    return done(c, placeOf(param.userId), isHeld ? 'taken' : 'notHeld')
  })

  app.post('/console/members/:userId/badges', async (c) => {
    const param = { userId: idOf(c), badgeId: c.var.form.text('badgeId') }
    const { created } = await c.var.client.v1.users[':userId'].badges[':badgeId'].$put({ param })
    return done(c, placeOf(param.userId), created ? 'given' : 'heldAlready')
  })

  app.post('/console/members/:userId/badges/take', async (c) => {
    const param = { userId: idOf(c), badgeId: c.var.form.text('badgeId') }
    await c.var.client.v1.users[':userId'].badges[':badgeId'].$delete({ param })
    return done(c, placeOf(param.userId), 'taken')
  })

  for (const act of ['suspend', 'reinstate'] as const) {
    const statusPage = async (
      c: ConsoleContext,
      { note, faults = {}, status }: Fault = {},
    ): Promise<Response> => {
      const member = await read(c.var.client, idOf(c))
      const place = placeOf(member.id)
      const title = act === 'suspend' ? 'Suspend' : 'Reinstate'
      const param = { userId: member.id }
      const body = (
        <>
          <Head
            title={`${title} ${member.displayName}?`}
            crumbs={[
              { href: '/console/members', text: 'Members' },
              { href: place, text: member.displayName },
            ]}
          />
          {note}
          <Card>
            <p>
              {act === 'suspend'
                ? 'From this moment on they may do nothing that takes being a member, also with sessions and tokens that they have. Nothing of theirs is deleted.'
                : 'They may do again whatever their roles allow.'}
            </p>
            <form method="post" class="stack">
              <OnceKey />
              {act === 'suspend' && (
                <TextArea
                  name="reason"
                  label="Reason"
                  hint="They are shown it, and it is kept until they are reinstated; may be empty"
                  maxlength={500}
                  value={c.var.form.text('reason')}
                  error={faults['reason']}
                />
              )}
              <div class="row">
                <button class={act === 'suspend' ? 'danger' : ''}>{title}</button>
                <a class="button plain" href={place}>
                  Cancel
                </a>
              </div>
            </form>
          </Card>
        </>
      )
      const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
        v1.users[':userId'][act].$post({ param, json: {} }),
      )
      return show(c, {
        title: `${title} ${member.displayName}`,
        body,
        actions,
        ...(status && { status }),
      })
    }

    app.get(`/console/members/:userId/${act}`, (c) => statusPage(c))

    app.post(`/console/members/:userId/${act}`, async (c) => {
      const param = { userId: idOf(c) }
      const reason = c.var.form.optional('reason') ?? null
      const before = await asBefore(c)
      let after: Awaited<ReturnType<typeof change>> | undefined
      const change = () =>
        c.var.client.v1.users[':userId'][act].$post({
          param,
          json: act === 'suspend' ? { reason } : {},
          ...once(c),
        })
      const refused = await attempt(
        change().then((member) => (after = member)),
        { isOpen: true },
      )
      if (refused) return statusPage(c, faultOf(refused))
      // Whoever is suspended stays so for the reason that they were told, which may be another one.
      const isDone =
        before?.status !== after?.status &&
        (after?.suspensionReason ?? null) === (reason?.normalize('NFC') ?? null)
      return done(c, placeOf(param.userId), isDone ? DONE[act] : ALREADY[act])
    })
  }

  app.get('/console/members/:userId/delete', (c) => deletePage(c))

  app.post('/console/members/:userId/delete', async (c) => {
    const { client } = c.var
    const param = { userId: idOf(c) }
    const { id, displayName } = await client.v1.users[':userId'].$get({ param, query: {} })
    const fault = await confirmed(c, wordFor(displayName, id), () =>
      client.v1.users[':userId'].$delete({ param }),
    )
    if (fault) return deletePage(c, fault)
    const { userId } = await c.var.me
    // Whoever has deleted themselves is known no more.
    return userId === param.userId ? c.redirect('/', 303) : done(c, '/console/members', 'deleted')
  })
}

async function deletePage(c: ConsoleContext, fault: Fault = {}): Promise<Response> {
  const [member, me] = await Promise.all([read(c.var.client, idOf(c)), c.var.me])
  const isOwn = member.id === me.userId
  const place = placeOf(member.id)
  const body = (
    <>
      <Head
        title={`Delete ${member.displayName}?`}
        crumbs={[
          { href: '/console/members', text: 'Members' },
          { href: place, text: member.displayName },
        ]}
      />
      <Confirm
        title="This cannot be undone"
        action={`${place}/delete`}
        word={wordFor(member.displayName, member.id)}
        button="Delete for ever"
        back={place}
        fault={fault}
        form={c.var.form}
      >
        <p>
          The account, its sessions, badges and visits go, and personal data is erased everywhere.
          The audit log keeps what was done, without who it was.
        </p>
        {isOwn && (
          <p>
            <strong>This is your own account.</strong> You are signed out with it.
          </p>
        )}
      </Confirm>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1.users[':userId'].$delete({ param: { userId: member.id } }),
  )
  return show(c, {
    title: `Delete ${member.displayName}`,
    body,
    actions,
    ...(fault.status && { status: fault.status }),
  })
}
