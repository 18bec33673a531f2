/** What an OpenAPI document says once and refers to: equal parts are one, under a name. */

export type Json = Record<string, unknown>

type Parts = Record<string, Json>

type Kind = 'schemas' | 'responses' | 'parameters' | 'headers'

export interface Components {
  /**
   * @returns a reference to the part. Where another one has the name already, a number makes it another
   *   name; but a schema, whose name is that of a type, is then the part itself
   */
  share(kind: Kind, name: string, part: Json): Json
  /**
   * All that is shared, once everything has been. What only one place refers to is put there instead,
   * but for schemas, whose names are those of types.
   */
  shared(): Readonly<Record<Kind, Parts>>
}

export function makeComponents(): Components {
  const all: Record<Kind, Parts> = { schemas: {}, responses: {}, parameters: {}, headers: {} }
  const references = new Map<Json, Json[]>()
  return {
    share(kind, name, part) {
      const known = (all[kind][name] ??= part)
      if (JSON.stringify(known) !== JSON.stringify(part)) {
        return kind === 'schemas' ? part : this.share(kind, next(name), part)
      }
      const reference = { $ref: `#/components/${kind}/${name}` }
      references.set(known, [...(references.get(known) ?? []), reference])
      return reference
    },
    shared() {
      for (const kind of ['responses', 'parameters', 'headers'] as const) {
        for (const [name, part] of Object.entries(all[kind])) {
          const [first, ...others] = references.get(part) ?? []
          if (!first || others.length > 0) continue
          delete first['$ref']
          Object.assign(first, part)
          delete all[kind][name]
        }
      }
      return all
    },
  }
}

/** As in `BookingId`, `BookingId-2`, `BookingId-3`. */
function next(name: string): string {
  const [first, number = '1'] = name.split('-')
  return `${first}-${Number(number) + 1}`
}

/** The name of the part that is referred to, if it is a reference. */
export function nameIn({ $ref }: Json): string | undefined {
  return typeof $ref === 'string' ? $ref.slice($ref.lastIndexOf('/') + 1) : undefined
}
