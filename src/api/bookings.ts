/** Bookings: made by members, visitors and keys; confirmed by managers, or by an event. */
import * as z from 'zod'
import { answerFields, nobody } from '../http/answer-fields.ts'
import { type BookingId as Id, isId } from '../db/ids.ts'
import type { Deps } from '../deps.ts'
import { listOf, PageQuery, paginate } from '../http/pagination.ts'
import { type CallerContext, route } from '../http/route.ts'
import { book } from '../operations/book.ts'
import * as operations from '../operations/decide-booking.ts'
import { notFound } from '../problem.ts'
import { type BookingRow, isOfPeriod, type Settled } from '../repositories/bookings.ts'
import type { Scope } from '../repositories/scope.ts'
import { actorRef } from '../security/actor.ts'
import { decide } from '../security/decide.ts'
import { allowedActions, BOOKING_ACTIONS } from './booking-actions.ts'
import { calendarOf } from '../calendar/entries.ts'
import {
  exampleId,
  idOf,
  NoBody,
  Phone,
  Revision,
  shownId,
  shownName,
  shownText,
  SortTime,
  StartQuery,
  text,
  Timestamp,
  whenFine,
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
  .meta({ id: 'Contact', description: 'How to reach somebody: by email, by phone, or both' })

const NewBooking = z
  .strictObject({
    slotId: idOf('slt', 'Id of a slot'),
    note: text(0, 1000).nullable().default(null),
    contact: Contact.nullable().default(null).meta({
      description:
        'How to reach whoever comes; of a visitor nothing else is known. With `booking:create` of reach `any` the booking is for whoever is named here, and without it your own place. An address or a number has one live booking of a slot',
    }),
  })
  .meta({
    id: 'NewBooking',
    examples: [
      { slotId: exampleId('slt'), contact: { name: 'Grace Hopper', email: 'grace@example.com' } },
    ],
  })

const Booking = z
  .object({
    id: shownId('bkg'),
    serviceId: shownId('svc'),
    serviceName: shownText(100)
      .nullable()
      .meta({ description: 'What it is of, though the service may have gone' }),
    slotId: shownId('slt'),
    startsAt: Timestamp,
    endsAt: Timestamp,
    status: z.enum(STATUSES),
    holdUntil: Timestamp.nullable().meta({
      description:
        'When a pending booking ends that nobody has answered; null for when it starts. A visitor’s has one always',
    }),
    note: shownText(1000).nullable(),
    contact: z
      .object({
        name: shownText(100).nullable(),
        email: shownText(254).nullable(),
        phone: shownText(20).nullable(),
      })
      .nullable()
      .meta({
        description:
          'What was left with the booking; to who may confirm it, where nothing was, the profile of its member as it is now',
      }),
    owner: shownName(),
    bookedBy: shownName(),
    confirmedBy: shownName().nullable(),
    reason: shownText(500).nullable(),
    allowedActions: z
      .array(z.enum(BOOKING_ACTIONS))
      .max(BOOKING_ACTIONS.length)
      .meta({ description: 'What the caller may do with it now' }),
    visitorToken: z
      .object({ expiresAt: Timestamp, renewWith: z.literal('POST /v1/visitors') })
      .optional()
      .meta({
        description:
          'Only to a visitor: when the token ends that they sent. Sent with it before, `renewWith` answers one for the same visitor, good as long as their last live booking',
      }),
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
  .meta({ id: 'BookingReason', examples: [{ reason: 'Closed on that day' }] })

const Filter = {
  ...PageQuery,
  serviceId: idOf('svc', 'Only of this service').optional(),
  status: z.enum(STATUSES).optional(),
  ...StartQuery,
}

const Owner = z
  .string()
  .refine((id) => (['usr', 'vis', 'key'] as const).some((prefix) => isId(prefix, id)), {
    error: 'expected the id of a member, a visitor or an API key',
  })
  .meta({
    description: 'Only theirs: a member, a visitor or an API key',
    pattern: '^(usr|vis|key)_[0-7][0-9a-hjkmnp-tv-z]{25}$',
    maxLength: 30,
    examples: [exampleId('usr')],
  })

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
  async run({ input, grant, caller, request, followUp, deps }) {
    const remember = request.remember((row: BookingRow) => shown(row, caller, deps))
    const booking = await book(grant, input.json, remember, deps)
    return shown((await followUp()) ?? booking, caller, deps)
  },
})

export const listMyBookings = route({
  method: 'GET',
  path: '/v1/me/bookings',
  summary: 'Your bookings, newest first; those of a period in the order in which they start',
  access: { may: 'booking:read', owner: 'self' },
  input: { query: z.object(Filter) },
  output: listOf(Booking),
  async run({ input, grant, caller, deps }) {
    return bookingsOf(grant.scope, input.query, caller, deps)
  },
})

export const listBookings = route({
  method: 'GET',
  path: '/v1/bookings',
  summary:
    'The bookings you may see, newest first; those of a period in the order in which they start',
  access: {
    may: 'booking:read',
    owner: 'rows',
    filters: { owner: { may: 'booking:read', of: 'whom it names' } },
  },
  input: { query: z.object({ ...Filter, owner: Owner.optional() }) },
  output: listOf(Booking),
  async run({ input, grant, caller, deps }) {
    return bookingsOf(grant.scope, input.query, caller, deps)
  },
})

export const readBookingCalendar = route({
  method: 'GET',
  path: '/v1/bookings/:bookingId/calendar.ics',
  // Links of before are in calendars; a path of its own with a pattern would slow down all others.
  formerly: { path: '/v1/bookings/:bookingId', suffix: '.ics' },
  summary: 'A booking as a calendar entry (RFC 5545)',
  access: { may: 'booking:read', owner: 'rows' },
  input: {
    param: z.object({
      bookingId: z
        .string()
        .meta({
          description: 'Id of a booking',
          pattern: '^bkg_[0-9a-z]{26}',
          maxLength: 34,
          examples: [exampleId('bkg')],
        })
        .transform((id) => id.replace(/\.ics$/, ''))
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
  async run({ input, grant, caller, deps }) {
    const { bookingId } = input.param
    const booking = seesProfiles(caller)
      ? await operations.readWithProfile(grant, bookingId, deps)
      : await deps.bookings.find(grant.scope, bookingId)
    return shown(booking ?? notFound('booking'), caller, deps)
  },
})

export const deleteBookingContact = route({
  method: 'DELETE',
  path: '/v1/bookings/:bookingId/contact',
  summary: 'Erase what was left on a booking about whoever it is for: contact, note and reason',
  access: { may: 'booking:cancel', owner: 'rows' },
  input: { param },
  output: 'nothing',
  conditional: true,
  async run({ input, grant, request: { revisions }, deps }) {
    await operations.eraseContact(grant, { bookingId: input.param.bookingId, revisions }, deps)
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
  async run({ input, grant, caller, request, deps }) {
    const remember = request.remember((row: BookingRow) => shown(row, caller, deps))
    const change = { bookingId: input.param.bookingId, revisions: request.revisions }
    return shown(await operations.confirmBooking(grant, change, remember, deps), caller, deps)
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
  async run({ input, grant, caller, request, deps }) {
    const remember = request.remember((row: BookingRow) => shown(row, caller, deps))
    const change = {
      bookingId: input.param.bookingId,
      revisions: request.revisions,
      ...input.json,
    }
    return shown(await operations.declineBooking(grant, change, remember, deps), caller, deps)
  },
})

const BulkSettlement = z
  .strictObject({
    action: z.enum(['confirm', 'decline']),
    bookingIds: z.array(BookingId).min(1).max(100),
    reason: text(1, 500).nullable().default(null).meta({ description: 'Of a decline' }),
  })
  .refine(({ action, reason }) => action === 'decline' || reason === null, {
    error: 'a confirmation has no reason',
    path: ['reason'],
    when: whenFine,
  })
  .meta({
    id: 'BulkSettlement',
    examples: [{ action: 'confirm', bookingIds: [exampleId('bkg')] }],
  })

const BulkSettlementResult = z
  .object({
    results: z
      .array(
        z.object({
          bookingId: shownId('bkg'),
          status: z
            .enum(['confirmed', 'declined', 'not_found', 'forbidden', 'invalid_state'])
            .meta({ description: '`forbidden` for one’s own; the rest as the single call has it' }),
        }),
      )
      .max(100),
  })
  .meta({ id: 'BulkSettlementResult' })
  .register(answerFields, { about: nobody })

export const settleBookings = route({
  method: 'POST',
  path: '/v1/booking-decisions/bulk',
  summary: 'Confirm or decline up to 100 pending bookings, with a result for each',
  access: { may: 'booking:confirm' },
  input: { json: BulkSettlement },
  output: BulkSettlementResult,
  idempotent: 'd1',
  async run({ input, grant, request, deps }) {
    const { action, bookingIds, reason } = input.json
    const to = action === 'confirm' ? ('confirmed' as const) : ('declined' as const)
    const answer = (settled: readonly Settled[]) => {
      const known = new Map(settled.map(({ bookingId, outcome }) => [bookingId, outcome]))
      const results = bookingIds.map((bookingId) => {
        const outcome = known.get(bookingId) ?? 'not_found'
        return { bookingId, status: outcome === 'done' ? to : outcome } as const
      })
      return { results }
    }
    const change = { bookingIds: [...new Set(bookingIds)], to, reason } as const
    return answer(await operations.settleBookings(grant, change, request.remember(answer), deps))
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
  async run({ input, grant, caller, request, deps }) {
    const remember = request.remember((row: BookingRow) => shown(row, caller, deps))
    const change = {
      bookingId: input.param.bookingId,
      revisions: request.revisions,
      ...input.json,
    }
    return shown(await operations.cancelBooking(grant, change, remember, deps), caller, deps)
  },
})

async function bookingsOf(
  scope: Scope,
  query: z.output<z.ZodObject<typeof Filter>> & { readonly owner?: string | undefined },
  caller: CallerContext,
  deps: Deps,
) {
  const { limit, cursor, ...filter } = query
  const isByStart = isOfPeriod(filter)
  const page = await paginate<BookingRow, [Id] | [Id, string]>({
    name: `bookings?${JSON.stringify([scope, filter])}`,
    query: { limit, cursor },
    key: isByStart ? z.tuple([BookingId, SortTime]) : z.tuple([BookingId]),
    keyOf: ({ id, startsAt }) => (isByStart ? [id, startsAt] : [id]),
    read: (last, limit) => {
      const after = last && { id: last[0], startsAt: last[1] }
      return deps.bookings.list(scope, filter, { after, limit })
    },
  })
  return { ...page, items: page.items.map((row) => shown(row, caller, deps)) }
}

function shown(row: BookingRow, caller: CallerContext, { now }: Deps) {
  const { actor } = caller
  const isSomebodyElses = actor.kind !== 'anonymous' && actorRef(actor) !== row.owner
  const profile = isSomebodyElses && seesProfiles(caller) ? row.profile : null
  return {
    ...row,
    contact: row.contact ?? profile,
    visitorToken: visitorTokenOf(caller),
    allowedActions: allowedActions(row, actor, now),
  }
}

/** Whoever decides about bookings is told whose they are. */
function seesProfiles({ actor }: CallerContext): boolean {
  return decide(actor, 'booking:confirm', 'site').allowed
}

function visitorTokenOf({ actor, authenticated }: CallerContext) {
  if (actor.kind !== 'visitor' || authenticated.type !== 'jwt') return undefined
  const expiresAt = new Date(authenticated.token.expiresAt).toISOString()
  return { expiresAt, renewWith: 'POST /v1/visitors' as const }
}
