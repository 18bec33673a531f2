/** Forms as they were sent, and what the API has said about their fields. */
import { GuildhallError } from '../client/index.ts'

/** The fields of a form by name. Text only: no page takes a file. */
export class Form {
  readonly #fields: URLSearchParams

  /** Browsers send each line break as two characters; the API takes, and stores, the one that was typed. */
  constructor(fields: URLSearchParams) {
    const lines = [...fields].map(([name, value]) => [name, value.replaceAll(/\r\n?/g, '\n')])
    this.#fields = new URLSearchParams(lines)
  }

  /** Without blanks around it; empty if it was not sent. @throws BadChoice if it was sent twice */
  text(name: string): string {
    const [sent = '', ...others] = this.#fields.getAll(name)
    if (others.length > 0) throw new BadChoice(name)
    return sent.trim()
  }

  /** Undefined if it is empty, which is how a form leaves something out. */
  optional(name: string): string | undefined {
    return this.text(name) || undefined
  }

  /** Undefined if it is empty; of what is no whole number what `wholeIn` makes of it. */
  number(name: string): number | undefined {
    return wholeIn(this.text(name))
  }

  /** One of the values that a form offers. @throws BadChoice for any other */
  choice<const V extends string>(name: string, values: readonly V[]): V {
    return chosen(name, this.text(name), values)
  }

  /** Those of a form's values that are ticked. @throws BadChoice for one that it does not offer */
  choices<const V extends string>(name: string, values: readonly V[]): V[] {
    return this.all(name).map((each) => chosen(name, each, values))
  }

  /** Whether a box is ticked, which sends nothing if it is not. @throws BadChoice for another value */
  flag(name: string, value = 'on'): boolean {
    return this.choices(name, [value]).length > 0
  }

  /** What would be emptied because it was not sent at all. @throws BadChoice for such a field */
  need(names: readonly string[]): void {
    const absent = names.find((name) => !this.#fields.has(name))
    if (absent !== undefined) throw new BadChoice(absent)
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

/** An id of this kind, or nothing. @throws BadChoice for anything else */
export function idIn(form: Form, name: string, prefix: string): string {
  const text = form.text(name)
  if (text !== '' && !new RegExp(`^${prefix}_[0-9a-z]{26}$`).test(text)) throw new BadChoice(name)
  return text
}

/**
 * A number as it is written in digits, undefined of an empty text. Of anything else it is -1, which no
 * field here may be: the API refuses it, and what is wrong is said beside the field.
 */
export function wholeIn(text: string): number | undefined {
  if (text === '') return undefined
  return /^\d{1,15}$/.test(text) ? Number(text) : -1
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
