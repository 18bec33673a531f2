/** Addresses whose last part is a secret, which needs no other credential: of calendars, and in mails. */
import type { Hono } from 'hono'
import type { AppEnv } from '../context.ts'
import { readCalendar } from './calendar.ts'
import { askToEnd, endMail, limitForm } from './mail-end.ts'
import { CALENDAR_PATHS, MAIL_END_PATH } from './paths.ts'

/** Before credentials are read: what comes beside such a secret is refused, be it good or bad. */
export function mountLinks(app: Hono<AppEnv>): void {
  app.get(CALENDAR_PATHS.bookings, readCalendar('member', 'service'))
  app.get(CALENDAR_PATHS.booking, readCalendar('booking'))
  app.get(MAIL_END_PATH, askToEnd)
  app.post(MAIL_END_PATH, limitForm, endMail)
}
