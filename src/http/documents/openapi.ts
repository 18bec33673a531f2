/** The OpenAPI 3.1 document, built from the declarations: what it says is what `mount` does. */
import * as z from 'zod'
import { documentOperations } from './openapi-documents.ts'
import {
  headerParameter,
  type HeaderName,
  HEADERS,
  headersOf,
  IF_NONE_MATCH,
  PROBLEM,
  refusals,
} from './openapi-responses.ts'
import { fieldsOf } from '../answer-fields.ts'
import { documentedPath, type Route, statusOf } from '../route.ts'
import { API_KEY_PATTERN } from '../../security/callers/api-key.ts'

type Json = Record<string, unknown>

/** @param origin where this site is served, as in `https://members.example` */
export function openapiOf(routes: readonly Route[], origin: string): Json {
  const schemas: Json = { Problem: PROBLEM }
  const paths: Record<string, Json> = {}
  for (const declared of routes) {
    const path = (paths[documentedPath(declared.path)] ??= {
      parameters: [{ $ref: '#/components/parameters/Bookmark' }],
    })
    path[declared.method.toLowerCase()] = operationOf(declared, schemas)
  }
  const { hostname } = new URL(origin)
  return {
    openapi: '3.1.0',
    info: {
      title: 'Guildhall',
      version: '0.2.0',
      description: 'A members API at the edge: profiles, roles, badges, visits and bookings.',
      license: { name: 'MIT', identifier: 'MIT' },
      contact: { name: 'The site', url: origin },
    },
    servers: [
      {
        url: origin,
        description: hostname === 'localhost' ? 'local' : 'production',
        'x-internal': false,
      },
    ],
    security: [{ bearer: [] }, { apiKey: [] }],
    tags: [...new Set([...routes.map(tagOf), 'documents'])]
      .sort()
      .map((name) => ({ name, description: `Everything under ${name}` })),
    paths: { ...paths, ...documentOperations },
    components: {
      schemas,
      headers: usedHeaders(routes),
      parameters: { Bookmark: BOOKMARK },
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'A JWT of a trusted issuer, verified as RFC8725 asks for, or an API key.',
        },
        apiKey: {
          type: 'apiKey',
          in: 'header',
          name: 'X-API-Key',
          description: `An API key, as in ${API_KEY_PATTERN.source}`,
        },
      },
    },
  }
}

const BOOKMARK = headerParameter(
  'X-D1-Bookmark',
  'From an earlier answer: reads at least the state it was given with; anything else is ignored',
  100,
)

function operationOf(declared: Route, schemas: Json): Json {
  const { access, input, summary, idempotent, conditional, deprecated } = declared
  const isOpen = 'open' in access
  return {
    operationId: operationIdOf(declared),
    summary,
    description: describeAccess(declared),
    tags: [tagOf(declared)],
    ...(deprecated && { deprecated: true }),
    ...(isOpen && { security: [{}, { bearer: [] }, { apiKey: [] }] }),
    parameters: [
      ...parametersOf('path', input.param),
      ...parametersOf('query', input.query),
      ...(idempotent ? [headerParameter('Idempotency-Key', 'Makes a retry harmless', 257)] : []),
      ...(conditional
        ? [
            headerParameter('If-Match', 'The ETag the change is meant for, weak or strong', 1024),
            headerParameter('If-None-Match', '`*` for a change that is meant for nothing', 1024),
          ]
        : []),
      ...(answersKnown(declared) ? [IF_NONE_MATCH] : []),
    ],
    ...(input.json && {
      requestBody: {
        required: !z.safeParse(input.json, {}).success,
        content: { 'application/json': { schema: schemaOf(input.json, 'input', schemas) } },
      },
    }),
    responses: {
      ...answersOf(declared, schemas),
      ...refusals(refusedStatuses(declared), announcementOf(declared)),
    },
  }
}

function operationIdOf({ method, path }: Route): string {
  const words = path
    .replace('/v1/', '')
    .split(/[^A-Za-z]+/)
    .filter(Boolean)
  return (
    method.toLowerCase() +
    words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  )
}

function tagOf({ path }: Route): string {
  return path.split('/')[2] ?? 'v1'
}

function describeAccess({ access }: Route): string {
  if ('may' in access) {
    const { may, owner, takesFrom } = access
    const permission = `Takes \`${may}\`${owner ? ' for what is yours, or with reach any' : ''}.`
    return takesFrom ? `${permission} ${ceilingText(takesFrom)}` : permission
  }
  const { open, unless } = access
  return unless
    ? `${open}. With \`${unless.query.join('=')}\` it takes \`${unless.may}\`.`
    : `${open}.`
}

