/** What can be booked, and when. */
import * as z from 'zod'
import { answerFields, nobody } from '../http/answer-fields.ts'
import type { Deps } from '../deps.ts'
import type { ServiceId as Id, SlotId as IdOfSlot } from '../db/ids.ts'
import { EXPECTED_ZONE, timeZoneNamed } from '../calendar/time-zone.ts'
import { listOf, PageQuery, paginate } from '../http/pagination.ts'
import { route } from '../http/route.ts'
import * as operations from '../operations/manage-services.ts'
import { expand, MAX_SLOTS, WEEKDAYS } from '../calendar/recurrence.ts'
import { invalidField, notFound, Problem } from '../problem.ts'
import type { ServiceRow, SlotRow } from '../repositories/services.ts'
import {
  Count,
  idOf,
  Instant,
  Revision,
  shownId,
  shownText,
  SOME_FIELD,
  SortTime,
  StartQuery,
  text,
  Timestamp,
  whenFine,
} from './schemas.ts'

const ServiceId = idOf('svc', 'Id of a service')
const SlotId = idOf('slt', 'Id of a slot')
const param = z.object({ serviceId: ServiceId })

const writable = {
  name: text(1, 100),
  description: text(0, 1500),
  timeZone: z
    .string()
    .max(64)
    .refine((name) => timeZoneNamed(name) !== undefined, { error: EXPECTED_ZONE })
    .overwrite((name) => timeZoneNamed(name) ?? name)
    .meta({
      description:
        'In which recurrences are meant; kept in the spelling of the IANA database. Abbreviations such as CET are refused',
      pattern: '^[A-Za-z0-9_+/-]+$',
    }),
  autoConfirm: z.boolean(),
  cancelUntilMinutes: z.int().min(0).max(525_600).meta({
    description:
      'Until how long before the start its owner may cancel a booking that is confirmed. Bookings keep what it was when they were made',
  }),
  holdMinutes: z.int().min(1).max(525_600).nullable().meta({
    description:
      'How long a pending booking holds its place; null until it starts, and for visitors for as long as the site has set, which is an hour',
  }),
}

const Service = z
  .object({
    id: shownId('svc'),
    name: shownText(100),
    description: shownText(1500),
    timeZone: shownText(64),
    autoConfirm: z.boolean(),
    cancelUntilMinutes: Count,
    holdMinutes: Count.nullable(),
    revision: Revision,
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: 'Service' })
  .register(answerFields, { etag: ({ revision }) => revision, about: nobody })

const NewService = z
  .strictObject({
    name: writable.name,
    description: writable.description.default(''),
    timeZone: writable.timeZone.meta({ description: "The site's if left out" }).optional(),
    autoConfirm: writable.autoConfirm.default(false),
    cancelUntilMinutes: writable.cancelUntilMinutes.default(0),
    holdMinutes: writable.holdMinutes.default(null),
  })
  .meta({
    id: 'NewService',
    examples: [{ name: 'Guided tour', timeZone: 'Europe/Berlin', autoConfirm: true }],
  })

const ServicePatch = z
  .strictObject(writable)
  .partial()
  .refine(...SOME_FIELD)
  .meta({ id: 'ServicePatch', minProperties: 1, examples: [{ cancelUntilMinutes: 1440 }] })

const Slot = z
  .object({
    id: shownId('slt'),
    serviceId: shownId('svc'),
    startsAt: Timestamp,
    endsAt: Timestamp,
    capacity: Count,
    available: Count.meta({
      description: 'Places that no live booking holds; 0 once it has begun',
    }),
    createdAt: Timestamp,
  })
  .meta({ id: 'Slot' })

const PlainDay = z.iso.date({ error: 'expected a day as YYYY-MM-DD' }).max(10).meta({ id: 'Day' })

const ClockTime = z
  .string()
  .max(5)
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected a time as HH:MM')

const Recurrence = z
  .strictObject({
    weekdays: z.array(z.enum(WEEKDAYS)).min(1).max(7),
    startTime: ClockTime,
    durationMinutes: z
      .int()
      .min(1)
      .max(7 * 1440)
      .optional()
      .meta({
        description:
          'How long each slot takes. Nights on which clocks change are an hour shorter or longer: for an end on the clock say `endTime` or `days`',
      }),
    endTime: ClockTime.optional().meta({
      description:
        'When each slot ends on the clock: on the next day if that is not after `startTime`, or so many `days` later',
    }),
    days: z.int().min(1).max(7).optional().meta({
      description: 'How many days later each slot ends, at `endTime` or else at `startTime`',
    }),
    from: PlainDay,
    until: PlainDay,
    except: z.array(PlainDay).max(1000).default([]),
    ambiguous: z.enum(['earlier', 'later']).optional(),
  })
  .refine(({ from, until }) => from <= until, {
    error: 'expected a day that is not before from',
    path: ['until'],
    when: whenFine,
  })
  .refine(
    ({ durationMinutes, endTime, days }) =>
      (durationMinutes === undefined) !== (endTime === undefined && days === undefined),
    {
      error: 'expected either durationMinutes, or endTime, days or both',
      path: ['durationMinutes'],
      when: whenFine,
    },
  )
  .meta({ id: 'Recurrence', description: "A weekly rule on the clocks of the service's time zone" })

