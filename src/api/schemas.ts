/** The shapes that more than one route takes or answers, as the contract names them. */
import * as z from 'zod'
import { answerFields, nobody } from '../http/answer-fields.ts'
import { type Id, type IdPrefix, isId } from '../db/ids.ts'
import { PERMISSION_NAMES } from '../security/permissions.ts'
import { MAX_TOKEN_LENGTH } from '../security/callers/credential.ts'

/** An id of the given kind; in a path a malformed one is a 404, in a body a 422. */
export function idOf<P extends IdPrefix>(prefix: P, description: string) {
  return z
    .string()
    .refine((text) => isId(prefix, text), { error: `expected an id that starts with ${prefix}_` })
    .meta({ description, ...shapeOfId(prefix), examples: [exampleId(prefix)] })
}

/** Of the things that `npm run seed` makes for the examples of the OpenAPI document. */
export function exampleId<P extends IdPrefix>(prefix: P): Id<P> {
  return `${prefix}_01k8qz3v5tb7n9c2d4f6g8h0jk`
}

const SHOWN_IDS = {
  usr: shownAs('UserId', 'usr'),
  vis: shownAs('VisitorId', 'vis'),
  bdg: shownAs('BadgeId', 'bdg'),
  rul: shownAs('RuleId', 'rul'),
  svc: shownAs('ServiceId', 'svc'),
  slt: shownAs('SlotId', 'slt'),
  bkg: shownAs('BookingId', 'bkg'),
  key: shownAs('KeyId', 'key'),
  pgr: shownAs('PageRuleId', 'pgr'),
  aud: shownAs('AuditId', 'aud'),
  run: shownAs('RunId', 'run'),
  evt: shownAs('EventId', 'evt'),
  whk: shownAs('WebhookId', 'whk'),
} as const satisfies Record<IdPrefix, z.ZodString>

function shownAs(id: string, prefix: IdPrefix): z.ZodString {
  return z.string().meta({ id, ...shapeOfId(prefix) })
}

/** An id in an answer: it comes from storage, so it is described and not checked again. */
export function shownId(prefix: IdPrefix): z.ZodString {
  return SHOWN_IDS[prefix]
}

function shapeOfId(prefix: IdPrefix) {
  return { pattern: `^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`, maxLength: 30 }
}

export const UserId = idOf('usr', 'Id of a member')
export const BadgeId = idOf('bdg', 'Id of a badge')
export const RuleId = idOf('rul', 'Id of a badge rule')

export const PermissionName = z.enum(PERMISSION_NAMES).meta({ id: 'Permission' })

/** Bodies of requests that say everything by their path. */
export const NoBody = z
  .strictObject({})
  .meta({ id: 'NoBody', description: 'Empty, or an empty object', examples: [{}] })

/** A check that compares fields runs only when each of the fields is valid by itself. */
export const whenFine = ({ issues }: z.core.ParsePayload) => issues.length === 0

/**
 * A PATCH needs at least one field. The error is left out beside an unknown or a wrong field, which
 * is a field all the same.
 */
export const SOME_FIELD = [
  (patch: object) => Object.keys(patch).length > 0,
  { error: 'expected at least one field', when: whenFine },
] as const

const CONTROL_CHARACTERS = /[\p{Cc}--[\n\t]]/v

const MAX_URL = 2048
const NO_URL = 'expected an https URL'

/** Neither white space nor control characters; as text, as the next one. */
const PRINTABLE = '^[^\\s\\x00-\\x1f\\x7f-\\x9f]+$'
const IS_PRINTABLE = new RegExp(PRINTABLE)

/** `CONTROL_CHARACTERS` written without the flag `v`, which readers of documents may not know. */
const WITHOUT_CONTROL_CHARACTERS = '^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$'

const STORED_TEXT = 'Stored in Unicode NFC, its length counted in code points'

/**
 * Text as people write it: stored as sent in Unicode NFC, length in code points of that. Refused: lone
 * surrogates and control characters other than newline and tab, which storage would alter.
 */
export function text(min: number, max: number) {
  return z
    .string()
    .overwrite((value) => value.normalize('NFC'))
    .refine((value) => value.isWellFormed() && !CONTROL_CHARACTERS.test(value), {
      error: 'expected text without control characters other than newline and tab',
    })
    .refine((value) => inCodePoints(value, min, max), {
      error: `expected ${min} to ${max} characters`,
    })
    .meta({
      minLength: min,
      maxLength: max,
      pattern: WITHOUT_CONTROL_CHARACTERS,
      description: STORED_TEXT,
    })
}

/** Text in an answer, of up to `max` code points: described and not checked again. */
export function shownText(max: number): z.ZodString {
  if (max === 1000) return Paragraph
  return max === 200 ? Line : textOf(max)
}

function textOf(max: number) {
  return z.string().meta({ maxLength: max, pattern: WITHOUT_CONTROL_CHARACTERS })
}

