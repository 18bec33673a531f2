/** Checks an answer against the OpenAPI document: route, status, headers, media type, fields or text. */
import { type Schema, Validator } from '@cfworker/json-schema'
import { operations, standalone } from './openapi.ts'

const paths = operations.map((operation) => ({
  matches: new RegExp(`^${operation.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
  operation,
}))
const validators = new Map<Schema, Validator>()

/**
 * @param body parsed JSON, or the text of what is no JSON; undefined if there is none
 * @throws Error that says what differs from the document
 */
export function assertDocumented(
  method: string,
  path: string,
  response: Response,
  body: unknown,
): void {
  const [pathname = ''] = path.split('?')
  const known = paths.find(
    ({ matches, operation }) => operation.method === method && matches.test(pathname),
  )
  if (!known) return
  const answer = known.operation.responses[response.status]
  if (!answer) throw new Error(`${method} ${path}: status ${response.status} is not documented`)
  for (const [name, { schema }] of Object.entries(answer.headers ?? {})) {
    const value = response.headers.get(name)
    if (value === null) continue
    assertValid(
      schema,
      schema.type === 'integer' ? Number(value) : value,
      `${method} ${path} ${name}`,
    )
  }
  if (body === undefined) return
  const [type = ''] = (response.headers.get('Content-Type') ?? '').split(';')
  const schema = answer.content?.[type]?.schema
  if (!schema) throw new Error(`${method} ${path}: ${response.status} as ${type} is not documented`)
  assertValid(schema, body, `${method} ${path}`)
}

function assertValid(schema: Schema, value: unknown, what: string): void {
  const { valid, errors } = validatorOf(schema).validate(value)
  if (!valid) throw new Error(`${what}: ${JSON.stringify(errors.slice(0, 3))}`)
}

/** One that checks formats, too. */
export function validatorOf(schema: Schema): Validator {
  const known = validators.get(schema)
  if (known) return known
  const made = new Validator(standalone(schema), '2020-12', false)
  validators.set(schema, made)
  return made
}
