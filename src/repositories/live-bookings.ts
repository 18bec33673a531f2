/** What a place in a slot is held by, and by whom; the definitions that availability and every guard share. */
import { sql, type SQL } from 'drizzle-orm'

/**
 * Confirmed, or pending and not ended: a pending booking ends with its hold, or when what it is of
 * begins. @param now RFC 3339
 */
export function isLive(now: string): SQL {
  return sql`(status = 'confirmed' or status = 'pending' and ${pendingUntil} > ${now})`
}

/** When a pending booking ends by itself; written as the index has it. */
export const pendingUntil = sql`coalesce(hold_until, starts_at)`

/** A query for the number of live bookings of a slot. */
export function liveBookings(now: string, slotId: SQL): SQL {
  return sql`select count(*) from bookings where slot_id = ${slotId} and ${isLive(now)}`
}

/** What a person in a slot is known by; each is SQL, or a value that may be null. */
export interface Person {
  /** Whose own place it is; null for a place that was booked for a guest. */
  readonly owner: SQL | string | null
  /** As `personOf` writes them. */
  readonly email: SQL | string | null
  readonly phone: SQL | string | null
}

/** Whether the booking in the innermost `from` has the person's own place. */
export function isOwnPlaceOf({ owner }: Pick<Person, 'owner'>): SQL {
  return sql`(is_for_guest = 0 and owner = ${owner})`
}

/** Whether the booking in the innermost `from` can be reached as the person can. */
export function isReachedAs({ email, phone }: Omit<Person, 'owner'>): SQL {
  return sql`(guest_email = ${email} or guest_phone = ${phone})`
}

/** One person has one live booking of a slot, and this says who is one. */
export function isSamePerson(person: Person): SQL {
  return sql`(${isOwnPlaceOf(person)} or ${isReachedAs(person)})`
}

/** What counts against the limits of visitors, whoever owns it by now. @param now RFC 3339 */
export function visitorsBookings(now: string, by: { visitor: string } | { network: string }): SQL {
  const isTheirs =
    'visitor' in by
      ? sql`booked_by = ${by.visitor} and status in ('pending', 'confirmed')`
      : sql`network = ${by.network}`
  return sql`select count(*) from bookings
    where ${isTheirs} and ends_at > ${now} and ${isLive(now)}`
}
