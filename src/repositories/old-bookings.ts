/** Bookings that ended long ago, and how they go with what hangs off them. */
import { sql } from 'drizzle-orm'
import { batch, type Database, rows, statement } from '../db/client.ts'
import { type BookingId, firstIdAt } from '../db/ids.ts'

export function oldBookingsRepository(db: Database) {
  return {
    /**
     * Goes through `limit` bookings behind `after`, and deletes those that ended before `before`. One
     * that waits to be ended is left to the job that ends it.
     * @param before milliseconds since the epoch
     * @returns how many are deleted, and where the next call goes on; undefined at the end
     */
    async forget(after: BookingId | undefined, before: number, limit: number) {
      // Nothing is booked after it has ended, so whatever ended by then has an id from before.
      const bound = firstIdAt('bkg', before)
      const at = new Date(before).toISOString()
      const page = await rows<{ id: BookingId; isOver: number }>(
        db,
        sql`select id, ends_at < ${at} and status <> 'pending' as "isOver" from bookings
          where id > ${after ?? ''} and id < ${bound} order by id limit ${limit}`,
      )
      const over = page.filter(({ isOver }) => isOver === 1).map(({ id }) => id)
      const next = page.length < limit ? undefined : page.at(-1)?.id
      if (over.length === 0) return { forgotten: 0, next }
      const ids = sql`(select value from json_each(${JSON.stringify(over)}))`
      const { bookings } = await batch(db, {
        notices: statement(db, sql`delete from booking_notices where booking_id in ${ids}`),
        feeds: statement(db, sql`delete from calendar_feeds where booking_id in ${ids}`),
        bookings: rows(
          db,
          sql`delete from bookings where id in ${ids} and ends_at < ${at} and status <> 'pending'
            returning 1`,
        ),
      })
      return { forgotten: bookings.length, next }
    },
  }
}
