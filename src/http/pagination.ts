/**
 * Keyset pagination behind opaque cursors. A cursor is the sort key of the last item with a
 * checksum over it and the list it belongs to, so one that was altered or moved is refused. It
 * grants nothing: the scope of a list comes from the grant every time. Whoever makes one is held
 * to the form of a key, too.
 */
import { base64url } from 'jose'
import * as z from 'zod'
import { Problem } from '../problem.ts'
import { decodeBase64url } from '../crypto/base64url.ts'
import { sha256 } from '../crypto/digest.ts'
import { answerFields } from './answer-fields.ts'

export const PageQuery = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(50)
    .meta({ description: 'Items per page' }),
  cursor: z
    .string()
    .min(1)
    .max(1024)
    .meta({ pattern: '^[A-Za-z0-9_-]+$' })
    .optional()
    .meta({ description: '`nextCursor` of the page before' }),
}

const NextCursor = z
  .string()
  .meta({ pattern: '^[A-Za-z0-9_-]+$', maxLength: 1024 })
  .nullable()
  .meta({ id: 'NextCursor', description: 'For the next page; null on the last' })

/** `{ items, nextCursor }` of the given items, at most `max` on a page. */
export function listOf<S extends z.core.$ZodType>(item: S, max = 100) {
  const id = z.globalRegistry.get(item)?.id
  return z
    .object({ items: z.array(item).max(max), nextCursor: NextCursor })
    .meta(id === undefined ? {} : { id: `${id}List` })
    .register(answerFields, { next: ({ nextCursor }) => nextCursor })
}

/** What an entry is sorted by, and told apart by. */
type Key = readonly (string | number)[]

interface List<Row, K extends Key> {
  /** What the cursor is good for: the route and its filters. */
  readonly name: string
  readonly query: { readonly limit: number; readonly cursor?: string | undefined }
  /** The number, types and form of what a key is made of: anybody can make a cursor. */
  readonly key: z.core.$ZodType<K>
  readonly keyOf: (row: Row) => K
  /** Reads up to `limit` rows that sort after `after`. */
  readonly read: (after: K | undefined, limit: number) => Promise<readonly Row[]>
}

/** One page, read with one row more than asked for to know whether there is another. @throws Problem `validation_failed` */
export async function paginate<Row, K extends Key>(list: List<Row, K>) {
  const { name, query, keyOf, read } = list
  const after = query.cursor === undefined ? undefined : await decodeCursor(list, query.cursor)
  const rows = await read(after, query.limit + 1)
  const items = rows.slice(0, query.limit)
  const last = items.at(-1)
  const nextCursor =
    rows.length > items.length && last ? await encodeCursor(name, keyOf(last)) : null
  return { items, nextCursor }
}

interface WholeList<Row, K extends Key> extends Omit<List<Row, K>, 'read'> {
  /** In ascending order. */
  readonly all: readonly Row[]
  /** What a key sorts by, if not by itself. */
  readonly order?: (key: K) => Key
}

/** One page of a list that is read whole. @throws Problem `validation_failed` */
export async function pageOf<Row, K extends Key>(list: WholeList<Row, K>) {
  const { all, keyOf, order = (key) => key } = list
  return paginate({
    ...list,
    read: async (after, limit) => {
      const rest = after && all.filter((row) => isAfter(order(keyOf(row)), order(after)))
      return (rest ?? all).slice(0, limit)
    },
  })
}

/** One page of a list that only another version of the site changes; its entries go by their names. */
export async function pageOfConstant<Row>(
  { name, query, all }: Pick<WholeList<Row, [string]>, 'name' | 'query' | 'all'>,
  nameOf: (row: Row) => string,
) {
  const names = all.map(nameOf)
  return pageOf<Row, [string]>({
    name,
    query,
    all,
    key: z.tuple([z.enum(names)]),
    keyOf: (row) => [nameOf(row)],
    order: ([entry]) => [names.indexOf(entry)],
  })
}

function isAfter(key: Key, other: Key): boolean {
  const differing = key.findIndex((part, index) => part !== other[index])
  const [part, before] = [key[differing], other[differing]]
  return part !== undefined && before !== undefined && part > before
}

/** A cursor of the list that goes by this name. */
export async function encodeCursor(name: string, key: Key): Promise<string> {
  const text = JSON.stringify(key)
  return base64url.encode(`${await checksum(name, text)}${text}`)
}

/** @throws Problem `validation_failed` for what is no cursor of this list */
export async function decodeCursor<K extends Key>(
  { name, key }: Pick<List<never, K>, 'name' | 'key'>,
  cursor: string,
): Promise<K> {
  const bytes = decodeBase64url(cursor) ?? new Uint8Array()
  const text = new TextDecoder().decode(bytes)
  const rest = text.slice(CHECKSUM_LENGTH)
  if (text.slice(0, CHECKSUM_LENGTH) === (await checksum(name, rest))) {
    const read = z.safeParse(key, jsonIn(rest))
    if (read.success) return read.data
  }
  throw new Problem('validation_failed', 'The cursor is not one of this list.', {
    errors: [
      { in: 'query', path: 'cursor', message: 'expected the nextCursor of a page of this list' },
    ],
  })
}

const CHECKSUM_LENGTH = 16

async function checksum(name: string, key: string): Promise<string> {
  return (await sha256(`cursor\n${name}\n${key}`)).slice(0, CHECKSUM_LENGTH)
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
