/** What the OpenAPI document says about the paths of `documents.ts`, which have no declaration. */
import { ASSET_NAMES, edition } from './assets.ts'
import { FAULTS } from '../../readiness.ts'
import type { Components, Json } from './openapi-components.ts'
import { headersOf, IF_NONE_MATCH, PROBLEM_CODE, refusals } from './openapi-responses.ts'

const PAGE = { 'text/html': { schema: text('^<!doctype html>', 100_000) } }

const FILE = text('^[\\s\\S]*$', 2_000_000)

interface Described {
  readonly name: string
  readonly summary: string
  readonly content: Json
  /** Those of the path. Where there are any, the path can name nothing: 404. */
  readonly parameters?: readonly Json[]
  readonly refused?: readonly number[]
  /** What it answers, with 503, while something is wrong. */
  readonly unwell?: Json
  /** It has an ETag. */
  readonly isKept?: true
}

/** Each document by its path; all of them are answered to GET. */
export async function documentOperations(components: Components): Promise<Record<string, Json>> {
  const documents: Record<string, Described> = {
    '/healthz': {
      name: 'readHealth',
      summary: 'Whether the site is well, from a state at most ten seconds old',
      content: json({
        type: 'object',
        additionalProperties: false,
        required: ['status'],
        properties: {
          status: { type: 'string', const: 'ok' },
          version: { type: 'string', pattern: '^[\\x20-\\x7e]*$', maxLength: 100 },
        },
      }),
      unwell: json({
        type: 'object',
        additionalProperties: false,
        required: ['status'],
        properties: { status: { type: 'string', enum: FAULTS } },
      }),
    },
    '/openapi.json': {
      name: 'readOpenapi',
      summary: 'This document',
      isKept: true,
      content: json({
        type: 'object',
        required: ['openapi'],
        properties: { openapi: { type: 'string', const: '3.1.0' } },
      }),
    },
    '/docs': {
      name: 'readDocs',
      summary: 'Every operation, to read and to try in a browser',
      isKept: true,
      content: PAGE,
    },
    '/docs/assets/{edition}/{file}': {
      name: 'readDocsAsset',
      summary: 'What the pages load',
      content: {
        'text/javascript': { schema: FILE },
        'text/css': { schema: FILE },
        'text/plain': { schema: FILE },
      },
      parameters: [
        parameter('edition', 'As the pages name it', {
          schema: text('^[A-Za-z0-9_-]+$', 16),
          example: await edition(),
        }),
        parameter('file', 'The name of a file', {
          schema: { type: 'string', enum: ASSET_NAMES },
          example: ASSET_NAMES[0],
        }),
      ],
    },
    '/problems': {
      name: 'listProblems',
      summary: 'All problem codes',
      isKept: true,
      content: PAGE,
    },
    '/problems/{code}': {
      name: 'readProblem',
      summary: 'The page that explains a problem code',
      isKept: true,
      content: PAGE,
      parameters: [
        parameter('code', 'The `code` of a problem', {
          schema: components.share('schemas', 'ProblemCode', PROBLEM_CODE),
          example: 'not_found',
        }),
      ],
    },
    '/llms.txt': {
      name: 'readLlmsTxt',
      summary: 'The API in a page, for language models',
      isKept: true,
      content: { 'text/plain': { schema: text('^# ', 100_000) } },
    },
    '/.well-known/security.txt': {
      name: 'readSecurityTxt',
      summary: 'Whom to tell about a vulnerability (RFC 9116)',
      content: { 'text/plain': { schema: text('^Contact: ', 10_000) } },
      refused: [404],
    },
  }
  return Object.fromEntries(
    Object.entries(documents).map(([path, described]) => [path, operation(described, components)]),
  )
}

function operation(described: Described, components: Components): Json {
  const { name, summary, content, isKept, unwell, parameters = [] } = described
  const { refused = parameters.length > 0 ? [404] : [] } = described
  const headers = headersOf(components, ...(isKept ? (['ETag'] as const) : []))
  const known = { description: 'As you have it', headers }
  const get = {
    operationId: name,
    summary,
    description: 'Open: about the API, not about anybody.',
    tags: ['documents'],
    security: [{ bearer: [] }, {}],
    ...(isKept && { parameters: [components.share('parameters', 'IfNoneMatch', IF_NONE_MATCH)] }),
    responses: {
      200: { description: 'OK', headers, content },
      ...(isKept && { 304: components.share('responses', 'NotModified', known) }),
      ...refusals([400, 401, ...refused, 429, 500], components),
      ...(unwell && { 503: { description: 'What is wrong', content: unwell } }),
    },
  }
  return { ...(parameters.length > 0 && { parameters }), get }
}

function json(schema: Json): Json {
  return { 'application/json': { schema } }
}

function text(pattern: string, maxLength: number): Json {
  return { type: 'string', pattern, maxLength }
}

function parameter(name: string, description: string, rest: Json): Json {
  return { name, in: 'path', required: true, description, ...rest }
}