const NewSlots = z
  .strictObject({
    startsAt: Instant.optional(),
    endsAt: Instant.optional(),
    recurrence: Recurrence.optional(),
    capacity: z.int().min(1).max(10_000).default(1),
  })
  .refine(
    (slots) =>
      slots.startsAt && slots.endsAt
        ? !slots.recurrence
        : slots.recurrence && !slots.startsAt && !slots.endsAt,
    { error: 'expected either startsAt and endsAt, or a recurrence', when: whenFine },
  )
  .refine((slots) => !slots.startsAt || !slots.endsAt || slots.startsAt < slots.endsAt, {
    error: 'expected a time after startsAt',
    path: ['endsAt'],
    when: whenFine,
  })
  .meta({
    id: 'NewSlots',
    description: 'Either one slot by `startsAt` and `endsAt`, or all that a `recurrence` makes',
    examples: [{ startsAt: '2050-03-01T10:00:00Z', endsAt: '2050-03-01T11:00:00Z', capacity: 10 }],
  })

const CreatedSlots = z
  .union([Slot, z.object({ items: z.array(Slot).max(MAX_SLOTS), nextCursor: z.null() })])
  .meta({ description: 'One slot, or all that the recurrence made' })
  .register(answerFields, { about: nobody })

const PreviewedSlots = z
  .object({
    timeZone: shownText(64),
    periods: z.array(z.object({ startsAt: Timestamp, endsAt: Timestamp })).max(MAX_SLOTS),
  })
  .meta({ id: 'PreviewedSlots' })
  .register(answerFields, { about: nobody })

export const listServices = route({
  method: 'GET',
  path: '/v1/services',
  summary: 'All services, oldest first',
  access: { open: 'What can be booked is public' },
  input: { query: z.object(PageQuery) },
  output: listOf(Service),
  async run({ input, deps }) {
    return paginate<ServiceRow, [Id]>({
      name: 'services',
      query: input.query,
      key: z.tuple([ServiceId]),
      keyOf: ({ id }) => [id],
      read: (after, limit) => deps.services.list({ after: after?.[0], limit }),
    })
  },
})

export const readService = route({
  method: 'GET',
  path: '/v1/services/:serviceId',
  summary: 'A service',
  access: { open: 'What can be booked is public' },
  input: { param },
  output: Service,
  async run({ input, deps }) {
    return (await deps.services.find(input.param.serviceId)) ?? notFound('service')
  },
})

export const createService = route({
  method: 'POST',
  path: '/v1/services',
  summary: 'Create a service',
  access: { may: 'service:manage' },
  input: { json: NewService },
  output: Service,
  statuses: [201],
  location: ({ id }) => id,
  idempotent: 'd1',
  async run({ input, grant, request: { remember }, deps }) {
    const { timeZone = deps.settings.siteTimeZone, ...rest } = input.json
    return operations.createService(
      grant,
      { ...rest, timeZone },
      remember((row) => row),
      deps,
    )
  },
})

export const patchService = route({
  method: 'PATCH',
  path: '/v1/services/:serviceId',
  summary: 'Change a service; bookings that exist stay as they are',
  access: { may: 'service:manage' },
  input: { param, json: ServicePatch },
  output: Service,
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    const change = { serviceId: input.param.serviceId, patch: input.json, revisions }
    return operations.updateService(grant, change, deps)
  },
})

export const deleteService = route({
  method: 'DELETE',
  path: '/v1/services/:serviceId',
  summary: 'Delete a service with its slots; not while bookings live',
  access: { may: 'service:manage' },
  input: { param },
  output: 'nothing',
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    await operations.deleteService(grant, { serviceId: input.param.serviceId, revisions }, deps)
  },
})

