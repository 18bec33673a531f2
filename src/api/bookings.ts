/** Bookings: made by members, visitors and keys; confirmed by managers, or by an event. */
import * as z from 'zod'
import { answerFields } from '../http/answer-fields.ts'
import type { BookingId as Id } from '../db/ids.ts'
import type { Deps } from '../deps.ts'
import { listOf, PageQuery, paginate } from '../http/pagination.ts'
import { route } from '../http/route.ts'
import { book } from '../operations/book.ts'
import * as operations from '../operations/decide-booking.ts'
import { notFound } from '../problem.ts'
import type { BookingRow } from '../repositories/bookings.ts'
import type { Scope } from '../repositories/scope.ts'
import type { Caller } from '../security/actor.ts'
import { allowedActions, BOOKING_ACTIONS } from './booking-actions.ts'
import { calendarOf } from './booking-calendar.ts'
import {
  idOf,
  NoBody,
  Phone,
  Revision,
  shownId,
  shownName,
  shownText,
  StartQuery,
  text,
  Timestamp,
} from './schemas.ts'
import { EmailAddress } from '../settings/email-address.ts'

const BookingId = idOf('bkg', 'Id of a booking')
const param = z.object({ bookingId: BookingId })

const STATUSES = ['pending', 'confirmed', 'declined', 'canceled'] as const

const Contact = z
  .strictObject({
    name: text(1, 100).nullable().default(null),
    email: EmailAddress.nullable().default(null),
    phone: Phone.nullable().default(null),
  })
  .refine(({ email, phone }) => email !== null || phone !== null, {
    error: 'expected an email or a phone number',
  })
  .meta({ id: 'Contact' })

const NewBooking = z
  .strictObject({
    slotId: idOf('slt', 'Id of a slot'),
    note: text(0, 1000).nullable().default(null),
    contact: Contact.nullable().default(null).meta({
      description: 'How to reach whoever comes; of a visitor nothing else is known',
    }),
  })
  .meta({ id: 'NewBooking' })

const Booking = z
  .object({
    id: shownId('bkg'),
    serviceId: shownId('svc'),
    slotId: shownId('slt'),
    startsAt: Timestamp,
    endsAt: Timestamp,
    status: z.enum(STATUSES),
    holdUntil: Timestamp.nullable().meta({
      description: 'When a pending booking stops holding its place',
    }),
    note: shownText(1000).nullable(),
    contact: z
      .object({
        name: shownText(100).nullable(),
        email: shownText(254).nullable(),
        phone: shownText(20).nullable(),
      })
      .nullable(),
    owner: shownName(),
    bookedBy: shownName(),
    confirmedBy: shownName().nullable(),
    reason: shownText(500).nullable(),
    allowedActions: z
      .array(z.enum(BOOKING_ACTIONS))
      .max(BOOKING_ACTIONS.length)
      .meta({ description: 'What the caller may do with it now' }),
    revision: Revision,
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: 'Booking' })
  .register(answerFields, {
    etag: ({ revision }) => revision,
    showsMore: true,
    about: ({ owner }) => owner,
  })

const Reason = z
  .strictObject({ reason: text(1, 500).nullable().default(null) })
  .meta({ id: 'BookingReason' })

const Filter = {
  ...PageQuery,
  serviceId: idOf('svc', 'Only of this service').optional(),
  status: z.enum(STATUSES).optional(),
  ...StartQuery,
}

export const createBooking = route({
  method: 'POST',
  path: '/v1/bookings',
  summary: 'Book a slot: pending, or confirmed at once where the service confirms by itself',
  access: { may: 'booking:create', owner: 'rows' },
  input: { json: NewBooking },
  output: Booking,
  statuses: [201],
  location: ({ id }) => id,
  idempotent: 'd1',
  async run({ input, grant, caller: { actor }, request, followUp, deps }) {
    const remember = request.remember((row: BookingRow) => shown(row, actor, deps))
    const booking = await book(grant, input.json, remember, deps)
    return shown((await followUp()) ?? booking, actor, deps)
  },
})

export const listMyBookings = route({
  method: 'GET',
  path: '/v1/me/bookings',
  summary: 'Your bookings, newest first',
  access: { may: 'booking:read', owner: 'self' },
  input: { query: z.object(Filter) },
  output: listOf(Booking),
  async run({ input, grant, caller: { actor }, deps }) {
    return bookingsOf(grant.scope, input.query, actor, deps)
  },
})

