/** Values at and beyond the limits of what the OpenAPI document says of a body. */
import type { Schema } from '@cfworker/json-schema'
import * as fc from 'fast-check'
import * as z from 'zod'
import { routes } from '../../src/api/index.ts'
import type { Route } from '../../src/http/route.ts'
import { documentedPath } from '../../src/http/route.ts'
import { validatorOf } from './documented.ts'
import { followed, type Operation, operations } from './openapi.ts'

export interface PublishedBody {
  readonly operation: Operation
  readonly route: Route
  readonly schema: Schema
  readonly example: unknown
}

/** Every operation that takes a body. */
export const BODIES: readonly PublishedBody[] = operations.flatMap((operation) => {
  const route = routes.find(
    ({ method, path }) => method === operation.method && documentedPath(path) === operation.path,
  )
  if (!operation.body || !route) return []
  const { schema, example } = operation.body
  return [{ operation, route, schema, example }]
})

/** Another body, for what its example leaves out. */
const ALSO: Readonly<Record<string, unknown>> = {
  createSlots: {
    recurrence: {
      weekdays: ['MO'],
      startTime: '10:00',
      durationMinutes: 60,
      from: '2050-01-01',
      until: '2050-02-01',
    },
  },
  patchMe: { address: { city: 'Berlin' } },
}

/**
 * What no schema can say, by operation and place, each in the words of the refusal. The document says
 * them in descriptions.
 */
const BEYOND: readonly (readonly [place: RegExp, words: RegExp])[] = [
  [/\.timeZone$/, /IANA/],
  [/\.allowedIps\.\*$/, /expected an IP address or a range/],
  [/\.contact\.email$/, /expected an email address/],
  [/\.(?:icon|avatar)Url$/, /expected an https URL/],
  [/Webhook\.url$/, /expected an https URL/],
  [/^createBooking\.contact$/, /expected an email or a phone number/],
  [/^(createSlots|previewSlots)$/, /expected either startsAt and endsAt, or a recurrence/],
  [/^settleBookings\.reason$/, /a confirmation has no reason/],
  [/^(createSlots|previewSlots)\.endsAt$/, /expected a time after startsAt/],
  [/\.recurrence\.until$/, /expected a day that is not before from/],
  [/\.recurrence\.durationMinutes$/, /expected either durationMinutes, or endTime, days or both/],
  [/^putRoleDefinition\.permissions$/, /expected each permission at most once/],
  [/\.permissions\.\*\.reach$/, /never asked for with another reach/],
  [/^(?:create|patch)PageRule\.path$/, /expected a path of/],
  [/PageRule\.(?:signIn|forbidden)Path$/, /^expected/],
  [/PageRule\.access/, /nobody has this permission|expected "anyone"/],
  [/^explain\.page/, /./],
  [/^explain\.body$/, /a call with this method sends no body/],
  [/^explain\.path$/, /expected a path that does not lead out of/],
  [/\.(?:startsAt|endsAt|expiresAt)$/, /to come|has begun/],
]

/** Whether the document only describes in words that this is refused. */
export function isBeyond(operationId: string, path: string, message: string): boolean {
  const place = [operationId, ...path.split('.')].filter(Boolean).join('.')
  const numbered = place.replaceAll(/\.\d+/g, '.*')
  return BEYOND.some(([where, words]) => where.test(numbered) && words.test(message))
}

export interface Variant {
  /** The place of what differs from the example, as in `contact.email`. */
  readonly place: string
  readonly value: unknown
  /** Whether the document allows it. */
  readonly isAllowed: boolean
}

export function variantsOf({ operation, schema, example }: PublishedBody): Variant[] {
  const validator = validatorOf(schema)
  const { operationId } = operation
  const bases = [example, ...(operationId in ALSO ? [ALSO[operationId]] : [])]
  return bases.flatMap((base) =>
    Array.from(changed(schema, base, ''), ({ place, value }) => ({
      place,
      value,
      isAllowed: validator.validate(value).valid,
    })),
  )
}

/** What the API says of a body before it looks at what there is. */
export function verdictOf({ route, operation }: PublishedBody, value: unknown) {
  if (!route.input.json) throw new Error(`${operation.operationId} takes no body`)
  const { success, error } = z.safeParse(route.input.json, value)
  const isBeyondIt =
    error !== undefined &&
    error.issues.every(({ path, message }) =>
      isBeyond(operation.operationId, path.join('.'), message),
    )
  return { success, isBeyond: isBeyondIt, error }
}

