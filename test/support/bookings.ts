/** Services, slots and bookings over HTTP. Times are relative to the clock of the test. */
import { expect } from 'vitest'
import type { BookingId, SlotId } from '../../src/db/ids.ts'
import { rowsOf } from './population.ts'
import { type Client, type Member, type Reply, type Site, testSite } from './site.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

interface SlotWish {
  readonly capacity?: number
  /** Milliseconds from now. */
  readonly startsIn?: number
}

export async function bookingScene(site: Site = testSite()) {
  const root = await site.root()

  async function service(fields: object = {}): Promise<{ id: string; revision: number }> {
    return created(await root.post('/v1/services', { name: 'Haircut', ...fields }))
  }
  async function slotOf(serviceId: string, wish: SlotWish = {}): Promise<{ id: SlotId }> {
    const { capacity = 1, startsIn = DAY } = wish
    const [startsAt, endsAt] = [timeIn(startsIn), timeIn(startsIn + HOUR)]
    return created(
      await root.post(`/v1/services/${serviceId}/slots`, { startsAt, endsAt, capacity }),
    )
  }
  /** A slot of a new service. */
  async function slot(fields: object = {}, wish: SlotWish = {}): Promise<SlotId> {
    return (await slotOf((await service(fields)).id, wish)).id
  }
  return { site, root, service, slotOf, slot, manager: () => site.memberWith('bookings-manager') }
}

/** Checks that the answer is 201. @returns its body */
export function created(reply: Reply) {
  expect(reply.status, `answered ${reply.text}`).toBe(201)
  return reply.body
}

/** A way to reach somebody, which visitors have to give. */
export const CONTACT = { name: 'Ada', email: 'ada@example.com', phone: '+4930123456' }

export async function bookingOf(who: Client, slotId: SlotId): Promise<{ id: BookingId }> {
  return created(await who.post('/v1/bookings', { slotId, contact: CONTACT }))
}

export function timeIn(milliseconds: number): string {
  return new Date(Date.now() + milliseconds).toISOString()
}

/** The status with the code of a problem or the status of a booking, as in `409 slot_full`. */
export function outcomeOf({ status, body }: Reply): string {
  return `${status} ${body.code ?? body.status}`
}

export async function audited(root: Member, target: string): Promise<Record<string, unknown>[]> {
  return (await root.get(`/v1/audit?target=${target}`)).body.items
}

/** Each slot's taken places, counted by SQL that shares nothing with the code under test. */
export async function liveBySlot(): Promise<{ id: SlotId; capacity: number; live: number }[]> {
  return rowsOf(
    `select slots.id, capacity, count(bookings.id) as live from slots left join bookings
       on slot_id = slots.id and (status = 'confirmed' or
         (status = 'pending' and (hold_until is null or hold_until > ?)))
     group by slots.id`,
    new Date().toISOString(),
  )
}

/** Rows that break an invariant of bookings; there must be none at any time. */
export async function violations() {
  const live = `(status = 'confirmed' or (status = 'pending' and (hold_until is null or hold_until > ?)))`
  const now = new Date().toISOString()
  return {
    overbooked: (await liveBySlot()).filter((slot) => slot.live > slot.capacity),
    twice: await rowsOf(
      `select owner, slot_id from bookings where ${live} group by 1, 2 having count(*) > 1`,
      now,
    ),
    /** A booking begins with one audit row and revision 1, and every change adds one to both. */
    unaudited: await rowsOf(
      `select id, revision from bookings
       where revision <> (select count(*) from audit_log where target = bookings.id)`,
    ),
    invented: await rowsOf(
      `select target from audit_log where action like 'booking.%'
         and target not in (select id from bookings)`,
    ),
    homeless: await rowsOf(
      `select id from bookings where ${live} and slot_id not in (select id from slots)`,
      now,
    ),
  }
}

export const NONE: Awaited<ReturnType<typeof violations>> = {
  overbooked: [],
  twice: [],
  unaudited: [],
  invented: [],
  homeless: [],
}
