/** The parts of the OpenAPI document that are the same for every route: headers and refusals. */
import { PROBLEMS } from '../../problem.ts'
import type { Components, Json } from './openapi-components.ts'

const ENTITY_TAG = '^"[0-9A-Za-z._-]+"$'

const VISIBLE = '^[\\x20-\\x7e]*$'

/** Every header an answer can have, by its name; `headersOf` refers to them. */
export const HEADERS = {
  'Request-Id': {
    description: 'Identifies this request in the log of the site',
    schema: { type: 'string', format: 'uuid', maxLength: 36 },
  },
  'X-D1-Bookmark': {
    description: 'Send it back as X-D1-Bookmark to read at least this state',
    schema: { type: 'string', pattern: '^[0-9a-f-]+$', maxLength: 100 },
  },
  'Access-Control-Allow-Origin': {
    description: 'The calling origin, if the site lets it call from browsers',
    schema: { type: 'string', format: 'uri', maxLength: 2048 },
  },
  RateLimit: {
    description: 'What is left of the limit on this caller, if there is one, and until when',
    schema: { type: 'string', pattern: VISIBLE, maxLength: 256 },
  },
  'RateLimit-Policy': {
    description: 'The limits on this caller, if there are any',
    schema: { type: 'string', pattern: VISIBLE, maxLength: 256 },
  },
  'Retry-After': {
    description: 'Whole seconds to wait',
    schema: { type: 'integer', format: 'int32', minimum: 0, maximum: 31 * 86_400 },
  },
  ETag: {
    description:
      'Moves whenever the answer moves, for If-None-Match; begins with the `revision`, for If-Match',
    schema: { type: 'string', pattern: ENTITY_TAG, maxLength: 40 },
  },
  Location: {
    description: 'The path of what was created',
    schema: { type: 'string', format: 'uri-reference', maxLength: 256 },
  },
  'Idempotency-Replayed': {
    description: '`true` if this is the stored answer to an earlier request with the same key',
    schema: { type: 'string', const: 'true' },
  },
  Link: {
    description:
      'Of a list, `rel="next"`: its next page. With Deprecation, where the reason is (RFC 8288)',
    schema: { type: 'string', pattern: VISIBLE, maxLength: 65_536 },
  },
  Deprecation: {
    description:
      'From when on nothing new should use this; seconds since 1970 after an @ (RFC 9745)',
    schema: { type: 'string', pattern: '^@-?[0-9]+$', maxLength: 20 },
  },
  Sunset: {
    description: 'From when on this may no longer answer, as an HTTP date (RFC 8594)',
    schema: { type: 'string', pattern: VISIBLE, maxLength: 29 },
  },
  'WWW-Authenticate': {
    description: 'Which credential is needed, or what is wrong with the one sent (RFC 6750)',
    schema: { type: 'string', pattern: '^Bearer realm="guildhall"', maxLength: 512 },
  },
} as const satisfies Record<string, Json>

export type HeaderName = keyof typeof HEADERS

const VISIBLE_LINE = { type: 'string', pattern: '^[ -~]+$' }

/** A header of requests, which may be left out. */
function headerParameter(name: string, description: string, schema: Json): Json {
  return { name, in: 'header', description, schema }
}

export const BOOKMARK = headerParameter(
  'X-D1-Bookmark',
  'From an earlier answer: reads at least the state it was given with; anything else is ignored',
  { ...VISIBLE_LINE, maxLength: 100, examples: ['none'] },
)

export const IF_MATCH = headerParameter(
  'If-Match',
  'The ETag the change is meant for, weak or strong',
  { ...VISIBLE_LINE, maxLength: 1024, examples: ['*'] },
)

export const IF_NOT_THERE = headerParameter(
  'If-None-Match',
  '`*` for a change that is meant for nothing',
  { ...VISIBLE_LINE, maxLength: 1024, examples: ['"0"'] },
)

/** Asked of whatever has an ETag. */
export const IF_NONE_MATCH = headerParameter(
  'If-None-Match',
  'The ETag of what you have: 304 if it still is so',
  { ...VISIBLE_LINE, maxLength: 1024, examples: ['"0"'] },
)

