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
    // One that has begun cannot be made, but time goes by.
    const startsFirst = startsIn > 0 ? startsIn : 999 * DAY
    const [startsAt, endsAt] = [timeIn(startsFirst), timeIn(startsFirst + HOUR)]
    const slot = created(
      await root.post(`/v1/services/${serviceId}/slots`, { startsAt, endsAt, capacity }),
    )
    if (startsIn <= 0) {
      const times = [timeIn(startsIn), timeIn(startsIn + HOUR)]
      await rowsOf(`update slots set starts_at = ?, ends_at = ? where id = ?`, ...times, slot.id)
    }
    return slot
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

/** A way to reach somebody. */
export const CONTACT = { name: 'Ada', email: 'ada@example.com', phone: '+4930123456' }

let people = 0

/** A way to reach somebody else each time, for the same mailbox is the same person. */
export function newContact() {
  people += 1
  return { ...CONTACT, email: `ada-${people}@example.com`, phone: `+4930${1_000_000 + people}` }
}

export async function bookingOf(
  who: Client,
  slotId: SlotId,
  contact = newContact(),
): Promise<{ id: BookingId }> {
  return created(await who.post('/v1/bookings', { slotId, contact }))
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
         (status = 'pending' and coalesce(hold_until, bookings.starts_at) > ?))
     group by slots.id`,
    new Date().toISOString(),
  )
}

/** Rows that break an invariant of bookings; there must be none at any time. */
export async function violations() {
  const live = `(status = 'confirmed' or (status = 'pending' and coalesce(hold_until, starts_at) > ?))`
  const now = new Date().toISOString()
  return {
    overbooked: (await liveBySlot()).filter((slot) => slot.live > slot.capacity),
    twice: await rowsOf(
      `select slot_id, person from (
         select slot_id, 'owner' as is_by, owner as person from bookings where ${live} and is_for_guest = 0
         union all select slot_id, 'mail', lower(contact ->> '$.email') from bookings where ${live}
         union all select slot_id, 'call', contact ->> '$.phone' from bookings where ${live})
       where person is not null group by slot_id, is_by, person having count(*) > 1`,
      now,
      now,
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