type Change = Pick<Variant, 'place' | 'value'>

const WRONG = [null, true, false, 0, 1, 1.5, -1, '', 'x', [], {}, [null], { x: 1 }]

function* changed(given: Schema, base: unknown, place: string): Generator<Change> {
  const schema = followed(given)
  const known = base === undefined ? [] : [base]
  for (const value of [...known, ...WRONG, ...(schema.enum ?? [])]) yield { place, value }
  for (const alternative of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])])
    yield* changed(alternative, base, place)
  if (schema.type === 'object') yield* objects(schema, base, place)
  if (schema.type === 'array') yield* arrays(schema, base, place)
  if (schema.type === 'string') for (const value of strings(schema, base)) yield { place, value }
  if (schema.type === 'integer') {
    const { minimum = 0, maximum = 0 } = schema
    for (const value of [minimum, minimum - 1, minimum + 0.5, maximum, maximum + 1, 1e300])
      yield { place, value }
  }
}

function* objects(schema: Schema, base: unknown, place: string): Generator<Change> {
  const whole = typeof base === 'object' && base !== null && !Array.isArray(base) ? base : {}
  yield { place, value: { ...whole, unknown: 1 } }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (typeof property === 'boolean') continue
    const inside = place === '' ? name : `${place}.${name}`
    const others = Object.entries(whole).filter(([key]) => key !== name)
    yield { place: inside, value: Object.fromEntries(others) }
    for (const change of changed(property, Reflect.get(whole, name), inside))
      yield { ...change, value: { ...whole, [name]: change.value } }
  }
}

function* arrays(schema: Schema, base: unknown, place: string): Generator<Change> {
  const { items, minItems = 0, maxItems = 0 } = schema
  const [first]: unknown[] = Array.isArray(base) ? base : []
  const lengths = [minItems, minItems - 1, maxItems, maxItems + 1].filter((length) => length >= 0)
  if (first !== undefined)
    for (const length of lengths) yield { place, value: Array.from({ length }, () => first) }
  if (typeof items !== 'object' || Array.isArray(items)) return
  for (const change of changed(items, first, `${place}.*`))
    yield { ...change, value: [change.value] }
}

function* strings(schema: Schema, base: unknown): Generator<string> {
  const { minLength = 0, maxLength = 100, pattern } = schema
  for (const length of [minLength, minLength - 1, maxLength, maxLength + 1]) {
    for (const unit of ['x', 'é', '\u{1F600}']) if (length >= 0) yield unit.repeat(length)
  }
  const text = typeof base === 'string' ? base : 'x'
  yield* [text.toUpperCase(), text.toLowerCase(), text.slice(1), text.slice(0, -1)]
  for (const more of ['\n', ' ', '\0', '\u007f', '/', 'é']) yield* [`${text}${more}`, more + text]
  yield* TEXTS
  // To draw from all of Unicode but a few characters takes minutes.
  if (pattern !== undefined && !pattern.includes('[^'))
    yield* fc.sample(fc.stringMatching(new RegExp(pattern, 'u')), { numRuns: 30, seed: 1 })
}

/** Of every kind that a format or a pattern is about. */
const TEXTS = [
  '2099-01-01T10:00:00Z',
  '2099-01-01t10:00:00z',
  '2099-01-01T10:00:00.123456789Z',
  '2099-01-01T10:00:00+05:30',
  '2099-01-01T10:00:00',
  '2099-01-01T10:00Z',
  '2099-02-30T10:00:00Z',
  '2099-01-01T24:00:00Z',
  '2099-01-01T10:60:00Z',
  '2099-01-01T10:00:00+24:00',
  '2099-01-01T10:00:00+0530',
  '2026-02-29',
  '2028-02-29',
  '2026-2-1',
  '20260201',
  '24:00',
  '23:59',
  '9:00',
  'https://bücher.example/ö.png',
  'HTTPS://A.Example',
  'https:\\\\a.example\\x',
  'https://a.example/[1].png',
  'http://a.example/',
  'ftp://a.example/',
  'javascript:alert(1)',
  '#FFAA00',
  '#ffaa00',
  '#ffaa0g',
  'a&b@firma.example',
  'müller@firma.example',
  'user@xn--e1afmkfd.xn--p1ai',
  'a@b',
  '@firma.example',
  'a b@firma.example',
  '+4930123456',
  '004930123456',
  '192.0.2.0/24',
  '2001:db8::/32',
  'Europe/Berlin',
  '/v1/me',
  '/v1/../x',
  '/v2/me',
  'e\u0301',
]
