/** Where secrets are taken as the last part of an address, in its query: of a path every log would keep them. */

/** What calendar programs read: many bookings, or the one that a mail was about. */
export const CALENDAR_PATHS = {
  bookings: '/v1/calendar-feeds/bookings.ics',
  booking: '/v1/calendar-feeds/booking.ics',
} as const

/** Where mail about bookings ends. */
export const MAIL_END_PATH = '/v1/mail-end'

/** What is served here; a test compares the list with the running app. */
export const LINK_PATHS = [
  `GET ${CALENDAR_PATHS.bookings}`,
  `GET ${CALENDAR_PATHS.booking}`,
  `GET ${MAIL_END_PATH}`,
  `POST ${MAIL_END_PATH}`,
] as const
