/** `/.well-known/security.txt` (RFC 9116): whom to tell about a vulnerability. */
import { plainText } from './plain-text.ts'
import { settingsOf } from '../../settings/settings.ts'
import { Problem } from '../../problem.ts'
import type { AppContext } from '../context.ts'

const DAY_MS = 86_400_000
/** RFC 9116, section 2.5.5, recommends less than a year. */
const GOOD_FOR_DAYS = 180

/** @throws Problem `not_found` if the site has named nobody */
export function securityTxt(c: AppContext): Response {
  const { securityContact } = settingsOf(c.env)
  if (!securityContact) throw new Problem('not_found', 'This site has no security contact.')
  const today = Math.floor(c.get('now') / DAY_MS)
  const lines = [
    `Contact: ${securityContact}`,
    `Expires: ${new Date((today + GOOD_FOR_DAYS) * DAY_MS).toISOString()}`,
    'Preferred-Languages: en',
    `Canonical: ${new URL('/.well-known/security.txt', c.req.url).href}`,
  ]
  return plainText(c, `${lines.join('\n')}\n`)
}