export const listSlots = route({
  method: 'GET',
  path: '/v1/services/:serviceId/slots',
  summary: 'The slots of a service in the order of time, with the places that are free',
  access: { open: 'What can be booked is public; who has booked is not' },
  input: {
    param,
    query: z.object({
      ...PageQuery,
      ...StartQuery,
      from: StartQuery.from.meta({
        description: 'Starting at or after this time; now, if it is left out',
      }),
    }),
  },
  output: listOf(Slot),
  async run({ input, deps }) {
    const { serviceId } = input.param
    const { from, to } = input.query
    return paginate<SlotRow & { available: number }, [string, IdOfSlot]>({
      name: `slots of ${serviceId}?from=${from ?? ''}&to=${to ?? ''}`,
      query: input.query,
      key: z.tuple([SortTime, SlotId]),
      keyOf: ({ startsAt, id }) => [startsAt, id],
      read: async (after, limit) => {
        const start = from ?? new Date(deps.now).toISOString()
        const page = {
          from: start,
          to,
          after: after && { startsAt: after[0], id: after[1] },
          limit,
        }
        return (await deps.services.slotsOf(serviceId, page)) ?? notFound('service')
      },
    })
  },
})

export const createSlots = route({
  method: 'POST',
  path: '/v1/services/:serviceId/slots',
  summary: 'Add a slot, or all slots of a weekly rule; all or none',
  access: { may: 'service:manage' },
  input: { param, json: NewSlots },
  output: CreatedSlots,
  statuses: [201],
  idempotent: 'd1',
  async run({ input, grant, request: { remember }, deps }) {
    const { serviceId } = input.param
    const { periods, isOne } = await periodsOf(serviceId, input.json, deps)
    const answer = (rows: readonly SlotRow[]) => {
      const items = rows.map((row) => ({ ...row, available: row.capacity }))
      const [only] = items
      return isOne && only ? only : { items, nextCursor: null }
    }
    const slots = { serviceId, periods, capacity: input.json.capacity }
    return answer(await operations.addSlots(grant, slots, remember(answer), deps))
  },
})

export const previewSlots = route({
  method: 'POST',
  path: '/v1/services/:serviceId/slots/preview',
  summary: 'When the slots would be that the same body adds; changes nothing',
  access: { may: 'service:manage' },
  input: { param, json: NewSlots },
  output: PreviewedSlots,
  asksAgain: true,
  async run({ input, deps }) {
    const { service, periods } = await periodsOf(input.param.serviceId, input.json, deps)
    return { timeZone: service.timeZone, periods }
  },
})

/** @throws Problem `not_found`, `invalid_state`, `validation_failed` also where the first has begun */
async function periodsOf(serviceId: Id, wanted: z.output<typeof NewSlots>, deps: Deps) {
  const { startsAt, endsAt, recurrence } = wanted
  if (startsAt !== undefined) assertToCome(startsAt, 'startsAt', deps.now)
  const service = (await deps.services.find(serviceId)) ?? notFound('service')
  const single = startsAt !== undefined && endsAt !== undefined ? { startsAt, endsAt } : undefined
  const periods = recurrence ? expand(recurrence, zoneOf(service)) : single ? [single] : []
  const [first] = periods
  if (recurrence && first) assertToCome(first.startsAt, 'recurrence.from', deps.now)
  return { service, periods, isOne: single !== undefined }
}

/** What has begun cannot be booked, so it is not offered. */
function assertToCome(startsAt: string, path: string, now: number): void {
  if (Date.parse(startsAt) > now) return
  throw invalidField(path, `expected slots that are to come; that of ${startsAt} has begun`)
}

/** Services from before names were checked can have one that nothing can be computed with. */
function zoneOf({ timeZone }: ServiceRow): string {
  const zone = timeZoneNamed(timeZone)
  if (zone !== undefined) return zone
  throw new Problem(
    'invalid_state',
    `The time zone of this service is ${timeZone}, which is ambiguous; give it an IANA name first.`,
  )
}

export const deleteSlot = route({
  method: 'DELETE',
  path: '/v1/slots/:slotId',
  summary: 'Delete a slot; not while bookings live, unless they are canceled with it',
  access: { may: 'service:manage' },
  input: {
    param: z.object({ slotId: SlotId }),
    query: z.object({
      bookings: z
        .literal('cancel')
        .optional()
        .meta({
          description: 'Cancels them, which takes `booking:cancel` with reach `any`',
          examples: ['cancel'],
        }),
      reason: text(1, 500)
        .optional()
        .meta({ description: 'Why they are canceled', examples: ['Closed that day'] }),
    }),
  },
  output: 'nothing',
  async run({ input, grant, deps }) {
    const { bookings, reason = null } = input.query
    const { slotId } = input.param
    await operations.deleteSlot(grant, { slotId, ...(bookings && { reason }) }, deps)
  },
})