/** @param whom as a route says from whom it takes */
export function ceilingText(whom: string): string {
  return `Also takes every right of ${whom} that not every member has: otherwise 403 with stage \`permission\`, and \`required\` names one you lack.`
}

function parametersOf(where: 'path' | 'query', schema: z.core.$ZodType | undefined): Json[] {
  if (!schema) return []
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', override })
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = typeof property === 'object' ? property : {}
    return {
      name,
      in: where,
      required: where === 'path' || required.includes(name),
      ...(description !== undefined && { description }),
      schema: rest,
    }
  })
}

function answersOf(declared: Route, schemas: Json): Json {
  const { output, access, idempotent } = declared
  const variant = 'open' in access ? access.unless?.output : undefined
  const statuses = declared.statuses ?? [statusOf(declared)]
  const answers = statuses.map((status) => {
    if (output === 'nothing')
      return [status, { description: 'Done', headers: headersOf(...announcementOf(declared)) }]
    const usual = schemaOf(output, 'output', schemas)
    const schema = variant ? { anyOf: [schemaOf(variant, 'output', schemas), usual] } : usual
    const headers = headersOf(
      ...(fieldsOf(output).etag ? (['ETag'] as const) : []),
      ...(status === 201 && declared.location ? (['Location'] as const) : []),
      ...(idempotent ? (['Idempotency-Replayed'] as const) : []),
      ...(fieldsOf(output).next ? (['Link'] as const) : []),
      ...announcementOf(declared),
    )
    const content = { [declared.mediaType ?? 'application/json']: { schema } }
    return [status, { description: DESCRIPTIONS[status], headers, content }]
  })
  const known = { description: 'As you have it', headers: headersOf('ETag') }
  return Object.fromEntries([...answers, ...(answersKnown(declared) ? [[304, known]] : [])])
}

/** Whether it can be 304. */
function answersKnown({ method, output }: Route): boolean {
  return method === 'GET' && fieldsOf(output).etag !== undefined
}

/** A document that describes headers nothing sends would be wrong about the site. */
function usedHeaders(routes: readonly Route[]): Json {
  const announced = new Set(routes.flatMap(announcementOf))
  const rare = new Set<string>(['Deprecation', 'Sunset'])
  return Object.fromEntries(
    Object.entries(HEADERS).filter(
      ([name]) => !rare.has(name) || announced.has(name as HeaderName),
    ),
  )
}

function announcementOf({ deprecated }: Route): HeaderName[] {
  if (!deprecated) return []
  const { sunset, link } = deprecated
  return [
    'Deprecation',
    ...(sunset ? (['Sunset'] as const) : []),
    ...(link ? (['Link'] as const) : []),
  ]
}

const DESCRIPTIONS = { 200: 'OK', 201: 'Created', 202: 'Accepted', 204: 'Done' } as const

/** Which refusals a route can answer follows from what it declares. */
function refusedStatuses({ access, input, method, conditional }: Route): number[] {
  const isRestricted = 'may' in access || access.unless !== undefined
  return [
    400,
    401,
    ...(isRestricted ? [403] : []),
    ...(isRestricted || input.param ? [404] : []),
    406,
    ...(method === 'GET' ? [] : [409]),
    ...(conditional ? [412] : []),
    ...(input.json ? [413, 415] : []),
    422,
    429,
    500,
    503,
  ]
}

/** Schemas with an id are put among the components and referred to. */
function schemaOf(schema: z.core.$ZodType, io: 'input' | 'output', schemas: Json): Json {
  const options = { io, reused: 'inline', override } as const
  const { $schema: _, $defs, ...json } = z.toJSONSchema(schema, options)
  for (const [id, definition] of Object.entries($defs ?? {}))
    schemas[id] = relinked(withoutId(definition))
  const { id, ...rest } = json
  if (typeof id !== 'string') return relinked(rest)
  schemas[id] = relinked(rest)
  return { $ref: `#/components/schemas/${id}` }
}

/** What OpenAPI's formats know and JSON Schema does not: how wide an integer is. */
function override({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.type !== 'integer') return
  jsonSchema.format = (jsonSchema.maximum ?? Infinity) < 2 ** 31 ? 'int32' : 'int64'
}

function withoutId(json: Json): Json {
  const { id: _, ...rest } = json
  return rest
}

function relinked(json: Json): Json {
  return JSON.parse(JSON.stringify(json).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json
}
