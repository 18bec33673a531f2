/**
 * What leaves of an answer: the fields that the route's schema declares, copied, nested ones included.
 * Numbers, and texts without a check, are not looked at again, for our own SQL made them; that they are
 * what the document says, the tests check of every answer they get.
 */
import * as z from 'zod'

/** @throws TypeError for a value that is not of the declared shape */
export type Projector = (value: unknown) => unknown

const projectors = new WeakMap<z.core.$ZodType, Projector>()

/**
 * Made once for each schema, at its first answer.
 * @throws Error for a kind of schema that answers do not use
 */
export function projectorOf(schema: z.core.$ZodType): Projector {
  const known = projectors.get(schema)
  if (known) return known
  const made = makeProjector(schema)
  projectors.set(schema, made)
  return made
}

function makeProjector(schema: z.core.$ZodType): Projector {
  const def = definitionOf(schema)
  switch (def.type) {
    case 'string':
      // A URL from an earlier version is spelled anew on its way out, which only the schema can do.
      return def.checks ? (value) => z.parse(schema, value) : scalar
    case 'number':
    case 'boolean':
    case 'null':
      return scalar
    case 'unknown':
      return (value) => value
    case 'enum':
      return oneOf(Object.values(def.entries))
    case 'literal':
      return oneOf(def.values)
    case 'optional':
      return unless(undefined, projectorOf(def.innerType))
    case 'nullable':
      return unless(null, projectorOf(def.innerType))
    case 'default':
      return withDefault(() => def.defaultValue, projectorOf(def.innerType))
    case 'array':
      return ofArray(projectorOf(def.element))
    case 'record':
      return ofRecord(projectorOf(def.valueType))
    case 'object':
      return ofObject(def.shape)
    case 'union':
      return firstOf(def.options.map(projectorOf))
    default:
      throw new Error(`no answer is of a schema of type ${def.type}`)
  }
}

/** Every schema is one of zod's own kinds, for nothing here extends them. */
function definitionOf(schema: z.core.$ZodType): z.core.$ZodTypes['_zod']['def'] {
  // oxlint-disable-next-line no-underscore-dangle -- zod says it nowhere else
  return (schema as z.core.$ZodTypes)._zod.def
}

/** What has fields passes by its declared fields only. */
function scalar(value: unknown): unknown {
  if (value === undefined || (typeof value === 'object' && value !== null))
    throw new TypeError('expected a single value')
  return value
}

function oneOf(values: readonly unknown[]): Projector {
  const all = new Set(values)
  return (value) => {
    if (!all.has(value)) throw new TypeError('expected one of the declared values')
    return value
  }
}

function unless(nothing: null | undefined, project: Projector): Projector {
  return (value) => (value === nothing ? nothing : project(value))
}

function withDefault(otherwise: () => unknown, project: Projector): Projector {
  return (value) => (value === undefined ? otherwise() : project(value))
}

function ofArray(project: Projector): Projector {
  return (value) => {
    if (!Array.isArray(value)) throw new TypeError('expected an array')
    return value.map(project)
  }
}

function ofRecord(project: Projector): Projector {
  return (value) => {
    const entries = Object.entries(asObject(value))
    return Object.fromEntries(entries.map(([name, each]) => [name, project(each)]))
  }
}

function ofObject(shape: Readonly<Record<string, z.core.$ZodType>>): Projector {
  const fields = Object.entries(shape).map(([name, schema]) => [name, projectorOf(schema)] as const)
  return (value) => {
    const source = asObject(value)
    const shown: Record<string, unknown> = {}
    for (const [name, project] of fields) {
      const field = project(source[name])
      if (field !== undefined) shown[name] = field
    }
    return shown
  }
}

/** As zod does, the first that the value is of. */
function firstOf(projects: readonly Projector[]): Projector {
  return (value) => {
    for (const project of projects) {
      try {
        return project(value)
      } catch (error) {
        if (!(error instanceof TypeError)) throw error
      }
    }
    throw new TypeError('expected one of the declared shapes')
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError('expected an object')
  // What is an object and no array has fields by names.
  return value as Readonly<Record<string, unknown>>
}
