/** Forms as they were sent, and what the API has said about their fields. */
import { GuildhallError } from '../client/index.ts'

/** The fields of a form by name. Text only: no page takes a file. */
export class Form {
  readonly #fields: URLSearchParams

  constructor(fields: URLSearchParams) {
    this.#fields = fields
  }

  /** Without blanks around it; empty if it was not sent. */
  text(name: string): string {
    return (this.#fields.get(name) ?? '').trim()
  }

  /** Undefined if it is empty, which is how a form leaves something out. */
  optional(name: string): string | undefined {
    return this.text(name) || undefined
  }

  /** Undefined if it is empty; of what is no number -1, which nothing here may be. JSON has no NaN. */
  number(name: string): number | undefined {
    const text = this.text(name)
    if (text === '') return undefined
    return Number.isFinite(Number(text)) ? Number(text) : -1
  }

  /** One of the values that a form offers. @throws BadChoice for any other */
  choice<const V extends string>(name: string, values: readonly V[]): V {
    return chosen(name, this.text(name), values)
  }

  has(name: string): boolean {
    return this.#fields.has(name)
  }

  all(name: string): string[] {
    return this.#fields.getAll(name)
  }

  /** Every field, for a form that is shown again. */
  entries(): [string, string][] {
    return [...this.#fields.entries()]
  }
}

/** A form was sent with a value that it does not offer, so it is not known what is wanted. */
export class BadChoice extends Error {
  override readonly name = 'BadChoice'
  readonly field: string

  constructor(field: string) {
    super('a form was sent with a value that it does not offer')
    this.field = field
  }
}

/** @throws BadChoice unless it is one of them */
export function chosen<const V extends string>(field: string, text: string, of: readonly V[]): V {
  const found = of.find((each) => each === text)
  if (found === undefined) throw new BadChoice(field)
  return found
}

/** What is wrong with each field, by the path the API gives it; empty without such an error. */
export type Faults = Readonly<Record<string, string | undefined>>

export function faultsOf(error: unknown): Faults {
  if (!(error instanceof GuildhallError) || error.code !== 'validation_failed') return {}
  return Object.fromEntries(error.errors.map(({ path, message }) => [path, message]))
}
