/**
 * What a declared schema is in the OpenAPI document. Tools differ in what they understand, so it says
 * what all of them do: a pattern without flags and slashes, and no `default` in a body.
 */
import * as z from 'zod'
import type { Components, Json } from './openapi-components.ts'

type Schema = z.core.$ZodType
type Direction = 'input' | 'output'

/** A schema of a body. Those with an id are put among the components and referred to. */
export function schemaOf(schema: Schema, io: Direction, components: Components): Json {
  const {
    $schema: _,
    $defs,
    ...json
  } = z.toJSONSchema(schema, {
    io,
    reused: 'inline',
    override: (node) => {
      portable(node)
      withoutDefault(node, io)
    },
  })
  for (const [id, definition] of Object.entries($defs ?? {}))
    components.share('schemas', id, relinked(bare(definition)))
  const { id } = json
  const part = relinked(bare(json))
  return typeof id === 'string' ? components.share('schemas', id, part) : part
}

/** The schemas of parameters by their names, and which of them a request has to have. */
export function parameterSchemas(schema: Schema) {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, {
    io: 'input',
    override: portable,
  })
  return Object.entries(properties).map(([name, property]) => ({
    name,
    isRequired: required.includes(name),
    schema: typeof property === 'object' ? property : {},
  }))
}

/** The first example of what a route takes. */
export function exampleOf(schema: Schema): unknown {
  const { examples } = z.globalRegistry.get(schema) ?? {}
  return Array.isArray(examples) ? examples[0] : undefined
}

interface Node {
  readonly zodSchema: z.core.$ZodTypes
  readonly jsonSchema: z.core.JSONSchema.BaseSchema
}

/** @throws Error for a pattern that would be another one without its flags */
function portable({ zodSchema, jsonSchema }: Node): void {
  const { pattern, type, format, maximum = Infinity } = jsonSchema
  if (pattern !== undefined) {
    assertPlain(zodSchema, pattern)
    jsonSchema.pattern = withoutSlashes(pattern)
  }
  // What OpenAPI's formats know and JSON Schema does not: how wide an integer is.
  if (type === 'integer') jsonSchema.format = maximum < 2 ** 31 ? 'int32' : 'int64'
  // Zod drops those of what it transforms, though they are what is sent.
  const { examples } = z.globalRegistry.get(zodSchema) ?? {}
  if (Array.isArray(examples)) jsonSchema['examples'] = examples
  // No list of formats has this one, and its pattern says all.
  if (format === 'e164') delete jsonSchema.format
}

/** A pattern of JSON Schema has no flags. */
function assertPlain(zodSchema: z.core.$ZodTypes, pattern: string): void {
  for (const { source, flags } of patternsOf(zodSchema)) {
    if (source === pattern && flags.replace('u', '') !== '')
      throw new Error(`/${source}/${flags} is published as a pattern, which has no flags`)
  }
}

/** Those that zod checks a text against. */
function patternsOf(zodSchema: z.core.$ZodTypes): RegExp[] {
  // oxlint-disable no-underscore-dangle -- zod says it nowhere else
  const { checks = [] } = zodSchema._zod.def
  const definitions: readonly object[] = [zodSchema, ...checks].map((each) => each._zod.def)
  // oxlint-enable no-underscore-dangle
  return definitions.flatMap((definition) =>
    'pattern' in definition && definition.pattern instanceof RegExp ? [definition.pattern] : [],
  )
}

/** Generators write patterns between slashes as they are. */
function withoutSlashes(pattern: string): string {
  return pattern.replaceAll(/\\?./gsu, (part) => (/^\\?\/$/.test(part) ? '\\x2f' : part))
}

/** Generators make a field required that has one, so what is not sent says it in words. */
function withoutDefault({ jsonSchema }: Node, io: Direction): void {
  if (!('default' in jsonSchema)) return
  if (io === 'input') {
    const left = `\`${JSON.stringify(jsonSchema.default)}\` if left out`
    const { description } = jsonSchema
    jsonSchema.description = description === undefined ? left : `${description}. ${left}`
  }
  delete jsonSchema.default
}

/** Its name is where it is referred to, and its example where it is sent. */
function bare(json: Json): Json {
  const { id: _, examples: __, ...rest } = json
  return rest
}

/** What was JSON still is. */
function relinked(json: Json): Json {
  return JSON.parse(JSON.stringify(json).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json
}
