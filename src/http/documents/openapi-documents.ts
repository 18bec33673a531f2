/** What the OpenAPI document says about the paths of `documents.ts`, which have no declaration. */
import { PROBLEMS } from '../../problem.ts'
import { ASSET_NAMES } from './assets.ts'
import { headersOf, IF_NONE_MATCH, refusals } from './openapi-responses.ts'

type Json = Record<string, unknown>

const TAGGED = ['ETag'] as const

const PAGE = { 'text/html': { schema: text('^<!doctype html>', 100_000) } }

const FILE = text('^[\\s\\S]*$', 2_000_000)

/** Each document by its path; all of them are answered to GET. */
export const documentOperations: Readonly<Record<string, Json>> = {
  '/healthz': operation('getHealth', 'Whether the site is configured and answers', {
    content: json({
      type: 'object',
      additionalProperties: false,
      required: ['status'],
      properties: { status: { type: 'string', const: 'ok' } },
    }),
  }),
  '/openapi.json': operation('getOpenapi', 'This document', {
    isKept: true,
    content: json({
      type: 'object',
      required: ['openapi'],
      properties: { openapi: { type: 'string', const: '3.1.0' } },
    }),
  }),
  '/docs': operation('getDocs', 'Every operation, to read and to try in a browser', {
    isKept: true,
    content: PAGE,
  }),
  '/docs/assets/{edition}/{file}': operation('getDocsAsset', 'What the pages load', {
    content: {
      'text/javascript': { schema: FILE },
      'text/css': { schema: FILE },
      'text/plain': { schema: FILE },
    },
    parameters: [
      parameter('edition', 'As the pages name it', text('^[A-Za-z0-9_-]+$', 16)),
      parameter('file', 'The name of a file', { type: 'string', enum: ASSET_NAMES }),
    ],
  }),
  '/problems': operation('getProblems', 'All problem codes', {
    isKept: true,
    content: PAGE,
  }),
  '/problems/{code}': operation('getProblem', 'The page that explains a problem code', {
    isKept: true,
    content: PAGE,
    parameters: [
      parameter('code', 'The `code` of a problem', {
        type: 'string',
        enum: Object.keys(PROBLEMS),
      }),
    ],
  }),
  '/llms.txt': operation('getLlmsTxt', 'The API in a page, for language models', {
    isKept: true,
    content: { 'text/plain': { schema: text('^# ', 100_000) } },
  }),
  '/.well-known/security.txt': operation(
    'getSecurityTxt',
    'Whom to tell about a vulnerability (RFC 9116)',
    {
      content: { 'text/plain': { schema: text('^Contact: ', 10_000) } },
      refused: [404],
    },
  ),
}

interface Described {
  readonly content: Json
  /** Those of the path. Where there are any, the path can name nothing: 404. */
  readonly parameters?: readonly Json[]
  readonly refused?: readonly number[]
  /** It has an ETag. */
  readonly isKept?: true
}

function operation(operationId: string, summary: string, described: Described): Json {
  const {
    content,
    isKept,
    parameters = [],
    refused = parameters.length > 0 ? [404] : [],
  } = described
  const get = {
    operationId,
    summary,
    description: 'Open: about the API, not about anybody.',
    tags: ['documents'],
    security: [{}, { bearer: [] }, { apiKey: [] }],
    ...(isKept && { parameters: [IF_NONE_MATCH] }),
    responses: {
      200: { description: 'OK', headers: headersOf(...(isKept ? TAGGED : [])), content },
      ...(isKept && { 304: { description: 'As you have it', headers: headersOf(...TAGGED) } }),
      ...refusals([400, 401, ...refused, 429, 500]),
    },
  }
  return { ...(parameters.length > 0 && { parameters }), get }
}

function json(schema: Json): Json {
  return { 'application/json': { schema } }
}

function text(pattern?: string, maxLength = 10_000_000): Json {
  return { type: 'string', ...(pattern && { pattern }), maxLength }
}

function parameter(name: string, description: string, schema: Json): Json {
  return { name, in: 'path', required: true, description, schema }
}
