/**
 * What an email address is, wherever one is asked for: what the HTML standard calls valid, and
 * internationalized ones (RFC 6531), whose names and domains are written in any script.
 */
import * as z from 'zod'

/** Whatever ASCII has but these; of other scripts everything that is neither blank nor a control character. */
const NAME = '[^\\s\\x00-\\x1f\\x7f-\\x9f"(),:;<>@[\\\\\\]]+'
/** Letters, digits and hyphens, and other scripts. */
const LABEL = '(?:[a-zA-Z0-9-]|[^\\s\\x00-\\x9f])+'
/** For readers of documents; which domains there can be takes more than a pattern. */
const PATTERN = `^${NAME}@${LABEL}(?:\\.${LABEL})*$`
const IS_ADDRESS = new RegExp(PATTERN, 'u')
const ASCII_LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?'
const IS_ASCII_DOMAIN = new RegExp(`^${ASCII_LABEL}(?:\\.${ASCII_LABEL})*$`)

/** RFC 5321 section 4.5.3.1.3, without the angle brackets. Longer addresses get no mail. */
const MAX_OCTETS = 254

/** An email address in Unicode NFC, otherwise as it was written. */
export const EmailAddress = z
  .string()
  .overwrite((text) => text.normalize('NFC'))
  .refine(isEmailAddress, { error: 'expected an email address' })
  .meta({
    description: 'As the HTML standard has it, or internationalized (RFC 6531)',
    format: 'idn-email',
    pattern: PATTERN,
    maxLength: MAX_OCTETS,
  })

function isEmailAddress(text: string): boolean {
  if (text.length > MAX_OCTETS || new TextEncoder().encode(text).length > MAX_OCTETS) return false
  if (!text.isWellFormed() || !IS_ADDRESS.test(text)) return false
  const domain = text.slice(text.indexOf('@') + 1)
  // The URL standard turns a domain in any script into the ASCII form that mail is sent to.
  const ascii = IS_ASCII_DOMAIN.test(domain) ? domain : URL.parse(`https://${domain}`)?.hostname
  return ascii !== undefined && IS_ASCII_DOMAIN.test(ascii)
}
