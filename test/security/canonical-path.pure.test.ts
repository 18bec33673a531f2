/** A path has one spelling, and whatever could be read in two ways has none. */
import { array, assert, constantFrom, integer, oneof, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalPath, targetOf } from '../../src/security/pages/canonical-path.ts'
import { isProductPath, PRODUCT_PATHS } from '../../src/security/pages/product-paths.ts'

const REFUSED = [
  '',
  'members',
  '*',
  '//',
  '/a//b',
  '//evil.example/x',
  '/members//x',
  '/a/.//b',
  '/a\\b',
  '/..\\members',
  '/members;x=1/y',
  '/members/;',
  '/a/%2fb',
  '/a/%2Fb',
  '/a%5cb',
  '/a%5Cb',
  '/a%00b',
  '/a%0ab',
  '/a%0D',
  '/a%1f',
  '/a%7f',
  '/a%C2%85',
  '/a\u0000b',
  '/a\tb',
  '/a\u007f',
  '/%252e%252e/x',
  '/a%252fb',
  '/a%25%32%66b',
  '/a%2%35b',
  '/a%zz',
  '/a%',
  '/a%2',
  '/a%u0041',
  '/a%C0%AFb',
  '/a%E0%80%AFb',
  '/a%ff',
  '/a%ED%A0%80',
  '/a\ud800',
  `/${'a'.repeat(2048)}`,
]

const SAME = [
  ['/', '/'],
  ['/members/x', '/members/x'],
  ['/members/', '/members/'],
  ['/%6Dembers/%78', '/members/x'],
  ['/m%65mbers', '/members'],
  ['/a/../members', '/members'],
  ['/a/%2e%2E/members', '/members'],
  ['/a/.%2e/members', '/members'],
  ['/./members/.', '/members/'],
  ['/members/..', '/'],
  ['/members/%2e', '/members/'],
  ['/../../members', '/members'],
  ['/a/b/../../members/x', '/members/x'],
  ['/...', '/...'],
  ['/.well-known/x', '/.well-known/x'],
  ['/%7Eada', '/~ada'],
  ['/caf%c3%a9', '/caf%C3%A9'],
  ['/café', '/caf%C3%A9'],
  ['/a b', '/a%20b'],
  ['/a%20b', '/a%20b'],
  ['/a[1]|2^', '/a%5B1%5D%7C2%5E'],
  ['/a%5B1%5d', '/a%5B1%5D'],
  ['/@ada/%40ada', '/@ada/%40ada'],
  ['/c++/c%2b%2b', '/c++/c%2B%2B'],
  ["/!'()*", "/!'()*"],
  ['/a%3Bb', '/a%3Bb'],
  ['/100%25', '/100%25'],
  ['/100%25-x', '/100%25-x'],
  ['/a%3f%23', '/a%3F%23'],
] as const

describe('a path', () => {
  test.for(REFUSED)('%j is refused', (sent) => {
    expect(canonicalPath(sent)).toEqual({ fault: expect.any(String) })
  })

  test.for(SAME)('%j is %j', ([sent, path]) => {
    expect(canonicalPath(sent)).toEqual({ path })
  })

  test('has the spelling that it had already, and that no URL parser changes', () => {
    const piece = oneof(
      constantFrom('/', '.', '..', '%', '%2', '%25', '%2e', '%2F', ';', '\\', '@', '%40', 'ß'),
      string({ unit: 'binary', maxLength: 4 }),
      integer({ min: 0, max: 255 }).map((byte) => `%${byte.toString(16).padStart(2, '0')}`),
    )
    const paths = array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`)
    assert(
      property(paths, (sent) => {
        const once = canonicalPath(sent)
        if ('fault' in once) return
        expect(canonicalPath(once.path)).toEqual(once)
        expect(new URL(once.path, 'https://members.example').pathname).toBe(once.path)
        expect(new URL(once.path, 'https://members.example').host).toBe('members.example')
      }),
      { numRuns: 5_000 },
    )
  })

  test('has what is not reserved in one spelling only', () => {
    const escaped = (text: string) =>
      Array.from(new TextEncoder().encode(text), (byte) => `%${byte.toString(16).padStart(2, '0')}`)
    const text = string({ unit: 'grapheme', minLength: 1, maxLength: 6 })
    assert(
      property(
        text.map((each) => each.replaceAll(/[!-,/:-@\\]/g, '-')),
        (text) => {
          const plain = canonicalPath(`/a${text}`)
          expect(canonicalPath(`/a${escaped(text).join('')}`)).toEqual(plain)
        },
      ),
    )
  })
})

describe('the target of a request', () => {
  test.for([
    ['https://members.example', '/', ''],
    ['https://members.example?x', '/', '?x'],
    ['https://members.example/a/../b', '/a/../b', ''],
    ['https://members.example/a\\b?c\\d', '/a\\b', '?c\\d'],
    ['https://members.example//x', '//x', ''],
    ['https://members.example\\x', '\\x', ''],
    ['https://members.example/a?b=/../c#d?e', '/a', '?b=/../c'],
    ['http://localhost:8787/a;b', '/a;b', ''],
    ['http://[::1]:8787/a', '/a', ''],
  ] as const)('of %j is %j and %j', ([url, path, query]) => {
    expect(targetOf(url)).toEqual({ path, query })
  })
})

describe('a path of the product', () => {
  test('is one by whole segments, in any case', () => {
    for (const path of PRODUCT_PATHS) {
      for (const own of [path, `${path}/`, `${path}/x`, path.toUpperCase()]) {
        expect([own, isProductPath(own)]).toEqual([own, true])
      }
      expect([path, isProductPath(`${path}x`)]).toEqual([path, false])
    }
    for (const other of [
      '/',
      '/v10',
      '/v1x/y',
      '/authors',
      '/x/v1',
      '/.well-known/acme',
      '/.well-known',
    ]) {
      expect([other, isProductPath(other)]).toEqual([other, false])
    }
  })
})
