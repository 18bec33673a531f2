/** Checks an answer against the OpenAPI document: route, status, media type, fields or text. */
import { type Schema, Validator } from '@cfworker/json-schema'
import { routes } from '../../src/api/index.ts'
import { openapiOf } from '../../src/http/documents/openapi.ts'

interface Operation {
  readonly responses: Readonly<
    Record<string, { content?: Record<string, { schema: Schema }> } | undefined>
  >
}

const document = openapiOf(routes, 'https://members.example')
const { schemas } = document.components as { schemas: Record<string, Schema> }
const paths = Object.entries(document.paths as Record<string, Record<string, Operation>>).map(
  ([path, operations]) => ({
    matches: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
    operations,
  }),
)
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
  const known = paths.find(({ matches }) => matches.test(pathname))
  const operation = known?.operations[method.toLowerCase()]
  if (!operation) return
  const answer = operation.responses[response.status]
  if (!answer) throw new Error(`${method} ${path}: status ${response.status} is not documented`)
  if (body === undefined) return
  const [type = ''] = (response.headers.get('Content-Type') ?? '').split(';')
  const schema = answer.content?.[type]?.schema
  if (!schema) throw new Error(`${method} ${path}: ${response.status} as ${type} is not documented`)
  const { valid, errors } = validatorOf(schema).validate(body)
  if (!valid) throw new Error(`${method} ${path}: ${JSON.stringify(errors.slice(0, 3))}`)
}

function validatorOf(schema: Schema): Validator {
  const known = validators.get(schema)
  if (known) return known
  const made = new Validator({ ...schema, components: { schemas } }, '2020-12', false)
  validators.set(schema, made)
  return made
}
