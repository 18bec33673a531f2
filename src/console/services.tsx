/** Services and their slots, as several pages show them. */
import { clockTimeOf } from '../calendar/days-in-zone.ts'
import { timeZoneNamed } from '../calendar/time-zone.ts'
import { Day } from '../look/parts.tsx'
import type { Client } from './api.ts'
import { ClockPeriod } from './booking-parts.tsx'
import type { ConsoleContext } from './context.ts'

export type Service = Awaited<ReturnType<Client['v1']['services'][':serviceId']['$get']>>
export type Slot = Awaited<
  ReturnType<Client['v1']['services'][':serviceId']['slots']['$get']>
>['items'][number]

export const SERVICES = { href: '/console/services', text: 'Services' }

export function servicePlace(serviceId: string): string {
  return `${SERVICES.href}/${encodeURIComponent(serviceId)}`
}

/** Of a service from before names were checked nothing can be computed; it is shown in the site's zone. */
export function zoneOf(c: ConsoleContext, { timeZone }: Pick<Service, 'timeZone'>): string {
  return timeZoneNamed(timeZone) ?? c.env.request.zone
}

/** On the clocks of a zone. */
export const SlotTime = ({
  slot,
  zone,
}: {
  readonly slot: Pick<Slot, 'startsAt' | 'endsAt'>
  readonly zone: string
}) => {
  const { day } = clockTimeOf(slot.startsAt, zone)
  return (
    <span>
      {weekdayOf(day)} <Day day={day} />, <ClockPeriod {...slot} zone={zone} />
    </span>
  )
}

/** @param day `YYYY-MM-DD` */
export function weekdayOf(day: string): string {
  const style = { weekday: 'short', timeZone: 'UTC' } as const
  return new Intl.DateTimeFormat('en-GB', style).format(new Date(`${day}T00:00:00Z`))
}
