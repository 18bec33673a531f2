/** What a page says after something was done. */
import type { ConsoleContext } from './context.ts'

/**
 * The address holds only which of these it is, so that no
 * link can make a page say anything else.
 */
const FLASHES = {
  saved: 'Saved.',
  created: 'Created.',
  drafted: 'Made, and disabled: look who would gain the badge, then enable it.',
  moved: 'Moved.',
  deleted: 'Deleted.',
  suspended: 'Suspended, from this moment on.',
  suspendedAlready:
    'Nothing was changed: they were suspended already, and stay so for the reason shown here.',
  reinstated: 'Reinstated.',
  activeAlready: 'Nothing was changed: they were not suspended.',
  given: 'Given.',
  heldAlready: 'Nothing was changed: they have it already.',
  taken: 'Taken away.',
  notHeld: 'Nothing was changed: they did not have it.',
  revoked: 'Revoked. Whatever used it is refused from now on.',
  ended: 'Ended.',
  booked: 'Booked. It is among your bookings.',
  canceled: 'Canceled.',
  unlinked: 'Unlinked. It signs you in no more.',
  identityUnlinked: 'Unlinked. It signs them in no more.',
  confirmed: 'Confirmed.',
  declined: 'Declined.',
  erased: 'Erased.',
  pinged: 'A ping is on its way; what becomes of it is among the deliveries.',
  replayed: 'It is sent again, under the ids it had before.',
  requested: 'Asked for. It runs in the background; this page shows how far it is.',
} as const

export type Flash = keyof typeof FLASHES

/** The answer to a form that has done something. @param path of the console */
export function done(c: ConsoleContext, path: string, flash: Flash): Response {
  return c.redirect(`${path}${path.includes('?') ? '&' : '?'}done=${flash}`, 303)
}

export function flashOf(name: string | undefined): string | undefined {
  return name !== undefined && isFlash(name) ? FLASHES[name] : undefined
}

function isFlash(name: string): name is Flash {
  return Object.hasOwn(FLASHES, name)
}
