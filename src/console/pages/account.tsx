/** Somebody's own start page, and their badges and visits. */
import type { Child } from 'hono/jsx'
import { HeatMap } from '../../look/charts.tsx'
import { BadgeChip, Card, Empty, Face, Figure, Head, Time } from '../../look/parts.tsx'
import type { Client } from '../api.ts'
import type { ConsoleApp } from '../context.ts'
import { wholeOf } from '../lists.ts'
import { measured } from '../metrics.ts'
import { show } from '../shell.tsx'
import { BOOK, BookingList } from './account-bookings.tsx'

type Progress = Awaited<ReturnType<Client['v1']['me']['progress']['$get']>>['items'][number]
type Held = Awaited<ReturnType<Client['v1']['users'][':userId']['badges']['$get']>>['items'][number]
type Visits = Awaited<ReturnType<Client['v1']['me']['visits']['$get']>>

/** The pages of a list that is read to its end. */
const ALL = { query: { limit: 100 } }
/** So many bookings are on the start page. */
const FEW = 5

export function accountPages(app: ConsoleApp): void {
  app.get('/account', async (c) => {
    const { client } = c.var
    const { me: own } = client.v1
    const now = new Date(c.env.request.now).toISOString()
    const [me, visits, progress, pending, confirmed] = await Promise.all([
      own.$get(),
      own.visits.$get(),
      wholeOf(client.all(own.progress.$get, ALL)),
      own.bookings.$get({ query: { from: now, status: 'pending', limit: FEW } }),
      own.bookings.$get({ query: { from: now, status: 'confirmed', limit: FEW } }),
    ])
    const live = [...pending.items, ...confirmed.items]
      .toSorted((a, b) => (a.startsAt < b.startsAt ? -1 : 1))
      .slice(0, FEW)
    const next = nearest(progress.items).slice(0, 3)
    const body = (
      <>
        <div class="head">
          <span class="person">
            <Face name={me.displayName} url={me.avatarUrl} big />
            <span>
              <h1>{me.displayName}</h1>
              <span class="muted">
                Member since <Time at={me.createdAt} form="day" />
              </span>
            </span>
          </span>
          <a class="button plain" href="/account/profile">
            Edit profile
          </a>
        </div>
        <div class="grid few">
          <Figure name="Visits" value={visits.total} note={`on ${counted(visits.days, 'day')}`} />
          <Figure
            name="Streak"
            value={counted(visits.currentStreak, 'day')}
            note={`longest ${counted(visits.longestStreak, 'day')}`}
          />
          <Figure name="Badges" value={me.badges.length} />
        </div>
        <Card title="Badges" actions={<a href="/account/badges">All of them</a>}>
          {me.badges.length > 0 ? (
            <span class="chips">
              {me.badges.map((badge) => (
                <BadgeChip badge={badge} />
              ))}
            </span>
          ) : (
            <p class="muted">None yet. What you can earn is below.</p>
          )}
          {next.map((each) => (
            <Toward {...each} />
          ))}
        </Card>
        <Card
          title="Coming up"
          flush
          actions={
            <a class="button plain small" href={BOOK}>
              Book
            </a>
          }
        >
          <BookingList
            bookings={live}
            empty={
              <Empty title="Nothing booked">
                <a href={BOOK}>See what can be booked</a>
              </Empty>
            }
          />
        </Card>
      </>
    )
    return show(c, { title: 'Your account', body })
  })

  app.get('/account/badges', async (c) => {
    const { client } = c.var
    const { me: own, users } = client.v1
    const { id: userId } = await own.$get()
    const [visits, progress, held] = await Promise.all([
      own.visits.$get(),
      wholeOf(client.all(own.progress.$get, ALL)),
      wholeOf(client.all(users[':userId'].badges.$get, { ...ALL, param: { userId } })),
    ])
    const body = (
      <>
        <Head title="Badges and visits" />
        <Card title="Yours" flush>
          <BadgeList held={held.items} />
        </Card>
        <Card title="Still to come">
          <ToCome progress={nearest(progress.items)} />
        </Card>
        <Card title="Visits">
          <VisitFacts {...visits} />
          <HeatMap
            title="Your visits"
            until={dayOf(c.env.request.now, c.env.request.zone)}
            counts={new Map(visits.byDay.map(({ day, visits: count }) => [day, count]))}
          />
          <p class="muted small">Each square is a day, Monday at the top; darker is more visits.</p>
        </Card>
      </>
    )
    return show(c, { title: 'Badges and visits', body })
  })
}

const ORIGINS = {
  rule: 'Earned',
  admin: 'Given to you',
  partner: 'Given to you by a partner',
} as const

const BadgeList = ({ held }: { readonly held: readonly Held[] }) => {
  if (held.length === 0) {
    return (
      <Empty title="No badges yet">
        <p>You get them by visiting, or from the people who run the site.</p>
      </Empty>
    )
  }
  return (
    <ul class="things">
      {held.map(({ badge, assignedAt, assignedBy }) => (
        <li>
          <div class="grow">
            <BadgeChip badge={badge} />
            {badge.description && <p class="muted">{badge.description}</p>}
          </div>
          <span class="muted small">
            {ORIGINS[assignedBy]} <Time at={assignedAt} form="day" />
          </span>
        </li>
      ))}
    </ul>
  )
}

const ToCome = ({ progress }: { readonly progress: readonly Progress[] }): Child =>
  progress.length === 0 ? (
    <p class="muted">There is nothing more to earn at the moment.</p>
  ) : (
    <div class="stack">
      {progress.map((each) => (
        <Toward {...each} />
      ))}
    </div>
  )

/** How far somebody is with a badge that is not theirs yet. */
const Toward = ({ badge, have, need, metric, windowDays }: Progress) => (
  <div class="stack tight">
    <span class="row between">
      <BadgeChip badge={badge} />
      <span class="muted small nums">
        {Math.min(have, need)} of {measured({ metric, threshold: need, windowDays })}
      </span>
    </span>
    <progress
      class="meter"
      value={Math.min(have, need)}
      max={need}
      aria-label={`Progress towards ${badge.title}`}
    />
  </div>
)

const VisitFacts = ({ total, days, currentStreak, longestStreak, lastVisitAt }: Visits) => (
  <p>
    {counted(total, 'visit')} on {counted(days, 'day')}. You are on a streak of{' '}
    {counted(currentStreak, 'day')}; your longest was {counted(longestStreak, 'day')}.
    {lastVisitAt && (
      <>
        {' '}
        The last visit was <Time at={lastVisitAt} form="ago" />.
      </>
    )}
  </p>
)

/** What is not earned, the nearest first. */
function nearest(progress: readonly Progress[]): Progress[] {
  return progress
    .filter(({ earnedAt }) => earnedAt === null)
    .toSorted((a, b) => b.have / b.need - a.have / a.need)
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

/** The day it is in this zone, `2026-11-30`. */
function dayOf(now: number, timeZone: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone }).format(new Date(now))
}