const Line = textOf(200).meta({ id: 'Line' })
const Paragraph = textOf(1000).meta({ id: 'Paragraph' })

/** Names that programs use, as in `badge:assign`, `badge.create`, `system:badge-awarder` or `usr_…`. */
export const NAME = /^[A-Za-z0-9_.:-]+$/

export function shownName(max = 100): z.ZodString {
  return max === 100 ? Name : nameOf(max)
}

const Name = nameOf(100).meta({ id: 'Name' })

function nameOf(max: number) {
  return z.string().meta({ maxLength: max, pattern: NAME.source })
}

/** A role that `npm run seed` defines. */
export const EXAMPLE_ROLE = 'greeter'

/** Built in or of the site's own making; whether there is such a role, storage knows. */
export const RoleName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{1,40}$/)
  .meta({
    description: 'Name of a role, as in `moderator`',
    maxLength: 41,
    examples: [EXAMPLE_ROLE],
  })

/** The largest integer that is exact everywhere, and so the largest count. */
export const Count = z.int().min(0).meta({ id: 'Count' })

/** The most entries of a list that is answered whole; more than a site will have. */
export const MANY = 10_000

function inCodePoints(value: string, min: number, max: number): boolean {
  // A code point is one or two units, so most lengths are settled without counting.
  if (value.length < min || value.length > 2 * max) return false
  const { length } = Array.from(value)
  return length >= min && length <= max
}

/**
 * Stored as the URL standard serializes it, which is what browsers load; refused if that is no URI
 * (RFC 3986), as with brackets in the path. `z.url` is not used here, because it accepts text that has
 * to be trimmed or cleaned of line breaks first.
 */
export const HttpsUrl = webUrl('https').meta({
  description: 'An https URL; stored as the URL standard writes it',
})

/** A URL stored in the same way that may be http, too; whoever uses it refuses what is not called. */
export const HttpUrl = webUrl('https?')

function webUrl(scheme: 'https' | 'https?') {
  const isOfScheme = new RegExp(`^${scheme}:$`)
  const anyCase = scheme.replaceAll(/[a-z]/g, (letter) => `[${letter.toUpperCase()}${letter}]`)
  return (
    z
      .string()
      .max(MAX_URL)
      .refine((text) => IS_PRINTABLE.test(text) && text.isWellFormed(), {
        error: NO_URL,
        abort: true,
      })
      .overwrite((text) => URL.parse(text)?.href ?? '')
      .refine((text) => isUri(text, isOfScheme), {
        error: `${NO_URL}, with what no URI has percent-encoded`,
      })
      // It is no `format: uri`: it becomes one when it is stored.
      .meta({ pattern: PRINTABLE.replace('^', `^${anyCase}:`) })
  )
}

