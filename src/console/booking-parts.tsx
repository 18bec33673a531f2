/** Bookings as they are shown: their state, when they are, and whose. */
import type { Child } from 'hono/jsx'
import { clockTimeOf } from '../calendar/days-in-zone.ts'
import { Day, Pill, Time, type Tone } from '../look/parts.tsx'
import type { Client } from './api.ts'

export type Booking = Awaited<ReturnType<Client['v1']['bookings'][':bookingId']['$get']>>

const TONES = {
  pending: 'warn',
  confirmed: 'good',
  declined: 'bad',
  canceled: 'plain',
} as const satisfies Readonly<Record<Booking['status'], Tone>>

export const Status = ({ status }: Pick<Booking, 'status'>) => (
  <Pill tone={TONES[status]}>{status}</Pill>
)

export function bookingPlace(bookingId: string): string {
  return `/console/bookings/${encodeURIComponent(bookingId)}`
}

/**
 * Whoever comes, as the API says it: what was left with the booking, or the profile, or an id alone. It
 * is no link, so that it can stand in one.
 */
export const Who = ({ booking: { contact, owner } }: { readonly booking: Booking }) => {
  if (!contact) return <span class="mono">{owner}</span>
  const [first, ...rest] = [contact.name, contact.email, contact.phone].filter(Boolean)
  return (
    <span class="stack close">
      <span>{first}</span>
      {rest.length > 0 && <span class="muted small">{rest.join(' · ')}</span>}
    </span>
  )
}

/** From when to when, in the reader's zone. */
export const Period = ({ startsAt, endsAt }: Pick<Booking, 'startsAt' | 'endsAt'>): Child => (
  <span>
    <Time at={startsAt} /> <span class="muted small">for {durationOf(startsAt, endsAt)}</span>
  </span>
)

function durationOf(startsAt: string, endsAt: string): string {
  const minutes = Math.round((Date.parse(endsAt) - Date.parse(startsAt)) / 60_000)
  const [days, hours, left] = [
    Math.floor(minutes / 1440),
    Math.floor((minutes % 1440) / 60),
    minutes % 60,
  ]
  const parts = [
    days > 0 && `${days} d`,
    hours > 0 && `${hours} h`,
    (left > 0 || minutes === 0) && `${left} min`,
  ]
  return parts.filter(Boolean).join(' ')
}

/** From when to when, on the clocks of a zone; the day of the end only if it is another. */
export const ClockPeriod = ({
  startsAt,
  endsAt,
  zone,
}: Pick<Booking, 'startsAt' | 'endsAt'> & { readonly zone: string }) => {
  const [start, end] = [clockTimeOf(startsAt, zone), clockTimeOf(endsAt, zone)]
  return (
    <span class="nums">
      {start.time}–{end.time}
      {end.day !== start.day && (
        <span class="muted small">
          {' '}
          on <Day day={end.day} />
        </span>
      )}
    </span>
  )
}
