import { expect, test } from 'vitest'
import { nameKey } from '../../src/repositories/users.ts'

const LETTERS = Array.from({ length: 0x110000 }, (_, code) => code)
  .filter((code) => code < 0xd800 || code > 0xdfff)
  .map((code) => String.fromCodePoint(code))

/** Whether Unicode's simple folding, which regular expressions use, makes one of the two. */
function areOne(letter: string, other: string): boolean {
  return new RegExp(`^\\u{${letter.codePointAt(0)?.toString(16)}}$`, 'iu').test(other)
}

test('a key is the same for every case of a letter, whichever there are', () => {
  const wrong = LETTERS.flatMap((letter) =>
    [letter.toLowerCase(), letter.toUpperCase()]
      .filter((other) => other !== letter && areOne(letter, other))
      .filter((other) => nameKey(other) !== nameKey(letter))
      .map((other) => `${letter} ${other}`),
  )
  expect(wrong).toEqual([])
})

test('a key is its own key, and composed', () => {
  const keys = LETTERS.map(nameKey)
  expect(keys.filter((key) => nameKey(key) !== key || key.normalize('NFC') !== key)).toEqual([])
})

test.each([
  ['Straße', 'STRAẞE', 'strasse'],
  ['ﬁlip', 'FILIP', 'filip'],
  ['Όσος', 'ΌΣΟΣ', 'όσοσ'],
  ['ᾳ', 'ΑΙ', 'αι'],
  ['A\u030asa', 'Åsa', 'åsa'],
])('%s and %s are %s', (one, other, key) => {
  expect([nameKey(one), nameKey(other)]).toEqual([key, key])
})

test('the dotless i is another letter than i', () => {
  expect(new Set(['ı', 'i', 'İ'].map(nameKey)).size).toBe(3)
  expect(nameKey('I')).toBe('i')
})
