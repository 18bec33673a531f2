/** What records of each system say of a person, as a token of it would say it. */
import * as z from 'zod'
import { displayNameOf } from '../src/security/callers/display-name.ts'
import { isPlainText, personOf } from '../src/security/tokens/person.ts'
import { EmailAddress } from '../src/settings/email-address.ts'
import { isJsonObject } from '../src/security/tokens/strict-json.ts'
import type { Fields } from './import-records.ts'
import { Refusal } from './refusal.ts'

export const FORMATS = ['csv', 'auth0', 'clerk', 'supabase'] as const
export type Format = (typeof FORMATS)[number]

export const NO_ISSUER = 'no issuer is named: say --issuer, or have a column issuer in a CSV'

export interface Candidate {
  readonly issuer: string
  readonly subject: string
  readonly displayName: string
  readonly email: string | null
}

/** @param issuer of all records; a record's own comes first */
export function candidateOf(
  format: Format,
  fields: Fields,
  issuer: string | undefined,
  now: number,
): Candidate | { readonly refused: string } {
  const said = SAYS[format](fields, now)
  if ('refused' in said) return said
  const { name, email, isVerified } = said
  // No provider begins or ends one with a space, and spreadsheets do.
  const subject = typeof said.subject === 'string' ? said.subject.trim() : said.subject
  const by = said.issuer ?? issuer
  if (!isPlainText(subject)) return { refused: 'it has no subject of 1 to 255 characters' }
  if (by === undefined) return { refused: NO_ISSUER }
  if (!isIssuer(by)) return { refused: 'its issuer is no https address' }
  const person = personOf({
    name,
    email,
    ...(isVerified !== undefined && { email_verified: isVerified }),
  })
  const displayName = displayNameOf(person.name)
  // An address that is not confirmed is not taken, whatever it is.
  const taken = isPlainText(email) ? person.email : email
  if (taken === undefined) return { issuer: by, subject, displayName, email: null }
  const address = EmailAddress.safeParse(taken)
  if (!address.success) return { refused: 'its email is no address that mail can be sent to' }
  return { issuer: by, subject, displayName, email: address.data }
}

interface Said {
  readonly issuer?: string | undefined
  readonly subject: unknown
  readonly name: unknown
  readonly email: unknown
  /** Undefined if nothing is said of it, and then the address is taken. */
  readonly isVerified: unknown
}

/** The columns of a CSV of one's own, each with its spellings: in lower case, with `_` for spaces and hyphens. */
const COLUMNS = {
  issuer: ['issuer', 'iss'],
  subject: ['subject', 'sub'],
  name: ['name', 'display_name', 'full_name'],
  email: ['email', 'e_mail', 'mail', 'email_address', 'e_mail_address'],
  email_verified: ['email_verified', 'e_mail_verified'],
} as const
type Column = keyof typeof COLUMNS

function isSaid(value: unknown): boolean {
  return value !== undefined
}

/**
 * What of the columns of a CSV of one's own is not read.
 * @throws Refusal if two of them are the same thing
 */
export function unreadOf(names: readonly string[]): string[] {
  for (const spellings of Object.values<readonly string[]>(COLUMNS)) {
    const [one, other] = names.filter((name) => spellings.includes(name))
    if (other !== undefined)
      throw new Refusal(`the columns ${one} and ${other} are the same thing: leave one of them out`)
  }
  const known = new Set<string>(Object.values(COLUMNS).flat())
  return names.filter((name) => name !== '' && !known.has(name))
}

type Says = (fields: Fields, now: number) => Said | { readonly refused: string }

const SAYS: Readonly<Record<Format, Says>> = {
  csv(fields) {
    const column = (name: Column) => COLUMNS[name].map((each) => fields[each]).find(isSaid)
    return {
      issuer: textOf(column('issuer')),
      subject: column('subject'),
      name: textOf(column('name')),
      email: textOf(column('email')),
      isVerified: column('email_verified'),
    }
  },

  /** The export of users, as lines of JSON or as CSV, where each text begins with a quote against formulas. */
  auth0(raw) {
    const fields = withoutQuotes(raw)
    if (saysYes(fields['blocked'])) return BLOCKED
    return {
      subject: fields['user_id'] ?? fields['id'],
      name: textOf(fields['name']) ?? textOf(fields['nickname']),
      email: textOf(fields['email']),
      isVerified: fields['email_verified'] ?? false,
    }
  },

  /** The dashboard's CSV, or an array as the API has it. */
  clerk(fields) {
    if (saysYes(fields['banned']) || saysYes(fields['locked'])) return BLOCKED
    const names = [textOf(fields['first_name']), textOf(fields['last_name'])]
    const name = names.filter((each) => each !== undefined).join(' ')
    const { email, isVerified } = emailOfClerk(fields)
    return {
      subject: fields['id'],
      name: name === '' ? textOf(fields['username']) : name,
      email,
      isVerified,
    }
  },

  /** `auth.users` as CSV or JSON, or users as the admin API has them. */
  supabase(fields, now) {
    if (textOf(fields['deleted_at'])) return { refused: 'it is deleted there' }
    if (saysYes(fields['is_anonymous'])) return { refused: 'it is anonymous there' }
    const until = textOf(fields['banned_until'])
    if (until !== undefined && !(Date.parse(until) <= now)) return BLOCKED
    const about = jsonOf(fields['raw_user_meta_data'] ?? fields['user_metadata'])
    return {
      subject: fields['id'],
      name: textOf(about['full_name']) ?? textOf(about['name']) ?? textOf(about['user_name']),
      email: textOf(fields['email']),
      isVerified: textOf(fields['email_confirmed_at']) ?? textOf(fields['confirmed_at']) ?? false,
    }
  },
}

/** The names of what a record has to have, for a file that is not what it was said to be. */
export const SUBJECTS: Readonly<Record<Format, readonly string[]>> = {
  csv: COLUMNS.subject,
  auth0: ['user_id', 'id'],
  clerk: ['id'],
  supabase: ['id'],
}

const BLOCKED = { refused: 'it is blocked there' }

const Emails = z.array(
  z.object({
    id: z.string(),
    email_address: z.string(),
    verification: z.object({ status: z.string() }).nullish(),
  }),
)

function emailOfClerk(fields: Fields): { email: unknown; isVerified: boolean } {
  const listed = Emails.safeParse(fields['email_addresses'])
  if (listed.success) {
    const primary = listed.data.find(({ id }) => id === fields['primary_email_address_id'])
    const isVerified = primary?.verification?.status === 'verified'
    return { email: primary?.email_address, isVerified }
  }
  const email = textOf(fields['primary_email_address'])
  const verified = (textOf(fields['verified_email_addresses']) ?? '').split(/[\s,;|[\]"]+/)
  return { email, isVerified: email !== undefined && verified.includes(email) }
}

export function isIssuer(text: string | undefined): text is string {
  if (text === undefined || !isPlainText(text)) return false
  return URL.parse(text)?.protocol === 'https:'
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

function saysYes(value: unknown): boolean {
  return value === true || /^(true|t|yes|1)$/i.test(textOf(value) ?? '')
}

function withoutQuotes(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.replace(/^'/, '') : value,
    ]),
  )
}

function jsonOf(value: unknown): Fields {
  if (isJsonObject(value)) return value
  try {
    const parsed: unknown = JSON.parse(textOf(value) ?? '{}')
    return isJsonObject(parsed) ? parsed : {}
  } catch {
    return {}
  }
}
