/** Secret addresses at which calendar programs read bookings; what is read there is in `http/links/`. */
import * as z from 'zod'
import { answerFields, nobody } from '../http/answer-fields.ts'
import { CALENDAR_PATHS } from '../http/links/paths.ts'
import { route } from '../http/route.ts'
import * as operations from '../operations/manage-calendar-feeds.ts'
import { idOf, NoBody } from './schemas.ts'

const CalendarFeed = z
  .object({
    url: z.string().meta({
      format: 'uri',
      maxLength: 300,
      description:
        'For a calendar program, shown this once: whoever has it reads these bookings, and does nothing else',
    }),
  })
  .meta({ id: 'CalendarFeed' })
  .register(answerFields, { about: nobody })

const param = z.object({ serviceId: idOf('svc', 'Id of a service') })

export const createMyCalendarFeed = route({
  method: 'POST',
  path: '/v1/me/calendar-feed',
  summary: 'A new secret address of your bookings, for a calendar program; the one before ends',
  access: { may: 'booking:read', owner: 'self' },
  input: { json: NoBody },
  output: CalendarFeed,
  statuses: [201],
  idempotent: 'd1',
  async run({ grant, request: { remember, origin }, deps }) {
    const shown = shownAt(origin)
    return shown(await operations.createMyFeed(grant, remember(shown), deps))
  },
})

export const deleteMyCalendarFeed = route({
  method: 'DELETE',
  path: '/v1/me/calendar-feed',
  summary: 'End the secret address of your bookings at once',
  access: { may: 'booking:read', owner: 'self' },
  input: {},
  output: 'nothing',
  async run({ grant, deps }) {
    await operations.endMyFeed(grant, deps)
  },
})

export const createServiceCalendarFeed = route({
  method: 'POST',
  path: '/v1/services/:serviceId/calendar-feed',
  summary:
    'A new secret address of the bookings of a service, for a calendar program; yours before ends. It says when and what, not who',
  access: { may: 'service:manage' },
  input: { param, json: NoBody },
  output: CalendarFeed,
  statuses: [201],
  idempotent: 'd1',
  async run({ input, grant, request: { remember, origin }, deps }) {
    const shown = shownAt(origin)
    const { serviceId } = input.param
    return shown(await operations.createServiceFeed(grant, serviceId, remember(shown), deps))
  },
})

export const deleteServiceCalendarFeed = route({
  method: 'DELETE',
  path: '/v1/services/:serviceId/calendar-feed',
  summary: 'End your secret address of the bookings of a service at once',
  access: { may: 'service:manage' },
  input: { param },
  output: 'nothing',
  async run({ input, grant, deps }) {
    await operations.endServiceFeed(grant, input.param.serviceId, deps)
  },
})

function shownAt(origin: string) {
  return ({ secret }: operations.IssuedFeed) => ({
    url: `${origin}${CALENDAR_PATHS.bookings}?feed=${secret}`,
  })
}
