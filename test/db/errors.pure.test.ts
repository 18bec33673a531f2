/** The meaning of the errors of D1 and of Durable Objects, which is read from their texts. */
import { describe, expect, it } from 'vitest'
import {
  isAccessChange,
  isCheckViolation,
  isRetryable,
  isUniqueViolation,
} from '../../src/db/errors.ts'

const KINDS = {
  'access change': isAccessChange,
  'check violation': (error: unknown) => isCheckViolation(error, 'satisfiable'),
  'unique violation': (error: unknown) => isUniqueViolation(error, 'badges.slug'),
  retryable: isRetryable,
}

const TEXTS: readonly (readonly [text: string, kind: keyof typeof KINDS | undefined])[] = [
  ['D1_ERROR: access changed: SQLITE_CONSTRAINT', 'access change'],
  ['D1_ERROR: CHECK constraint failed: satisfiable: SQLITE_CONSTRAINT', 'check violation'],
  ['D1_ERROR: CHECK constraint failed: threshold >= 1: SQLITE_CONSTRAINT', undefined],
  ['D1_ERROR: UNIQUE constraint failed: badges.slug: SQLITE_CONSTRAINT', 'unique violation'],
  ['D1_ERROR: UNIQUE constraint failed: badges.id: SQLITE_CONSTRAINT', undefined],
  ['D1_ERROR: FOREIGN KEY constraint failed: SQLITE_CONSTRAINT', undefined],
  ['D1_ERROR: no such table: secrets: SQLITE_ERROR', undefined],
  ['D1_ERROR: Network connection lost.', 'retryable'],
  ['Internal error while starting up D1 DB storage caused object to be reset.', 'retryable'],
  ['D1 DB reset because its code was updated.', 'retryable'],
  ['Durable Object reset because its code was updated.', 'retryable'],
  ['Cannot resolve D1 DB due to transient issue on remote node.', 'retryable'],
  ['D1 DB is overloaded. Requests queued for too long.', 'retryable'],
  ['D1 DB is overloaded. Too many requests queued.', 'retryable'],
  ['Durable Object is overloaded. Too many requests queued.', 'retryable'],
  ['Durable Object is overloaded. Too many requests for the same object.', 'retryable'],
  ['Internal error in D1 DB storage caused object to be reset.', 'retryable'],
  ['D1 DB storage operation exceeded timeout which caused object to be reset.', 'retryable'],
  ["Can't read from request stream because client disconnected.", 'retryable'],
  ['Connection closed: this Durable Object instance is no longer active.', 'retryable'],
  ['Your account is doing too many concurrent storage operations. Please back off.', 'retryable'],
  ['D1_ERROR: database is locked: SQLITE_BUSY', 'retryable'],
  ['D1_ERROR: database table is locked: SQLITE_LOCKED', 'retryable'],
  ['D1_ERROR: database or disk is full: SQLITE_FULL', 'retryable'],
  ['D1_ERROR: Exceeded maximum DB size', 'retryable'],
  ["D1 DB's isolate exceeded its memory limit and was reset.", undefined],
  ['D1 DB exceeded its CPU time limit and was reset.', undefined],
  ['D1_ERROR: disk I/O error: SQLITE_IOERR', undefined],
  ['D1_ERROR: too many SQL variables: SQLITE_ERROR', undefined],
  ['D1_ERROR: database disk image is malformed: SQLITE_CORRUPT', undefined],
]

function kindsOf(error: unknown): string[] {
  return Object.entries(KINDS)
    .filter(([, is]) => is(error))
    .map(([kind]) => kind)
}

describe('an error of storage', () => {
  it.each(TEXTS)('that says “%s” is of the kind: %s', (text, kind) => {
    const kinds = kind ? [kind] : []
    expect(kindsOf(new Error(text))).toEqual(kinds)
    expect(kindsOf(new Error('Failed query', { cause: new Error(text) }))).toEqual(kinds)
  })

  it.each(['retryable', 'overloaded'])(
    'is retryable by the flag `%s`, whatever it says',
    (flag) => {
      expect(kindsOf(Object.assign(new Error('!'), { [flag]: true }))).toEqual(['retryable'])
      expect(kindsOf(Object.assign(new Error('!'), { [flag]: false }))).toEqual([])
      const cause = Object.assign(new Error('!'), { [flag]: true })
      expect(kindsOf(new Error('Failed query', { cause }))).toEqual(['retryable'])
    },
  )

  it('is not told by the values that drizzle repeats in its message', () => {
    const cause = new Error('D1_ERROR: no such table: secrets: SQLITE_ERROR')
    for (const [text] of TEXTS) {
      expect(kindsOf(new Error(`Failed query: … params: ${text}`, { cause }))).toEqual([])
    }
  })

  it.each([undefined, null, 'access changed', { message: 'Network connection lost' }])(
    'is an Error: %o is none',
    (thrown) => {
      expect(kindsOf(thrown)).toEqual([])
    },
  )
})
