/** The files that every page loads, and the name of their edition, which lets browsers keep them. */
import { sha256 } from '../crypto/digest.ts'
import type { LookSettings } from '../settings/look.ts'
import { textOn } from './accent.ts'
import { initialOf } from './initials.ts'
import { SCRIPT } from './script.ts'
import { styleOf } from './style.ts'

const editions = new WeakMap<LookSettings, Promise<string>>()

/** Another one whenever a file is another one. */
export function editionOf(look: LookSettings): Promise<string> {
  const known = editions.get(look) ?? shortHash(styleOf(look) + SCRIPT)
  editions.set(look, known)
  return known
}

async function shortHash(text: string): Promise<string> {
  return (await sha256(text)).slice(0, 12)
}

/** The first letter of the site's name on its colour, for the tab of a browser. */
export function iconOf({ name, accent }: LookSettings): string {
  const letter = initialOf(name).replace(/[<&]/, '')
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="${accent}"/><text x="16" y="22.5" text-anchor="middle" font-family="sans-serif" font-weight="700" font-size="19" fill="${textOn(accent)}">${letter}</text></svg>`
}