function isUri(text: string, scheme: RegExp): boolean {
  const url = URL.parse(text)
  if (!url || !scheme.test(url.protocol) || text.length > MAX_URL) return false
  const { username, password, hostname, pathname, search, hash } = url
  const host = /^\[[\da-f:.]+\]$/.test(hostname) ? '' : hostname
  return [username, password, host, pathname, search, hash.slice(1)].every((part) =>
    /^(?:[\w.~!$&'()*+,;=:@/?-]|%[\da-f]{2})*$/i.test(part),
  )
}

/** A time with an offset (RFC 3339), normalized to UTC with milliseconds; `t` and `z` may be small. */
export const Instant = z
  .string()
  .max(40)
  .overwrite((time) => time.toUpperCase())
  .refine((time) => z.regexes.datetime({ offset: true }).test(time), {
    error: 'expected an RFC 3339 time with an offset',
    abort: true,
  })
  .meta({ format: 'date-time' })
  .transform((time) => new Date(time).toISOString())
  // An offset can carry a time out of the years that RFC 3339 has.
  .refine((time) => /^\d{4}-/.test(time), { error: 'expected a time in the years 0000 to 9999' })

/** What entries are sorted by, as a cursor has it: names, counted places, and times in their stored form. */
export const SortName = z
  .string()
  .max(1000)
  .refine((name) => name.isWellFormed())
export const SortNumber = z.int().min(0)
export const SortTime = z.string().refine((time) => {
  const at = Date.parse(time)
  return !Number.isNaN(at) && new Date(at).toISOString() === time
})

/** The query of lists whose entries begin at a time. */
export const StartQuery = {
  from: Instant.optional().meta({
    description: 'Starting at or after this time',
    format: 'date-time',
    examples: ['2026-01-01T00:00:00Z'],
  }),
  to: Instant.optional().meta({
    description: 'Starting before this time',
    format: 'date-time',
    examples: ['2060-01-01T00:00:00Z'],
  }),
}

/** This checks only the form of a token; verifying it says whether it is good. */
export const Token = z
  .string()
  .max(MAX_TOKEN_LENGTH)
  .regex(/^[\w-]+\.[\w-]+\.[\w-]+$/, { error: 'expected a JWT' })

/** The form of a token: a good one is signed, and ends. */
export const EXAMPLE_TOKEN = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl'

export const Phone = z
  .e164({ error: 'expected a phone number in E.164, as in +4930123456' })
  .meta({ maxLength: 16 })

export const Timestamp = z.string().meta({
  id: 'Timestamp',
  description: 'RFC 3339, UTC, with milliseconds',
  format: 'date-time',
  maxLength: 24,
})
export const Revision = z
  .int()
  .min(1)
  .meta({ id: 'Revision', description: 'Begins the ETag; goes up with every change' })
export const Day = dayIn("the site's time zone")
export const UtcDay = dayIn('UTC')

function dayIn(zone: string) {
  return z.string().meta({ description: `YYYY-MM-DD in ${zone}`, format: 'date', maxLength: 10 })
}

const ShownUrl = z.string().overwrite(asUri).meta({ format: 'uri', maxLength: MAX_URL })

const PLAIN_URI = /^https:\/\/[\w.-]+(?::\d+)?(?:[/?#](?:[\w.~!$&'()*+,;=:@/?#-]|%[\da-f]{2})*)?$/i
const NOT_IN_A_URI = /[^\w.~!$&'()*+,;=:@/?#%-]|%(?![\da-f]{2})/gi

/** Some that were stored before URLs were held to it are no URI. */
function asUri(stored: string): string {
  if (PLAIN_URI.test(stored)) return stored
  const { href, origin } = URL.parse(stored) ?? { href: stored, origin: '' }
  return origin + href.slice(origin.length).replaceAll(NOT_IN_A_URI, encodeURIComponent)
}
const ShownColor = z.string().meta({ pattern: '^#[0-9A-Fa-f]{6}$', maxLength: 7 })

const badgeFields = {
  id: shownId('bdg'),
  slug: shownName(64),
  title: shownText(50),
  backgroundColor: ShownColor,
  textColor: ShownColor,
  iconUrl: ShownUrl.nullable(),
}

export const Badge = z
  .object({
    ...badgeFields,
    description: shownText(1500),
    position: Count,
    revision: Revision,
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: 'Badge' })
  .register(answerFields, { etag: ({ revision }) => revision, about: nobody })

/** A badge as it is shown beside a name. */
export const ProfileBadge = z.object(badgeFields).meta({ id: 'ProfileBadge' })

const publicFields = {
  id: shownId('usr'),
  displayName: shownText(80),
  bio: shownText(1000).nullable(),
  avatarUrl: ShownUrl.nullable(),
  badges: z.array(ProfileBadge).max(MANY),
  createdAt: Timestamp,
  revision: Revision,
}

/** What anybody may see of a member. */
export const PublicProfile = z
  .object(publicFields)
  .meta({ id: 'PublicProfile' })
  .register(answerFields, { etag: ({ revision }) => revision, showsMore: true })

export const MemberStatus = z.enum(['active', 'suspended'])

const AddressLine = shownText(200).nullable().meta({ id: 'AddressLine' })
const line = AddressLine.default(null)

/** What a member, moderators and partners with `profile:read` see. */
export const FullProfile = z
  .object({
    ...publicFields,
    email: shownText(255)
      .nullable()
      .meta({ description: 'As their provider, or the login of this site, has confirmed it' }),
    phone: z.string().meta({ pattern: z.regexes.e164.source, maxLength: 16 }).nullable(),
    address: z
      .object({
        line1: line,
        line2: line,
        city: line,
        region: line,
        postalCode: line,
        country: line,
      })
      .nullable(),
    roles: z.array(shownName()).max(MANY),
    status: MemberStatus,
    suspensionReason: shownText(500)
      .nullable()
      .meta({ description: 'Why they are suspended, as they are told; null if nobody said' }),
    updatedAt: Timestamp,
  })
  .meta({ id: 'FullProfile' })
  .register(answerFields, {
    etag: ({ revision }) => revision,
    showsMore: true,
    about: ({ id }) => id,
  })

const NewAddressLine = text(0, 200).nullable().meta({ id: 'NewAddressLine' })

export const ProfilePatch = z
  .strictObject({
    displayName: text(1, 80)
      .optional()
      .meta({
        description: `Once it is written here, no provider changes it. ${STORED_TEXT}`,
      }),
    bio: text(0, 1000).nullable().optional(),
    avatarUrl: HttpsUrl.nullable().optional(),
    phone: Phone.nullable().optional(),
    address: z
      .strictObject({
        line1: NewAddressLine.optional(),
        line2: NewAddressLine.optional(),
        city: NewAddressLine.optional(),
        region: NewAddressLine.optional(),
        postalCode: text(0, 40).nullable().optional(),
        country: text(0, 100).nullable().optional(),
      })
      .nullable()
      .optional(),
  })
  .refine(...SOME_FIELD)
  .meta({
    id: 'ProfilePatch',
    minProperties: 1,
    examples: [{ displayName: 'Ada Lovelace', bio: 'Counts looms.', phone: '+4930123456' }],
  })
