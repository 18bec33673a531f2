/**
 * Keyset pagination behind opaque cursors. A cursor is the sort key of the last item with a
 * checksum over it and the list it belongs to, so one that was altered or moved is refused. It
 * grants nothing: the scope of a list comes from the grant every time.
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

/** `{ items, nextCursor }` of the given items, at most `max` on a page. */
export function listOf<S extends z.core.$ZodType>(item: S, max = 100) {
  const cursor = z.string().meta({ pattern: '^[A-Za-z0-9_-]+$', maxLength: 1024 })
  return z
    .object({ items: z.array(item).max(max), nextCursor: cursor.nullable() })
    .register(answerFields, { next: ({ nextCursor }) => nextCursor })
}

type Key = readonly (string | number)[]

interface List<Row, K extends Key> {
  /** What the cursor is good for: the route and its filters. */
  readonly name: string
  readonly query: { readonly limit: number; readonly cursor?: string | undefined }
  readonly keyOf: (row: Row) => K
  /** Reads up to `limit` rows that sort after `after`. */
  readonly read: (after: K | undefined, limit: number) => Promise<readonly Row[]>
}

/** One page, read with one row more than asked for to know whether there is another. @throws Problem `validation_failed` */
export async function paginate<Row, K extends Key>(list: List<Row, K>) {
  const { name, query, keyOf, read } = list
  const after = query.cursor === undefined ? undefined : await decode<K>(name, query.cursor)
  const rows = await read(after, query.limit + 1)
  const items = rows.slice(0, query.limit)
  const last = items.at(-1)
  const nextCursor = rows.length > items.length && last ? await encode(name, keyOf(last)) : null
  return { items, nextCursor }
}

/** One page of a list that is read whole; its cursor is a place in it. @throws Problem `validation_failed` */
export async function pageOf<Row>(
  name: string,
  query: List<Row, Key>['query'],
  all: readonly Row[],
) {
  const { items, nextCursor } = await paginate<{ row: Row; place: number }, [number]>({
    name,
    query,
    keyOf: ({ place }) => [place],
    read: async (after, limit) => {
      const from = after ? after[0] + 1 : 0
      return all.slice(from, from + limit).map((row, index) => ({ row, place: from + index }))
    },
  })
  return { items: items.map(({ row }) => row), nextCursor }
}

async function encode(name: string, key: Key): Promise<string> {
  const text = JSON.stringify(key)
  return base64url.encode(`${await checksum(name, text)}${text}`)
}

async function decode<K extends Key>(name: string, cursor: string): Promise<K> {
  const bytes = decodeBase64url(cursor) ?? new Uint8Array()
  const text = new TextDecoder().decode(bytes)
  const key = text.slice(CHECKSUM_LENGTH)
  if (text.slice(0, CHECKSUM_LENGTH) !== (await checksum(name, key))) {
    throw new Problem('validation_failed', 'The cursor is not one of this list.', {
      errors: [
        { in: 'query', path: 'cursor', message: 'expected the nextCursor of a page of this list' },
      ],
    })
  }
  return parse<K>(key)
}

const CHECKSUM_LENGTH = 16

async function checksum(name: string, key: string): Promise<string> {
  return (await sha256(`cursor\n${name}\n${key}`)).slice(0, CHECKSUM_LENGTH)
}

/** This is only called on text whose checksum says that `encode` made it from a key of this list. */
function parse<K extends Key>(text: string): K {
  return JSON.parse(text) as K
}
