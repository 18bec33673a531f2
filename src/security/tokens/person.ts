/** What claims of a provider say of a person, wherever they stand: in a token, or in an answer of its userinfo. */
import { isJsonObject } from './strict-json.ts'

export interface Person {
  /** The name as the issuer wrote it, of any length; it has to be cleaned before it is stored. */
  readonly name: string | undefined
  /** The address, unless the issuer says that it is unverified. */
  readonly email: string | undefined
}

type Json = Readonly<Record<string, unknown>>

/** 1..255 code points; a lone surrogate is a `Cs`, a NUL or a line break a `Cc`. */
const PLAIN_TEXT = /^[^\p{Cc}\p{Cs}]{1,255}$/u
/** How providers name the claim that an address was confirmed, without the signs between its words. */
const VERIFIED_NAMES = new Set([
  'emailverified',
  'isemailverified',
  'verifiedemail',
  'emailconfirmed',
  'xmsedov',
])
const SAYS_NO = /^\s*(false|no|f|n|0+|null|none)?\s*$/i

export function personOf(claims: Json): Person {
  return {
    name: typeof claims.name === 'string' ? claims.name : undefined,
    email: !callsUnverified(claims) && isPlainText(claims.email) ? claims.email : undefined,
  }
}

export function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && PLAIN_TEXT.test(value)
}

/**
 * The claim in whatever spelling, also below a namespace as in `https://members.example/email_verified`, and in
 * Supabase's `user_metadata`.
 */
function callsUnverified(claims: Json): boolean {
  const inside = isJsonObject(claims.user_metadata) ? Object.entries(claims.user_metadata) : []
  return [...Object.entries(claims), ...inside].some(([name, value]) => {
    const [last = ''] = name.split(/[/:]/).slice(-1)
    const plain = last.toLowerCase().replaceAll(/[^a-z]/g, '')
    return VERIFIED_NAMES.has(plain) && !saysYes(value)
  })
}

/** Some write when it was confirmed, or nothing if it was not. */
function saysYes(value: unknown): boolean {
  if (typeof value === 'string') return !SAYS_NO.test(value)
  return value === true || (typeof value === 'number' && value > 0)
}
