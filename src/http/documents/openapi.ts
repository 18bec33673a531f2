/** The OpenAPI 3.1 document, built from the declarations: what it says is what `mount` does. */
import { documentOperations } from './openapi-documents.ts'
import { type Components, type Json, makeComponents, nameIn } from './openapi-components.ts'
import {
  BOOKMARK,
  type HeaderName,
  headersOf,
  idempotencyKey,
  IF_MATCH,
  IF_NONE_MATCH,
  IF_NOT_THERE,
  refusals,
} from './openapi-responses.ts'
import { exampleOf, parameterSchemas, schemaOf } from './openapi-schemas.ts'
import { tagOf, tagsOf } from './openapi-tags.ts'
import * as z from 'zod'
import type { Restricted } from '../access.ts'
import { fieldsOf } from '../answer-fields.ts'
import { documentedPath, type NamedRoute, type Route, type Status, statusOf } from '../route.ts'
import { VERSION } from '../../settings/version.ts'
import { API_KEY_PATTERN } from '../../security/callers/api-key.ts'

/** @param origins where this site is served, as in `https://members.example`; its own address first */
export async function openapiOf(
  routes: readonly NamedRoute[],
  ...origins: readonly [string, ...string[]]
): Promise<Json> {
  const components = makeComponents()
  const documents = await documentOperations(components)
  const paths: Record<string, Json> = {}
  for (const declared of routes) {
    const path = (paths[documentedPath(declared.path)] ??= {
      parameters: [
        components.share('parameters', 'Bookmark', BOOKMARK),
        ...parametersOf('path', declared.input.param, components),
      ],
    })
    path[declared.method.toLowerCase()] = operationOf(declared, components)
  }
  const [origin] = origins
  return {
    openapi: '3.1.0',
    info: {
      title: 'Guildhall',
      version: VERSION,
      description: 'A members API at the edge: profiles, roles, badges, visits and bookings.',
      license: { name: 'MIT', identifier: 'MIT' },
      contact: { name: 'The site', url: origin },
    },
    servers: [...new Set(origins)].map((url) => ({
      url,
      description: new URL(url).hostname === 'localhost' ? 'local' : 'production',
      'x-internal': false,
    })),
    security: [{ bearer: [] }],
    tags: tagsOf([...routes.map(tagOf), 'documents']),
    paths: { ...paths, ...documents },
    components: {
      ...components.shared(),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description:
            'A JWT of a trusted issuer, verified as RFC8725 asks for, or an API key, as in ' +
            `${API_KEY_PATTERN.source}. A key can also be sent as X-API-Key, but never both: that is 400.`,
        },
      },
    },
  }
}

function operationOf(declared: NamedRoute, components: Components): Json {
  const { access, input, summary, idempotent, conditional, deprecated, name } = declared
  const shared = (part: string, json: Json) => components.share('parameters', part, json)
  const isOpen = 'open' in access
  const parameters = [
    ...parametersOf('query', input.query, components),
    ...(idempotent ? [idempotencyKey(name)] : []),
    ...(conditional ? [shared('IfMatch', IF_MATCH), shared('IfNotThere', IF_NOT_THERE)] : []),
    ...(answersKnown(declared) ? [shared('IfNoneMatch', IF_NONE_MATCH)] : []),
  ]
  return {
    operationId: name,
    summary,
    description: describeAccess(declared),
    tags: [tagOf(declared)],
    ...(deprecated && { deprecated: true }),
    // What takes the first requirement only, as some generators do, sends the credential it was given.
    ...(isOpen && { security: [{ bearer: [] }, {}] }),
    ...(parameters.length > 0 && { parameters }),
    ...(input.json && { requestBody: bodyOf(input.json, components) }),
    responses: {
      ...answersOf(declared, components),
      ...refusals(refusedStatuses(declared), components, announcementOf(declared)),
    },
  }
}

function bodyOf(schema: z.core.$ZodType, components: Components): Json {
  const example = exampleOf(schema)
  const content = {
    schema: schemaOf(schema, 'input', components),
    ...(example !== undefined && { example }),
  }
  return {
    ...(!z.safeParse(schema, {}).success && { required: true }),
    content: { 'application/json': content },
  }
}

function describeAccess({ access }: Route): string {
  if ('may' in access) {
    const { may, owner, takesFrom } = access
    const permission = `Takes \`${may}\`${owner ? ' for what is yours, or with reach any' : ''}.`
    const ceiling = takesFrom && ceilingText(takesFrom)
    return [permission, ceiling, ...furtherText(access)].filter(Boolean).join(' ')
  }
  const { open, unless } = access
  return unless
    ? `${open}. With \`${unless.query.join('=')}\` it takes \`${unless.may}\`.`
    : `${open}.`
}

