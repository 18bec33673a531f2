/**
 * What a page says after something was done. The address holds only which of these it is, so that no
 * link can make a page say anything else.
 */
const FLASHES = {
  saved: 'Saved.',
  created: 'Created.',
  deleted: 'Deleted.',
  suspended: 'Suspended, from this moment on.',
  reinstated: 'Reinstated.',
  given: 'Given.',
  taken: 'Taken away.',
  ended: 'Ended.',
  booked: 'Booked. It is among your bookings.',
  canceled: 'Canceled.',
  unlinked: 'Unlinked. It signs you in no more.',
  requested: 'Asked for. It runs in the background; this page shows how far it is.',
} as const

export type Flash = keyof typeof FLASHES

export function flashOf(name: string | undefined): string | undefined {
  return name !== undefined && isFlash(name) ? FLASHES[name] : undefined
}

function isFlash(name: string): name is Flash {
  return Object.hasOwn(FLASHES, name)
}

/** The address of a page that says so. @param path of the console */
export function withFlash(path: string, flash: Flash): string {
  return `${path}${path.includes('?') ? '&' : '?'}done=${flash}`
}
