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

/** What is wrong with each field, by the path the API gives it; empty without such an error. */
export type Faults = Readonly<Record<string, string | undefined>>

export function faultsOf(error: unknown): Faults {
  if (!(error instanceof GuildhallError) || error.code !== 'validation_failed') return {}
  return Object.fromEntries(error.errors.map(({ path, message }) => [path, message]))
}
