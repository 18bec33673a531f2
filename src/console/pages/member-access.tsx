/** How a member gets in, which can be ended, and what they have booked. */
import { Hidden } from '../../look/forms.tsx'
import { deviceOf } from '../../look/devices.ts'
import { Card, Empty, Head, Pager, Pill, Table, Time } from '../../look/parts.tsx'
import { callsOf, type Client } from '../api.ts'
import { type Booking, bookingPlace, Period, Status } from '../booking-parts.tsx'
import { type ConsoleApp, type ConsoleContext, may } from '../context.ts'
import { Confirm, confirmed } from '../edit.tsx'
import type { Fault } from '../fault.tsx'
import { done } from '../flash.ts'
import { filtersOf, listOf, placesOf, wholeOf } from '../lists.ts'
import { Cut } from '../cut.tsx'
import { About, memberIdOf, memberPlace, readMember } from '../member-about.tsx'
import { show } from '../shell.tsx'

type OfUser = Client['v1']['users'][':userId']
type Session = Awaited<ReturnType<OfUser['sessions']['$get']>>['items'][number]
type Identity = Awaited<ReturnType<OfUser['identities']['$get']>>['items'][number]

/** In place of the id of one, so that a form that names none ends none. */
const EVERY_SESSION = 'all'

export function memberSignInPages(app: ConsoleApp): void {
  app.get('/console/members/:userId/sign-in', async (c) => {
    const me = await c.var.me
    const param = { userId: memberIdOf(c) }
    const { sessions, identities } = c.var.client.v1.users[':userId']
    const [mayEnd, mayUnlink] = [may(me, 'session:end'), may(me, 'identity:manage')]
    const [client, query] = [c.var.client, { limit: 100 }]
    const [member, open, linked] = await Promise.all([
      readMember(c.var.client, param.userId),
      // Whoever may see neither is told so by the API.
      mayEnd || !mayUnlink ? wholeOf(client.all(sessions.$get, { param, query })) : undefined,
      mayUnlink ? wholeOf(client.all(identities.$get, { param, query })) : undefined,
    ])
    const place = memberPlace(member.id)
    const body = (
      <>
        <About member={member} me={me} tab="/sign-in" />
        {open && <Sessions sessions={open.items} place={place} />}
        {open && <Cut of={open} />}
        {linked && <Identities identities={linked.items} place={place} />}
        {linked && <Cut of={linked} />}
      </>
    )
    const actions = callsOf(c.env.request.publicUrl, ({ v1 }) => {
      const [session] = open?.items ?? []
      const each = v1.users[':userId'].sessions
      if (!session) return
      void each[':sessionId'].$delete({ param: { ...param, sessionId: session.id } })
      void each.$delete({ param })
    })
    return show(c, { title: `Sign-in of ${member.displayName}`, body, actions })
  })

  app.post('/console/members/:userId/sign-in/end', async (c) => {
    const param = { userId: memberIdOf(c) }
    const { sessions } = c.var.client.v1.users[':userId']
    const sessionId = c.var.form.text('session')
    await (sessionId === EVERY_SESSION
      ? sessions.$delete({ param })
      : sessions[':sessionId'].$delete({ param: { ...param, sessionId } }))
    return done(c, `${memberPlace(param.userId)}/sign-in`, 'ended')
  })

  app.get('/console/members/:userId/sign-in/:identityId/unlink', (c) => unlinkPage(c))

  app.post('/console/members/:userId/sign-in/:identityId/unlink', async (c) => {
    const param = { userId: memberIdOf(c), identityId: c.req.param('identityId') }
    const fault = await confirmed(c, UNLINK, () =>
      c.var.client.v1.users[':userId'].identities[':identityId'].$delete({ param }),
    )
    if (fault) return unlinkPage(c, fault)
    return done(c, `${memberPlace(param.userId)}/sign-in`, 'identityUnlinked')
  })
}

const Sessions = ({
  sessions,
  place,
}: {
  readonly sessions: readonly Session[]
  readonly place: string
}) => (
  <Card
    title="Open sessions"
    flush
    actions={
      sessions.length > 0 && (
        <form method="post" action={`${place}/sign-in/end`}>
          <Hidden name="session" value={EVERY_SESSION} />
          <button class="plain small">Sign out everywhere</button>
        </form>
      )
    }
  >
    <Table<Session>
      caption="Open sessions"
      columns={[
        {
          label: 'On',
          cell: ({ userAgent, current }) => (
            <span class="row" {...(userAgent && { title: userAgent })}>
              {deviceOf(userAgent)}
              {current && <Pill tone="good">this session</Pill>}
            </span>
          ),
        },
        { label: 'Signed in', cell: ({ createdAt }) => <Time at={createdAt} form="ago" /> },
        { label: 'Ends', cell: ({ expiresAt }) => <Time at={expiresAt} form="day" /> },
        {
          label: '',
          align: 'right',
          cell: ({ id, userAgent }) => (
            <form method="post" action={`${place}/sign-in/end`}>
              <Hidden name="session" value={id} />
              <button class="plain small">
                End<span class="only-read"> the session on {deviceOf(userAgent)}</span>
              </button>
            </form>
          ),
        },
      ]}
      rows={sessions}
      empty={
        <Empty title="No open session">
          <p>
            Sessions are of the login of this site. What an outside provider keeps, it keeps to
            itself.
          </p>
        </Empty>
      }
    />
  </Card>
)