export const listBookings = route({
  method: 'GET',
  path: '/v1/bookings',
  summary: 'The bookings you may see, newest first',
  access: { may: 'booking:read', owner: 'rows' },
  input: { query: z.object(Filter) },
  output: listOf(Booking),
  async run({ input, grant, caller: { actor }, deps }) {
    return bookingsOf(grant.scope, input.query, actor, deps)
  },
})

export const readBookingCalendar = route({
  method: 'GET',
  path: '/v1/bookings/:bookingId{.+\\.ics}',
  summary: 'A booking as a calendar entry (RFC 5545)',
  access: { may: 'booking:read', owner: 'rows' },
  input: {
    param: z.object({
      bookingId: z
        .string()
        .meta({ description: 'Id of a booking', pattern: '^bkg_[0-9a-z]{26}', maxLength: 34 })
        .transform((file) => file.slice(0, -'.ics'.length))
        .pipe(BookingId),
    }),
  },
  output: z.string().meta({ pattern: '^BEGIN:VCALENDAR', maxLength: 20_000 }),
  mediaType: 'text/calendar',
  async run({ input, grant, deps }) {
    const booking = await deps.bookings.find(grant.scope, input.param.bookingId)
    return calendarOf(booking ?? notFound('booking'))
  },
})

export const readBooking = route({
  method: 'GET',
  path: '/v1/bookings/:bookingId',
  summary: 'A booking',
  access: { may: 'booking:read', owner: 'rows' },
  input: { param },
  output: Booking,
  async run({ input, grant, caller: { actor }, deps }) {
    const booking = await deps.bookings.find(grant.scope, input.param.bookingId)
    return shown(booking ?? notFound('booking'), actor, deps)
  },
})

export const confirmBooking = route({
  method: 'POST',
  path: '/v1/bookings/:bookingId/confirm',
  summary: 'Confirm a pending booking; never one of your own',
  access: { may: 'booking:confirm' },
  input: { param, json: NoBody },
  output: Booking,
  conditional: true,
  idempotent: 'd1',
  async run({ input, grant, caller: { actor }, request, deps }) {
    const remember = request.remember((row: BookingRow) => shown(row, actor, deps))
    const change = { bookingId: input.param.bookingId, revisions: request.revisions }
    return shown(await operations.confirmBooking(grant, change, remember, deps), actor, deps)
  },
})

export const declineBooking = route({
  method: 'POST',
  path: '/v1/bookings/:bookingId/decline',
  summary: 'Decline a pending booking; never one of your own',
  access: { may: 'booking:confirm' },
  input: { param, json: Reason },
  output: Booking,
  conditional: true,
  idempotent: 'd1',
  async run({ input, grant, caller: { actor }, request, deps }) {
    const remember = request.remember((row: BookingRow) => shown(row, actor, deps))
    const change = {
      bookingId: input.param.bookingId,
      revisions: request.revisions,
      ...input.json,
    }
    return shown(await operations.declineBooking(grant, change, remember, deps), actor, deps)
  },
})

export const cancelBooking = route({
  method: 'POST',
  path: '/v1/bookings/:bookingId/cancel',
  summary: "Cancel a booking: your own in time, anyone's as a manager",
  access: { may: 'booking:cancel', owner: 'rows' },
  input: { param, json: Reason },
  output: Booking,
  conditional: true,
  idempotent: 'd1',
  async run({ input, grant, caller: { actor }, request, deps }) {
    const remember = request.remember((row: BookingRow) => shown(row, actor, deps))
    const change = {
      bookingId: input.param.bookingId,
      revisions: request.revisions,
      ...input.json,
    }
    return shown(await operations.cancelBooking(grant, change, remember, deps), actor, deps)
  },
})

async function bookingsOf(
  scope: Scope,
  query: z.output<z.ZodObject<typeof Filter>>,
  caller: Caller,
  deps: Deps,
) {
  const { limit, cursor, ...filter } = query
  const page = await paginate<BookingRow, [Id]>({
    name: `bookings?${JSON.stringify([scope, filter])}`,
    query: { limit, cursor },
    key: z.tuple([BookingId]),
    keyOf: ({ id }) => [id],
    read: (after, limit) => deps.bookings.list(scope, filter, { after: after?.[0], limit }),
  })
  return { ...page, items: page.items.map((row) => shown(row, caller, deps)) }
}

function shown(row: BookingRow, caller: Caller, { now }: Deps) {
  return { ...row, allowedActions: allowedActions(row, caller, now) }
}
