/** What people have left on bookings about themselves, and how it goes. */
import { sql, type SQL } from 'drizzle-orm'
import { batch, type Database, rows } from '../db/client.ts'

/** Everything on a booking that somebody wrote about a person; columns that come with it go with it. */
export const ERASED = {
  note: null,
  contact: null,
  guestEmail: null,
  guestPhone: null,
  reason: null,
} as const

/** Whether there is any; written as the index has it. */
export const hasData = sql`(contact is not null or note is not null or reason is not null)`

export function guestDataRepository(db: Database) {
  /** A part of them: whoever waits for the database meanwhile does not wait for all. */
  const change = (set: SQL, where: SQL, limit: number) =>
    rows(
      db,
      sql`update bookings set ${set}
        where id in (select id from bookings where ${where} limit ${limit}) returning 1`,
    )

  return {
    /**
     * Forgets from which networks bookings came that are over, and what was left on bookings that
     * ended before `before` and have no member behind them, for members' own goes with the member.
     * @param now RFC 3339, as `before` is
     * @returns how many of each; call again while one of them is `limit`
     */
    async forget(now: string, before: string, limit: number) {
      const { networks, contacts } = await batch(db, {
        networks: change(
          sql`network = null`,
          sql`network is not null and ends_at <= ${now}`,
          limit,
        ),
        contacts: change(
          sql`note = null, contact = null, guest_email = null, guest_phone = null, reason = null,
            revision = revision + 1, updated_at = ${now}`,
          sql`ends_at < ${before} and ${hasData} and (is_for_guest = 1 or owner not glob 'usr_*')`,
          limit,
        ),
      })
      return { networks: networks.length, contacts: contacts.length }
    },
  }
}
