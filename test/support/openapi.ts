/** The OpenAPI document as tests read it: operations with their references resolved. */
import type { Schema } from '@cfworker/json-schema'
import { routes } from '../../src/api/index.ts'
import { openapiOf } from '../../src/http/documents/openapi.ts'
import type { NamedRoute } from '../../src/http/route.ts'

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required?: boolean
  readonly description?: string
  readonly schema: Schema
  readonly example?: unknown
}

export interface Answer {
  readonly headers?: Readonly<Record<string, { readonly schema: Schema }>>
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
}

export interface Operation {
  readonly method: string
  readonly path: string
  readonly operationId: string
  readonly deprecated?: boolean
  readonly security?: readonly object[]
  readonly parameters: readonly Parameter[]
  /** The body in JSON, if it takes one. */
  readonly body: { readonly schema: Schema; readonly example?: unknown } | undefined
  readonly responses: Readonly<Record<string, Answer>>
}

type Json = Record<string, unknown>

/** Every operation, with parameters, body and answers as they are where nothing is referred to. */
export function operationsOf(document: Json): Operation[] {
  const read = <T>(part: unknown): T => resolved(document, part) as T
  return Object.entries(read<Record<string, Json>>(document['paths'])).flatMap(([path, item]) => {
    const { parameters: ofPath = [], ...methods } = item
    return Object.entries(methods).map(([method, operation]) => {
      const { parameters = [], requestBody, responses, ...rest } = read<Json>(operation)
      const all = [...read<unknown[]>(ofPath), ...read<unknown[]>(parameters)]
      const { content } = read<{ content?: Json }>(requestBody ?? {})
      const answers = Object.entries(read<Json>(responses)).map(([status, answer]) => {
        const { headers = {}, ...others } = read<{ headers?: Json }>(answer)
        const named = Object.entries(headers).map(([name, header]) => [name, read(header)])
        return [status, { ...others, headers: Object.fromEntries(named) }]
      })
      return {
        ...(rest as unknown as Pick<Operation, 'operationId'>),
        method: method.toUpperCase(),
        path,
        parameters: all.map((parameter) => read<Parameter>(parameter)),
        body: content?.['application/json'] as Operation['body'],
        responses: Object.fromEntries(answers),
      }
    })
  })
}

/** Follows one reference, if it is one. */
function resolved(document: Json, part: unknown): unknown {
  const { $ref } = (part ?? {}) as { readonly $ref?: unknown }
  if (typeof $ref !== 'string') return part
  return $ref
    .split('/')
    .slice(1)
    .reduce<unknown>((place, name) => (place as Json)[name], document)
}

/** The operations of these routes, as on a site at `members.example`. */
export async function operationsFor(declared: readonly NamedRoute[]): Promise<Operation[]> {
  return operationsOf(await openapiOf(declared, 'https://members.example'))
}

export const document: Json = await openapiOf(routes, 'https://members.example')
export const operations = operationsOf(document)

/** A schema of the document by itself, with what it refers to. */
export function standalone(schema: Schema): Schema {
  const { schemas } = document['components'] as { readonly schemas: Record<string, Schema> }
  return { ...schema, components: { schemas } }
}

/** What a schema of the document refers to, or itself. */
export function followed(schema: Schema): Schema {
  return resolved(document, schema) as Schema
}