/** @param example another one for each operation, for a key is good for one request */
export function idempotencyKey(example: string): Json {
  const schema = { ...VISIBLE_LINE, maxLength: 257, examples: [example] }
  return headerParameter('Idempotency-Key', 'Makes a retry harmless', schema)
}

/** References to the headers that every answer can have, and to those named. */
export function headersOf(components: Components, ...names: readonly HeaderName[]): Json {
  return Object.fromEntries(
    [...OF_EVERY_ANSWER, ...names].map((name) => [
      name,
      components.share('headers', SHORT[name] ?? name, HEADERS[name]),
    ]),
  )
}

/** Names to refer to them by, for these are in every answer. */
const SHORT: { readonly [Name in HeaderName]?: string } = {
  'Request-Id': 'Id',
  'X-D1-Bookmark': 'Bookmark',
  'Access-Control-Allow-Origin': 'Origin',
  RateLimit: 'Limit',
  'RateLimit-Policy': 'Policy',
  'Idempotency-Replayed': 'Replayed',
}

const OF_EVERY_ANSWER = [
  'Request-Id',
  'X-D1-Bookmark',
  'Access-Control-Allow-Origin',
  'RateLimit',
  'RateLimit-Policy',
] as const satisfies readonly HeaderName[]

/** What a refusal says besides what every answer does, by its status. */
const REFUSAL_HEADERS: Readonly<Record<number, readonly HeaderName[]>> = {
  401: ['WWW-Authenticate'],
  403: ['WWW-Authenticate'],
  429: ['Retry-After'],
  503: ['Retry-After'],
}

/** One response for each status, which names the codes that have it. @param announced headers of what is going away */
export function refusals(
  statuses: readonly number[],
  components: Components,
  announced: readonly HeaderName[] = [],
): Json {
  components.share('schemas', 'ProblemCode', PROBLEM_CODE)
  const schema = components.share('schemas', 'Problem', PROBLEM)
  const response = (status: number) => {
    return components.share('responses', String(status), {
      description: codesOf(status).join(', '),
      headers: headersOf(components, ...(REFUSAL_HEADERS[status] ?? []), ...announced),
      content: { 'application/problem+json': { schema } },
    })
  }
  return Object.fromEntries([...new Set(statuses)].map((status) => [status, response(status)]))
}

function codesOf(status: number): string[] {
  const codes = Object.entries(PROBLEMS).filter(([, problem]) => problem.status === status)
  return codes.length > 0 ? codes.map(([code]) => code) : ['rate_limited']
}

const LINE = { type: 'string', pattern: '^[^\\x00-\\x1f\\x7f-\\x9f]*$' }

export const PROBLEM_CODE = { type: 'string', enum: Object.keys(PROBLEMS) }

const PROBLEM = {
  type: 'object',
  description: 'Problem details (RFC 9457)',
  additionalProperties: false,
  required: ['type', 'title', 'status', 'detail', 'instance', 'code', 'requestId'],
  properties: {
    type: {
      type: 'string',
      format: 'uri',
      maxLength: 2048,
      description: 'Resolves to a page about the code',
    },
    title: { ...LINE, maxLength: 100 },
    status: { type: 'integer', format: 'int32', minimum: 400, maximum: 599 },
    detail: { ...LINE, maxLength: 1000 },
    instance: { type: 'string', format: 'uri-reference', maxLength: 65_536 },
    code: { $ref: '#/components/schemas/ProblemCode' },
    requestId: { type: 'string', format: 'uuid', maxLength: 36 },
    stage: { type: 'string', enum: ['credential', 'session', 'permission', 'ownership'] },
    required: {
      type: 'string',
      pattern: '^[a-z-]+:[a-z-]+$',
      maxLength: 50,
      description: 'The permission it takes',
    },
    reach: { type: 'string', enum: ['own', 'any'] },
    errors: {
      type: 'array',
      maxItems: 100,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['in', 'path', 'message'],
        properties: {
          in: { type: 'string', enum: ['json', 'query', 'param', 'header'] },
          path: { type: 'string', maxLength: 65_536, description: 'Dotted, as in address.city' },
          message: { ...LINE, maxLength: 1000 },
        },
      },
    },
  },
}
