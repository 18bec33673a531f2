/** What a place in a slot is held by; the one definition that availability and every guard share. */
import { sql, type SQL } from 'drizzle-orm'

/** Confirmed, or pending with a hold that has not run out. @param now RFC 3339 */
export function isLive(now: string): SQL {
  return sql`(status = 'confirmed'
    or status = 'pending' and (hold_until is null or hold_until > ${now}))`
}

/** A query for the number of live bookings of a slot. */
export function liveBookings(now: string, slotId: SQL): SQL {
  return sql`select count(*) from bookings where slot_id = ${slotId} and ${isLive(now)}`
}