/** What its query takes besides, a sentence for each permission. */
function furtherText({ filters = {}, more }: Restricted): string[] {
  const asked = Object.entries(filters).map(([name, { may, of }]) => ({
    name: `\`${name}\``,
    takes: `\`${may}\` with reach any${of ? ', unless it names you' : ' as well'}`,
  }))
  if (more) {
    const name = `\`${more.query.join('=')}\``
    asked.push({ name, takes: `\`${more.may}\` with reach any as well` })
  }
  return [...Map.groupBy(asked, ({ takes }) => takes)].map(([takes, all]) => {
    const names = all.map(({ name }) => name).join(', ')
    return `${names} ${all.length > 1 ? 'take' : 'takes'} ${takes}.`
  })
}

/** @param whom as a route says from whom it takes */
export function ceilingText(whom: string): string {
  return `Also takes every right of ${whom} that not every member has: otherwise 403 with stage \`permission\`, and \`required\` names one you lack.`
}

function parametersOf(
  where: 'path' | 'query',
  schema: z.core.$ZodType | undefined,
  components: Components,
): Json[] {
  if (!schema) return []
  return parameterSchemas(schema).map(({ name, isRequired, schema: json }) => {
    const { description, examples, ...rest } = json
    const required = where === 'path' || isRequired
    return components.share('parameters', nameOf(name), {
      name,
      in: where,
      ...(required && { required }),
      ...(description !== undefined && { description }),
      // Swagger UI fills in the example of a parameter, and sends it: only what has to be sent has one.
      ...(required
        ? { schema: rest, example: examples?.[0] }
        : { schema: { ...rest, ...(examples && { examples }) } }),
    })
  })
}

/** As in `UserId`. */
function nameOf(parameter: string): string {
  return parameter.charAt(0).toUpperCase() + parameter.slice(1)
}

function answersOf(declared: Route, components: Components): Json {
  const statuses = declared.statuses ?? [statusOf(declared)]
  const known = { description: 'As you have it', headers: headersOf(components, 'ETag') }
  return {
    ...Object.fromEntries(
      statuses.map((status) => [status, answerOf(declared, status, components)]),
    ),
    ...(answersKnown(declared) && { 304: components.share('responses', 'NotModified', known) }),
  }
}

function answerOf(declared: Route, status: Status, components: Components): Json {
  const { output, access, idempotent } = declared
  const announced = announcementOf(declared)
  if (output === 'nothing') {
    const done = { description: 'Done', headers: headersOf(components, ...announced) }
    return components.share('responses', 'NoContent', done)
  }
  const variant = 'open' in access ? access.unless?.output : access.more?.output
  const usual = schemaOf(output, 'output', components)
  const schema = variant ? { anyOf: [schemaOf(variant, 'output', components), usual] } : usual
  const headers = headersOf(
    components,
    ...(fieldsOf(output).etag ? (['ETag'] as const) : []),
    ...(status === 201 && declared.location ? (['Location'] as const) : []),
    ...(idempotent ? (['Idempotency-Replayed'] as const) : []),
    ...(fieldsOf(output).next ? (['Link'] as const) : []),
    ...announced,
  )
  const content = { [declared.mediaType ?? 'application/json']: { schema } }
  const answer = { description: DESCRIPTIONS[status], headers, content }
  const name = nameIn(schema)
  return name === undefined
    ? answer
    : components.share('responses', name + SUFFIXES[status], answer)
}

const SUFFIXES = { 200: '', 201: 'Created', 202: 'Accepted', 204: '' } as const

/** Whether it can be 304. */
function answersKnown({ method, output }: Route): boolean {
  return method === 'GET' && fieldsOf(output).etag !== undefined
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
function refusedStatuses(declared: Route): number[] {
  const { access, input, method, conditional } = declared
  const isRestricted = 'may' in access || access.unless !== undefined
  return [
    400,
    401,
    ...(isRestricted ? [403] : []),
    ...(isRestricted || input.param ? [404] : []),
    406,
    ...(method === 'GET' ? [] : [409]),
    ...('waits' in declared ? [410] : []),
    ...(conditional ? [412] : []),
    ...(input.json ? [413, 415] : []),
    422,
    429,
    500,
    503,
  ]
}
