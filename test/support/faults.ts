/** Faults of a request that have nothing to do with who sends it. */
import * as z from 'zod'
import type { ProblemCode } from '../../src/problem.ts'
import { type Row, ROWS, type Target } from './cells.ts'
import type { CallOptions } from './site.ts'

export interface Fault {
  readonly name: string
  /** The code that is answered to somebody who may make the request. */
  readonly code: ProblemCode
  readonly concerns: (row: Row) => boolean
  /**
   * The one kind of target with the fault (`existing` may be anybody's); any, if it is left out.
   */
  readonly target?: 'existing' | 'absent' | 'malformed'
  /** A parameter that is added to the query. */
  readonly query?: string
  /** @param body a valid body, if the route takes one */
  readonly options: (body: unknown) => CallOptions
}

const takesBody = ({ declared }: Row) => declared.input.json !== undefined
const hasParam = ({ declared }: Row) => declared.input.param !== undefined
const isConditional = ({ declared }: Row) => declared.conditional === true

const usual = (body: unknown): CallOptions => (body === undefined ? {} : { json: body })
const withHeaders = (headers: Record<string, string>) => (body: unknown) => ({
  ...usual(body),
  headers,
})
const asJson = (raw: BodyInit) => () => ({ raw, headers: { 'Content-Type': 'application/json' } })

const QUERY = [...new Set(ROWS.flatMap(queryNames))]

/** All faults, in the order in which a caller is told about them. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'an answer wanted as HTML',
    code: 'not_acceptable',
    concerns: () => true,
    options: withHeaders({ Accept: 'text/html' }),
  },
  {
    name: 'a body of another type',
    code: 'unsupported_media_type',
    concerns: takesBody,
    options: () => ({ raw: '{}', headers: { 'Content-Type': 'text/plain' } }),
  },
  {
    name: 'a body that is too large',
    code: 'payload_too_large',
    concerns: takesBody,
    options: asJson(`{"bio": "${'x'.repeat(64 * 1024)}"}`),
  },
  {
    name: 'a body that is no JSON',
    code: 'malformed_request',
    concerns: takesBody,
    options: asJson('{"displayName": '),
  },
  {
    name: 'a body that is no UTF-8',
    code: 'malformed_request',
    concerns: takesBody,
    options: asJson(new Uint8Array([0x22, 0xff, 0x22])),
  },
  {
    name: 'a body that is no object',
    code: 'validation_failed',
    concerns: takesBody,
    options: asJson('["displayName"]'),
  },
  {
    name: 'a field that is not known',
    code: 'validation_failed',
    concerns: takesBody,
    options: (body) => ({ json: { ...Object(body), surprise: true } }),
  },
  ...QUERY.map((name) => ({
    name: `an empty ${name} in the query`,
    code: 'validation_failed' as const,
    concerns: (row: Row) => row.search === '' && queryNames(row).includes(name),
    query: `${name}=`,
    options: usual,
  })),
  {
    name: 'a forged cursor',
    code: 'validation_failed',
    concerns: (row) => queryNames(row).includes('cursor'),
    target: 'existing',
    query: 'cursor=Zm9yZ2VkWyJhIl0',
    options: usual,
  },
  {
    name: 'an Idempotency-Key with a blank',
    code: 'validation_failed',
    concerns: ({ declared }) => declared.idempotent !== undefined,
    target: 'existing',
    options: withHeaders({ 'Idempotency-Key': 'two words' }),
  },
  {
    name: 'an id of nothing',
    code: 'not_found',
    concerns: hasParam,
    target: 'absent',
    options: withHeaders({ 'If-Match': '"999"' }),
  },
  {
    name: 'an id that is none',
    code: 'not_found',
    concerns: hasParam,
    target: 'malformed',
    options: withHeaders({ 'If-Match': '"999"' }),
  },
  ...['"999"', 'W/"999"', '"other"'].map((tag) => ({
    name: `If-Match: ${tag}`,
    code: 'precondition_failed' as const,
    concerns: isConditional,
    target: 'existing' as const,
    options: withHeaders({ 'If-Match': tag }),
  })),
]

export function queryNames({ declared }: Pick<Row, 'declared'>): string[] {
  const { query } = declared.input
  return query ? Object.keys(z.toJSONSchema(query, { io: 'input' }).properties ?? {}) : []
}

export function canHave({ target: wanted }: Fault, target: Target): boolean {
  if (wanted === undefined) return true
  const exists = target !== 'absent' && target !== 'malformed'
  return wanted === 'existing' ? exists : wanted === target
}