const Identities = ({
  identities,
  place,
}: {
  readonly identities: readonly Identity[]
  readonly place: string
}) => (
  <Card title="Identities" flush>
    <Table<Identity>
      caption="Identities"
      columns={[
        {
          label: 'Issuer',
          cell: ({ issuer, current }) => (
            <span class="row">
              {issuer === 'built-in' ? 'The login of this site' : issuer}
              {current && <Pill tone="good">yours now</Pill>}
            </span>
          ),
        },
        { label: 'Subject', cell: ({ subject }) => <span class="mono">{subject}</span> },
        { label: 'Since', cell: ({ createdAt }) => <Time at={createdAt} form="day" /> },
        {
          label: '',
          align: 'right',
          cell: ({ id, issuer }) =>
            identities.length > 1 && (
              <a class="button plain small" href={`${place}/sign-in/${id}/unlink`}>
                Unlink…<span class="only-read"> the identity at {issuer}</span>
              </a>
            ),
        },
      ]}
      rows={identities}
      empty={<Empty title="No identity" />}
    />
  </Card>
)

const UNLINK = 'unlink'

async function unlinkPage(c: ConsoleContext, fault: Fault = {}): Promise<Response> {
  const param = { userId: memberIdOf(c) }
  const identityId = c.req.param('identityId') ?? ''
  const [member, linked] = await Promise.all([
    readMember(c.var.client, param.userId),
    wholeOf(
      c.var.client.all(c.var.client.v1.users[':userId'].identities.$get, {
        param,
        query: { limit: 100 },
      }),
    ),
  ])
  const identity = linked.items.find(({ id }) => id === identityId)
  const place = memberPlace(member.id)
  const body = (
    <>
      <Head
        title="Unlink an identity"
        crumbs={[
          { href: '/console/members', text: 'Members' },
          { href: `${place}/sign-in`, text: member.displayName },
        ]}
      />
      <Confirm
        title={identity ? `${identity.issuer}, ${identity.subject}` : 'It is linked no more'}
        action={`${place}/sign-in/${encodeURIComponent(identityId)}/unlink`}
        word={UNLINK}
        button="Unlink"
        back={`${place}/sign-in`}
        fault={fault}
        form={c.var.form}
      >
        <p>
          {member.displayName} comes in with it no more. Whoever signs in with it afterwards is
          somebody new.
        </p>
      </Confirm>
    </>
  )
  const actions = callsOf(c.env.request.publicUrl, ({ v1 }) =>
    v1.users[':userId'].identities[':identityId'].$delete({ param: { ...param, identityId } }),
  )
  const { status } = fault
  return show(c, { title: 'Unlink an identity', body, actions, ...(status && { status }) })
}

export function memberBookingPages(app: ConsoleApp): void {
  app.get('/console/members/:userId/bookings', async (c) => {
    const userId = memberIdOf(c)
    const { cursor } = filtersOf(c, ['cursor'])
    const [me, member, page] = await Promise.all([
      c.var.me,
      readMember(c.var.client, userId),
      listOf(c, c.var.client.v1.bookings.$get({ query: { owner: userId, limit: 25, cursor } })),
    ])
    const body = (
      <>
        <About member={member} me={me} tab="/bookings" />
        <Table<Booking>
          caption={`Bookings of ${member.displayName}`}
          columns={[
            {
              label: 'Of',
              cell: ({ id, serviceName }) => (
                <a href={bookingPlace(id)}>{serviceName ?? 'a service that is gone'}</a>
              ),
            },
            { label: 'When', cell: (booking) => <Period {...booking} /> },
            { label: 'State', cell: (booking) => <Status {...booking} /> },
            { label: 'Booked', cell: ({ createdAt }) => <Time at={createdAt} form="ago" /> },
          ]}
          rows={page.items}
          empty={<Empty title="Nothing booked yet" />}
        />
        <Pager {...placesOf(c, page)} />
      </>
    )
    return show(c, { title: `Bookings of ${member.displayName}`, body })
  })
}
