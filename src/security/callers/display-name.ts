/** A provider's name for a member, made to fit the rules for display names. */

/** What a member is called whom nobody has named. */
export const NAMELESS = 'New member'

export function displayNameOf(name: string | undefined): string {
  return cleanName(name) ?? NAMELESS
}

/** Undefined if nothing is left of it. */
export function cleanName(name: string | undefined): string | undefined {
  const clean = (name ?? '')
    .toWellFormed()
    .normalize('NFC')
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
  return Array.from(clean).slice(0, 80).join('') || undefined
}
