/** The naughty data: every entry must be stored exactly or refused, and never break anything. */
import { base64url } from 'jose'
import { expect } from 'vitest'
// The data is imported as text because the bundler's JSON refuses lone surrogates.
import text from '../data/naughty.json?raw'
import type { Reply } from './site.ts'
import { sized } from './size.ts'

/** A text in one of three forms: itself, its bytes in base64, or its compressed bytes in base64. */
interface Entry {
  readonly id: string
  readonly s?: string
  readonly b64?: string
  readonly gz?: string
}

interface Naughty {
  readonly strings: readonly Entry[]
  readonly json: readonly Entry[]
  readonly headers: readonly { readonly h: Readonly<Record<string, string>> }[]
  readonly paths: readonly string[]
  readonly queries: readonly string[]
  readonly methods: readonly string[]
  readonly mass: readonly string[]
}

const naughty = JSON.parse(text) as Naughty

async function bytesOf({ s, b64, gz }: Entry): Promise<Uint8Array> {
  if (s !== undefined) return new TextEncoder().encode(s)
  const bytes = base64url.decode((b64 ?? gz ?? '').replaceAll('+', '-').replaceAll('/', '_'))
  if (gz === undefined) return bytes
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

async function textOf(entry: Entry): Promise<string> {
  return entry.s ?? new TextDecoder().decode(await bytesOf(entry))
}

export const STRINGS: readonly string[] = await Promise.all(naughty.strings.map(textOf))
export const DOCUMENTS: readonly Uint8Array[] = await Promise.all(naughty.json.map(bytesOf))
export const HEADER_SETS = naughty.headers.map(({ h }) => h)
export const { paths: PATHS, queries: QUERIES, methods: METHODS, mass: FIELD_NAMES } = naughty

/** The faults that no answer may have; the client has checked its body against the document. */
export function harmOf({ status, headers }: Reply): string[] {
  const type = headers.get('Content-Type') ?? 'none'
  return [
    ...(status >= 500 ? [`answered ${status}`] : []),
    ...(/^(application\/(problem\+)?json|text\/calendar.*|none)$/.test(type)
      ? []
      : [`answered as ${type}`]),
  ]
}

/**
 * Checks the items, several at a time. Without `npm run test:full` it takes every third item; the
 * length of the test's name decides which comes first.
 * @returns what is wrong with each of them; nothing if all is well
 */
export async function faultsOf<T>(
  items: readonly T[],
  check: (item: T, index: number) => Promise<readonly string[]>,
): Promise<string[]> {
  const faults: string[] = []
  const step = sized(1, 3)
  const first = (expect.getState().currentTestName ?? '').length % step
  const taken = [...items.entries()].filter(([index]) => index % step === first)
  for (let start = 0; start < taken.length; start += 20) {
    const some = taken.slice(start, start + 20)
    const found = await Promise.all(some.map(([index, item]) => check(item, index)))
    for (const [place, messages] of found.entries()) {
      const [index, item] = some[place] ?? []
      const about = `${index} ${JSON.stringify(item).slice(0, 80)}`
      faults.push(...messages.map((message) => `${about}: ${message}`))
    }
  }
  return faults
}

/** Compares all that `expected` has with `actual`, to the character. @returns the differences */
export function differenceOf(actual: unknown, expected: object): string[] {
  return Object.entries(expected).flatMap(([name, value]): string[] => {
    const stored = (actual as Readonly<Record<string, unknown>> | null)?.[name]
    if (typeof value === 'object' && value !== null) return differenceOf(stored, value as object)
    return stored === value ? [] : [`${name} is ${JSON.stringify(stored)}`]
  })
}

/** Tells whether the text can be put into a header at all. */
export function fitsIntoHeader(value: string): boolean {
  return /^[\x20-\x7e]*$/.test(value)
}
